package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"quarry/internal/base/effect"
	"quarry/internal/run/book"
	"quarry/internal/run/results"
)

// The published files are results.jsonl, failed.jsonl and the report. They are those of the last finished pass, until a later pass
// writes its own. If that pass is dropped or given up, those of the finished pass are published again.

// reports are the names of the report's files, in the run's directory and where a finished pass keeps them.
var reports = []string{"report.json", "report.html"}

// setAside notes that the published files are not those of the finished pass any more, and keeps its report. It comes before the first
// such change; results are kept with each finished pass anyway.
func (r *Run) setAside(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil || head.Finished == 0 || head.Finished == r.pass || head.SetAside {
		return err
	}
	for _, name := range reports {
		if err := copyFile(r.effects, filepath.Join(r.cfg.Dir, name), r.index(head.Finished).Path(name)); err != nil {
			return fmt.Errorf("keep the report of pass %d: %w", head.Finished, err)
		}
	}
	return r.book.Change(ctx, r.pass, func(h *book.Head, _ *book.Pass) { h.SetAside = true })
}

// publishFinished publishes the finished pass again, where another pass has written its own files and will not complete them.
func (r *Run) publishFinished(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil || !head.SetAside {
		return err
	}
	if err := results.Restore(r.effects, r.cfg.Dir, r.index(head.Finished)); err != nil {
		return err
	}
	for _, name := range reports {
		if err := copyFile(r.effects, r.index(head.Finished).Path(name), filepath.Join(r.cfg.Dir, name)); err != nil {
			return fmt.Errorf("publish the report of pass %d: %w", head.Finished, err)
		}
	}
	return r.book.Change(ctx, head.Pass, func(h *book.Head, _ *book.Pass) { h.SetAside = false })
}

// publishDropped publishes the finished pass again where the pass at hand has no plan: the one before it was dropped or given up.
func (r *Run) publishDropped(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	if _, planned, err := r.plannedPass(ctx, head.Pass); err != nil || planned {
		return err
	}
	return r.publishFinished(ctx)
}

// copyFile copies a file if it is there: a user may have removed a report.
func copyFile(e *effect.Effects, from, to string) error {
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return e.Copy(from, to)
}

func (r *Run) readReport() (rep Report, err error) {
	b, err := os.ReadFile(filepath.Join(r.cfg.Dir, reports[0]))
	if err != nil {
		return rep, err
	}
	return rep, json.Unmarshal(b, &rep)
}
