package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"

	"quarry"
	"quarry/internal/base/figure"
)

// same is a document whose answer is another's.
type same struct {
	Order    int64             `json:"order"`
	Of       int64             `json:"of"`
	ID       quarry.DocumentID `json:"id"`
	Document value             `json:"document"`
}

// totals are what the lines of results.jsonl add up to.
type totals struct {
	total, ok, invalid, failed, skipped int64
	earlier                             int64 // answered in an earlier pass
	usage                               quarry.Usage
}

// notPaid takes the tokens of an earlier pass out of the sum.
func (t *totals) notPaid(u *quarry.Usage) {
	t.usage.InputTokens -= u.InputTokens
	t.usage.OutputTokens -= u.OutputTokens
	t.usage.CacheReadTokens -= u.CacheReadTokens
	t.usage.CacheWriteTokens -= u.CacheWriteTokens
}

// documentsProof holds the documents against their journals and results, in the order of the sources.
type documentsProof struct {
	*audit
	journals func(order int64) []outcome
	due      func() *outcome             // the line of the journals that is next; nil: none
	earlier  func(order int64) []outcome // of earlier passes
	skipped  *column[outcome]
	same     *column[same]
	offsets  *os.File // where each document's line begins in results.jsonl
	results  *os.File
	current  result // the line of results.jsonl that is looked at
	begins   int64  // and where it begins
	drifts   []drift
	names    map[hash]quarry.DocumentID
	failed   func() (line, error, bool)
	failedOK bool
}

// documents proves that every document of the index ended in one line of results.jsonl, and that the line says what its
// journals say.
func (a *audit) documents(ctx context.Context) error {
	ix := a.indexOf(a.plan.Pass)
	if ix == nil {
		return nil
	}
	if ix.n != a.plan.Orders {
		a.found.fault("the index has %s, %s were planned", figure.Count(ix.n, "document"), figure.Thousands(a.plan.Orders))
	}
	next, stop := iter.Pull(a.journalLines())
	defer stop()
	p := &documentsProof{audit: a, names: map[hash]quarry.DocumentID{}, failedOK: true}
	p.journals, p.due = byOrder(next)
	carried, stopCarried := iter.Pull(a.carried(ix))
	defer stopCarried()
	p.earlier, _ = byOrder(carried)
	p.skipped = openColumn(ix.dir+"/skipped.jsonl.zst", func(o *outcome) int64 { return o.Order }, p.faultOf(ix.dir+"/skipped.jsonl.zst"))
	defer p.skipped.stop()
	p.same = openColumn(ix.dir+"/same.jsonl.zst", func(s *same) int64 { return s.Order }, p.faultOf(ix.dir+"/same.jsonl.zst"))
	defer p.same.stop()
	if !a.cfg.Ended {
		return a.documentsUnderway(ctx, ix, p)
	}
	if f, err := os.Open(ix.dir + "/offsets"); err == nil {
		p.offsets = f
		defer func() { _ = f.Close() }()
	}
	if f, err := os.Open(a.path("results.jsonl")); err == nil {
		p.results = f
		defer func() { _ = f.Close() }()
	}
	var stopFailed func()
	p.failed, stopFailed = iter.Pull2(lines(a.path("failed.jsonl")))
	defer stopFailed()

	a.corrected()
	al := &alignment{match: p.match, absent: p.absent}
	if err := al.run(having(ctx, ix), p.resultLines(ctx)); err != nil {
		return err
	}
	p.checkStranded(ix, al)
	a.sayCorrected()
	if l, _, ok := p.failed(); ok && p.failedOK {
		a.found.fault("failed.jsonl:%d: a line that results.jsonl does not have", l.n)
	}
	return nil
}

func (a *audit) faultOf(path string) func(error) {
	return func(err error) { a.found.fault("%s: %v", a.short(path), err) }
}

// byOrder groups attempts by document; of is called with ascending orders. due gives the attempt that is next, nil after the last.
func byOrder(next func() (outcome, bool)) (of func(order int64) []outcome, due func() *outcome) {
	head, ok := next()
	var group []outcome
	of = func(order int64) []outcome {
		group = group[:0]
		for ; ok && head.Order <= order; head, ok = next() {
			if head.Order == order {
				group = append(group, head)
			}
		}
		return group
	}
	return of, func() *outcome {
		if !ok {
			return nil
		}
		return &head
	}
}

// having gives the documents of an index that have a line in results.jsonl.
func having(ctx context.Context, ix *index) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		for e, err := range ix.all() {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if (err != nil || e.has()) && !yield(e, err) {
				return
			}
		}
	}
}

// documentsUnderway checks what can be checked before there are results: that no document was paid for twice.
func (a *audit) documentsUnderway(ctx context.Context, ix *index, p *documentsProof) error {
	for e, err := range having(ctx, ix) {
		if err != nil {
			return err
		}
		p.checkAttempts(&e, p.attempts(&e))
	}
	return nil
}

// again reads results.jsonl once more and leaves each line in p.current. What cannot be read was named before.
func (p *documentsProof) again(ctx context.Context) iter.Seq2[have, error] {
	return func(yield func(have, error) bool) {
		for r, err := range decoded[result](p.path("results.jsonl")) {
			if ctx.Err() != nil {
				yield(have{}, context.Cause(ctx))
				return
			}
			if p.current = r; err == nil && !yield(have{hashOf(r.ID), r.ID}, nil) {
				return
			}
		}
	}
}

// resultLines reads results.jsonl and leaves each line in p.current.
func (p *documentsProof) resultLines(ctx context.Context) iter.Seq2[have, error] {
	return func(yield func(have, error) bool) {
		var f fields
		for l, err := range lines(p.path("results.jsonl")) {
			if ctx.Err() != nil {
				yield(have{}, context.Cause(ctx))
				return
			}
			if err != nil {
				p.found.fault("results.jsonl: cannot be read: %v", err)
				return
			}
			p.checked.ResultLines++
			if next := p.due(); next != nil && bytes.Equal(next.written, l.text) { // as most are: it is read already
				p.current = next.Result
			} else {
				p.current = result{}
				if err := f.read(l.text, &p.current); err != nil {
					p.found.fault("results.jsonl:%d: %v", l.n, err)
					continue
				}
			}
			if l.torn {
				p.found.fault("results.jsonl:%d: the line has no end", l.n)
			}
			p.begins = l.at
			p.corrections.see(&p.current)
			p.add(&l)
			if !yield(have{hashOf(p.current.ID), p.current.ID}, nil) {
				return
			}
		}
	}
}

// add counts a line, and finds it again in failed.jsonl where it belongs there.
func (p *documentsProof) add(l *line) {
	t := &p.totals
	t.total++
	t.usage.Add(p.current.Usage)
	switch p.current.Status {
	case quarry.StatusOK:
		t.ok++
		return
	case quarry.StatusSkipped:
		t.skipped++
		return
	case quarry.StatusInvalid:
		t.invalid++
	case quarry.StatusFailed:
		t.failed++
	default:
		p.found.fault("results.jsonl:%d: document %q has status %q", l.n, p.current.ID, p.current.Status)
		return
	}
	if !p.failedOK {
		return
	}
	again, err, ok := p.failed()
	if !ok || err != nil || !bytes.Equal(again.text, l.text) {
		p.failedOK = false
		p.found.name(altered, p.current.ID, p.current.RecordID, "failed.jsonl does not have its line where it belongs")
	}
}

// absent is a document without a line.
func (p *documentsProof) absent(e *entry) error {
	attempts := p.attempts(e)
	p.checkAttempts(e, attempts)
	id := quarry.DocumentID("")
	switch {
	case len(attempts) > 0:
		id = attempts[0].Result.ID
	case p.skipped.at(e.order) != nil:
		id = p.skipped.at(e.order).Result.ID
	case p.same.at(e.order) != nil:
		id = p.same.at(e.order).ID
	}
	if id == "" {
		id = quarry.DocumentID(fmt.Sprintf("document %d", e.order+1))
	}
	if len(p.names) < maxStranded {
		p.names[e.id] = id
		return nil
	}
	p.missing(id)
	return nil
}

func (p *documentsProof) missing(id quarry.DocumentID) {
	p.found.name(missing, id, "", "results.jsonl has no line of it")
}

// checkStranded says what became of documents without a line and of lines without their document: a line out of place,
// a line too many, or a document too few.
func (p *documentsProof) checkStranded(ix *index, al *alignment) {
	if al.overflow {
		p.found.fault("results.jsonl differs from the index in more than %s", figure.Count(maxStranded, "place"))
	}
	strange := map[hash]quarry.DocumentID{}
	for _, h := range al.extra {
		if id, ok := p.names[h.hash]; ok {
			delete(p.names, h.hash)
			p.found.name(altered, id, "", "its line in results.jsonl is not in the order of the sources")
			continue
		}
		strange[h.hash] = h.id
	}
	for e, err := range ix.all() {
		if err != nil {
			p.found.fault("read the index: %v", err)
			break
		}
		if id, ok := p.names[e.id]; ok { // in the order of the sources
			p.missing(id)
			delete(p.names, e.id)
		}
		if id, ok := strange[e.id]; ok && e.has() {
			p.found.name(answeredTwice, id, "", "results.jsonl has more than one line of it")
			delete(strange, e.id)
		}
		if len(p.names) == 0 && len(strange) == 0 {
			break
		}
	}
	for _, id := range strange {
		p.found.name(altered, id, "", "results.jsonl has a line of it, and the index does not know it")
	}
}

// match holds a document's line against its attempts.
func (p *documentsProof) match(e *entry) error {
	attempts := p.attempts(e)
	p.checkAttempts(e, attempts)
	r := &p.current
	p.place(e.order)
	var what string
	switch {
	case e.earlier():
		p.totals.earlier++
		p.totals.notPaid(&r.Usage)
	case e.asked() && len(attempts) == 0:
		what = "no journal has a line of it"
	case e.asked() && attempts[0].unsent() && e.parts == 0:
		what = againstSkipped(r, &attempts[0])
	case e.asked():
		if ofThisPass(attempts)[0].Earlier { // nothing was sent about it so far
			p.totals.notPaid(&r.Usage)
		}
		what = against(r, attempts)
	case e.take == takeSame:
		what = p.againstSame(e, r)
	case e.take == takeEmpty || e.take == takeTooLarge:
		what = againstSkipped(r, p.skipped.at(e.order))
	}
	if what != "" {
		p.found.name(altered, r.ID, r.RecordID, "results.jsonl: %s", what)
	}
	return nil
}

// checkAttempts proves that a document was sent again only after an answer that was no good.
func (p *documentsProof) checkAttempts(e *entry, attempts []outcome) {
	if e.parts > 0 && len(attempts) > 0 {
		p.checkParted(e, attempts)
		return
	}
	p.checkRecord(e, attempts)
}

// checkRecord proves it of one record.
func (p *documentsProof) checkRecord(e *entry, attempts []outcome) {
	for i := range attempts {
		o := &attempts[i]
		if o.Earlier { // proven with its pass
			continue
		}
		if s, ok := p.strays[o.RecordID]; ok && s.shard != o.shard {
			p.found.name(paidTwice, o.Result.ID, o.RecordID, "sent by shard %s, although already answered at %s", o.shard, s.where)
			delete(p.strays, o.RecordID)
		}
		if i == 0 {
			if o.unsent() && o.RecordID == "" {
				continue
			}
			if want := e.tries + 1; o.RecordID.Attempt() != want {
				p.found.name(altered, o.Result.ID, o.RecordID, "its first attempt is number %d, not %d", o.RecordID.Attempt(), want)
			}
			continue
		}
		before := &attempts[i-1]
		switch {
		case before.RecordID == o.RecordID && before.shard == o.shard: // named with its shard
		case before.Class == quarry.ClassOK:
			p.found.name(paidTwice, o.Result.ID, o.RecordID, "sent again although %s has a good answer", before.RecordID)
		case before.RecordID == o.RecordID && before.Class.Answered() && o.Class.Answered():
			p.found.name(paidTwice, o.Result.ID, o.RecordID, "answered in two shards")
		case !before.Left || o.RecordID.Attempt() != before.RecordID.Attempt()+1:
			p.found.name(altered, o.Result.ID, o.RecordID, "attempt %d follows attempt %d, which must not be repeated this way", o.RecordID.Attempt(), before.RecordID.Attempt())
		}
	}
}

// drift says by how much the lines from a document on are elsewhere than the run left them: someone took a line out or
// put one in.
type drift struct{ order, by int64 }

// offset is where the run left a document's line.
func (p *documentsProof) offset(order int64) (int64, error) {
	var b [8]byte
	if p.offsets == nil || p.results == nil {
		return 0, os.ErrNotExist
	}
	_, err := p.offsets.ReadAt(b[:], 8*order)
	return int64(binary.BigEndian.Uint64(b[:])), err
}

// place notes where a document's line really begins.
func (p *documentsProof) place(order int64) {
	left, err := p.offset(order)
	if err != nil || len(p.drifts) == maxStranded {
		return
	}
	by := p.begins - left
	if n := len(p.drifts); (n == 0 && by != 0) || (n > 0 && p.drifts[n-1].by != by) {
		p.drifts = append(p.drifts, drift{order, by})
	}
}

// resultOf reads the line of an earlier document.
func (p *documentsProof) resultOf(order int64) (result, error) {
	var r result
	from, err := p.offset(order)
	if err != nil {
		return r, err
	}
	if i, _ := slices.BinarySearchFunc(p.drifts, order+1, func(d drift, order int64) int { return cmp.Compare(d.order, order) }); i > 0 {
		from += p.drifts[i-1].by
	}
	text, err := bufio.NewReader(io.NewSectionReader(p.results, from, maxLine)).ReadBytes('\n')
	if err != nil {
		return r, err
	}
	return r, new(fields).read(text, &r)
}
