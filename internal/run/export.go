package run

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path/filepath"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/report"
)

// Totals is how the documents of the run ended. Total = OK + Invalid + Failed + Skipped, or the run fails.
type Totals struct {
	Total, OK, Invalid, Failed, Skipped int64
	Duplicate                           int64 // of them, answered by another document's answer
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
	files := append(r.journals(shards), sortedFile{path: r.indexPath(r.planned.Pass, "skipped.jsonl.zst")})
	next, stop := iter.Pull2(jsonLines[same](r.indexPath(r.planned.Pass, sameFile)))
	defer stop()
	twin, err, more := next()
	// giveSame writes the documents before an order whose answer is another's: that one's stands in the file by then.
	giveSame := func(before int64) error {
		for ; more && err == nil && twin.Order < before; twin, err, more = next() {
			if err := results.addSame(&twin); err != nil {
				return err
			}
		}
		return err
	}
	var attempts []outcome
	give := func() error {
		if len(attempts) == 0 {
			return nil
		}
		if err := giveSame(attempts[0].Order); err != nil {
			return err
		}
		return results.add(attempts[0].Order, r.join(attempts))
	}
	for o, err := range mergeByOrder(files, func(o *outcome) int64 { return o.Order }) {
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
	if err := errors.Join(give(), giveSame(r.planned.Orders)); err != nil {
		return count{}, err
	}
	t := results.totals
	if t.Total != r.planned.Documents || t.OK+t.Invalid+t.Failed+t.Skipped != t.Total {
		return count{}, fmt.Errorf("export: %d documents were planned, but %d ended: %d ok, %d invalid, %d failed, %d skipped",
			r.planned.Documents, t.Total, t.OK, t.Invalid, t.Failed, t.Skipped)
	}
	if err := results.commit(); err != nil {
		return count{}, err
	}
	r.totals = t
	return count{taken: t.Total, done: t.OK, failed: t.Invalid + t.Failed, skipped: t.Skipped}, nil
}

// join makes one result of all attempts at a document: the good answer if there is one, else the last answer, else the
// last error. Tokens of all attempts were paid and add up.
func (r *Run) join(attempts []outcome) *quarry.Result {
	best := &attempts[0]
	for i := range attempts[1:] {
		if o := &attempts[i+1]; rankOf(o) >= rankOf(best) {
			best = o
		}
	}
	last := &attempts[len(attempts)-1]
	res := best.Result
	res.Attempts = last.Result.Attempts
	res.Usage, res.CostUSD = quarry.Usage{}, new(quarry.USD)
	for i := range attempts {
		a := &attempts[i].Result
		res.Usage.Add(a.Usage)
		switch {
		case a.CostUSD == nil:
			res.CostUSD = nil
		case res.CostUSD != nil:
			*res.CostUSD += *a.CostUSD
		}
	}
	if last.Left { // it was to be asked again, and nobody did
		kind, message := string(last.Class), ""
		if r.belowMinimum > 0 {
			kind = quarry.KindBelowMinimum
			message = fmt.Sprintf("%d records were left, below the minimum of a batch job; ", r.belowMinimum)
		}
		if last.Result.Error != nil {
			message += last.Result.Error.Message
		}
		res.Status, res.Error = quarry.StatusFailed, &quarry.ResultError{Kind: kind, Message: message}
	}
	return &res
}

func rankOf(o *outcome) int {
	switch {
	case o.Result.Status == quarry.StatusOK:
		return 2
	case o.Class.Answered():
		return 1
	}
	return 0
}

// resultFiles are the files that a run leaves for people: all results, and those that need their attention. Beside them
// lies where each document's line begins, by order.
type resultFiles struct {
	results, failed, offsets *atomicfile.Writer
	next                     int64 // order of the next offset
	size                     int64
	line                     bytes.Buffer
	totals                   Totals
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
	if f.offsets, err = atomicfile.Create(r.effects, r.indexPath(r.planned.Pass, "offsets")); err != nil {
		f.abort()
		return nil, err
	}
	return f, nil
}

func (f *resultFiles) abort() {
	for _, w := range []*atomicfile.Writer{f.results, f.failed, f.offsets} {
		if w != nil {
			w.Abort()
		}
	}
}

// commit makes the results appear last: whoever sees them sees the rest.
func (f *resultFiles) commit() error {
	return errors.Join(f.offsets.Commit(), f.failed.Commit(), f.results.Commit())
}

// add writes one document's result. Orders that have none, of items left out, get an offset too, which nobody asks for.
func (f *resultFiles) add(order int64, res *quarry.Result) error {
	f.line.Reset()
	if err := writeJSONLine(&f.line, res); err != nil {
		return err
	}
	line := f.line.Bytes()
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(f.size))
	for ; f.next <= order; f.next++ {
		if _, err := f.offsets.Write(b[:]); err != nil {
			return err
		}
	}
	f.size += int64(len(line))
	if _, err := f.results.Write(line); err != nil {
		return err
	}
	t := &f.totals
	t.Total++
	t.see(res)
	t.Usage.Add(res.Usage)
	if res.CostUSD == nil {
		t.CostUnknown = true
	} else {
		t.Cost += *res.CostUSD
	}
	if res.Error != nil {
		t.Classes[res.Error.Kind]++
	}
	switch res.Status {
	case quarry.StatusOK:
		t.OK++
		return nil
	case quarry.StatusSkipped:
		t.Skipped++
		return nil
	case quarry.StatusInvalid:
		t.Invalid++
	default:
		t.Failed++
	}
	_, err := f.failed.Write(line)
	return err
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
	line := make([]byte, to-from)
	if _, err := f.results.ReadAt(line, from); err != nil {
		return fmt.Errorf("read the answer of document %d for %s: %w", s.Of, s.ID, err)
	}
	var res quarry.Result
	if err := json.Unmarshal(line, &res); err != nil {
		return fmt.Errorf("read the answer of document %d for %s: %w", s.Of, s.ID, err)
	}
	res.SameAs, res.ID, res.Document = res.ID, s.ID, s.Document
	res.Attempts, res.Usage, res.CostUSD = 0, quarry.Usage{}, new(quarry.USD)
	f.totals.Duplicate++
	return f.add(s.Order, &res)
}
