package store

import (
	"context"
	"errors"
	"fmt"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// queue gathers the changes that wait for the index, so that writers at the same time share one fsync.
type queue struct {
	mu      sync.Mutex
	waiting []*change
	leader  sync.Mutex
}

// change is one writer's transaction. do may run more than once; the last run counts. A refusal is returned before
// do has written anything, because the other changes in the same transaction go through.
type change struct {
	do   func(tx *txn) error
	err  error
	done bool
}

// txn is the index transaction a change runs in. Blobs that lose their last reference are gathered until the commit.
type txn struct {
	*bolt.Tx
	freed []blobID
}

// refusal is what S3 answers to a request that cannot be granted: nothing is wrong with the index.
type refusal struct{ err error }

func (r refusal) Error() string { return r.err.Error() }
func (r refusal) Unwrap() error { return r.err }

func refuse(err error) error {
	if err == nil {
		return nil
	}
	return refusal{err}
}

// commit runs do in an index transaction and returns when it is on disk. The writer that gets the lead takes all that waits.
func (s *Store) commit(ctx context.Context, do func(tx *txn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.transact(do)
}

// transact is commit for those who cannot be interrupted any more.
func (s *Store) transact(do func(tx *txn) error) error {
	c := &change{do: do}
	s.queue.mu.Lock()
	s.queue.waiting = append(s.queue.waiting, c)
	s.queue.mu.Unlock()

	s.queue.leader.Lock()
	defer s.queue.leader.Unlock()
	if c.done {
		return c.err
	}
	s.queue.mu.Lock()
	group := s.queue.waiting
	s.queue.waiting = nil
	s.queue.mu.Unlock()
	s.apply(group)
	return c.err
}

func (s *Store) apply(group []*change) {
	for _, c := range group {
		c.done = true
	}
	// The directory comes before the index: an index that names a file the directory forgot is a lost object.
	err := s.blobs.syncDir()
	if s.closed.Load() {
		err = ErrClosed
	}
	for err == nil && len(group) > 0 {
		var freed []blobID
		bad := -1
		err = s.db.Update(func(tx *bolt.Tx) error {
			t := &txn{Tx: tx}
			for i, c := range group {
				c.err = c.do(t)
				if c.err == nil {
					continue
				}
				if r := (refusal{}); errors.As(c.err, &r) {
					c.err = r.err
					continue
				}
				bad = i
				return c.err
			}
			freed = t.freed
			return nil
		})
		if bad >= 0 { // that one leaves, the others start again
			group[bad].err = fmt.Errorf("write index: %w", group[bad].err)
			group = append(group[:bad:bad], group[bad+1:]...)
			err = nil
			continue
		}
		if err == nil {
			s.blobs.discard(freed)
			return
		}
		// The disk may or may not have taken the last page: it is not known what the index will hold when it is read
		// again, so no blob is removed now and the next opening sweeps.
		err = indexError{fmt.Errorf("commit index: %w", err)}
		s.blobs.keepLeftovers()
	}
	for _, c := range group {
		c.err = err
	}
}

// indexError is a commit that failed half way.
type indexError struct{ err error }

func (e indexError) Error() string { return e.err.Error() }
func (e indexError) Unwrap() error { return e.err }
