package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/aws/bucket"
	"quarry/internal/aws/setup"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/compose"
	"quarry/internal/config"
)

func (a *App) setupCommand() *cobra.Command {
	format := ""
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Create the bucket and the service role; safe to repeat",
		Long: `Setup creates the bucket and the service role that Bedrock jobs need, with the least privileges, or
updates them. It shows the changes, asks, makes them, and lists them. A second run changes nothing.
Settings of the bucket and the role that Quarry does not need are left alone.

--print writes the same configuration as text and changes nothing: policy (one JSON object with
trust, role, caller and bucket), cli (a shell script of aws commands), terraform or cloudformation.
With --target local it contacts no service and uses account 123456789012, or the account of the ARN
in --role.

Exit codes: 0 done · 2 usage · 4 denied · 5 quota · 6 provider · 130 interrupted`,
		Example: `  quarry setup --target aws
  quarry setup --print terraform > quarry.tf`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("print") {
				return a.printSetup(cmd.Context(), &s.Settings, format)
			}
			return a.setup(cmd.Context(), &s.Settings)
		},
	}
	bind(cmd, "dir", "target", "model", "region", "profile", "bucket", "role", "kms-key", "expire-days", "yes", "backend")
	cmd.Flags().StringVar(&format, "print", "", "print as `FORMAT` and change nothing: "+strings.Join(setup.Formats(), ", "))
	complete(cmd, "print", words(setup.Formats()...))
	return cmd
}

func (a *App) setup(ctx context.Context, s *config.Settings) (err error) {
	if s.Target == "local" {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "set up", Err: errors.New("the target is local"),
			Hint: "a run on the stand-in needs no setup; for AWS: quarry setup --target aws",
		}
	}
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	where, err := a.parts().OpenProvider(ctx, s, effect.New(nil), s.Dir, &open)
	if err != nil {
		return err
	}
	changed := []string{}
	var buckets []string
	for _, pool := range where.Pools { // one after the other: they may share a bucket, and they share the role
		wants, err := pool.Routed(ctx, pool.Wants(s))
		if err != nil {
			return err
		}
		plan, err := setup.Look(ctx, pool.AWS, bucketCalls(pool.Bucket.Settings(pool.Identity.Account)), wants)
		if err != nil {
			return err
		}
		if len(where.Pools) > 1 {
			a.say("%s %s:", pool.AWS.Region, wants.Model)
		}
		for _, note := range plan.Notes {
			a.say("note: %s", note)
		}
		lines, err := a.applySetup(ctx, s, plan, where.Identity.Account)
		if err != nil {
			return err
		}
		changed = append(changed, lines...)
		if !slices.Contains(buckets, wants.Bucket) {
			buckets = append(buckets, wants.Bucket)
		}
	}
	if a.json {
		out := map[string]any{"bucket": buckets[0], "role": where.RoleARN, "changed": changed}
		if len(buckets) > 1 {
			out["buckets"] = buckets
		}
		return a.writeJSON(out)
	}
	return nil
}

// applySetup shows what would change, asks, and says what it changed.
func (a *App) applySetup(ctx context.Context, s *config.Settings, plan *setup.Plan, account string) ([]string, error) {
	changed := []string{}
	lines := plan.Lines()
	if len(lines) == 0 {
		a.say("nothing to change")
		return changed, nil
	}
	if confirm := a.confirm(s, func() func() { return func() {} }); confirm != nil {
		a.say("in account %s this would change:", account)
		for _, line := range lines {
			a.say("  %s", line)
		}
		if err := confirm(ctx, fmt.Sprintf("Set up account %s with the %s above?", account, figure.Count(len(lines), "change"))); err != nil {
			return nil, err
		}
	}
	err := plan.Apply(ctx, func(line string) {
		changed = append(changed, line)
		a.say("%s", line)
	})
	if err != nil && len(changed) > 0 {
		a.say("the changes listed above are done; rerun the same command for the rest")
	}
	return changed, err
}

// bucketCalls are the calls to S3 that setup needs.
func bucketCalls(s *bucket.Settings) setup.Bucket {
	return setup.Bucket{
		Find: s.Find, Make: s.Make, Open: s.Open, Close: s.Close, Policy: s.Policy, SetPolicy: s.SetPolicy, Encryption: s.Encryption,
		SetKey: s.SetKey,
		Expiry: func(ctx context.Context, e setup.Expiry) (bool, bool, error) { return s.Expiry(ctx, bucket.Expiry(e)) },
		SetExpiry: func(ctx context.Context, e setup.Expiry) error {
			return s.SetExpiry(ctx, bucket.Expiry(e))
		},
	}
}
