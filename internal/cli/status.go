package cli

import (
	"cmp"
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/config"
	"quarry/internal/outcome/report"
	"quarry/internal/run/book"
	"quarry/internal/run/failures"
)

func (a *App) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the state of a run, its shards and jobs",
		Long: `Status reads the ledger of a run, also while another process works on the run. It shows each shard
and its job, the tokens and cost of the last pass and of the whole run so far, and the forecast for
the last pass.

Exit codes: 0 done · 2 usage`,
		Example: `  quarry status --dir quarry-run`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.status(cmd.Context(), &s.Settings)
		},
	}
	bind(cmd, "dir", "prices")
	return cmd
}

// shardStatus is one line of `quarry status --json`.
type shardStatus struct {
	Shard   quarry.ShardID    `json:"shard"`
	State   quarry.ShardState `json:"state"`
	Mode    quarry.Mode       `json:"mode"`
	Records int64             `json:"records"`
	Job     quarry.JobARN     `json:"job,omitempty"`
	Status  quarry.JobStatus  `json:"status,omitempty"`
	Counts  quarry.JobCounts  `json:"counts"`
	Waits   string            `json:"waits,omitempty"`
	Tally   ledger.Tally      `json:"tally"`
	Pool    ledger.Pool       `json:"pool,omitzero"`
}

// runStatus is `quarry status --json`, and each line of `quarry watch --json`.
type runStatus struct {
	Run    string        `json:"run"`
	Done   bool          `json:"done"` // the last reading of the sources has come to its end
	Shards []shardStatus `json:"shards"`
	// Forecast is what the last reading is expected to take, by the pilot once it was read; null: not forecast yet.
	Forecast *report.Expected `json:"forecast"`
	// Deadline is that of the last reading; null: there is none.
	Deadline *report.Deadline `json:"deadline"`
	// Failures are the most frequent messages that attempts failed with so far.
	Failures []report.Failure `json:"failures"`
	// LastPass and WholeRun are what was sent, and what the answers that were collected took; null: nothing is planned yet.
	LastPass *report.Pass     `json:"last_pass"`
	WholeRun *report.WholeRun `json:"whole_run"`
}

func (a *App) status(ctx context.Context, s *config.Settings) error {
	now, text, err := a.statusNow(ctx, s)
	if err != nil {
		return err
	}
	if a.json {
		return a.writeJSON(now)
	}
	_, err = io.WriteString(a.Stdout, text)
	return err
}

// statusNow gives the state of a run for programs and for people.
func (a *App) statusNow(ctx context.Context, set *config.Settings) (now runStatus, text string, err error) {
	dir := set.Dir
	l, err := a.openLedger(ctx, dir)
	if err != nil {
		return now, "", err
	}
	defer func() { _ = l.Close() }()
	head, err := book.Of(l).Head(ctx)
	if err != nil {
		return now, "", err
	}
	pass, err := book.Of(l).Pass(ctx, head.Pass)
	if err != nil {
		return now, "", err
	}
	shards, err := l.Shards(ctx)
	if err != nil {
		return now, "", err
	}
	now = runStatus{Run: string(head.Run), Done: head.Ended(), Shards: []shardStatus{}}
	for i := range shards {
		s := &shards[i]
		now.Shards = append(now.Shards,
			shardStatus{s.ID, s.State, s.Mode, s.Records, s.Job.ARN, s.Job.Status, s.Job.Counts, s.Waits, s.Tally, s.Pool})
	}
	text = shardTable(now.Run, dir, shards)
	if now.Failures, err = failures.Now(ctx, dir, shards); err != nil {
		return now, "", err
	}
	text += failuresText(now.Failures)
	h, err := historyNow(ctx, l, set)
	if err != nil {
		return now, "", err
	}
	if last := h.Last(); last != nil {
		now.LastPass, now.WholeRun = last, &h.Whole
		text += tookText(&h)
	}
	if f := pass.Forecast; f != nil {
		now.Forecast = cmp.Or(f.After, f.Before)
	}
	if now.Forecast != nil {
		text += "forecast: " + expectedText(now.Forecast) + "\n"
	}
	if pass.Deadline != nil {
		now.Deadline = pass.Deadline.Report(shards, head.Pass, time.Now())
	}
	if now.Deadline != nil {
		text += "deadline: " + plain(deadlineText(now.Deadline, now.Done)) + "\n"
	}
	return now, text, nil
}
