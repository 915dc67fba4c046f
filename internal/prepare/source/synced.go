package source

import (
	"context"
	"errors"
	"iter"
	"time"

	"quarry"
	"quarry/internal/prepare/source/sqlrows"
)

// Synced is a source that can also give only what was modified.
type Synced interface {
	Source
	// Clock gives the time by the source's own clock; zero: it does not say, or nothing tells what was modified, and Since cannot be
	// used. Errors are those of Blocks, and BadUsage for settings by which nothing modified can be found.
	Clock(ctx context.Context) (time.Time, error)
	// Since gives the Blocks of the items that were modified at a time of that clock or later. There may be others among them. An
	// item is read as the whole source reads it.
	Since(t time.Time) func(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error]
}

// AsSynced gives a source that can give only what was modified; ok is false if it cannot.
func AsSynced(s Source) (synced Synced, ok bool) {
	if n, wrapped := s.(noted); wrapped {
		s = n.Source
	}
	synced, ok = s.(Synced)
	return synced, ok
}

// checkUpdated refuses a column of times where no database is read: nothing would follow from it.
func checkUpdated(sources []Source, cfg Config) error {
	column := cfg.Fields["updated"]
	if column == "" {
		return nil
	}
	for _, s := range sources {
		if n, wrapped := s.(noted); wrapped {
			s = n.Source
		}
		switch s.(type) {
		case *sqlrows.Source, *sqlrows.Query:
			return nil
		}
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "open sources", Subject: "--field updated=" + column,
		Err:  errors.New("it names a column of a database, and no source is one"),
		Hint: "omit it: a site says itself what was modified, and everything else is read as a whole",
	}
}
