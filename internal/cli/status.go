package cli

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/cli/board"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/report"
	"quarry/internal/outcome/review"
	"quarry/internal/run/book"
)

func (a *App) statusCommand() *cobra.Command {
	var verbose bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the state of a run, its shards and jobs",
		Long: `Status reads the ledger of a run, also while another process works on the run. It shows the stages,
the shards and their jobs, the tokens, the cost next to the forecast and the cap, failures by class,
and when the run will be done and why. It fits one screen: shards for which there is no room are
counted. With -v it shows every shard, and ARNs in full.

Exit codes: 0 done · 2 usage · 4 denied · 6 provider or database`,
		Example: `  quarry status --dir quarry-run
  quarry status --run k3v9q2m7xa --ledger postgres://quarry@db/quarry`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.status(cmd.Context(), &s.Settings, verbose)
		},
	}
	bind(cmd, "dir", "prices")
	bindLedger(cmd)
	bindVerbose(cmd, &verbose)
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
	// Progress is how far the last reading came.
	Progress reached `json:"progress"`
	// State is what becomes of a run of a ledger, and Halted why it is halted or stopped; empty: it is a directory's.
	State  book.State `json:"state,omitempty"`
	Halted book.Halt  `json:"halted,omitempty"`
	// Cap is --max-usd of the last command; null: none.
	Cap *quarry.USD `json:"cap_usd"`
	// Forecast is what the last reading is expected to take, by the pilot once it was read; null: not forecast yet.
	Forecast *report.Expected `json:"forecast"`
	// Question is what the run waits for until it is approved; null: nothing.
	Question *review.Question `json:"question"`
	// Deadline is that of the last reading; null: there is none.
	Deadline *report.Deadline `json:"deadline"`
	// Failures are the most frequent messages that attempts failed with so far.
	Failures []report.Failure `json:"failures"`
	// LastPass and WholeRun are what was sent, and what the answers that were collected took; null: nothing is planned yet.
	LastPass *report.Pass     `json:"last_pass"`
	WholeRun *report.WholeRun `json:"whole_run"`
}

// bindVerbose adds -v.
func bindVerbose(cmd *cobra.Command, verbose *bool) {
	cmd.Flags().BoolVarP(verbose, "verbose", "v", false, "show every shard, and ARNs and messages in full")
}

func (a *App) status(ctx context.Context, s *config.Settings, verbose bool) (err error) {
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	if err := a.share(ctx, s, nil, &open); err != nil {
		return err
	}
	prices, err := compose.Prices(s)
	if err != nil {
		return err
	}
	o, err := a.look(ctx, s.Dir, prices)
	if err != nil {
		return err
	}
	failed, err := a.failuresNow(ctx, s.Dir, o.shards)
	if err != nil {
		return err
	}
	if a.json {
		return a.writeJSON(o.status(failed, nil))
	}
	size := board.Size{Width: a.pageWidth(), Lines: screenLines}
	if l := a.newLive(a.Stdout); l != nil {
		size = l.room()
	}
	if verbose {
		size.Lines = 0
	}
	_, err = io.WriteString(a.Stdout, strings.Join(o.page(failed, verbose).Lines(size), "\n")+"\n")
	return err
}

// screenLines is a screen where there is no terminal.
const screenLines = 24

// status is the overview for programs.
func (o *overview) status(failed []report.Failure, pace *board.Pace) runStatus {
	c := o.count()
	now := runStatus{
		Run: string(o.head.Run), Done: o.head.Ended(), Shards: []shardStatus{}, Progress: o.reach(&c, pace), Cap: o.head.Cap,
		Forecast: o.forecast(), Question: o.waits, Deadline: o.deadline(), Failures: failed, State: o.state,
	}
	if o.state != book.Running {
		now.Halted = o.head.Why()
	}
	for i := range o.shards {
		s := &o.shards[i]
		now.Shards = append(now.Shards,
			shardStatus{s.ID, s.State, s.Mode, s.Records, s.Job.ARN, s.Job.Status, s.Job.Counts, s.Waits, s.Tally, s.Pool})
	}
	if last := o.history.Last(); last != nil {
		now.LastPass, now.WholeRun = last, &o.history.Whole
	}
	return now
}
