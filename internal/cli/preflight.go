package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/account"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/effect"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/preflight"
	"quarry/internal/run/book"
)

// preflightTime bounds a preflight: what has not answered by then is unknown. Without an answer about the credentials by
// identityTime there is nothing to ask.
const (
	preflightTime = 30 * time.Second
	identityTime  = 10 * time.Second
)

func (a *App) preflightCommand() *cobra.Command {
	var probe bool
	cmd := &cobra.Command{
		Use:   "preflight",
		Short: "Check everything that could make a job fail; starts no job",
		Long: `Preflight checks everything in the account that a job needs: credentials, Region, bucket, service
role and its permissions, the caller's permissions, KMS key, model, inference profile and quotas. It
starts no job and costs nothing, except with --probe, which sends one record for a fraction of a
cent. For each fault it prints the fix. What could not be checked is reported as unknown, which is
not a fault.

Exit codes: 0 no fault · 2 usage, or a name, bucket or model is wrong · 4 credentials or
permissions · 5 quota · 6 provider · 130 interrupted`,
		Example: `  quarry preflight --target aws`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.checkAccount(cmd.Context(), &s.Settings, probe)
		},
	}
	bind(cmd, "dir", "target", "model", "mode", "region", "profile", "bucket", "role", "kms-key", "tag")
	cmd.Flags().BoolVar(&probe, "probe", false, "send one live record to the model, for a fraction of a cent")
	return cmd
}

func (a *App) checkAccount(ctx context.Context, s *config.Settings, probe bool) (err error) {
	if s.Target == "local" {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "preflight", Err: errors.New("the target is local, which needs nothing"), Hint: "for AWS: quarry preflight --target aws"}
	}
	ask, err := a.parts().Asking(s)
	if err != nil {
		return err
	}
	for _, region := range s.Regions {
		if c := preflight.Region(region); c.Status == preflight.Fault {
			return a.printChecks(preflight.Of(c))
		}
	}
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, preflightTime)
	defer cancel()
	soon, cancel := context.WithTimeoutCause(ctx, identityTime, &quarry.Error{
		Kind: quarry.Provider, Op: "find out whose credentials these are", Err: fmt.Errorf("no answer in %v", identityTime),
		Hint: "look at the network, the Region and AWS_ENDPOINT_URL; then check with: aws sts get-caller-identity",
	})
	defer cancel()
	where, err := a.parts().OpenProvider(soon, s, effect.New(nil), s.Dir, &open)
	if err != nil {
		var q *quarry.Error
		if !errors.As(err, &q) || (q.Kind != quarry.Denied && q.Kind != quarry.Provider) {
			return err
		}
		c := preflight.Check{Name: "credentials", Status: preflight.Fault, Subject: s.Profile, Action: "sts:GetCallerIdentity", Message: q.Error(), Fix: q.Hint, Kind: q.Kind}
		if errors.Is(err, account.ErrClock) {
			c.Name = "clock"
		}
		return a.printChecks(preflight.Of(c))
	}
	id, begun, err := begunIn(ctx, s.Dir)
	if err != nil {
		return err
	}
	found, err := where.Preflight(ctx, s, func(cfg *preflight.Config, asks *preflight.Asks, pool *compose.Provider) {
		cfg.Run, cfg.Begun = id, begun
		if probe {
			asks.Probe = pool.Probe(s, ask)
		}
	})
	if err != nil {
		return err
	}
	return a.printChecks(found)
}

// begunIn gives the run of a directory, where there is one.
func begunIn(ctx context.Context, dir string) (id quarry.RunID, already bool, err error) {
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

// printChecks tells people or programs what was found.
func (a *App) printChecks(r preflight.Report) error {
	if a.json {
		if err := a.writeJSON(r); err != nil {
			return err
		}
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		what := c.Action
		if what != "" && c.Subject != "" {
			what += " on "
		}
		what += c.Subject
		if c.Pool != "" && (i == 0 || r.Checks[i-1].Pool != c.Pool) {
			a.say("%s:", c.Pool)
		}
		a.say("%-8s %-18s %s", c.Status, c.Name, c.Message)
		if c.Status != preflight.OK && what != "" {
			a.say("%27s asked: %s", "", what)
		}
		if c.Fix != "" {
			a.say("%27s fix: %s", "", c.Fix)
		}
	}
	err := r.Err()
	if err == nil {
		a.say("no fault in %s, %s unknown", figure.Count(int64(len(r.Checks)), "check"), figure.Thousands(len(r.Unknown())))
		return nil
	}
	var q *quarry.Error
	if errors.As(err, &q) && !a.quiet { // each fault is printed above
		q.Err = fmt.Errorf("%s of %s found a fault", figure.Thousands(len(r.Faults())), figure.Count(int64(len(r.Checks)), "check"))
		q.Hint = "fix these in this order, then run quarry preflight again"
	}
	return err
}

// preflight checks for nothing what could fail after money was spent. Faults stop a run, but not one that has jobs at the
// provider: what was paid for is fetched, also when no further job could be made.
func (a *App) preflight(s *config.Settings, where *compose.Provider, book *ledger.Ledger) func(context.Context) error {
	if s.Target == "local" {
		return nil
	}
	return func(ctx context.Context) error {
		id, counts, err := runOf(ctx, book)
		if err != nil {
			return err
		}
		within, cancel := context.WithTimeout(ctx, preflightTime)
		defer cancel()
		found, err := where.Preflight(within, s, func(cfg *preflight.Config, _ *preflight.Asks, _ *compose.Provider) {
			cfg.Run, cfg.Begun = id, begun(counts)
		})
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		}
		for _, c := range found.Unknown() {
			a.say("preflight: %s is unknown: %s", c.Name, c.Message)
		}
		if err := found.Err(); err != nil && atProvider(counts) > 0 {
			for _, c := range found.Faults() {
				a.say("preflight: %s: %s; fix: %s", c.Name, c.Message, c.Fix)
			}
			a.say("the run continues, because it has jobs whose answers must be collected")
			return nil
		}
		return found.Err()
	}
}
