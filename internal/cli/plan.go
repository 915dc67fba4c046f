package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/account"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/cost"
	"quarry/internal/effect"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/run"
	"quarry/internal/run/forecast"
	"quarry/internal/run/planner"
)

// offline puts together a run that asks nobody, with its index in a directory that is thrown away.
func (a *App) offline(ctx context.Context, s *config.Settings, args []string, known string, window forecast.Window, open *compose.Closers, show func(run.Event)) (*run.Run, error) {
	if len(args) == 0 {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Err: errors.New("no source named"), Hint: "name a file or folder"}
	}
	ask, err := a.parts().Asking(s)
	if err != nil {
		return nil, err
	}
	if warning := ask.Unlisted(s); warning != "" {
		a.say("warning: %s", warning)
	}
	sources, err := a.parts().OpenSources(ctx, s, args, false)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(a.parts().CheckPrompt(ask), a.parts().CheckFields(ctx, s, args)); err != nil {
		return nil, err
	}
	if err := a.parts().CheckDocuments(ctx, s, ask, args); err != nil {
		return nil, err
	}
	a.parts().SayFilled(s, ask)
	e := effect.New(nil)
	dir, err := e.TempDir("")
	if err != nil {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "make a directory for the index", Err: err, Hint: "let TMPDIR name a directory that you can write to"}
	}
	open.Add(func() error { return e.RemoveAll(dir) })
	book, err := ledger.Open(ctx, e, filepath.Join(dir, "ledger.db"))
	if err != nil {
		return nil, err
	}
	open.Add(book.Close)
	where := &compose.Provider{}
	where.AWS.Region = account.DefaultRegion
	if len(s.Regions) > 0 {
		where.AWS.Region = s.Regions[0]
	}
	cfg := a.parts().RunConfig(s, ask, where, dir, args)
	if s.Target == "aws" {
		cfg.CallMargin = run.CallMargin
	}
	cfg.Known = known
	cfg.Local = true // nothing is refused for its price: nothing is sent
	cfg.ForAWS, cfg.Window = s.Target == "aws", window
	return run.New(cfg, run.Deps{Effects: e, Ledger: book, Sources: sources, Watch: show}), nil
}

func (a *App) planCommand() *cobra.Command {
	var known string
	cmd := &cobra.Command{
		Use:   "plan SOURCE…",
		Short: "Estimate documents, tokens, jobs, cost and time of a run",
		Long: `Plan reads and cleans the sources and estimates a run before anything is paid: how many documents
would be sent, their size, the number of tokens and jobs, and the cost and duration in batch, flex
and on-demand mode. If the run directory holds a finished run, plan also counts the new, changed,
unchanged and missing documents and estimates only what would be sent. Plan sends no document. It
reads sources on the network, and asks a back end (--backend) for the size of its context.

Exit codes: 0 done · 2 usage · 3 an item could not be read · 4 denied and 6 provider, for a source
on the network · 130 interrupted`,
		Example: `  quarry plan articles.jsonl
  quarry plan articles.jsonl --target aws --mode auto --by 6h`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.plan(cmd.Context(), &s.Settings, args, known)
		},
	}
	bind(cmd, slices.Concat([]string{"mode", "by", "dir", "pilot", "target", "region", "profile", "prices", "backend", "backend-model", "backend-key-env"}, nearFlags, asks)...)
	cmd.Flags().StringVar(&known, "known", "", knownHelp)
	return cmd
}

func (a *App) plan(ctx context.Context, s *config.Settings, args []string, known string) (err error) {
	if err := deadlineNeedsAuto(s); err != nil {
		return err
	}
	show := a.newProgress()
	defer show.close()
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	window, err := a.parts().Window(ctx, s)
	if err != nil {
		return err
	}
	r, err := a.offline(ctx, s, args, known, window, &open, show.event)
	if err != nil {
		return err
	}
	if err := compareWithRun(ctx, s, r); err != nil {
		return err
	}
	f, err := r.Plan(ctx)
	show.close()
	if err != nil {
		return a.whyNone(ctx, s, args, err)
	}
	if a.json {
		if err := a.writeJSON(f); err != nil {
			return err
		}
		return f.Planned.Err()
	}
	a.printForecast(s, &f)
	return f.Planned.Err()
}

func (a *App) printForecast(s *config.Settings, f *run.Forecast) {
	p := &f.Planned
	w := tabwriter.NewWriter(a.Stdout, 2, 8, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, plain(fmt.Sprintf(format, args...)))
	}
	row("documents", "%s, of which %s, %s empty, %s the same as another", figure.Thousands(p.Documents), figure.Agree(p.Asked, "is asked", "are asked"), figure.Thousands(p.Empty), figure.Thousands(p.Same))
	if n := p.Unreadable + p.SameID; n > 0 {
		row("left out", "%s that could not be read", figure.Count(n, "item"))
	}
	printKnown(row, f.Known, s.Dir)
	if g := p.Given; g != nil {
		row("given", "%s", planner.GivenText(g))
	}
	row("text", "%s MiB in the sources, %s MiB cleaned, %s MiB of records", mib(p.SourceBytes), mib(p.CleanedBytes), mib(p.LineBytes))
	if p.Cut > 0 {
		row("cut", "%s at the cap", figure.Count(p.Cut, "text"))
	}
	row("model", "%s", s.Model)
	basis := f.Basis
	if p.Asked == 0 {
		basis = "nothing is asked"
	}
	row("tokens", "about %s in (%s to %s), %s out (%s to %s): %s", figure.Thousands(f.Tokens.Estimate), figure.Thousands(f.Tokens.Low), figure.Thousands(f.Tokens.High),
		figure.Thousands(f.Output.Estimate), figure.Thousands(f.Output.Low), figure.Thousands(f.Output.High), basis)
	for _, left := range f.LeftOut {
		row("not sent", "%s, which the model refuses", left)
	}
	q := f.Quotas
	if q.MinRecords == 0 && q.RecordsPerJob == 0 {
		row("quotas", "of jobs: not known; calls: %s requests and %s tokens a minute", orUnknown(q.RPM), orUnknown(q.TPM))
	} else {
		row("quotas", "%s to %s a job, %s MiB a file, %s at once; calls: %s requests and %s tokens a minute (%s)", figure.Thousands(q.MinRecords), figure.Count(q.RecordsPerJob, "record"),
			mib(q.FileBytes), figure.Count(q.OpenJobs, "job"), orUnknown(q.RPM), orUnknown(q.TPM), q.Source)
	}
	for i := range f.Modes {
		m := &f.Modes[i]
		row(string(m.Mode), "%s", modeText(m))
		if m.Cached != nil {
			row("  cached", "about %s where the prompt's beginning is read from the cache", m.Cached)
		}
	}
	unknown := func(m forecast.ModePlan) bool { return m.Possible && m.Cost == nil }
	if slices.ContainsFunc(f.Modes, unknown) && !strings.Contains(f.Why, cost.UnknownHelp) {
		row("price", "not all are known: %s", cost.UnknownHelp)
	}
	row("cache", "%s", f.Cache.Note)
	row("best", "%s: %s", f.Recommended, f.Why)
	for _, note := range p.Notes {
		row("note", "%s", note)
	}
	_ = w.Flush() // stdout is gone; there is nobody left to tell
}

// modeText says what one way to buy the answers costs and takes.
func modeText(m *forecast.ModePlan) string {
	if !m.Possible {
		return "not possible: " + m.Note
	}
	text := "price unknown"
	if m.Cost != nil {
		text = fmt.Sprintf("about %s (%s to %s)", m.Cost, m.CostLow, m.CostHigh)
	}
	if m.Jobs == 1 {
		text += ", 1 job"
	} else if m.Jobs > 0 {
		text += fmt.Sprintf(", %s", figure.Count(m.Jobs, "job"))
	}
	if m.Seconds != nil {
		text += ", at least " + seconds(*m.Seconds)
	} else {
		text += ", time unknown"
	}
	return text + " (" + m.TimeBasis + ")"
}

func orUnknown(n int64) string {
	if n == 0 {
		return "an unknown number of"
	}
	return figure.Thousands(n)
}

func mib(n int64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }

func (a *App) buildCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "build SOURCE… -o DIR",
		Short: "Write batch input files and shards.json; no network",
		Long: `Build reads, cleans and renders the sources into Bedrock batch input files (*.jsonl) that fit the
quotas of the model, and writes shards.json, which lists their contents. DIR must be new or hold
the output of the same build, which is replaced. If DIR holds anything else, build names it and
stops.

Exit codes: 0 done · 2 usage · 3 an item could not be read · 4 denied and 6 provider, for a source
on the network · 130 interrupted`,
		Example: `  quarry build articles.jsonl -o batch`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if out == "" {
				return &quarry.Error{Kind: quarry.BadUsage, Op: "build", Err: errors.New("no output directory named"), Hint: "quarry build SOURCE -o DIR"}
			}
			return a.build(cmd.Context(), &s.Settings, args, out)
		},
	}
	bind(cmd, slices.Concat([]string{"target", "region", "profile"}, nearFlags, asks)...)
	cmd.Flags().StringVarP(&out, "output", "o", "", "`DIR` that the files are written into")
	return cmd
}

func (a *App) build(ctx context.Context, s *config.Settings, args []string, out string) (err error) {
	if s.Structured == "auto" {
		s.Structured = "off" // no pilot decides here, and every model takes a request without a schema
	}
	show := a.newProgress()
	defer show.close()
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	a.output = out
	r, err := a.offline(ctx, s, args, "", forecast.Window{}, &open, show.event)
	if err != nil {
		return err
	}
	built, err := r.Build(ctx, out)
	show.close()
	if err != nil {
		return a.whyNone(ctx, s, args, err)
	}
	if a.json {
		if err := a.writeJSON(built); err != nil {
			return err
		}
	}
	a.say("%s in %s, %s MiB, in %s", figure.Count(built.Records, "record"), figure.Count(len(built.Shards), "file"), mib(built.Bytes), out)
	if p := &built.Planned; built.SecondStage > 0 {
		a.say("%s longer than the limit and cut in %s; the second stage, %s to merge the answers, is made of those answers by quarry run",
			figure.Clause(p.Long, "document", "is", "are"), figure.Count(p.Parts, "part"), figure.Count(built.SecondStage, "record"))
	}
	if built.Records < built.Quotas.MinRecords {
		a.say("that is below the minimum of %s of a batch job", figure.Count(built.Quotas.MinRecords, "record"))
	}
	return built.Planned.Err()
}
