package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"quarry/internal/cli/board"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/run/failures"
)

func (a *App) watchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Follow the state of a run until it is done",
		Long: `Watch shows what quarry run shows, for a run of another process, until the run is done or Ctrl-C. On a
terminal it draws the view again in its place; in a pipe it prints a line after each change, at most
one a second. With --json it prints what quarry status --json prints, on one line, after each change.

Exit codes: 0 done · 2 usage · 130 interrupted`,
		Example: `  quarry watch --dir quarry-run`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.watch(cmd.Context(), &s.Settings)
		},
	}
	bind(cmd, "dir", "prices")
	return cmd
}

func (a *App) watch(ctx context.Context, s *config.Settings) error {
	prices, err := compose.Prices(s)
	if err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	w := watcher{app: a, live: a.newLive(a.Stdout)}
	for {
		o, err := a.look(ctx, s.Dir, prices)
		if err != nil {
			return err
		}
		c := o.count()
		w.pace.See(o.at, c.done)
		if err := w.show(ctx, o); err != nil {
			return err
		}
		if o.head.Ended() {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// watcher shows one overview after the other.
type watcher struct {
	app   *App
	live  *live // nil: lines
	pace  board.Pace
	shown string // the last line
}

func (w *watcher) show(ctx context.Context, o *overview) error {
	line := ""
	switch {
	case w.app.json:
		failed, err := failures.Now(ctx, o.dir, o.shards)
		if err != nil {
			return err
		}
		now := o.status(failed, &w.pace)
		b, err := json.Marshal(now)
		if err != nil {
			return fmt.Errorf("print status: %w", err)
		}
		line = string(b)
		now.Progress = reached{} // the clock alone changes nothing
		if b, err = json.Marshal(now); err != nil || string(b) == w.shown {
			return err
		}
		w.shown = string(b)
	case w.live != nil:
		w.live.draw(o.board(&w.pace).Lines(w.live.room()))
		return nil
	default:
		_, text := o.line(&w.pace)
		if line = plain(text); line == w.shown {
			return nil
		}
		w.shown = line
	}
	_, err := fmt.Fprintln(w.app.Stdout, line)
	return err
}
