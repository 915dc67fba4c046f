package web

import (
	"context"
	"errors"
	"sync"
	"time"

	"quarry/internal/ui/records"
)

// How many indexes are open at once while no page uses them, how old one may be, and how long a page waits until it is newer.
const (
	mostIdle = 4
	freshFor = time.Second
	// The first page of a run waits long enough for the index of a small run to be made; later ones show what there is.
	firstWait = 500 * time.Millisecond
	laterWait = 50 * time.Millisecond
)

// stores keeps the indexes of the runs that people look at open and up to date.
type stores struct {
	ctx    context.Context
	cancel context.CancelFunc
	open   func(ctx context.Context, dir string, pass int) (*records.Store, error)

	mu       sync.Mutex
	list     map[storeName]*openStore
	updating sync.WaitGroup
}

type storeName struct {
	dir  string
	pass int // 0: the last one with answers
}

type openStore struct {
	store   *records.Store
	users   int
	used    time.Time
	updated time.Time     // when the last update ended; zero: never
	update  chan struct{} // closed when the update under way ends; nil: there is none
	fault   error         // of the last update
}

func newStores(ctx context.Context, open func(context.Context, string, int) (*records.Store, error)) *stores {
	s := &stores{open: open, list: map[storeName]*openStore{}}
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s
}

// get gives the index of a pass, and the function that says that it is not used any more. An update that takes long continues while the
// pages show what is there: Progress says so.
func (s *stores) get(ctx context.Context, dir string, pass int) (_ *records.Store, done func(), err error) {
	name := storeName{dir, pass}
	s.mu.Lock()
	o := s.list[name]
	if o == nil {
		store, err := s.open(ctx, dir, pass)
		if err != nil {
			s.mu.Unlock()
			return nil, nil, err
		}
		o = &openStore{store: store}
		s.list[name] = o
	}
	o.users++
	if o.update == nil && time.Since(o.updated) > freshFor && s.ctx.Err() == nil {
		o.update = make(chan struct{})
		s.updating.Go(func() { s.refresh(o) })
	}
	update, wait := o.update, laterWait
	if o.updated.IsZero() {
		wait = firstWait
	}
	s.mu.Unlock()
	if update != nil {
		enough := time.NewTimer(wait)
		select {
		case <-update:
		case <-enough.C:
		case <-ctx.Done():
		}
		enough.Stop()
	}
	done = func() { s.leave(o) }
	s.mu.Lock()
	err = o.fault
	s.mu.Unlock()
	if err != nil {
		done()
		return nil, nil, err
	}
	return o.store, done, nil
}

func (s *stores) refresh(o *openStore) {
	err := o.store.Update(s.ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	close(o.update)
	o.update, o.fault, o.updated = nil, err, time.Now()
}

// leave closes the indexes that were not used for longest.
func (s *stores) leave(o *openStore) {
	s.mu.Lock()
	o.users--
	o.used = time.Now()
	var close *openStore
	idle := 0
	for _, other := range s.list {
		if other.users > 0 || other.update != nil {
			continue
		}
		if idle++; close == nil || other.used.Before(close.used) {
			close = other
		}
	}
	if idle <= mostIdle {
		close = nil
	}
	for name, other := range s.list {
		if other == close {
			delete(s.list, name)
		}
	}
	s.mu.Unlock()
	if close != nil {
		_ = close.store.Close() // it is only read
	}
}

// close ends the updates and closes all indexes.
func (s *stores) close() error {
	s.cancel()
	s.updating.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for name, o := range s.list {
		err = errors.Join(err, o.store.Close())
		delete(s.list, name)
	}
	return err
}
