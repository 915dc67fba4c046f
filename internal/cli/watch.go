package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"quarry/internal/config"
)

func (a *App) watchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Follow the state of a run until it is done",
		Long: `Watch prints what quarry status prints each time it changes, until the run is done or Ctrl-C. With
--json it prints one line each time.

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
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	shown := ""
	for {
		now, text, err := a.statusNow(ctx, s)
		if err != nil {
			return err
		}
		if a.json {
			b, err := json.Marshal(now)
			if err != nil {
				return fmt.Errorf("print status: %w", err)
			}
			text = string(b) + "\n"
		}
		if text != shown {
			if _, err := a.Stdout.Write([]byte(text)); err != nil {
				return err
			}
			shown = text
		}
		if now.Done {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
