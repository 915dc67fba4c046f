package records

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/index"
	"quarry/internal/run/journals"
	"quarry/internal/run/plan"
	"quarry/internal/run/shardfile"
	"quarry/internal/ui/find"
	"quarry/internal/ui/reread"
)

// target is the pass that the index should hold, as the run is now.
type target struct {
	pass  int // 0: no pass has answers yet
	plan  plan.Plan
	stamp string // which results: liveStamp, or name, size and time of the file
	rows  []ledger.Shard
	// passes are those that can be shown, the last one first.
	passes []int
	// texts is a digest of what reads the documents' texts; empty: they are not read.
	texts string
}

const liveStamp = "live"

func (t *target) live() bool { return t.stamp == liveStamp }

// want is what the index should hold for it.
func (t *target) want() *find.Want { return &find.Want{Pass: t.pass, Stamp: t.stamp, Texts: t.texts} }

// change changes the index of the pass, and notes how far it is.
func (s *Store) change(ctx context.Context, t *target, fn func(*find.Taker) error) error {
	if err := s.db.Change(ctx, t.want(), fn); err != nil {
		return err
	}
	if t.texts != "" {
		s.tried.Store(true)
	}
	return s.note(ctx, t)
}

func (s *Store) openLedger(ctx context.Context) (*ledger.Ledger, error) {
	if s.cfg.Ledger != nil {
		return s.cfg.Ledger(ctx)
	}
	return ledger.OpenReadOnly(ctx, s.effects, filepath.Join(s.cfg.Dir, "ledger.db"))
}

// look reads which pass is to be shown, from the ledger alone, as quarry status does.
func (s *Store) look(ctx context.Context) (t target, err error) {
	l, err := s.openLedger(ctx)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	b := book.Of(l)
	head, err := b.Head(ctx)
	if err != nil {
		return t, err
	}
	if t.rows, err = l.Shards(ctx); err != nil {
		return t, err
	}
	t.passes = s.shown(&head, t.rows)
	if t.pass = s.cfg.Pass; t.pass == 0 {
		if t.pass = head.Pass; !slices.Contains(t.passes, t.pass) && head.Finished > 0 { // else it has no answers yet
			t.pass = head.Finished
		}
	}
	planned, ok, err := b.Plan(ctx, t.pass)
	if err != nil {
		return t, err
	}
	if !ok {
		return target{passes: t.passes}, nil
	}
	t.plan, t.stamp = planned, liveStamp
	if s.cfg.Sources != nil && !s.tried.Load() {
		t.texts = s.cfg.Sources.Stamp
	}
	if t.pass > head.Finished {
		return t, nil
	}
	kept, err := os.Stat(s.index(t.pass).Path("results.jsonl"))
	if errors.Is(err, os.ErrNotExist) { // given up, or so old that its index was removed
		return target{passes: t.passes}, nil
	}
	if err != nil {
		return t, err
	}
	t.stamp = fmt.Sprintf("results.jsonl %d %d", kept.Size(), kept.ModTime().UnixNano())
	return t, nil
}

// Passes are the passes whose records can be shown, the last one first.
func (s *Store) Passes(ctx context.Context) ([]int, error) {
	t, err := s.look(ctx)
	return t.passes, err
}

// shown are the passes that have answers.
func (s *Store) shown(head *book.Head, rows []ledger.Shard) (passes []int) {
	for pass := head.Pass; pass > 0; pass-- {
		if pass > head.Finished {
			if len(journals.Sealed(s.shardFiles(), rows, pass)) > 0 {
				passes = append(passes, pass)
			}
		} else if _, err := os.Stat(s.index(pass).Path("results.jsonl")); err == nil {
			passes = append(passes, pass)
		}
	}
	return passes
}

func (s *Store) index(pass int) index.Pass { return index.Of(nil, s.cfg.Dir, pass) }

// pass gives the documents of a pass.
func (s *Store) pass(n int) *reread.Pass {
	return &reread.Pass{Number: n, Index: s.index(n), Sources: s.cfg.Sources}
}

// noteTexts notes why texts were not read.
func (s *Store) noteTexts(err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notKept = err.Error()
}

func (s *Store) shardFiles() shardfile.Dir { return shardfile.In(nil, s.cfg.Dir, "") }

// Open opens the index of the run in a directory, and makes it where it is missing, damaged or of another format. It holds nothing before
// Update is called. The error is that of the ledger where the directory holds no run.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{cfg: cfg, effects: cfg.Effects}
	if s.effects == nil {
		s.effects = effect.New(nil)
	}
	t, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	if s.db, err = find.Open(ctx, s.effects, cfg.Dir, cfg.Within); err != nil {
		return nil, err
	}
	if err = s.note(ctx, &t); find.Damaged(err) {
		if err = s.reopen(ctx, true); err == nil {
			err = s.note(ctx, &t)
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close closes the index.
func (s *Store) Close() error {
	s.updating.Lock()
	defer s.updating.Unlock()
	s.files.Lock()
	defer s.files.Unlock()
	return s.db.Close()
}

// reopen opens the index again, where its file was replaced by another process, or where it is damaged and removed.
func (s *Store) reopen(ctx context.Context, remove bool) error {
	s.files.Lock()
	defer s.files.Unlock()
	was := s.db
	if remove {
		if err := was.Discard(s.effects); err != nil {
			return err
		}
	}
	db, err := find.Open(ctx, s.effects, s.cfg.Dir, s.cfg.Within)
	if err != nil {
		return err
	}
	_ = was.Close() // its file has no name any more
	s.db = db
	return nil
}

// note sets the progress to what the index holds of the pass.
func (s *Store) note(ctx context.Context, t *target) error {
	p := Progress{Pass: t.pass, Total: t.plan.Documents, Live: t.live()}
	if t.pass > 0 {
		have, err := s.db.State(ctx, t.pass)
		if err != nil {
			return err
		}
		p.Done, p.Texts, p.Complete = have.Done, have.Kept, have.Complete && have.Stamp == t.stamp && !t.live()
	}
	s.mu.Lock()
	p.NotKept = s.notKept
	s.progress, s.planned = p, t.plan.Orders
	s.mu.Unlock()
	return nil
}

// orders is how many orders the pass that is shown has.
func (s *Store) orders() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.planned
}
