package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/config"
	"quarry/internal/effect"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/report"
	"quarry/internal/run"
	"quarry/internal/run/book"
	"quarry/internal/trust"
)

// openLedger opens the ledger of a run to read it, also while a process works on the run.
func (a *App) openLedger(ctx context.Context, dir string) (*ledger.Ledger, error) {
	l, err := ledger.OpenReadOnly(ctx, effect.New(nil), filepath.Join(dir, "ledger.db"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "open run", Subject: dir, Err: errors.New("there is none"), Hint: "name the run directory with --dir, or begin one: quarry run SOURCE"}
	}
	return l, err
}

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
		now.Shards = append(now.Shards, shardStatus{s.ID, s.State, s.Mode, s.Records, s.Job.ARN, s.Job.Status, s.Job.Counts, s.Waits, s.Tally, s.Pool})
	}
	text = shardTable(now.Run, dir, shards)
	if now.Failures, err = run.FailuresNow(ctx, dir, shards); err != nil {
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

// failuresText shows the three most frequent messages and what to do about each.
func failuresText(list []report.Failure) string {
	var b strings.Builder
	for i := range list[:min(len(list), shownFailures)] {
		fmt.Fprintf(&b, "failures: %s\n          %s\n", plain(run.FailureText(&list[i])), plain(list[i].Hint))
	}
	return b.String()
}

// shownFailures is how many messages people see at once.
const shownFailures = 3

func shardTable(id, dir string, shards []ledger.Shard) string {
	var b strings.Builder
	fmt.Fprintf(&b, "run %s in %s\n", id, dir)
	if len(shards) == 0 {
		b.WriteString("nothing of it is planned, and nothing was sent: the run command plans and sends it (quarry run SOURCE)\n")
		return b.String()
	}
	w := tabwriter.NewWriter(&b, 2, 8, 2, ' ', 0)
	several := false
	for i := range shards {
		several = several || shards[i].Pool.Region != shards[0].Pool.Region || shards[i].Pool.Model != shards[0].Pool.Model
	}
	fmt.Fprintln(w, "shard\tstate\trecords\tjob\tprocessed\tok\tinvalid\tfailed\tleft\twaits for")
	for i := range shards {
		s := &shards[i]
		status := string(s.Job.Status)
		if several && s.Pool.Region != "" {
			status += " (" + s.Pool.Region + ")"
		}
		n := figure.Thousands[int64]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, s.State, n(s.Records), status, n(s.Job.Counts.Processed),
			n(s.Tally.OK), n(s.Tally.Invalid), n(s.Tally.Failed), n(s.Tally.Left), plain(s.Waits))
	}
	_ = w.Flush() // into memory
	return b.String()
}

func (a *App) reportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Print the report of a finished run: outcome, cost, duration",
		Long: `Report prints the contents of a run's report.json; with --json, it prints the file itself. The same
report is in report.html, in the run directory.

Exit codes: 0 done · 2 usage`,
		Example: `  quarry report --dir quarry-run`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			path := filepath.Join(s.Dir, "report.json")
			b, err := os.ReadFile(path)
			if err != nil {
				return &quarry.Error{Kind: quarry.BadUsage, Op: "read report", Subject: path, Err: bare(err), Hint: "a report is written when a run has ended: quarry run SOURCE"}
			}
			if a.json {
				_, err := a.Stdout.Write(b)
				return err
			}
			var rep run.Report
			if err := json.Unmarshal(b, &rep); err != nil {
				return &quarry.Error{Kind: quarry.BadUsage, Op: "read report", Subject: path, Err: err, Hint: "it was changed or cut off; the run command writes it again: quarry run SOURCE"}
			}
			page := *a // what was asked for is data, as with status and audit: --quiet is not about it
			page.Stderr, page.quiet = a.Stdout, false
			page.printOutcome(&run.Outcome{Run: rep.Run, Report: rep}, s.Dir)
			return nil
		},
	}
	bind(cmd, "dir")
	return cmd
}

func (a *App) configCommand() *cobra.Command {
	var trusted bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the effective settings and the origin of each value",
		Long: `Config prints every setting, its value and where the value comes from. Settings without a flag in
other commands (such as models, quotas and structured) are set in quarry.yaml or by a variable, such
as QUARRY_MODELS.

A quarry.yaml in the current folder is read automatically. Its fields, prompt, model and lower caps
take effect at once. A setting that names a destination, an account, a command, a variable or a
consent takes effect only if you name the file with -c or confirm it, at a question or with --trust.
The confirmation holds for this path and this content; it is kept in quarry/trusted.json in your
configuration directory. With --target aws --yes, the same holds for settings that change the cost.

Exit codes: 0 done · 2 usage`,
		Example: `  quarry config
  quarry config --trust`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if trusted {
				return a.trustFile(a.file)
			}
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			a.noteUnconfirmed(s)
			a.parts().SayMisspelled([]byte(s.Prompt.Schema), s.Prompt.SchemaAt)
			a.fillPrompt(&s.Settings)
			if a.json {
				return a.writeJSON(map[string]any{"settings": s.Values(), "origin": s.Origins(), "file": s.File})
			}
			text, err := s.Print()
			if err != nil {
				return err
			}
			fmt.Fprint(a.Stdout, text)
			return nil
		},
	}
	var names []string
	for _, s := range config.All() {
		names = append(names, s.Name)
	}
	bind(cmd, names...)
	cmd.Flags().BoolVar(&trusted, "trust", false, "confirm quarry.yaml, or the file given with -c, as it is now")
	return cmd
}

// noteUnconfirmed says which of the settings that are shown wait for a confirmation.
func (a *App) noteUnconfirmed(l *config.Loaded) {
	if l.Unasked == nil || len(l.Unasked.Needs) == 0 {
		return
	}
	place, digest, err := identity(l.Unasked)
	if err != nil {
		return
	}
	if store, err := trust.Default(); err == nil && store.Has(place, digest) {
		return
	}
	for _, n := range l.InForce(l.Unasked.Needs) {
		a.say("%s: %s takes effect only with -c %s, or after quarry config --trust", n.At, strings.ReplaceAll(n.Name, "-", "_"), l.Unasked.Path)
	}
}

// fillPrompt writes the defaults of the prompt into the settings, so that they can be looked at. Settings that fit no
// prompt stay as they are: the command that uses them says why.
func (a *App) fillPrompt(s *config.Settings) {
	ask, err := a.parts().Asking(s)
	if err != nil {
		return
	}
	p := ask.Prompt.Effective()
	s.Prompt.System, s.Prompt.User, s.Prompt.InvocationType, s.Prompt.MaxTokens = p.System, p.User, string(p.Type), p.MaxTokens
	s.Prompt.Temperature, s.Prompt.Schema = p.Temperature, config.Schema(p.Schema)
}

func (a *App) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version and how it was built",
		Long: `Version prints the version, the revision it was built from, and the version of Go.

Exit codes: 0 done`,
		Example: `  quarry version`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			revision, built := "unknown", ""
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					switch s.Key {
					case "vcs.revision":
						revision = s.Value
					case "vcs.time":
						built = s.Value
					}
				}
			}
			if a.json {
				return a.writeJSON(map[string]string{"version": a.Version, "revision": revision, "built": built, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
			}
			fmt.Fprintf(a.Stdout, "quarry %s (revision %s, %s, %s/%s)\n", a.Version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
