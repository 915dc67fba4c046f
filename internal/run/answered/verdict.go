package answered

import (
	"slices"

	"quarry/internal/prepare/dedupe"
)

// Verdict is what the earlier attempts at a document's request mean for it.
type Verdict struct {
	// Result are the attempts that its result is made of; none: it has to be sent.
	Result []Entry
	// Last is the highest number of an earlier attempt: the next one has a higher number, so no recordId is used twice.
	Last int
	// Bad is how many earlier attempts gave an answer that did not pass its checks: of the record that has the most, among
	// those that have no good answer.
	Bad int
	// Parts are the good answers to parts of a long document that has to be sent, by their numbers: these parts are not sent
	// again.
	Parts []Entry
}

// lastAttempt is the attempt number from which a new pass sends a document no more: a quarry.RecordID has at most 64
// characters, and that of a part has room for numbers up to 999. The pass that reaches it has the numbers in between.
const lastAttempt = 900

// Judge decides whether a document has its answer already. The entries are all attempts at the document's request; attempts is
// the most that are made at a record. The result is, in this order: an answer that passed its checks, the document's own before
// that of another document with the same request; a refusal that the provider would repeat; as many bad answers as attempts are
// made; whatever the attempts gave, if their numbers are used up.
func Judge(entries []Entry, id dedupe.Hash, attempts int) Verdict {
	var v Verdict
	for i := range entries {
		v.Last = max(v.Last, entries[i].Attempt)
	}
	ended := ender{attempts: attempts}
	good := map[int]*Entry{} // by part
	for i := range entries {
		e := &entries[i]
		if e.How == OK && (good[e.Part] == nil || better(e, good[e.Part], id)) {
			good[e.Part] = e
		}
		ended.add(e)
	}
	v.Bad = ended.bad()
	switch {
	case good[0] != nil:
		v.Result = upTo(entries, good[0])
	case ended.final(), v.Last >= lastAttempt:
		v.Result = slices.Clone(entries)
	default:
		for _, e := range good {
			v.Parts = append(v.Parts, *e)
		}
		slices.SortFunc(v.Parts, func(a, b Entry) int { return a.Part - b.Part })
	}
	return v
}

// better reports whether good answer a is preferred to b: the document's own first, then one that a provider gave, then the
// earliest.
func better(a, b *Entry, id dedupe.Hash) bool {
	if own, other := a.ID == id, b.ID == id; own != other {
		return own
	}
	if given, other := a.Shard == Known, b.Shard == Known; given != other {
		return other
	}
	return a.Attempt < b.Attempt
}

// upTo gives the attempts that led to a good answer: those at the same document, each number once.
func upTo(entries []Entry, good *Entry) []Entry {
	var out []Entry
	for i := range entries {
		e := &entries[i]
		switch {
		case e.ID != good.ID || (e.Shard == Known) != (good.Shard == Known):
			continue
		case e.Part == 0 && e.Attempt > good.Attempt:
			continue
		case e.Part == 0 && e.Attempt == good.Attempt && *e != *good: // a version that forgot the answer made the attempt again
			continue
		}
		out = append(out, *e)
	}
	return out
}

// ender finds out whether a record of the document, whole or part, has come to an end without a good answer.
type ender struct {
	attempts int
	state    map[int]*recordEnd
}

type recordEnd struct {
	ok, final bool
	bad       int
}

func (n *ender) add(e *Entry) {
	if n.state == nil {
		n.state = map[int]*recordEnd{}
	}
	s := n.state[e.Part]
	if s == nil {
		s = &recordEnd{}
		n.state[e.Part] = s
	}
	switch e.How {
	case OK:
		s.ok = true
	case Final:
		s.final = true
	case Bad:
		s.bad++
	}
}

// bad is how many bad answers the record has that has the most, among those without a good one.
func (n *ender) bad() (most int) {
	for _, s := range n.state {
		if !s.ok {
			most = max(most, s.bad)
		}
	}
	return most
}

func (n *ender) final() bool {
	for _, s := range n.state {
		if !s.ok && (s.final || (n.attempts > 0 && s.bad >= n.attempts)) {
			return true
		}
	}
	return false
}
