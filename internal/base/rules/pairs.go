package rules

import "strings"

// pairs holds the calls of tools in a conversation against their results: a call of the assistant's turn has its result
// in the next turn of the user, and nothing else has one. Turns of one role that follow each other count as one. The
// provider's own tools answer in the assistant's turn and are no part of it.
type pairs struct {
	is      pairNames
	calls   []call // of the assistant's last turn
	turn    []byte // the last of its messages
	at      int    // that message's index
	before  byte
	summary bool // the conversation was summarized on the provider's side, which takes calls out of it
}

type call struct {
	id       string
	answered bool
}

// pairNames are the words of one API.
type pairNames struct {
	// use and result give the id of a call or a result, or nil for another block.
	use, result func(w *walk, block []byte) []byte
	unexpected  func(w *walk, id string) string
	unanswered  func(w *walk, next int, ids string) string
	doubled     func(w *walk, id string) string // of two calls with one id
	twice       func(w *walk, id string) string // of two results of one call; nil: nothing is known
}

// message takes the message that the walk is at: its role (u or a) and its content.
func (p *pairs) message(w *walk, n int, value []byte, role byte, content []byte) {
	if role == 'a' && p.before != 'a' {
		p.settle(w)
		p.calls = p.calls[:0]
	}
	if role == 'a' {
		p.turn, p.at = value, n
	}
	if role != 0 {
		p.before = role
	}
	if len(content) == 0 || content[0] != '[' || role == 0 {
		return
	}
	w.push("content")
	i := 0
	for block := range w.c.Elements(content) {
		w.pushIndex(i)
		if block[0] == '{' {
			p.block(w, block, role)
		}
		w.pop()
		i++
	}
	w.pop()
}

func (p *pairs) block(w *walk, block []byte, role byte) {
	if tag, ok := lookup(w, block, "type"); ok && string(inside(tag)) == "compaction" {
		p.summary = true
		return
	}
	if role == 'a' {
		if id := p.is.use(w, block); id != nil {
			p.call(w, block, said(id))
		}
		return
	}
	raw := p.is.result(w, block)
	if raw == nil {
		return
	}
	id := said(raw)
	for i := range p.calls {
		if c := &p.calls[i]; c.id == id {
			if c.answered && p.is.twice != nil {
				w.say(block, p.is.twice(w, shown([]byte(id))), "keep one result of each call")
			}
			c.answered = true
			return
		}
	}
	if !p.summary {
		w.say(block, p.is.unexpected(w, shown([]byte(id))), "add the assistant's turn with the call in front of it, or remove the result")
	}
}

func (p *pairs) call(w *walk, block []byte, id string) {
	for i := range p.calls {
		if p.calls[i].id == id {
			w.say(block, p.is.doubled(w, shown([]byte(id))), "give each call an id of its own")
			return
		}
	}
	p.calls = append(p.calls, call{id: id})
}

// settle reports the calls that the user's turn after them did not answer.
func (p *pairs) settle(w *walk) {
	var open []string
	for i := range p.calls {
		if !p.calls[i].answered {
			open = append(open, shown([]byte(p.calls[i].id)))
		}
	}
	if len(open) == 0 || p.summary {
		return
	}
	w.pushIndex(p.at)
	defer w.pop()
	text := p.is.unanswered(w, p.at+1, strings.Join(open, ", "))
	const fix = "begin the next user turn with a result for each call"
	if p.before == 'a' { // no turn comes after it, and no page says that such a conversation is refused
		w.warn(p.turn, text, fix)
		return
	}
	w.say(p.turn, text, fix)
}

// blockOf gives the id of a block of the Messages API that has a type.
func blockOf(kind, member string) func(*walk, []byte) []byte {
	return func(w *walk, block []byte) []byte {
		tag, _ := lookup(w, block, "type")
		if string(inside(tag)) != kind {
			return nil
		}
		id, _ := lookup(w, block, member)
		return textOnly(id)
	}
}

// partOf gives the id of a block of Converse, which is a member with the kind's name.
func partOf(kind string) func(*walk, []byte) []byte {
	return func(w *walk, block []byte) []byte {
		part, ok := lookup(w, block, kind)
		if !ok || part[0] != '{' {
			return nil
		}
		id, _ := lookup(w, part, "toolUseId")
		return textOnly(id)
	}
}

func textOnly(id []byte) []byte {
	if len(id) == 0 || id[0] != '"' {
		return nil
	}
	return id
}

// messagesPairs has the words of the Messages API: https://github.com/anthropics/claude-code/issues/5060,
// https://github.com/anthropics/claude-code/issues/13460 and https://github.com/anthropics/claude-code/issues/28515.
var messagesPairs = pairNames{
	use: blockOf("tool_use", "id"), result: blockOf("tool_result", "tool_use_id"),
	unexpected: func(w *walk, id string) string {
		return w.pathWith(".") + ": unexpected `tool_use_id` found in `tool_result` blocks: " + id +
			". Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
	},
	unanswered: func(w *walk, _ int, ids string) string {
		return w.pathWith(".") + ": `tool_use` ids were found without `tool_result` blocks immediately after: " + ids +
			". Each `tool_use` block must have a corresponding `tool_result` block in the next message."
	},
	doubled: func(w *walk, _ string) string { return w.pathWith(".") + ": `tool_use` ids must be unique" },
}

// conversePairs has the words of Converse: https://github.com/strands-agents/harness-sdk/issues/1435,
// https://github.com/zeroclaw-labs/zeroclaw/pull/1476 and https://github.com/BerriAI/litellm/issues/20047.
var conversePairs = pairNames{
	use: partOf("toolUse"), result: partOf("toolResult"),
	unexpected: func(w *walk, _ string) string {
		return "The number of toolResult blocks at " + contentPath(w) + " exceeds the number of toolUse blocks of previous turn."
	},
	unanswered: func(w *walk, next int, ids string) string {
		last := w.path[len(w.path)-1]
		w.path[len(w.path)-1].index = next
		at := w.pathWith(".")
		w.path[len(w.path)-1] = last
		return "Expected toolResult blocks at " + at + ".content for the following Ids: " + ids
	},
	doubled: func(w *walk, id string) string {
		return "The toolUse blocks at " + contentPath(w) + " contain duplicate Ids: " + id
	},
	twice: func(w *walk, id string) string {
		return "The toolResult blocks at " + contentPath(w) + " contain duplicate Ids: " + id
	},
}

// contentPath is the path of the content that the walk's block is in.
func contentPath(w *walk) string {
	end := w.path[len(w.path)-1]
	w.pop()
	defer func() { w.path = append(w.path, end) }()
	return w.pathWith(".")
}
