package cli

import (
	"errors"
	"iter"

	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/prepare/validate"
)

// idSorter gives the validator the sort of package dedupe, in a directory that goes when the sorter is closed.
func idSorter(name string) (validate.Sorter, error) {
	e := effect.New(nil)
	dir, err := e.TempDir("")
	if err != nil {
		return nil, err
	}
	return sorter{e: e, dir: dir, of: dedupe.NewSorter(e, dedupe.Config{Dir: dir, Name: name, Memory: heldEntries})}, nil
}

// heldEntries is what a sorter holds, in 6 MiB; two are at work where many ids come again.
const heldEntries = 256 << 10

type sorter struct {
	e   *effect.Effects
	dir string
	of  *dedupe.Sorter
}

func (s sorter) Add(key [16]byte, order int64) error {
	return s.of.Add(dedupe.Entry{Hash: key, Order: order})
}

func (s sorter) Sorted() iter.Seq2[validate.Sorted, error] {
	return func(yield func(validate.Sorted, error) bool) {
		for entry, err := range s.of.Sorted() {
			if !yield(validate.Sorted{Key: entry.Hash, Order: entry.Order}, err) {
				return
			}
		}
	}
}

func (s sorter) Close() error { return errors.Join(s.of.Close(), s.e.RemoveAll(s.dir)) }
