package worker

import (
	"bufio"
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"quarry"
)

const billDir = "bill"

// tempPattern names files that are being written, or that a bill is sorted in.
const tempPattern = ".bill-*"

// Billed is what one recordId cost, over all jobs and calls that had it.
type Billed struct {
	RecordID string
	Totals
}

// Totals is what answers cost. An error is no answer.
type Totals struct {
	Answered     int64
	InputTokens  int64
	OutputTokens int64
	Uncounted    int64 // answers that are not in the tokens, which the back end did not count
}

// Add adds what other answers cost.
func (t *Totals) Add(o Totals) {
	t.Answered += o.Answered
	t.InputTokens += o.InputTokens
	t.OutputTokens += o.OutputTokens
	t.Uncounted += o.Uncounted
}

// total is what a job's answers cost.
func (j *Job) total() Totals {
	if j.Seeded {
		return Totals{}
	}
	return Totals{Answered: j.Counts.Success, InputTokens: j.InputTokens, OutputTokens: j.OutputTokens, Uncounted: j.Uncounted}
}

// keepBill writes the billed records of a job to a file of their own, whole or not at all.
func (e *Engine) keepBill(j Job) error {
	path := e.billPath(j.ID)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	segment, err := os.Open(e.segmentPath(j.ID))
	if err != nil {
		return fmt.Errorf("keep bill: %w", err)
	}
	defer func() { _ = segment.Close() }() // only read
	temp, err := os.CreateTemp(filepath.Dir(path), tempPattern)
	if err != nil {
		return fmt.Errorf("keep bill: %w", err)
	}
	err = copyBill(segment, temp)
	if err == nil && !e.cfg.NoSync {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("keep bill: %w", errors.Join(err, os.Remove(temp.Name())))
	}
	if e.cfg.NoSync {
		return nil
	}
	return syncDir(filepath.Dir(path))
}

func copyBill(segment io.ReaderAt, to io.Writer) error {
	w := bufio.NewWriter(to)
	var b []byte
	_, err := readFrames(segment, func(f finished, _ int64) error {
		f.body = nil
		b = appendFrame(b[:0], &f)
		_, err := w.Write(b)
		return err
	})
	return errors.Join(err, w.Flush())
}

func (e *Engine) billPath(id string) string { return filepath.Join(e.cfg.Dir, billDir, id+".log") }

// Totals gives the totals of an account's bill: of one job, or of all jobs and calls when arn is empty.
func (e *Engine) Totals(ctx context.Context, account string, arn quarry.JobARN) (Totals, error) {
	var t Totals
	if arn != "" {
		j, err := e.Job(ctx, Place{account, arn.Region()}, arn.ID())
		return j.total(), err
	}
	calls, err := e.callsOf(account)
	if err != nil {
		return t, err
	}
	t = calls.totals()
	for j, err := range e.table.jobs(0, true) {
		if err != nil {
			return t, err
		}
		if j.Account != account {
			continue
		}
		if l := e.lookup(j.ID); l != nil {
			j = l.snapshot()
		}
		t.Add(j.total())
	}
	return t, ctx.Err()
}

// billRun is how many lines of a bill are sorted in memory at a time, about 5 MB.
const billRun = 50_000

// Bill gives what the provider would know of every recordId of an account, in the order of the ids: of one job, or of all jobs and
// calls when arn is empty. It sorts on disk, so its memory does not grow with the number of records. Error records are
// not in it.
func (e *Engine) Bill(ctx context.Context, account string, arn quarry.JobARN) iter.Seq2[Billed, error] {
	return func(yield func(Billed, error) bool) {
		runs := &runs{dir: e.cfg.Dir}
		defer runs.remove()
		err := e.collectBill(ctx, account, arn, runs.add)
		if err == nil {
			err = runs.merge(func(b Billed) bool { return ctx.Err() == nil && yield(b, nil) })
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(Billed{}, fmt.Errorf("bill: %w", err))
		}
	}
}

// errEnough says that the reader of the bill stopped.
var errEnough = errors.New("enough")

func (e *Engine) collectBill(ctx context.Context, account string, arn quarry.JobARN, add func(finished) error) error {
	each := func(f finished, _ int64) error {
		if f.flags&isError != 0 {
			return ctx.Err()
		}
		f.body = nil
		return add(f)
	}
	if arn != "" {
		j, err := e.Job(ctx, Place{account, arn.Region()}, arn.ID())
		if err != nil {
			return err
		}
		return e.readBill(j.ID, each)
	}
	calls, err := e.callsOf(account)
	if err != nil {
		return err
	}
	if err := calls.read(each); err != nil {
		return err
	}
	for j, err := range e.table.jobs(0, true) {
		if err == nil && j.Account == account {
			err = e.readBill(j.ID, each)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readBill reads a job's records from its bill file, or from its segment as long as there is none.
func (e *Engine) readBill(id string, each func(finished, int64) error) error {
	for _, path := range []string{e.billPath(id), e.segmentPath(id), e.billPath(id)} { // it may move between the looks
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		_, err = readFrames(f, each)
		return errors.Join(err, f.Close())
	}
	return nil // nothing was ever answered
}

// runs sorts a bill: full runs are written sorted to files without names, and merged when all is in.
type runs struct {
	dir   string
	lines []Billed
	files []*os.File
}

// billed is the line of one answer.
func billed(f *finished) Billed {
	return Billed{RecordID: f.id, Totals: f.total()}
}

func (r *runs) add(f finished) error {
	r.lines = append(r.lines, billed(&f))
	if len(r.lines) < billRun {
		return nil
	}
	return r.spill()
}

func (r *runs) sorted() []Billed {
	slices.SortFunc(r.lines, func(a, b Billed) int { return cmp.Compare(a.RecordID, b.RecordID) })
	return r.lines
}

func (r *runs) spill() error {
	file, err := os.CreateTemp(r.dir, tempPattern)
	if err != nil {
		return err
	}
	r.files = append(r.files, file)
	w := bufio.NewWriter(file)
	var b []byte
	for _, l := range r.sorted() {
		f := finished{id: l.RecordID, in: l.InputTokens, out: l.OutputTokens}
		if l.Uncounted > 0 {
			f.flags = isUncounted
		}
		b = appendFrame(b[:0], &f)
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	r.lines = r.lines[:0]
	return w.Flush()
}

// merge gives the lines in order, those of one id added up.
func (r *runs) merge(yield func(Billed) bool) error {
	var sources cursors
	defer func() {
		for _, s := range sources {
			s.stop()
		}
	}()
	add := func(seq iter.Seq2[Billed, error]) error {
		next, stop := iter.Pull2(seq)
		s := &cursor{next: next, stop: stop}
		ok, err := s.advance()
		if !ok {
			stop()
			return err
		}
		sources = append(sources, s)
		return nil
	}
	for _, f := range r.files {
		if err := add(runLines(f)); err != nil {
			return err
		}
	}
	if err := add(func(yield func(Billed, error) bool) {
		for _, l := range r.sorted() {
			if !yield(l, nil) {
				return
			}
		}
	}); err != nil {
		return err
	}
	heap.Init(&sources)
	var sum Billed
	for len(sources) > 0 {
		s := sources[0]
		if s.line.RecordID != sum.RecordID || sum.Answered == 0 {
			if sum.Answered > 0 && !yield(sum) {
				return errEnough
			}
			sum = Billed{RecordID: s.line.RecordID}
		}
		sum.Add(s.line.Totals)
		ok, err := s.advance()
		if err != nil {
			return err
		}
		if ok {
			heap.Fix(&sources, 0)
		} else {
			s.stop()
			heap.Pop(&sources)
		}
	}
	if sum.Answered > 0 && !yield(sum) {
		return errEnough
	}
	return nil
}

func runLines(f io.ReaderAt) iter.Seq2[Billed, error] {
	return func(yield func(Billed, error) bool) {
		_, err := readFrames(f, func(f finished, _ int64) error {
			if !yield(billed(&f), nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(Billed{}, err)
		}
	}
}

func (r *runs) remove() {
	for _, f := range r.files {
		_ = f.Close()           // only ours, and of no use any more
		_ = os.Remove(f.Name()) // what is left over goes with the next Open
	}
}

// cursor is one sorted source of a merge.
type cursor struct {
	line Billed
	next func() (Billed, error, bool)
	stop func()
}

func (c *cursor) advance() (bool, error) {
	line, err, ok := c.next()
	c.line = line
	return ok && err == nil, err
}

// cursors is a heap of sources, the one with the least id first.
type cursors []*cursor

func (c cursors) Len() int { return len(c) }
func (c cursors) Less(i, k int) bool {
	return strings.Compare(c[i].line.RecordID, c[k].line.RecordID) < 0
}
func (c cursors) Swap(i, k int) { c[i], c[k] = c[k], c[i] }
func (c *cursors) Push(x any)   { *c = append(*c, x.(*cursor)) }
func (c *cursors) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}
