// Package remarks keeps what people say of a run whose ledger is in Postgres, where all machines find it.
//
// It owns the objects below quarry-state/RUN/added/ in the bucket of the run. It does not own what the lines mean, which package review
// says, nor the facts of the ledger that say what the run waits for and who approved it, which are package book's. What always holds: what was
// added is durable before Add returns, and no addition replaces another.
package remarks

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"quarry"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/review"
	"quarry/internal/run/book"
)

// Remarks is the review of one run; see review.Elsewhere.
type Remarks struct {
	Ledger  *ledger.Ledger // that is open; nil: Open gives one for each call
	Open    func(ctx context.Context) (*ledger.Ledger, error)
	Effects *effect.Effects
	Address string // of the ledger, for approvals
	Run     quarry.RunID
	Bucket  *bucket.Bucket // of the run; nil: it has no files yet
	Dir     string         // of the copies

	mu   sync.Mutex
	logs map[string]*Log
}

var _ review.Elsewhere = (*Remarks)(nil)

// with does something with the facts of the ledger.
func (r *Remarks) with(ctx context.Context, do func(*book.Book) error) (err error) {
	l := r.Ledger
	if l == nil {
		if l, err = r.Open(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.Close()) }()
	}
	return do(book.Of(l))
}

// Question gives what the run waits for, without its text.
func (r *Remarks) Question(ctx context.Context) (q *review.Question, err error) {
	err = r.with(ctx, func(b *book.Book) error { q, err = b.Question(ctx); return err })
	return q, err
}

// Ask makes a question what the run waits for; nil: it waits for nothing.
func (r *Remarks) Ask(ctx context.Context, q *review.Question) error {
	return r.with(ctx, func(b *book.Book) error { return b.Ask(ctx, q) })
}

// Approval gives the approval of a question; nil: there is none.
func (r *Remarks) Approval(ctx context.Context, q *review.Question) (a *review.Approval, err error) {
	err = r.with(ctx, func(b *book.Book) error { a, err = b.Approval(ctx, q); return err })
	return a, err
}

// Approve keeps an approval, unless still refuses what the run waits for at that moment.
func (r *Remarks) Approve(ctx context.Context, a *review.Approval, still func(*review.Question) error) error {
	return book.Approve(ctx, r.Effects, r.Address, a, still)
}

// Add adds a line to a file of lines.
func (r *Remarks) Add(ctx context.Context, file string, line []byte) error {
	if r.Bucket == nil {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "write", Subject: file, Err: errors.New("the run has no bucket yet"), Hint: "wait until the run has planned its documents",
		}
	}
	err := r.with(ctx, func(b *book.Book) error {
		head, err := b.Head(ctx)
		if err == nil && head.Run == "" { // a run that was deleted gets no new objects
			err = fmt.Errorf("run %s: %w", r.Run, ledger.ErrNoRun)
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.log(file).Add(ctx, line)
}

// Update brings the copy of a file of lines up to date.
func (r *Remarks) Update(ctx context.Context, file string) error {
	if r.Bucket == nil {
		return nil
	}
	return r.log(file).Update(ctx)
}

func (r *Remarks) log(file string) *Log {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.logs == nil {
		r.logs = map[string]*Log{}
	}
	l := r.logs[file]
	if l == nil {
		l = OpenLog(r.Bucket, r.Effects, r.Run, file, filepath.Join(r.Dir, file))
		r.logs[file] = l
	}
	return l
}
