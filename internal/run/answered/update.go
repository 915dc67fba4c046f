package answered

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/run/index"
)

// Run is what the memory of a run is brought up to date with.
type Run struct {
	Effects  *effect.Effects
	Dir      string
	Rows     []ledger.Shard // all that the run has
	Finished int            // the last finished pass; 0: none
	Imported index.Pass     // the given answers
	Given    []int          // planned passes whose documents may have a given answer
	Note     func(string)   // receives what a person should know
}

// Update adds the outcomes of all shards whose journals are sealed to the memory of the run, so an answer that was paid for once is found
// again whatever was sent in between. A directory of an earlier version, which has no memory, is read as a whole, and so is one whose
// memory is damaged.
func (r *Run) Update(ctx context.Context) error {
	file, err := Open(r.Dir)
	why := "an earlier version of Quarry did not keep it"
	damaged := errors.Is(err, ErrDamaged)
	if damaged {
		why = "it is damaged"
		if err = r.Effects.Remove(Path(r.Dir)); err == nil {
			file, err = Open(r.Dir)
		}
	}
	if err != nil {
		return err
	}
	var todo []Sealed
	old := 0
	for i := range r.Rows {
		s := &r.Rows[i]
		if s.Times.Collected.IsZero() || file.Has(s.ID) {
			continue
		}
		todo = append(todo, Sealed{Shard: s.ID, Pass: s.Pass})
		if s.Pass <= r.Finished || damaged {
			old++
		}
	}
	if old > 0 {
		r.Note(fmt.Sprintf("%s is made once from the journals of %s, because %s", filepath.Join("index", "answered"), figure.Count(old, "shard"), why))
	}
	return file.Remember(ctx, r.Effects, r.Dir, todo, r.Imported, r.Given)
}
