package compose

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"quarry"
	"quarry/internal/aws/preflight"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/config"
	"quarry/internal/run/book"
)

// PreflightTime bounds a preflight: what was not answered by then is unknown.
const PreflightTime = 30 * time.Second

// BegunIn gives the run of a directory, where there is one.
func BegunIn(ctx context.Context, dir string) (id quarry.RunID, already bool, err error) {
	l, err := ledger.OpenReadOnly(ctx, effect.New(nil), filepath.Join(dir, "ledger.db"))
	if err != nil {
		return "", false, nil // no run, or none that can be read: run itself says so
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	id, counts, err := runOf(ctx, l)
	return id, begun(counts), err
}

func runOf(ctx context.Context, l *ledger.Ledger) (quarry.RunID, ledger.Counts, error) {
	head, err := book.Of(l).Head(ctx)
	if err != nil || head.Run == "" {
		return "", ledger.Counts{}, err
	}
	counts, err := l.Count(ctx, "")
	return head.Run, counts, err
}

func begun(c ledger.Counts) bool { return c.Total() > c.States[quarry.ShardPlanned] }

// atProvider is how many shards may have a job whose answers are still to be fetched.
func atProvider(c ledger.Counts) (n int64) {
	for _, s := range []quarry.ShardState{quarry.ShardIntended, quarry.ShardSubmitted, quarry.ShardEnded, quarry.ShardCollected} {
		n += c.States[s]
	}
	return n
}

// preflightOf checks, at no cost, what could fail after money was spent. Faults stop a run, unless it has jobs at the provider:
// what was paid for is fetched even if no further job can be created.
func (pr *Program) preflightOf(s *config.Settings, where *Provider, book *ledger.Ledger) func(context.Context) error {
	if s.Target == "local" {
		return nil
	}
	return func(ctx context.Context) error {
		id, counts, err := runOf(ctx, book)
		if err != nil {
			return err
		}
		within, cancel := context.WithTimeout(ctx, PreflightTime)
		defer cancel()
		found, err := where.Preflight(within, s, func(cfg *preflight.Config, _ *preflight.Services, _ *Provider) {
			cfg.Run, cfg.Begun = id, begun(counts)
		})
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		}
		for _, c := range found.Unknown() {
			pr.Say("preflight: %s is unknown: %s", c.Name, c.Message)
		}
		if err := found.Err(); err != nil && atProvider(counts) > 0 {
			for _, c := range found.Faults() {
				pr.Say("preflight: %s: %s; fix: %s", c.Name, c.Message, c.Fix)
			}
			pr.Say("the run continues, because it has jobs whose answers must be collected")
			return nil
		}
		return found.Err()
	}
}
