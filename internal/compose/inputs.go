package compose

import (
	"context"
	"errors"
	"os"

	"quarry/internal/base/outfile"
	"quarry/internal/config"
	"quarry/internal/run/book"
)

// InputsOf names all files that the run in a directory reads. No flag makes a command write to them.
func InputsOf(ctx context.Context, s *config.Loaded, dir string, record *outfile.Record) ([]outfile.Input, error) {
	var inputs []outfile.Input
	add := func(what, path string) {
		if path != "" {
			inputs = append(inputs, outfile.Input{What: what, Path: path})
		}
	}
	l, err := readLedger(ctx, &s.Settings, dir)
	switch {
	case err == nil:
		head, err := book.Of(l).Head(ctx)
		if err := errors.Join(err, l.Close()); err != nil {
			return nil, err
		}
		for _, source := range head.Sources {
			if path, ok := outfile.LocalPath(source); ok {
				add("a source of the run", path)
			}
		}
	case !errors.Is(err, os.ErrNotExist): // a directory of collected output has no ledger
		return nil, err
	}
	for _, path := range record.Inputs {
		add("an input of the run", path)
	}
	add("the configuration file", s.File)
	add("the configuration file", config.DefaultFile)
	add("the price file", s.Prices)
	return inputs, nil
}
