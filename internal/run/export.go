package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path/filepath"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/report"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
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
	pass := r.index(r.planned.Pass)
	column, err := pass.OpenTakes()
	if err != nil {
		return count{}, err
	}
	defer func() { _ = column.Close() }()
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
		defer before.Close()
	}
	taken, err := r.newTakenOver(results, before)
	if err != nil {
		return count{}, err
	}
	defer taken.close()
	files := append(r.journals(shards), lines.Sorted{Path: pass.Path(index.SkippedFile)})
	var attempts []shardfile.Outcome
	give := func() error {
		if len(attempts) == 0 {
			return nil
		}
		if err := taken.give(attempts[0].Order); err != nil {
			return err
		}
		return results.add(attempts[0].Order, r.finalResult(attempts), lastAttempt(attempts), true)
	}
	for o, err := range lines.Merge(files, func(o *shardfile.Outcome) int64 { return o.Order }) {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return count{}, err
		}
		if o.RecordID == "" { // never asked; when the sources were read, its id was not known to come again
			if t, err := column.Take(o.Order); err != nil {
				return count{}, err
			} else if t == index.SameID {
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
		if err := pass.KeepGone(before.Known); err != nil {
			return count{}, err
		}
	}
	if err := results.commit(r.planned.Orders); err != nil {
		return count{}, err
	}
	if err := r.keepAnswers(); err != nil {
		return count{}, err
	}
	r.totals = t
	return count{taken: t.Total, done: t.OK, failed: t.Invalid + t.Failed, skipped: t.Skipped}, nil
}

// keepAnswers gives the results a second name, under which the next pass finds them whatever becomes of the first.
func (r *Run) keepAnswers() error {
	return r.index(r.planned.Pass).KeepResults(r.effects, filepath.Join(r.cfg.Dir, "results.jsonl"))
}

// resultFiles are the files that a run leaves for people: all results, and those that need their attention. Beside them
// lies in the index where each document's line begins, by order.
type resultFiles struct {
	results, failed *atomicfile.Writer
	ends            *index.Ends
	line            bytes.Buffer
	totals          Totals
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
	if f.ends, err = r.index(r.planned.Pass).CreateEnds(); err != nil {
		f.abort()
		return nil, err
	}
	return f, nil
}

func (f *resultFiles) abort() {
	for _, w := range []*atomicfile.Writer{f.results, f.failed} {
		if w != nil {
			w.Abort()
		}
	}
	if f.ends != nil {
		f.ends.Abort()
	}
}

// commit makes the results appear last: whoever sees them sees the rest.
func (f *resultFiles) commit(orders int64) error {
	if err := f.ends.Commit(orders); err != nil {
		return err
	}
	return atomicfile.CommitAll(f.failed, f.results)
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
	how := ending(res)
	if stale {
		how = index.EndedStale
	}
	if err := f.ends.Add(order, how, tried, len(line)); err != nil {
		return err
	}
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
	if ending(res) == index.EndedAgain {
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
func (f *resultFiles) addSame(s *index.Twin) error {
	from, to, err := f.ends.Line(s.Of)
	if err != nil {
		return fmt.Errorf("find the answer of document %d for %s: %w", s.Of, s.ID, err)
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

	nextSame func() (index.Twin, error, bool)
	stopSame func()
	same     index.Twin
	moreSame bool

	nextOld func() (index.TakenOver, error, bool)
	stopOld func()
	old     index.TakenOver
	moreOld bool
}

func (r *Run) newTakenOver(out *resultFiles, before *known) (*takenOver, error) {
	t := &takenOver{out: out, before: before}
	pass := r.index(r.planned.Pass)
	t.nextSame, t.stopSame = iter.Pull2(pass.Twins())
	t.nextOld, t.stopOld = iter.Pull2(pass.TakenOver())
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

func (t *takenOver) readOld() (err error) {
	t.old, err, t.moreOld = t.nextOld()
	return err
}

// give writes all that stand before an order: the answers they take over stand in the files by then.
func (t *takenOver) give(before int64) error {
	for {
		switch {
		case t.moreSame && t.same.Order < before && (!t.moreOld || t.same.Order < t.old.Order):
			if err := errors.Join(t.out.addSame(&t.same), t.readSame()); err != nil {
				return err
			}
		case t.moreOld && t.old.Order < before:
			line, err := t.before.Line(t.old.Slot)
			if err != nil {
				return err
			}
			var res quarry.Result
			if err := json.Unmarshal(line, &res); err != nil {
				return fmt.Errorf("take over the answer of document %d of the pass before: %w", t.old.Slot, err)
			}
			if err := errors.Join(t.out.addLine(t.old.Order, &res, line, res.Attempts, false, t.old.Stale), t.readOld()); err != nil {
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
