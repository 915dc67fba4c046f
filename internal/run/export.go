package run

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"path/filepath"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/report"
	"quarry/internal/run/lines"
)

// Totals is how the documents of the run ended. Total = OK + Invalid + Failed + Skipped, or the run fails.
type Totals struct {
	Total, OK, Invalid, Failed, Skipped int64
	Again                               int64        // of Failed, those that the next pass asks first
	Duplicate                           int64        // of them, answered by another document's answer
	Near                                int64        // of Duplicate, those whose text is not the same
	Spared                              quarry.Usage // what they would have taken
	Usage                               quarry.Usage
	Cost                                quarry.USD
	CostUnknown                         bool             // some answers have no known price
	Classes                             map[string]int64 // documents that are not ok, by the kind of their error
	Models                              []string         // that answered
	Samples                             []report.Sample
}

// export joins all attempts at each document and writes results.jsonl in the order of the sources, and failed.jsonl.
func (r *Run) export(ctx context.Context) (count, error) {
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return count{}, err
	}
	column, err := r.openTakes(r.planned.Pass)
	if err != nil {
		return count{}, err
	}
	defer func() { _ = column.close() }()
	results, err := r.createResults()
	if err != nil {
		return count{}, err
	}
	defer results.abort()
	before, err := r.passBefore(ctx)
	if err != nil {
		return count{}, err
	}
	if before != nil {
		defer before.close()
	}
	taken, err := r.newTakenOver(results, before)
	if err != nil {
		return count{}, err
	}
	defer taken.close()
	files := append(r.journals(shards), lines.Sorted{Path: r.indexPath(r.planned.Pass, "skipped.jsonl.zst")})
	var attempts []outcome
	give := func() error {
		if len(attempts) == 0 {
			return nil
		}
		if err := taken.give(attempts[0].Order); err != nil {
			return err
		}
		return results.add(attempts[0].Order, r.finalResult(attempts), lastAttempt(attempts), true)
	}
	for o, err := range lines.Merge(files, func(o *outcome) int64 { return o.Order }) {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return count{}, err
		}
		if o.RecordID == "" { // never asked; when the sources were read, its id was not known to come again
			if t, err := column.of(o.Order); err != nil {
				return count{}, err
			} else if t == takeSameID {
				continue
			}
		}
		if len(attempts) > 0 && attempts[0].Order != o.Order {
			if err := give(); err != nil {
				return count{}, err
			}
			attempts = attempts[:0]
		}
		attempts = append(attempts, o)
	}
	if err := errors.Join(give(), taken.give(r.planned.Orders)); err != nil {
		return count{}, err
	}
	t := results.totals
	if r.partial {
		r.totals = t
		return count{taken: t.Total, done: t.OK, failed: t.Invalid + t.Failed, skipped: t.Skipped}, results.commit(r.planned.Orders)
	}
	if t.Total != r.planned.Documents || t.OK+t.Invalid+t.Failed+t.Skipped != t.Total {
		return count{}, fmt.Errorf("export: %d documents were planned, but %d ended: %d ok, %d invalid, %d failed, %d skipped",
			r.planned.Documents, t.Total, t.OK, t.Invalid, t.Failed, t.Skipped)
	}
	if before != nil {
		if err := r.keepGone(before); err != nil {
			return count{}, err
		}
	}
	if err := results.commit(r.planned.Orders); err != nil {
		return count{}, err
	}
	if err := r.keepAnswers(r.effects); err != nil {
		return count{}, err
	}
	r.totals = t
	return count{taken: t.Total, done: t.OK, failed: t.Invalid + t.Failed, skipped: t.Skipped}, nil
}

// resultFiles are the files that a run leaves for people: all results, and those that need their attention. Beside them
// lies where each document's line begins, by order.
type resultFiles struct {
	results, failed, offsets, ended *atomicfile.Writer
	next                            int64 // order of the next offset
	size                            int64
	line                            bytes.Buffer
	totals                          Totals
}

func (r *Run) createResults() (*resultFiles, error) {
	f := &resultFiles{totals: Totals{Classes: map[string]int64{}}}
	var err error
	if f.results, err = atomicfile.Create(r.effects, filepath.Join(r.cfg.Dir, "results.jsonl")); err != nil {
		return nil, err
	}
	if f.failed, err = atomicfile.Create(r.effects, filepath.Join(r.cfg.Dir, "failed.jsonl")); err != nil {
		f.abort()
		return nil, err
	}
	for name, w := range map[string]**atomicfile.Writer{offsetsFile: &f.offsets, endedFile: &f.ended} {
		if *w, err = atomicfile.Create(r.effects, r.indexPath(r.planned.Pass, name)); err != nil {
			f.abort()
			return nil, err
		}
	}
	return f, nil
}

func (f *resultFiles) abort() {
	for _, w := range []*atomicfile.Writer{f.results, f.failed, f.offsets, f.ended} {
		if w != nil {
			w.Abort()
		}
	}
}

// commit makes the results appear last: whoever sees them sees the rest.
func (f *resultFiles) commit(orders int64) error {
	// One more offset than orders: a line ends where the next one begins.
	if err := errors.Join(f.reach(orders), f.offset()); err != nil {
		return err
	}
	return atomicfile.CommitAll(f.offsets, f.ended, f.failed, f.results)
}

// reach gives every order below that has no result yet an offset all the same, which nobody asks for.
func (f *resultFiles) reach(order int64) error {
	for ; f.next < order; f.next++ {
		if err := f.offset(); err != nil {
			return err
		}
		if _, err := f.ended.Write([]byte{endedNone, 0}); err != nil {
			return err
		}
	}
	return nil
}

func (f *resultFiles) offset() error {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(f.size))
	_, err := f.offsets.Write(b[:])
	return err
}

// add writes one document's result. tried is the number of the last attempt, paid says that this pass paid for it.
func (f *resultFiles) add(order int64, res *quarry.Result, tried int, paid bool) error {
	f.line.Reset()
	if err := lines.Write(&f.line, res); err != nil {
		return err
	}
	return f.addLine(order, res, f.line.Bytes(), tried, paid, false)
}

func (f *resultFiles) addLine(order int64, res *quarry.Result, line []byte, tried int, paid, stale bool) error {
	if err := errors.Join(f.reach(order), f.offset()); err != nil {
		return err
	}
	how := ending(res)
	if stale {
		how = endedStale
	}
	if _, err := f.ended.Write([]byte{how, byte(min(tried, math.MaxUint8))}); err != nil {
		return err
	}
	f.next++
	f.size += int64(len(line))
	if _, err := f.results.Write(line); err != nil {
		return err
	}
	f.totals.count(res, paid)
	switch res.Status {
	case quarry.StatusOK, quarry.StatusSkipped:
		return nil
	}
	_, err := f.failed.Write(line)
	return err
}

// count adds one result. paid says that this pass paid for it.
func (t *Totals) count(res *quarry.Result, paid bool) {
	t.Total++
	t.see(res)
	if paid {
		t.Usage.Add(res.Usage)
		if res.CostUSD == nil {
			t.CostUnknown = true
		} else {
			t.Cost += *res.CostUSD
		}
	}
	if res.Error != nil {
		t.Classes[res.Error.Kind]++
	}
	if ending(res) == endedAgain {
		t.Again++
	}
	switch res.Status {
	case quarry.StatusOK:
		t.OK++
	case quarry.StatusSkipped:
		t.Skipped++
	case quarry.StatusInvalid:
		t.Invalid++
	default:
		t.Failed++
	}
}

// addSame writes the result of a document that asks what an earlier one asked: its answer, for which nothing was paid
// again.
func (f *resultFiles) addSame(s *same) error {
	var at, end [8]byte
	if _, err := f.offsets.ReadAt(at[:], 8*s.Of); err != nil {
		return fmt.Errorf("find the answer of document %d for %s: %w", s.Of, s.ID, err)
	}
	from, to := int64(binary.BigEndian.Uint64(at[:])), f.size
	if s.Of+1 < f.next {
		if _, err := f.offsets.ReadAt(end[:], 8*(s.Of+1)); err != nil {
			return fmt.Errorf("find the answer of document %d for %s: %w", s.Of, s.ID, err)
		}
		to = int64(binary.BigEndian.Uint64(end[:]))
	}
	if to == from { // it has none yet
		return nil
	}
	line := make([]byte, to-from)
	if _, err := f.results.ReadAt(line, from); err != nil {
		return fmt.Errorf("read the answer of document %d for %s: %w", s.Of, s.ID, err)
	}
	var res quarry.Result
	if err := json.Unmarshal(line, &res); err != nil {
		return fmt.Errorf("read the answer of document %d for %s: %w", s.Of, s.ID, err)
	}
	f.totals.Spared.Add(res.Usage)
	if s.Near > 0 {
		f.totals.Near++
	}
	res.SameAs, res.Similarity, res.ID, res.Document = res.ID, s.Near, s.ID, s.Document
	res.Attempts, res.Usage, res.CostUSD = 0, quarry.Usage{}, new(quarry.USD)
	f.totals.Duplicate++
	return f.add(s.Order, &res, 0, true)
}

// takenOver gives the results that are another's: of a document that asks the same, or of the pass before.
type takenOver struct {
	out    *resultFiles
	before *known

	nextSame func() (same, error, bool)
	stopSame func()
	same     same
	moreSame bool

	nextOld func() ([]byte, error, bool)
	stopOld func()
	order   int64
	slot    int64
	moreOld bool
}

func (r *Run) newTakenOver(out *resultFiles, before *known) (*takenOver, error) {
	t := &takenOver{out: out, before: before}
	t.nextSame, t.stopSame = iter.Pull2(lines.Read[same](r.indexPath(r.planned.Pass, sameFile)))
	t.nextOld, t.stopOld = iter.Pull2(fixedRecords(r.indexPath(r.planned.Pass, unchangedFile), 16))
	err := errors.Join(t.readSame(), t.readOld())
	if err != nil {
		t.close()
	}
	return t, err
}

func (t *takenOver) readSame() (err error) {
	t.same, err, t.moreSame = t.nextSame()
	return err
}

func (t *takenOver) readOld() error {
	b, err, more := t.nextOld()
	if t.moreOld = more && err == nil; t.moreOld {
		t.order, t.slot = int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))
	}
	return err
}

// give writes all that stand before an order: the answers they take over stand in the files by then.
func (t *takenOver) give(before int64) error {
	for {
		switch {
		case t.moreSame && t.same.Order < before && (!t.moreOld || t.same.Order < t.order):
			if err := errors.Join(t.out.addSame(&t.same), t.readSame()); err != nil {
				return err
			}
		case t.moreOld && t.order < before:
			stale := t.slot&staleBit != 0
			line, err := t.before.line(t.slot &^ staleBit)
			if err != nil {
				return err
			}
			var res quarry.Result
			if err := json.Unmarshal(line, &res); err != nil {
				return fmt.Errorf("take over the answer of document %d of the pass before: %w", t.slot, err)
			}
			if err := errors.Join(t.out.addLine(t.order, &res, line, res.Attempts, false, stale), t.readOld()); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

func (t *takenOver) close() {
	t.stopSame()
	t.stopOld()
}
