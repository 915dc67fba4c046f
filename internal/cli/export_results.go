package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/base/outfile"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/review"
)

// runResults is the results of a run whose lock is held: a run at work has its first results at its end.
type runResults struct {
	effects   *effect.Effects
	dir, path string
	lines     io.ReadSeeker
	record    outfile.Record
	// corrections is what lines are read through; nil: they are the model's.
	corrections *review.View
}

// openResults opens them until open is closed. No directory is made where there is none. original: the model's answers, whatever people
// corrected.
func (a *App) openResults(
	ctx context.Context, s *config.Loaded, e *effect.Effects, original bool, open *compose.Closers,
) (r runResults, err error) {
	if err := a.share(ctx, &s.Settings, only("results.jsonl"), open); err != nil {
		return r, err
	}
	r = runResults{effects: e, path: filepath.Join(s.Dir, "results.jsonl")}
	var file *os.File
	if _, err = os.Stat(s.Dir); err == nil {
		if r.dir, err = compose.OpenDir(e, &s.Settings, open); err != nil {
			return r, err
		}
		file, err = os.Open(r.path)
	}
	if err != nil {
		return r, &quarry.Error{
			Kind: quarry.BadUsage, Op: "read results", Subject: r.path, Err: err,
			Hint: "results are written when a run has ended: quarry run SOURCE; name another run directory with --dir",
		}
	}
	open.Add(file.Close)
	r.lines, r.record = file, outfile.ReadRecord(r.dir)
	if original {
		return r, nil
	}
	if r.corrections, err = compose.Corrected(ctx, a.reviewOf(r.dir, nil), file, false, open); err == nil && r.corrections.Overrides.Len() > 0 {
		r.lines = r.corrections
	}
	return r, err
}

// sayCorrected says how many answers of an export people corrected.
func (a *App) sayCorrected(v *review.View) {
	if n := v.Corrected(); n > 0 {
		a.say("%s corrected by people (columns corrected_by, corrected_at); --original gives the model's",
			figure.Clause(n, "answer", "was", "were"))
	}
}
