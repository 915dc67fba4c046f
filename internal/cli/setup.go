package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/config"
	"quarry/internal/effect"
	"quarry/internal/setup"
)

func (a *App) setupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Create bucket and service role with the least rights; safe to repeat",
		Long: `Setup makes the bucket and the service role of Bedrock's jobs, or brings them into the state that a
run needs, and says what it changed. Doing it again changes nothing.

Exit codes: 0 done · 2 usage · 4 denied · 6 provider`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.setup(cmd.Context(), &s.Settings)
		},
	}
	bind(cmd, "dir", "target", "model", "region", "profile", "bucket", "role", "kms-key", "yes", "backend")
	return cmd
}

func (a *App) setup(ctx context.Context, s *config.Settings) (err error) {
	if s.Target == "local" {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "set up", Err: errors.New("the target is local"), Hint: "a run on the stand-in sets itself up; for AWS: quarry setup --target aws"}
	}
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	where, err := a.openProvider(ctx, s, effect.New(nil), s.Dir, &open)
	if err != nil {
		return err
	}
	question := fmt.Sprintf("Make bucket %s and role %s in account %s, or bring them into shape?", where.bucket.Name(), where.roleARN, where.identity.Account)
	if ask := a.confirm(s); ask != nil {
		if err := ask(ctx, question); err != nil {
			return err
		}
	}
	changed := []string{}
	if _, err := where.bucket.Region(ctx); err != nil {
		if err := where.bucket.Make(ctx); err != nil {
			return err
		}
		changed = append(changed, "created bucket "+where.bucket.Name())
	}
	role, err := setup.EnsureRole(ctx, where.cfg, s.Role, where.wants(s))
	changed = append(changed, role...)
	for _, c := range changed {
		a.say("%s", c)
	}
	if err != nil {
		return err
	}
	if len(changed) == 0 {
		a.say("nothing to change")
	}
	if a.json {
		b, err := json.Marshal(map[string]any{"bucket": where.bucket.Name(), "role": where.roleARN, "changed": changed})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(a.Stdout, string(b))
		return err
	}
	return nil
}
