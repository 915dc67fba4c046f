package cli

import (
	"context"
	"errors"
	"iter"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/audit"
	"quarry/internal/prepare/kept"
	"quarry/internal/prepare/source"
	"quarry/internal/run/book"
)

// auditSources finds the run's sources again, and whether they can still be compared with it.
func (a *App) auditSources(ctx context.Context, cfg *audit.Config, h *book.Head, s *config.Loaded, records bool) error {
	if cfg.Plan == nil { // which Run refuses
		return nil
	}
	sources, changed, err := a.sourcesAgain(ctx, cfg, h, s, records)
	if err != nil {
		cfg.Unread = err.Error()
		return nil
	}
	req, err := a.parts().Request(&s.Settings)
	if err != nil {
		return err
	}
	cfg.Changed = compose.SourcesChanged(h, cfg.Plan.Pass, req.Settings, changed)
	cfg.Sources = func(yield func(quarry.DocumentID, error) bool) {
		var n int64
		for _, src := range sources {
			for id, err := range blockIDs(src.Blocks(ctx, quarry.Position{})) {
				if s.Limit > 0 && n == s.Limit {
					return
				}
				n++
				if !yield(id, err) || err != nil {
					return
				}
			}
		}
	}
	return nil
}

// sourcesAgain opens the sources, those that were kept as they were kept. files are the others, which may have changed.
func (a *App) sourcesAgain(
	ctx context.Context, cfg *audit.Config, h *book.Head, s *config.Loaded, records bool,
) (sources []source.Source, files []string, err error) {
	names := h.Sources
	for i, name := range names {
		k, ok, err := kept.Open(compose.KeptDir(cfg.Dir, i), cfg.Plan.Pass, i)
		if err != nil {
			return nil, nil, err
		}
		if ok {
			sources = append(sources, k)
			continue
		}
		path := name
		if name == "-" {
			of := 0
			if path, of = compose.KeptStdin(cfg.Dir, cfg.Plan.Pass); of == 0 {
				return nil, nil, errors.New("standard input can be read only once, and none of it was kept")
			}
		} else {
			files = append(files, name)
		}
		opened, err := a.parts().OpenSources(ctx, &s.Settings, []string{path}, records)
		if err != nil {
			return nil, nil, err
		}
		sources = append(sources, opened...)
	}
	if len(files) != len(names) && len(files) > 0 {
		files = names // their digest covers all of them: which one changed is not known
	}
	return sources, files, nil
}

// blockIDs gives the ids of all documents; items that cannot be read have none.
func blockIDs(blocks iter.Seq2[quarry.Block, error]) iter.Seq2[quarry.DocumentID, error] {
	return func(yield func(quarry.DocumentID, error) bool) {
		for block, err := range blocks {
			if err != nil {
				yield("", err)
				return
			}
			for doc, err := range block.Documents {
				var item *quarry.ItemError
				if errors.As(err, &item) {
					continue
				}
				if !yield(doc.ID, err) || err != nil {
					return
				}
			}
		}
	}
}
