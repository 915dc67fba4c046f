package find

import (
	"context"
	"errors"

	"quarry/internal/base/effect"
)

// columns gives the words of a pass and the number of its last block, as they are now, and forgets blocks that were read before the last
// change.
func (x *Index) columns(ctx context.Context, pass int) (v vocabulary, last int64, err error) {
	var version int64
	if err := x.read.QueryRow(ctx, `PRAGMA data_version`, nil, &version); err != nil {
		return v, 0, err
	}
	x.mu.Lock()
	c := &x.cache
	if c.blocks != nil && c.version == version && c.pass == pass {
		v, last = c.words, c.last
		x.mu.Unlock()
		return v, last, nil
	}
	x.mu.Unlock()
	if v, err = loadVocabulary(ctx, x.read.Query, pass); err != nil {
		return v, 0, err
	}
	if err := x.read.QueryRow(ctx, `SELECT COALESCE(MAX(n), -1) FROM block WHERE pass = ?`, []any{pass}, &last); err != nil {
		return v, 0, err
	}
	x.mu.Lock()
	x.cache = blockCache{version: version, pass: pass, blocks: map[int64][]byte{}, last: last, words: v, counts: map[string]Found{}}
	x.mu.Unlock()
	return v, last, nil
}

// block gives the columns of a block; nil: there is none.
func (f *finder) block(n int64) ([]byte, error) {
	x := f.index
	x.mu.Lock()
	b, ok := x.cache.blocks[n]
	x.mu.Unlock()
	if ok {
		return b, nil
	}
	err := x.read.QueryRow(f.ctx, `SELECT columns FROM block WHERE pass = ? AND n = ?`, []any{f.pass, n}, &b)
	if err != nil && !errors.Is(err, effect.ErrNoRows) {
		return nil, err
	}
	if err == nil && len(b) != entryBytes*blockDocs {
		return nil, ErrDamaged
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if c := &x.cache; c.blocks != nil && c.pass == f.pass {
		if len(c.blocks) >= mostCached {
			clear(c.blocks)
		}
		c.blocks[n] = b
	}
	return b, nil
}
