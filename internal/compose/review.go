package compose

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/user"
	"path/filepath"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/parse"
	"quarry/internal/outcome/review"
	"quarry/internal/run/book"
)

// Review opens the review of the run in a directory. It takes no lock and makes nothing. Corrected answers are checked against the
// answer schema of the pass at hand or of the last finished one. The error is of kind BadUsage if there is no run.
func Review(ctx context.Context, dir string) (d *review.Dir, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, BadSetting("dir", err)
	}
	e := effect.New(nil)
	l, err := ledger.OpenReadOnly(ctx, e, filepath.Join(dir, "ledger.db"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "open run", Subject: dir, Err: errors.New("this directory holds no run"),
			Hint: "name the run directory with --dir, or start one: quarry run SOURCE",
		}
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return reviewOf(ctx, l, &review.Dir{Path: dir, Effects: e})
}

// Review opens the review of a run in Postgres, with the text of its question.
func (sh *Shared) Review(ctx context.Context) (d *review.Dir, err error) {
	if err := sh.Copy(ctx, func(name string) bool { return name == review.QuestionFile }); err != nil {
		return nil, err
	}
	l, err := sh.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return reviewOf(ctx, l, &review.Dir{Path: sh.Dir, Effects: sh.effects, Elsewhere: sh.Remarks(nil)})
}

// reviewOf takes the answer schemas of a run into its review.
func reviewOf(ctx context.Context, l *ledger.Ledger, d *review.Dir) (*review.Dir, error) {
	b := book.Of(l)
	head, err := b.Head(ctx)
	if err != nil {
		return nil, err
	}
	var checks []*parse.Checker
	for _, n := range []int{head.Pass, head.Finished} {
		pass, err := b.Pass(ctx, n)
		if err != nil {
			return nil, err
		}
		if pass.Asked == nil || len(pass.Asked.Schema) == 0 {
			continue
		}
		c, err := parse.New(parse.Config{Schema: pass.Asked.Schema})
		if err != nil {
			return nil, err
		}
		checks = append(checks, c)
	}
	if len(checks) > 0 {
		d.Check = func(output json.RawMessage) error { return fitsAny(checks, output) }
	}
	return d, nil
}

// fitsAny gives the first schema's complaint if an answer fits none of several.
func fitsAny(checks []*parse.Checker, output json.RawMessage) (first error) {
	for _, c := range checks {
		err := c.Fits(output)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// Corrected gives results.jsonl of a run as export and publish read it: with the answers that people corrected. If reviewed is
// set, only results that were marked right or corrected are given. c closes what it opens, and not the results.
func Corrected(ctx context.Context, d *review.Dir, results io.ReadSeeker, reviewed bool, c *Closers) (*review.View, error) {
	overrides, err := d.Overrides(ctx)
	if err != nil {
		return nil, err
	}
	c.Add(overrides.Close)
	v := &review.View{Results: results, Overrides: overrides, Only: reviewed}
	if reviewed {
		v.Marks, err = d.Marks(ctx)
	}
	return v, err
}

// Who is the user of this process, as the operating system names them: the author of marks, corrections and approvals.
func Who() string {
	u, err := user.Current()
	if err != nil || u.Username == "" {
		return "unknown"
	}
	return u.Username
}
