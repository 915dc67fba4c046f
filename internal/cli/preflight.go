package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/aws/preflight"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/compose"
	"quarry/internal/config"
)

// identityTime bounds the question whose credentials these are: without an answer there is nothing else to check.
const identityTime = 10 * time.Second

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
	bind(cmd, "dir", "files", "target", "model", "mode", "region", "profile", "bucket", "role", "kms-key", "tag")
	cmd.Flags().BoolVar(&probe, "probe", false, "send one live record to the model, for a fraction of a cent")
	return cmd
}

func (a *App) checkAccount(ctx context.Context, s *config.Settings, probe bool) (err error) {
	if s.Target == "local" {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "preflight", Err: errors.New("the target is local, which needs no preflight"),
			Hint: "for AWS: quarry preflight --target aws",
		}
	}
	req, err := a.parts().Request(s)
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
	ctx, cancel := context.WithTimeout(ctx, compose.PreflightTime)
	defer cancel()
	soon, cancel := context.WithTimeoutCause(ctx, identityTime, &quarry.Error{
		Kind: quarry.Provider, Op: "identify the credentials", Err: fmt.Errorf("no answer in %v", identityTime),
		Hint: "check the network, the Region and AWS_ENDPOINT_URL; then check with: aws sts get-caller-identity",
	})
	defer cancel()
	where, err := a.parts().OpenProvider(soon, s, effect.New(nil), s.Dir, &open)
	if err != nil {
		var q *quarry.Error
		if !errors.As(err, &q) || (q.Kind != quarry.Denied && q.Kind != quarry.Provider) {
			return err
		}
		c := preflight.Check{
			Name: "credentials", Status: preflight.Fault, Subject: s.Profile, Action: "sts:GetCallerIdentity", Message: q.Error(), Fix: q.Hint,
			Kind: q.Kind,
		}
		if errors.Is(err, account.ErrClock) {
			c.Name = "clock"
		}
		return a.printChecks(preflight.Of(c))
	}
	id, begun, err := compose.BegunIn(ctx, s.Dir)
	if err != nil {
		return err
	}
	found, err := where.Preflight(ctx, s, func(cfg *preflight.Config, services *preflight.Services, pool *compose.Provider) {
		cfg.Run, cfg.Begun = id, begun
		if probe {
			services.Probe = pool.Probe(s, req)
		}
	})
	if err != nil {
		return err
	}
	return a.printChecks(found)
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
			a.say("%27s action: %s", "", what)
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
