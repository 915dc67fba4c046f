package answered

import (
	"context"
	"errors"
	"fmt"
	"os"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/run/index"
	"quarry/internal/run/shardfile"
)

// Sealed is a shard whose journal is complete.
type Sealed struct {
	Shard quarry.ShardID
	Pass  int
}

// atOnce bounds how many outcomes of an old directory are read before they are kept.
const atOnce = 4_000_000

// Remember adds to the memory of a run the outcomes of shards, and the answers of imported that the documents of passes have. It
// reads neither shards that are there already nor a pass without an index.
func (f *File) Remember(ctx context.Context, e *effect.Effects, run string, shards []Sealed, imported index.Pass, passes []int) error {
	news := NewNews(e, run, 0)
	defer func() { _ = news.Close() }()
	keep := func() error {
		merged, err := f.Merge(ctx, e, news)
		if err != nil {
			return err
		}
		f = merged
		err = news.Close()
		news = NewNews(e, run, 0)
		return err
	}
	indexes := entryColumns{}
	defer indexes.close()
	any := false
	for _, s := range shards {
		if f.Has(s.Shard) {
			continue
		}
		entries, err := indexes.of(index.Of(e, run, s.Pass), s.Pass)
		if err != nil {
			return err
		}
		if err := news.AddJournal(ctx, Journal{Shard: s.Shard, Path: shardfile.In(e, run, "").Journal(s.Shard), Entries: entries}); err != nil {
			return fmt.Errorf("remember the answers of shard %s: %w", s.Shard, err)
		}
		any = true
		if news.Count() >= atOnce {
			if err := keep(); err != nil {
				return err
			}
		}
	}
	for _, n := range passes {
		pass := index.Of(e, run, n)
		if _, err := os.Stat(pass.Path("")); f.HasKnown(n) || errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err := news.AddKnown(ctx, e, run, n, pass, imported); err != nil {
			return fmt.Errorf("remember the given answers of pass %d: %w", n, err)
		}
		any = true
	}
	if !any {
		return nil
	}
	return keep()
}

// entryColumns are the entries of the passes whose index is there.
type entryColumns map[int]*index.EntryColumn

func (c entryColumns) of(p index.Pass, pass int) (*index.EntryColumn, error) {
	if column, known := c[pass]; known {
		return column, nil
	}
	column, err := p.OpenEntries()
	c[pass] = column
	return column, err
}

func (c entryColumns) close() {
	for _, column := range c {
		if column != nil {
			_ = column.Close()
		}
	}
}
