package cli

import (
	"context"
	"errors"
	"iter"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/audit"
	"quarry/internal/run/book"
)

// auditSources finds the run's sources again, and whether they can still be compared with it.
func (a *App) auditSources(ctx context.Context, cfg *audit.Config, h *book.Head, s *config.Loaded, records bool) error {
	if cfg.Plan == nil { // which Run refuses
		return nil
	}
	sources, changed, err := a.parts().SourcesAgain(ctx, &s.Settings, compose.Again{Dir: cfg.Dir, Pass: cfg.Plan.Pass, Names: h.Sources, Records: records})
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
