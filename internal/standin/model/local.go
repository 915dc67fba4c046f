package model

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"quarry/internal/standin/model/ask"
	"quarry/internal/standin/model/family"
)

// The models that need no server say their own names, never another model's.
const (
	ExtractiveID = "quarry.extractive-v1"
	EchoID       = "quarry.echo-v1"
)

// local answers in the process. write makes the answer's whole text.
type local struct {
	id    string
	write func(*family.Prompt) (written, error)
}

// written is an answer's text, and the keys of it that were filled by rule.
type written struct {
	text   string
	filler []string
}

func (m local) Answer(ctx context.Context, r Request) (Response, error) {
	if err := ctx.Err(); err != nil {
		return Response{}, err
	}
	start := time.Now()
	p, err := parse(r)
	if err != nil {
		return Response{}, err
	}
	reply, err := m.reply(r, p)
	if err != nil {
		return Response{}, refused(err)
	}
	reply.ID, reply.Model, reply.Created, reply.Latency = answerID(r), m.id, start, time.Since(start)
	reply.InputTokens = max(1, p.InputTokens())
	body, err := p.Encode(reply)
	if err != nil {
		return Response{}, &Error{Code: 500, Message: err.Error()}
	}
	return Response{Body: body, InputTokens: reply.InputTokens, OutputTokens: reply.OutputTokens}, nil
}

func (m local) reply(r Request, p *family.Prompt) (family.Reply, error) {
	tool, forced, err := forcedTool(p)
	if err != nil {
		return family.Reply{}, err
	}
	if forced {
		asked := *p
		asked.Format = family.Format{JSON: true, Schema: tool.Schema}
		if len(asked.Format.Schema) == 0 {
			asked.Format.Schema = []byte(`{"type":"object"}`)
		}
		answer, err := m.write(&asked)
		if err != nil {
			return family.Reply{}, err
		}
		reply := finish(p, answer.text)
		reply.Filler = answer.filler
		call := family.Part{Kind: family.ToolUse, ID: "tooluse_" + answerID(r), Name: tool.Name, Input: []byte(answer.text)}
		if p.Kind == family.Anthropic {
			call.ID = "toolu_bdrk_" + answerID(r)
		}
		if reply.Stop == family.MaxTokens { // the input was cut, so there is none
			call.Input = nil
		} else {
			reply.Stop, reply.StopSequence = family.CallTool, ""
			reply.OutputTokens = max(1, family.Tokens(answer.text))
		}
		reply.Text, reply.Calls = "", []family.Part{call}
		return reply, nil
	}
	answer, err := m.write(p)
	if err != nil {
		return family.Reply{}, err
	}
	reply := finish(p, continuation(answer.text, p.Prefill()))
	reply.Filler = answer.filler
	return reply, nil
}

// forcedTool is the tool that the request says must be called: the one it names, or the first where any will do. Where the
// choice is the model's, no tool is called here: what an article's own sentences say needs none.
func forcedTool(p *family.Prompt) (family.Tool, bool, error) {
	if !p.ToolChoice.Forces() {
		return family.Tool{}, false, nil
	}
	if len(p.Tools) == 0 {
		return family.Tool{}, false, &Error{Code: 400, Message: "tool_choice: may only be specified while providing tools"}
	}
	if p.ToolChoice.Mode == "any" {
		return p.Tools[0], true, nil
	}
	for _, t := range p.Tools {
		if t.Name == p.ToolChoice.Name {
			return t, true, nil
		}
	}
	return family.Tool{}, false, &Error{Code: 400, Message: fmt.Sprintf("tool_choice.tool: the tool %q is not among the tools", p.ToolChoice.Name)}
}

// continuation leaves out what the client already wrote of the answer in its last assistant turn.
func continuation(text, prefill string) string {
	prefill = strings.TrimSpace(prefill)
	if rest, ok := strings.CutPrefix(text, prefill); ok {
		return rest
	}
	if strings.HasSuffix(prefill, "{") {
		return strings.TrimPrefix(text, "{")
	}
	return text
}

// finish ends the text where a stop sequence or max_tokens ends it.
func finish(p *family.Prompt, text string) family.Reply {
	r := family.Reply{Text: text}
	at := -1
	for _, stop := range p.Stop {
		if i := strings.Index(text, stop); stop != "" && i >= 0 && (at < 0 || i < at) {
			at, r.StopSequence = i, stop
		}
	}
	if at >= 0 {
		r.Text, r.Stop = text[:at], family.StopSequence
	}
	if p.MaxTokens > 0 {
		if cut, ok := family.CutTokens(r.Text, p.MaxTokens); ok {
			r.Text, r.Stop, r.StopSequence = cut, family.MaxTokens, ""
		}
	}
	r.OutputTokens = max(1, family.Tokens(r.Text))
	return r
}

// answerID is the same for the same record and body, so that a record computed again looks the same.
func answerID(r Request) string {
	h := sha256.New()
	h.Write([]byte(r.RecordID + "\x00" + r.ModelID + "\x00"))
	h.Write(r.Body)
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// echoHead is how many runes of the user's text go under each key.
const echoHead = 200

func echo(p *family.Prompt) (written, error) {
	a, err := ask.Read(p)
	if err != nil {
		return written{}, err
	}
	user := strings.TrimSpace(p.UserText())
	if !a.Form.JSON {
		return written{text: user}, nil
	}
	head := user
	n := 0
	for i := range user {
		if n == echoHead {
			head = user[:i]
			break
		}
		n++
	}
	out, err := a.Form.Fill(func(_ string, n *ask.Node, _ func(*ask.Node) (jsontext.Value, error)) (any, error) {
		return echoValue(head, n), nil
	}, func(_ string, number int) (string, error) { return fmt.Sprintf("key%d", number), nil })
	return written{text: string(out)}, err
}

func echoValue(head string, n *ask.Node) any {
	switch {
	case len(n.Enum()) > 0:
		return n.Enum()[0]
	case n.String():
		return head
	case n.Array():
		list := []any{}
		for range max(1, min(n.MinItems, 100)) {
			if n.Items() == nil || !n.Items().Plain() {
				break
			}
			list = append(list, echoValue(head, n.Items()))
		}
		return list
	case n.Number():
		return 0
	case n.Bool():
		return false
	}
	return nil
}
