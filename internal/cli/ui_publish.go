package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/publish"
	"quarry/internal/ui/view"
)

// publishFromPage compares the answers of a run with the articles, and writes if that finds what a person agreed to.
func (a *App) publishFromPage(ctx context.Context, s config.Settings, o *publishOptions, dir, agreed string) (found *view.Published, err error) {
	app, in, err := a.of(ctx, dir)
	if err != nil {
		return nil, err
	}
	app.inDir(&s, in)
	if app.shared != nil {
		if err := app.shared.Copy(ctx, only("results.jsonl")); err != nil {
			return nil, err
		}
	}
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	with := *o
	with.dryRun = agreed == ""
	p, answers, err := app.openPublish(ctx, &s, &with, &open)
	if err != nil {
		return nil, err
	}
	all := sha256.New()
	differences := json.NewEncoder(all) // an error of a hash is none
	p.Show = func(d publish.Difference) { _ = differences.Encode(d) }
	out, err := p.Plan(ctx, answers)
	if err != nil {
		return nil, err
	}
	found = &view.Published{
		Outcome: out, Reviewed: o.reviewed, Unreviewed: answers.Unreviewed(),
		Shown: p.Target.Shown(fieldsOf(out.Differences)), Digest: hex.EncodeToString(all.Sum(nil)),
	}
	if agreed != found.Digest || out.ToChange == 0 {
		return found, nil
	}
	found.Wrote = true
	return found, p.Write(ctx, out)
}
