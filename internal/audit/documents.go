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
)

// same is a document whose answer is another's.
type same struct {
	Order int64             `json:"order"`
	Of    int64             `json:"of"`
	ID    quarry.DocumentID `json:"id"`
}

// totals are what the lines of results.jsonl add up to.
type totals struct {
	total, ok, invalid, failed, skipped int64
	earlier                             int64 // answered in an earlier pass
	usage                               quarry.Usage
}

// documentsProof holds the documents against their journals and results, in the order of the sources.
type documentsProof struct {
	*audit
	attempts func(order int64) []outcome
	skipped  *column[outcome]
	same     *column[same]
	offsets  *os.File // where each document's line begins in results.jsonl
	results  *os.File
	current  quarry.Result // the line of results.jsonl that is looked at
	begins   int64         // and where it begins
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
		a.found.fault("the index has %d documents, %d were planned", ix.n, a.plan.Orders)
	}
	next, stop := iter.Pull(a.journalLines())
	defer stop()
	p := &documentsProof{audit: a, names: map[hash]quarry.DocumentID{}, failedOK: true}
	p.attempts = byOrder(next)
	p.skipped = openColumn(ix.dir+"/skipped.jsonl.zst", func(o *outcome) int64 { return o.Order }, p.faultOf(ix.dir+"/skipped.jsonl.zst"))
	defer p.skipped.stop()
	p.same = openColumn(ix.dir+"/same.jsonl.zst", func(s *same) int64 { return s.Order }, p.faultOf(ix.dir+"/same.jsonl.zst"))
	defer p.same.stop()
	if !a.ended {
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

	al := &alignment{match: p.match, absent: p.absent}
	if err := al.run(having(ctx, ix), p.resultLines(ctx)); err != nil {
		return err
	}
	p.checkStranded(ix, al)
	if l, _, ok := p.failed(); ok && p.failedOK {
		a.found.fault("failed.jsonl:%d: a line that results.jsonl does not have", l.n)
	}
	return nil
}

func (a *audit) faultOf(path string) func(error) {
	return func(err error) { a.found.fault("%s: %v", a.short(path), err) }
}

// byOrder groups attempts by document; it is asked in ascending order.
func byOrder(next func() (outcome, bool)) func(order int64) []outcome {
	head, ok := next()
	var group []outcome
	return func(order int64) []outcome {
		group = group[:0]
		for ; ok && head.Order <= order; head, ok = next() {
			if head.Order == order {
				group = append(group, head)
			}
		}
		return group
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
		p.checkAttempts(p.attempts(e.order))
	}
	return nil
}

// resultLines reads results.jsonl and leaves each line in p.current.
func (p *documentsProof) resultLines(ctx context.Context) iter.Seq2[have, error] {
	return func(yield func(have, error) bool) {
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
			p.current = quarry.Result{}
			if err := decode(l.text, &p.current); err != nil {
				p.found.fault("results.jsonl:%d: %v", l.n, err)
				continue
			}
			if l.torn {
				p.found.fault("results.jsonl:%d: the line has no end", l.n)
			}
			p.begins = l.at
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
	attempts := p.attempts(e.order)
	p.checkAttempts(attempts)
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
		p.found.fault("results.jsonl departs from the index in more than %d places", maxStranded)
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
	attempts := p.attempts(e.order)
	p.checkAttempts(attempts)
	r := &p.current
	p.place(e.order)
	var what string
	switch {
	case e.take == takeEarlier:
		p.totals.earlier++
	case e.asked() && len(attempts) == 0:
		what = "no journal has a line of it"
	case e.asked():
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

// checkAttempts proves that a document was asked again only after an answer that was no good.
func (p *documentsProof) checkAttempts(attempts []outcome) {
	for i := range attempts {
		o := &attempts[i]
		if s, ok := p.strays[o.RecordID]; ok && s.shard != o.shard {
			p.found.name(paidTwice, o.Result.ID, o.RecordID, "asked by shard %s, and answered at %s as well", o.shard, s.where)
			delete(p.strays, o.RecordID)
		}
		if i == 0 {
			if o.RecordID.Attempt() != 1 {
				p.found.name(altered, o.Result.ID, o.RecordID, "its first attempt is number %d", o.RecordID.Attempt())
			}
			continue
		}
		before := &attempts[i-1]
		switch {
		case before.RecordID == o.RecordID && before.shard == o.shard: // named with its shard
		case before.Class == quarry.ClassOK:
			p.found.name(paidTwice, o.Result.ID, o.RecordID, "asked again although %s was answered well", before.RecordID)
		case before.RecordID == o.RecordID && before.Class.Answered() && o.Class.Answered():
			p.found.name(paidTwice, o.Result.ID, o.RecordID, "answered in two shards")
		case !before.Left || o.RecordID.Attempt() != before.RecordID.Attempt()+1:
			p.found.name(altered, o.Result.ID, o.RecordID, "attempt %d follows attempt %d, which was not to be asked again so", o.RecordID.Attempt(), before.RecordID.Attempt())
		}
	}
}

// against says what in a line of results.jsonl is not what the attempts at its document came to.
func against(r *quarry.Result, attempts []outcome) string {
	last := &attempts[len(attempts)-1]
	var from *outcome
	var usage quarry.Usage
	cost := new(quarry.USD)
	good, answered := false, false
	for i := range attempts {
		o := &attempts[i]
		usage.Add(o.Result.Usage)
		if o.Result.CostUSD == nil {
			cost = nil
		} else if cost != nil {
			*cost += *o.Result.CostUSD
		}
		good = good || o.Class == quarry.ClassOK
		answered = answered || o.Class.Answered()
		if o.RecordID == r.RecordID {
			from = o
		}
	}
	want := quarry.StatusFailed
	switch {
	case good:
		want = quarry.StatusOK
	case answered && !last.Left:
		want = quarry.StatusInvalid
	}
	switch {
	case from == nil:
		return "it names a record that was not asked"
	case r.Status != want:
		return fmt.Sprintf("status %s, the attempts came to %s", r.Status, want)
	case good && from.Class != quarry.ClassOK, answered && !from.Class.Answered():
		return "it shows another attempt than the best"
	case r.Attempts != last.RecordID.Attempt():
		return fmt.Sprintf("it counts %d attempts, there were %d", r.Attempts, last.RecordID.Attempt())
	case r.Usage != usage:
		return fmt.Sprintf("%d tokens in and %d out, the attempts took %d and %d", r.Usage.InputTokens, r.Usage.OutputTokens, usage.InputTokens, usage.OutputTokens)
	case (r.CostUSD == nil) != (cost == nil) || (cost != nil && *r.CostUSD != *cost):
		return "its cost is not that of its attempts"
	case !last.Left && want != quarry.StatusOK && (r.Error == nil || from.Result.Error == nil || *r.Error != *from.Result.Error):
		return "its error is not the journal's"
	case (r.Error == nil) != (want == quarry.StatusOK):
		return "an error that does not go with its status"
	}
	return apart(r, &from.Result)
}

// apart says in what a line differs from the attempt that it shows.
func apart(r, from *quarry.Result) string {
	switch {
	case uniform(string(r.Output)) != uniform(string(from.Output)) || r.Text != from.Text:
		return "its answer is not the journal's"
	case r.StopReason != from.StopReason || r.Model != from.Model || r.Salvaged != from.Salvaged:
		return "stop reason or model are not the journal's"
	case r.Job != from.Job || r.Mode != from.Mode || r.RequestedModel != from.RequestedModel:
		return "job, mode or requested model are not the journal's"
	}
	return ""
}

// againstSkipped says what in the line of a document that was never asked is not what the plan says.
func againstSkipped(r *quarry.Result, o *outcome) string {
	switch {
	case o == nil:
		return "the plan says that it is not asked, and not why"
	case r.Status != o.Result.Status || (r.Status != quarry.StatusSkipped && r.Status != quarry.StatusFailed):
		return fmt.Sprintf("status %s, the plan says %s", r.Status, o.Result.Status)
	case r.Error == nil || o.Result.Error == nil || *r.Error != *o.Result.Error:
		return "its error is not the plan's"
	case r.Usage != quarry.Usage{} || len(r.Output) > 0 || r.Text != "" || r.RecordID != "":
		return "an answer to what was never asked"
	}
	return ""
}

// againstSame says what in the line of a document that asks what another asks is not that one's answer.
func (p *documentsProof) againstSame(e *entry, r *quarry.Result) string {
	s := p.same.at(e.order)
	switch {
	case s == nil:
		return "the plan says that it shares an answer, and not whose"
	case s.ID != r.ID || r.SameAs == "":
		return "it does not name the document whose answer it shares"
	case r.Usage != quarry.Usage{} || r.Attempts != 0 || r.CostUSD == nil || *r.CostUSD != 0:
		return "it counts tokens, attempts or money of another document's answer"
	}
	of, err := p.resultOf(s.Of)
	switch {
	case err != nil:
		return fmt.Sprintf("the answer that it shares cannot be found: %v", err)
	case of.ID != r.SameAs:
		return fmt.Sprintf("it shares the answer of %s, the plan says %s", r.SameAs, of.ID)
	case r.Status != of.Status || r.RecordID != of.RecordID:
		return "its status or record are not those of the answer it shares"
	}
	return apart(r, &of)
}

// drift says by how much the lines from a document on stand elsewhere than the run left them: somebody took a line out or
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
func (p *documentsProof) resultOf(order int64) (quarry.Result, error) {
	var r quarry.Result
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
	return r, decode(text, &r)
}
