package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/cost"
	"quarry/internal/effect"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/report"
	"quarry/internal/run"
	"quarry/internal/run/book"
)

func (a *App) adoptCommand() *cobra.Command {
	var id string
	cmd := &cobra.Command{
		Use:   "adopt --run ID",
		Short: "Take over the jobs of a run whose directory is lost",
		Long: `Adopt takes over a run whose directory is lost or on another machine. Given the id of the run and
its bucket, it finds the jobs of the run by name, collects those that have ended, and records those
that are still running. It sends nothing. DIR must be empty.

On-demand calls (--mode ondemand or flex, --rescue) cannot be taken over, because the provider does
not keep their answers. No other process may work on the run at the same time.

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
			Kind: quarry.BadUsage, Op: "adopt", Subject: fmt.Sprintf("run %q", id), Err: errors.New("a run id has ten of a-z and 0-9"),
			Hint: "name it with --run; it was printed when the run began, and is in the names of its jobs: quarry-<run>-s00001-a1",
		}
	}
	if err := notLocal(loaded, "adopt", "run "+string(id), "quarry adopt --run "+string(id)); err != nil {
		return err
	}
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	show := a.newProgress()
	defer show.close()
	defer func() { show.log.end(err) }()
	r, dir, err := a.wireHome(ctx, s, "adopt", &open, show)
	if err != nil {
		return err
	}
	found, err := r.Adopt(ctx, id)
	if err != nil {
		return err
	}
	h, err := r.BringHome(ctx, false)
	show.close()
	if err != nil {
		return err
	}
	if a.json {
		out := homeJSONOf(&h, dir)
		out.Jobs, out.Unsent = found.Jobs, found.Unsent
		if err := a.writeJSON(&out); err != nil {
			return err
		}
	}
	a.say("run %s of %s: %s taken over", id, found.Created, figure.Count(found.Jobs, "job"))
	if n := len(found.Unsent); n > 0 {
		a.say("%s more input files in the bucket were never submitted", figure.Thousands(int64(n)))
	}
	a.printHome(&h, s.Dir)
	a.say("then name the sources again, and the rest is asked: quarry run SOURCE… --target aws --dir %s", s.Dir)
	return errors.Join(h.Errors...)
}

// notLocal refuses what only the account can answer where the target is local: nothing is sent to AWS unless the target
// says so.
func notLocal(s *config.Loaded, op, subject, command string) error {
	if s.Target != "local" {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: op, Subject: subject, Err: fmt.Errorf("the target is local (%s), and only AWS knows this job or run", s.Origins()["target"]),
		Hint: command + " --target aws asks AWS, or the `quarry local` that AWS_ENDPOINT_URL names",
	}
}

// wireHome puts together what brings a run home: its ledger and its provider, no sources and no prompt.
func (a *App) wireHome(ctx context.Context, s *config.Settings, command string, c *compose.Closers, show *progress) (*run.Run, string, error) {
	e := effect.New(nil)
	dir, err := compose.OpenDir(e, s, c)
	if err != nil {
		return nil, "", err
	}
	if show.log, err = openRunLog(e, dir, command, a.Version, nil, c); err != nil {
		return nil, "", err
	}
	l, err := ledger.Open(ctx, e, filepath.Join(dir, "ledger.db"))
	if err != nil {
		return nil, "", err
	}
	c.Add(l.Close)
	head, err := book.Of(l).Head(ctx)
	if err != nil {
		return nil, "", err
	}
	placeOf(&head, s)
	where, err := a.parts().OpenProvider(ctx, s, e, dir, c)
	if err != nil {
		return nil, "", err
	}
	workers := s.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	cfg := run.Config{
		Asked: run.Asked{Model: s.Model, Mode: quarry.Mode(s.Mode), Attempts: s.Attempts},
		Place: run.Place{Dir: dir, Local: s.Target == "local", Free: where.Free, Region: where.AWS.Region},
		Gate:  run.Gate{PilotMinValid: s.PilotMinValid},
		Means: run.Means{Version: a.Version, Prices: cost.Default(), Workers: workers, KeepShards: s.KeepShards},
	}
	if ask, err := a.parts().Asking(s); err == nil { // what a run of an older format does not say of itself
		cfg.Settings, cfg.Type, cfg.Check, cfg.Prompt, cfg.Family = ask.Settings, ask.Prompt.Invocation(), ask.Checker, ask.Renderer, ask.Model.Family
		cfg.MaxOutput, cfg.MaxTokens = int(ask.Model.MaxOutput), ask.MaxTokens()
	}
	pools, home := where.PoolsOfRun(&head)
	if home != "" {
		cfg.Model = home
	}
	return run.New(cfg, run.Deps{Effects: e, Ledger: l, Bucket: where.Bucket, Bedrock: where.Bedrock, Watch: show.event, Pools: pools, PoolAt: where.PoolAt}), dir, nil
}

// placeOf fills in where a run that is known already was sent.
func placeOf(h *book.Head, s *config.Settings) {
	if h.Target != "" {
		s.Target = h.Target
	}
	if len(s.Regions) == 0 && h.Region != "" && s.Target == "aws" {
		s.Regions = []string{h.Region}
	}
	if s.Bucket == "" && s.Target == "aws" {
		s.Bucket = h.Bucket
	}
}

// homeJSON is what adopt and collect tell programs of a run.
type homeJSON struct {
	Run       quarry.RunID     `json:"run"`
	Dir       string           `json:"dir"`
	Done      bool             `json:"done"`
	Jobs      int              `json:"jobs"`
	Running   []shardStatus    `json:"running"`
	Unsent    []quarry.ShardID `json:"unsent"`
	Documents report.Documents `json:"documents"`
	Tokens    report.Tokens    `json:"tokens"`
	CostUSD   *quarry.USD      `json:"cost_usd"`
	Faults    []string         `json:"faults"`
}

func homeJSONOf(h *run.Home, dir string) homeJSON {
	out := homeJSON{
		Run: h.Run, Dir: dir, Done: h.Done, Jobs: len(h.Report.Jobs), Running: []shardStatus{}, Unsent: []quarry.ShardID{},
		Documents: h.Report.Documents, Tokens: h.Report.Tokens, CostUSD: h.Report.Cost.Actual, Faults: []string{},
	}
	for i := range h.Running {
		s := &h.Running[i]
		out.Running = append(out.Running, shardStatus{s.ID, s.State, s.Mode, s.Records, s.Job.ARN, s.Job.Status, s.Job.Counts, s.Waits, s.Tally, s.Pool})
	}
	for i := range h.Unsent {
		out.Unsent = append(out.Unsent, h.Unsent[i].ID)
	}
	for _, err := range h.Errors {
		out.Faults = append(out.Faults, err.Error())
	}
	return out
}

// printHome says what was brought home, and what was not.
func (a *App) printHome(h *run.Home, dir string) {
	a.printOutcome(&run.Outcome{Run: h.Run, Planned: h.Planned, Totals: h.Totals, Report: h.Report}, dir)
	for i := range h.Running {
		s := &h.Running[i]
		why := ""
		if s.Waits != "" {
			why = ": " + s.Waits
		}
		a.say("  %-12s %s, %s of %s%s", s.ID, s.Job.Status, figure.Thousands(s.Job.Counts.Processed), figure.Count(s.Records, "record"), why)
	}
	if n := len(h.Running); n > 0 {
		a.say("%s not ended, and the answers are not here yet: quarry collect --dir %s --watch", figure.Clause(n, "job", "has", "have"), dir)
	}
}
