package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/review"
)

func (a *App) watchCommand() *cobra.Command {
	var to notifyFlags
	var addr string
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Follow the state of a run until it is done",
		Long: `Watch shows what quarry run shows, for a run of another process, until the run is done or Ctrl-C. On a
terminal it draws the view again in its place; in a pipe it prints a line after each change, at most
one a second. With --json it prints what quarry status --json prints, on one line, after each change.
With --notify, it notifies another program when a job is stuck and when the run is done. Watch also
ends when no process works on the run for three seconds: the run stopped before it was done.

Exit codes: 0 done · 1 the run stopped before it was done · 2 usage · 5 the run waits for an approval ·
130 interrupted · of a run of a ledger that was halted: its own (2 settings · 3 sources · 5 gate, cap,
limit, stop)`,
		Example: `  quarry watch --dir quarry-run`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			var open compose.Closers
			defer func() { err = errors.Join(err, open.Close()) }()
			if err := a.share(cmd.Context(), &s.Settings, nil, &open); err != nil {
				return err
			}
			stop, err := a.serveMetrics(cmd.Context(), addr, &s.Settings)
			if err != nil {
				return err
			}
			defer stop()
			return a.watch(cmd.Context(), &s.Settings, &to)
		},
	}
	bind(cmd, "dir", "prices")
	bindLedger(cmd)
	to.bind(cmd)
	bindMetrics(cmd, &addr)
	return cmd
}

// idleLooks is how many looks, one a second, may find no process: a person may stop a run and start it again.
const idleLooks = 3

// approveHint says how to approve what a run waits for.
func (a *App) approveHint(q *review.Question, dir string) string {
	rest := ""
	if q.Asks == review.Rest {
		rest = " --rest"
	}
	return "quarry approve" + rest + a.named(dir) + "; then rerun the command that began it"
}

func (a *App) watch(ctx context.Context, s *config.Settings, to *notifyFlags) error {
	prices, err := compose.Prices(s)
	if err != nil {
		return err
	}
	n, err := a.newNotices("watch", to)
	if err != nil {
		return err
	}
	defer n.close()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	w := watcher{app: a, live: a.newLive(a.Stdout)}
	n.say = w.say
	defer w.leave() // before what n says at its end
	for idle := 0; ; {
		held, err := a.held(ctx, s.Dir) // before the ledger is read: a process that ends saves first
		if err != nil {
			return err
		}
		o, err := a.look(ctx, s.Dir, prices)
		if err != nil {
			return err
		}
		n.see(ctx, o)
		c := o.count()
		w.pace.See(o.at, c.done)
		if err := w.show(ctx, o); err != nil {
			return err
		}
		if o.head.Ended() {
			return nil
		}
		if idle++; held {
			idle = 0
		}
		if idle > idleLooks {
			if o.waits != nil {
				return &quarry.Error{
					Kind: quarry.OverLimit, Op: "watch", Subject: a.place(s.Dir), Err: errors.New("the run waits for an approval, and no process works on it"),
					Hint: a.approveHint(o.waits, s.Dir),
				}
			}
			if why := o.head.Why(); why != "" && a.shared != nil {
				return &quarry.Error{
					Kind: why.Kind(), Op: "watch", Subject: a.place(s.Dir), Err: fmt.Errorf("the run is halted: %s", why.Text()),
					Hint: "change that, then rerun the command that began it; the process that it ended has said the details",
				}
			}
			return &quarry.Error{
				Op: "watch", Subject: a.place(s.Dir), Err: errors.New("the run is not done, and no process works on it"),
				Hint: "to resume, rerun the command that began it; its messages are in " + filepath.Join(a.filesIn(s.Dir), "quarry.log"),
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
