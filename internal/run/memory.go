package run

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/run/answered"
	"quarry/internal/run/index"
	"quarry/internal/run/planner"
)

// A run remembers every attempt of all its passes by the key of what was asked (package answered), so an answer that was paid
// for once is found again whatever was asked in between.

// rememberedAtOnce bounds how much of an old directory is read before what was read is kept.
const rememberedAtOnce = 4_000_000

// remember adds the outcomes of all shards whose journals are sealed to the run's memory. What is there already is not read
// again; a directory of an earlier version, which has no memory, is read as a whole.
func (r *Run) remember(ctx context.Context) error {
	file, err := answered.Open(r.cfg.Dir)
	if err != nil {
		return err
	}
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	var todo []ledger.Shard
	for i := range shards {
		if s := &shards[i]; !s.Times.Collected.IsZero() && !file.Has(s.ID) {
			todo = append(todo, *s)
		}
	}
	if err := r.sayUpgrade(ctx, todo); err != nil {
		return err
	}
	news := answered.NewNews(r.effects, r.cfg.Dir, 0)
	defer func() { _ = news.Close() }()
	indexes := entryColumns{}
	defer indexes.close()
	keep := func() error {
		merged, err := file.Merge(ctx, r.effects, news)
		if err != nil {
			return err
		}
		file = merged
		err = news.Close()
		news = answered.NewNews(r.effects, r.cfg.Dir, 0)
		return err
	}
	for i := range todo {
		s := &todo[i]
		entries, err := indexes.of(r.index(s.Pass), s.Pass)
		if err != nil {
			return err
		}
		if err := news.AddJournal(ctx, answered.Journal{Shard: s.ID, Path: r.files().Journal(s.ID), Entries: entries}); err != nil {
			return fmt.Errorf("remember the answers of shard %s: %w", s.ID, err)
		}
		if news.Count() >= rememberedAtOnce {
			if err := keep(); err != nil {
				return err
			}
		}
	}
	given, err := r.rememberGiven(ctx, file, news)
	if err != nil || (len(todo) == 0 && !given) {
		return err
	}
	return keep()
}

// rememberGiven adds the documents of passes that have an answer the run was given, and reports whether there are such passes.
func (r *Run) rememberGiven(ctx context.Context, file *answered.File, news *answered.News) (bool, error) {
	if _, given, err := r.plannedPass(ctx, planner.ImportedPass); err != nil || !given {
		return false, err
	}
	imported, any := r.index(planner.ImportedPass), false
	for pass := 1; pass <= r.pass; pass++ {
		if file.HasKnown(pass) {
			continue
		}
		if _, planned, err := r.plannedPass(ctx, pass); err != nil {
			return false, err
		} else if !planned || !exists(r.index(pass).Path("")) {
			continue
		}
		if err := news.AddKnown(ctx, r.effects, r.cfg.Dir, pass, r.index(pass), imported); err != nil {
			return false, fmt.Errorf("remember the given answers of pass %d: %w", pass, err)
		}
		any = true
	}
	return any, nil
}

// sayUpgrade tells people why a directory of an earlier version is read once as a whole.
func (r *Run) sayUpgrade(ctx context.Context, todo []ledger.Shard) error {
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	n := 0
	for i := range todo {
		if todo[i].Pass <= head.Finished {
			n++
		}
	}
	if n > 0 {
		r.watch(Event{Kind: Note, Text: fmt.Sprintf("%s is made from the journals of %s, once: an earlier version of Quarry did not keep it", filepath.Join("index", "answered"), figure.Count(n, "shard"))})
	}
	return nil
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

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
