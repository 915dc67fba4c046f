package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/report"
	"quarry/internal/run/answers"
	"quarry/internal/run/book"
	"quarry/internal/run/failures"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// gateShut says why the run stops after its pilot, with the messages of the failures, and writes failed.jsonl.
func (r *Run) gateShut(ctx context.Context, p *pilotRead, none bool) error {
	failed, err := p.Failures(ctx, r.files())
	if err != nil {
		return fmt.Errorf("read the pilot's answers: %w", err)
	}
	path, err := r.writeFailed(ctx, p.Shards)
	if err != nil {
		return fmt.Errorf("write what failed in the pilot: %w", err)
	}
	top := failed.Top(failures.Shown)
	text := fmt.Sprintf("%s of %s good (%s), and at least %.0f %% must be", figure.Thousands(p.OK), figure.Clause(p.Judged, "answer", "is", "are"), classesText(p.Classes), 100*r.cfg.PilotMinValid)
	if none {
		text = fmt.Sprintf("no record was answered in %s (%s)", figure.Count(int64(r.asked.Attempts), "attempt"), classesText(p.Classes))
	}
	for _, f := range top {
		text += "\n" + FailureText(&f)
	}
	judged, err := r.judged(ctx)
	if err != nil {
		return err
	}
	sources := "correct the sources"
	if judged == cannotTell {
		sources += " (and name --replace-source)"
	}
	hint := "change the prompt, the schema or the model, or " + sources + ", and rerun; or lower --pilot-min-valid"
	verdict := func(_ *book.Head, p *book.Pass) { p.Judged = judged }
	if none {
		hint = "`quarry status` shows the pilot's jobs; fix the cause and rerun"
		verdict = func(_ *book.Head, p *book.Pass) { p.Unanswered = true }
	}
	if err := r.book.Change(ctx, r.planned.Pass, verdict); err != nil {
		return err
	}
	if len(top) > 0 && top[0].Hint != "" {
		hint = strings.TrimSuffix(top[0].Hint, ".") + "; " + hint
	}
	return &quarry.Error{
		Kind: quarry.OverLimit, Op: "pass the pilot", Subject: "of " + figure.Count(p.Records, "document"), Err: errors.New(text),
		Hint: hint + "; all failures: " + path,
	}
}

// FailureText is a failure on one line: count, kind and message.
func FailureText(f *report.Failure) string {
	return fmt.Sprintf("%s × %s: %s", figure.Thousands(f.Count), f.Kind, f.Message)
}

// writeFailed writes failed.jsonl from the journals of some shards: the documents without a good answer so far, in the
// order of the sources. It gives the file's path.
func (r *Run) writeFailed(ctx context.Context, among []quarry.ShardID) (string, error) {
	rows := make([]ledger.Shard, 0, len(among))
	for _, id := range among {
		s, err := r.ledger.Shard(ctx, id)
		if err != nil {
			return "", err
		}
		rows = append(rows, s)
	}
	path := filepath.Join(r.cfg.Dir, "failed.jsonl")
	out, err := atomicfile.Create(r.effects, path)
	if err != nil {
		return "", err
	}
	defer out.Abort()
	closing := answers.Closing{Partial: true}
	var attempts []shardfile.Outcome
	give := func() error {
		if len(attempts) == 0 {
			return nil
		}
		asked := answers.Paid(attempts)
		res := closing.Result(attempts)
		if attempts = attempts[:0]; !asked || res.Status == quarry.StatusOK || res.Status == quarry.StatusSkipped {
			return nil
		}
		return lines.Write(out, res)
	}
	for o, err := range lines.Merge(append(r.journals(rows), r.carriedParts()...), func(o *shardfile.Outcome) int64 { return o.Order }) {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return "", err
		}
		if len(attempts) > 0 && attempts[0].Order != o.Order {
			if err := give(); err != nil {
				return "", err
			}
		}
		attempts = append(attempts, o)
	}
	if err := give(); err != nil {
		return "", err
	}
	return path, out.Commit()
}

// FailuresNow gives the most frequent messages that attempts of a run failed with so far, read from the journals of its
// shards.
func FailuresNow(ctx context.Context, dir string, rows []ledger.Shard) ([]report.Failure, error) {
	c, err := failures.Of(ctx, shardfile.In(nil, dir, ""), rows)
	if err != nil {
		return nil, err
	}
	return c.Top(failures.Kept), nil
}
