package compose

import (
	"context"
	"errors"
	"path/filepath"

	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/config"
	"quarry/internal/prepare/kept"
	"quarry/internal/prepare/source"
	"quarry/internal/prepare/validate"
	"quarry/internal/run/book"
	"quarry/internal/run/prepare"
	"quarry/internal/ui/records"
)

// Again is a pass whose sources are read again.
type Again struct {
	Dir     string // of the run
	Pass    int
	Names   []string // of the sources, as the run has them
	Records bool     // they are ready records
}

// SourcesAgain opens the sources of a pass, those that were kept as they were kept. files are the others, which may have changed.
func (pr *Program) SourcesAgain(ctx context.Context, s *config.Settings, of Again) (sources []source.Source, files []string, err error) {
	for i, name := range of.Names {
		k, ok, err := kept.Open(KeptDir(of.Dir, i), of.Pass, i)
		if err != nil {
			return nil, nil, err
		}
		if ok {
			sources = append(sources, k)
			continue
		}
		path := name
		if name == "-" {
			n := 0
			if path, n = KeptStdin(of.Dir, of.Pass); n == 0 {
				return nil, nil, errors.New("standard input can be read only once, and none of it was kept")
			}
		} else {
			files = append(files, name)
		}
		opened, err := pr.OpenSources(ctx, s, []string{path}, of.Records)
		if err != nil {
			return nil, nil, err
		}
		sources = append(sources, opened...)
	}
	if len(files) != len(of.Names) && len(files) > 0 {
		files = of.Names // their digest covers all of them: which one changed is not known
	}
	return sources, files, nil
}

// RecordSources says how the documents of the run in a directory are read and prepared again by these settings, for its pages. ready says
// that its sources are ready records.
func (pr *Program) RecordSources(s *config.Settings, dir string, ready bool) (*records.Sources, error) {
	req, err := pr.Request(s)
	if err != nil {
		return nil, err
	}
	of := *s
	of.Dir = dir
	return &records.Sources{
		Stamp: req.Settings,
		Prepare: prepare.Config{
			Clean: req.Clean, Prompt: req.Renderer, Long: req.Long, Workers: 1,
			Ready: validate.Config{Model: s.Model, Type: req.Renderer.Invocation()},
		},
		Open: func(ctx context.Context, pass int) ([]source.Source, error) {
			l, err := ledger.OpenReadOnly(ctx, effect.New(nil), filepath.Join(dir, "ledger.db"))
			if err != nil {
				return nil, err
			}
			head, err := book.Of(l).Head(ctx)
			if err := errors.Join(err, l.Close()); err != nil {
				return nil, err
			}
			sources, _, err := pr.SourcesAgain(ctx, &of, Again{Dir: dir, Pass: pass, Names: head.Sources, Records: ready})
			return sources, err
		},
	}, nil
}
