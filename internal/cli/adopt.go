package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/run/adopt"
)

func (a *App) adoptCommand() *cobra.Command {
	var id string
	cmd := &cobra.Command{
		Use:   "adopt --run ID",
		Short: "Take over the jobs of a run whose directory is lost",
		Long: `Adopt takes over a run whose directory is lost or on another machine. Given the id of the run and
its bucket, it finds the jobs of the run by name, collects those that have ended, and records those
that are still running. It sends nothing. DIR must be empty.

If the run was made with --files bucket, adopt makes DIR what the lost directory was at the last
change of its ledger, with the answers of on-demand calls. Otherwise on-demand calls (--mode ondemand
or flex, --rescue) cannot be taken over, because the provider does not keep their answers. No other
process may work on the run at the same time.

Exit codes: 0 done · 2 usage · 4 denied · 6 provider · 7 run locked · 130 interrupted`,
		Example: `  quarry adopt --run k3v9q2m7xa --target aws --bucket my-bucket --dir DIR
  quarry collect --dir DIR --watch   # wait for jobs that are still running
  quarry run articles.jsonl --target aws --dir DIR   # send the rest`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.adopt(cmd.Context(), s, quarry.RunID(id))
		},
	}
	bind(cmd, "dir", "target", "bucket", "region", "profile")
	cmd.Flags().StringVar(&id, "run", "", "`ID` of the run, as printed at its start and as in the names of its jobs")
	return cmd
}

func (a *App) adopt(ctx context.Context, loaded *config.Loaded, id quarry.RunID) (err error) {
	s := &loaded.Settings
	if !id.Valid() {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "adopt", Subject: fmt.Sprintf("run %q", id), Err: errors.New("a run id is ten characters of a-z and 0-9"),
			Hint: "name it with --run; it was printed when the run began, and is in the names of its jobs: quarry-<run>-s00001-a1",
		}
	}
	if err := notLocal(loaded, "adopt", "run "+string(id), "quarry adopt --run "+string(id)); err != nil {
		return err
	}
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	show := a.newProgress(ctx, s)
	defer show.close()
	defer func() { show.log.end(err) }()
	restored, err := a.parts().Restore(ctx, s, id)
	if err != nil {
		return err
	}
	r, dir, err := a.parts().Collector(ctx, s, show.opens("adopt", nil, &open), show.event, &open)
	if err != nil {
		return err
	}
	var found adopt.Adopted
	if restored != nil {
		found.Jobs, found.Created = restored.Jobs, restored.Created
	} else if found, err = r.Adopt(ctx, id); err != nil {
		return err
	}
	h, err := r.Collect(ctx, false)
	show.close()
	if err != nil {
		return err
	}
	if a.json {
		out := collectedJSONOf(&h, dir)
		out.Jobs, out.Unsent = found.Jobs, found.Unsent
		if err := a.writeJSON(&out); err != nil {
			return err
		}
	}
	created, _ := time.Parse(time.RFC3339Nano, found.Created) // of an unreadable time, localTime says that it is unknown
	a.say("run %s, created %s: %s taken over", id, localTime(created), figure.Count(found.Jobs, "job"))
	if restored != nil {
		a.say("the bucket had its ledger and its files: %s is as the lost directory was", s.Dir)
	}
	if n := len(found.Unsent); n > 0 {
		a.say("%s more input files in the bucket were never submitted", figure.Thousands(int64(n)))
	}
	a.printCollected(&h, s.Dir)
	a.say("to send the documents that have no answer yet, name the sources: quarry run SOURCE… --target aws --dir %s", s.Dir)
	return errors.Join(h.Errors...)
}

// notLocal refuses a command that needs the account if the target is local: nothing is sent to AWS unless the target says so.
func notLocal(s *config.Loaded, op, subject, command string) error {
	if s.Target != "local" {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: op, Subject: subject,
		Err:  fmt.Errorf("it needs --target aws; the target is local (%s)", s.Origins()["target"]),
		Hint: "run: " + command + " --target aws (which also reaches a `quarry local` that AWS_ENDPOINT_URL names)",
	}
}
