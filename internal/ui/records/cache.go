package records

import (
	"context"
	"errors"

	"quarry/internal/base/effect"
)

// clear forgets all.
func (c *blockCache) clear() { *c = blockCache{} }

// columns gives the words of a pass and the number of its last block, as they are now, and forgets blocks that were read before the last
// change.
func (s *Store) columns(ctx context.Context, pass int) (v vocabulary, last int64, err error) {
	var version int64
	if err := s.db.read.QueryRow(ctx, `PRAGMA data_version`, nil, &version); err != nil {
		return v, 0, err
	}
	s.mu.Lock()
	c := &s.cache
	if c.blocks != nil && c.version == version && c.pass == pass {
		v, last = c.words, c.last
		s.mu.Unlock()
		return v, last, nil
	}
	s.mu.Unlock()
	if v, err = loadVocabulary(ctx, s.db.read.Query, pass); err != nil {
		return v, 0, err
	}
	if err := s.db.read.QueryRow(ctx, `SELECT COALESCE(MAX(n), -1) FROM block WHERE pass = ?`, []any{pass}, &last); err != nil {
		return v, 0, err
	}
	s.mu.Lock()
	s.cache = blockCache{version: version, pass: pass, blocks: map[int64][]byte{}, last: last, words: v}
	s.mu.Unlock()
	return v, last, nil
}

// block gives the columns of a block; nil: there is none.
func (f *finder) block(n int64) ([]byte, error) {
	s := f.store
	s.mu.Lock()
	b, ok := s.cache.blocks[n]
	s.mu.Unlock()
	if ok {
		return b, nil
	}
	err := s.db.read.QueryRow(f.ctx, `SELECT columns FROM block WHERE pass = ? AND n = ?`, []any{f.pass, n}, &b)
	if err != nil && !errors.Is(err, effect.ErrNoRows) {
		return nil, err
	}
	if err == nil && len(b) != entryBytes*blockDocs {
		return nil, errDamaged
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := &s.cache; c.blocks != nil && c.pass == f.pass {
		if len(c.blocks) >= mostCached {
			clear(c.blocks)
		}
		c.blocks[n] = b
	}
	return b, nil
}
