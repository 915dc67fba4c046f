// Package results writes the files of a run for people: results.jsonl, with every document once and in the order of the
// sources, and failed.jsonl, with those that need attention.
//
// It owns these two files, the sums over them, and the results that are copied: from a document with the same request, or from
// the pass before. It does not make a result of answers, and knows neither the ledger nor a provider. What always holds:
// results.jsonl appears after all other files; each line is counted as it is written; memory holds one line.
package results

import (
	"fmt"
	"path/filepath"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/resultline"
	"quarry/internal/run/answers"
	"quarry/internal/run/index"
)

// The names in the run's directory of the file of all results, and of those that need attention.
const (
	File       = "results.jsonl"
	FailedFile = "failed.jsonl"
)

// Files are the files of a run for people: all results, and those that need attention. A column of the index has the offset
// of each document's line, by order.
type Files struct {
	results, failed *atomicfile.Writer
	ends            *index.Ends
	line            []byte
	reader          resultline.Reader
	totals          Totals
}

// Create begins the results of a pass in the run's directory. Nothing of them is there before Commit.
func Create(e *effect.Effects, dir string, pass index.Pass) (*Files, error) {
	f := &Files{totals: Totals{Classes: map[string]int64{}}}
	var err error
	if f.results, err = atomicfile.Create(e, filepath.Join(dir, File)); err != nil {
		return nil, err
	}
	if f.failed, err = atomicfile.Create(e, filepath.Join(dir, FailedFile)); err != nil {
		f.Abort()
		return nil, err
	}
	if f.ends, err = pass.CreateEnds(); err != nil {
		f.Abort()
		return nil, err
	}
	return f, nil
}

// Restore makes the files those of a finished pass again, from the copy of its results.
func Restore(e *effect.Effects, dir string, pass index.Pass) error {
	all, err := atomicfile.Create(e, filepath.Join(dir, File))
	if err != nil {
		return err
	}
	defer all.Abort()
	failed, err := atomicfile.Create(e, filepath.Join(dir, FailedFile))
	if err != nil {
		return err
	}
	defer failed.Abort()
	var reader resultline.Reader
	for line, err := range pass.Results() {
		if err != nil {
			return err
		}
		var res quarry.Result
		if err := reader.Read(line, &res); err != nil {
			return fmt.Errorf("read the results of the finished pass: %w", err)
		}
		if _, err := all.Write(line); err != nil {
			return err
		}
		if needsAttention(&res) {
			if _, err := failed.Write(line); err != nil {
				return err
			}
		}
	}
	return atomicfile.CommitAll(failed, all)
}

// needsAttention reports whether a result belongs into failed.jsonl.
func needsAttention(res *quarry.Result) bool {
	return res.Status != quarry.StatusOK && res.Status != quarry.StatusSkipped
}

// Abort throws away what was not committed.
func (f *Files) Abort() {
	for _, w := range []*atomicfile.Writer{f.results, f.failed} {
		if w != nil {
			w.Abort()
		}
	}
	if f.ends != nil {
		f.ends.Abort()
	}
}

// Totals are the totals of what was added so far.
func (f *Files) Totals() Totals { return f.totals }

// Commit makes the files of a pass of so many orders appear, results.jsonl last.
func (f *Files) Commit(orders int64) error {
	if err := f.ends.Commit(orders); err != nil {
		return err
	}
	return atomicfile.CommitAll(f.failed, f.results)
}

// Add writes the result of the document of an order, which rise. tried is the number of the last attempt, paid says that this pass paid for it.
func (f *Files) Add(order int64, res *quarry.Result, tried int, paid bool) error {
	line, err := resultline.Append(f.line[:0], res)
	if err != nil {
		return err
	}
	f.line = append(line, '\n')
	return f.addLine(order, res, f.line, tried, paid, false)
}

func (f *Files) addLine(order int64, res *quarry.Result, line []byte, tried int, paid, stale bool) error {
	how := answers.Ending(res)
	if stale {
		how = index.EndedStale
	}
	if err := f.ends.Add(order, how, tried, len(line)); err != nil {
		return err
	}
	if _, err := f.results.Write(line); err != nil {
		return err
	}
	f.totals.Count(res, paid)
	if !needsAttention(res) {
		return nil
	}
	_, err := f.failed.Write(line)
	return err
}

// addSame writes the result of a document with the request of an earlier one: its answer, for which nothing was paid
// again.
func (f *Files) addSame(s *index.Twin) error {
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
	if err := f.reader.Read(line, &res); err != nil {
		return fmt.Errorf("read the answer of document %d for %s: %w", s.Of, s.ID, err)
	}
	f.totals.Spared.Add(res.Usage)
	if s.Near > 0 {
		f.totals.Near++
	}
	res.SameAs, res.Similarity, res.ID, res.Document = res.ID, s.Near, s.ID, s.Document
	res.Attempts, res.Usage, res.CostUSD = 0, quarry.Usage{}, new(quarry.USD)
	f.totals.Duplicate++
	return f.Add(s.Order, &res, 0, true)
}
