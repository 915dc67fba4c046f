// Package offline plans without a run: `quarry plan` and `quarry build`.
//
// It owns the forecast of a run that was not begun, and the input files that are built without one. It has no ledger, no
// bucket and no client of the provider, so it cannot send anything. What always holds: it writes to the directory of its
// planner, which is thrown away, and to the directory of a build; a run that a plan is compared with is only read.
package offline

import (
	"context"
	"slices"
	"time"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/tokens"
	"quarry/internal/run/book"
	"quarry/internal/run/cut"
	"quarry/internal/run/forecast"
	"quarry/internal/run/given"
	"quarry/internal/run/index"
	"quarry/internal/run/limits"
	"quarry/internal/run/plan"
	"quarry/internal/run/planner"
)

// Config is what is planned, and how it would be sent.
type Config struct {
	Planner  planner.Config
	Terms    planner.Terms
	Type     quarry.InvocationType
	By       string       // when a run would have to be done, RFC 3339 or a duration from now, with mode auto; empty: no deadline
	Known    given.Config // existing answers; no Path: none
	Settings string       // a digest of all that decides what is sent
	Request  string       // a digest of prompt, model and schema
	Of       string       // a digest of the sources and settings of a build: the same build may write into its directory again
}

// Finished is a run with a finished pass, which a forecast is compared with.
type Finished struct {
	Dir      string
	Pass     int
	Plan     plan.Plan
	Settings string            // of the pass
	Learned  *forecast.Learned // nil: nothing
	Piloted  []string          // the prompts, models and schemas whose pilot was passed
	Known    string            // the stamp of the file of existing answers; empty: not known
	Given    *plan.Plan        // as these were imported; nil: there are none
}

// FinishedRun reads what a plan is compared with from the book of the run in a directory; nil: no pass of it is finished.
func FinishedRun(ctx context.Context, dir string, b *book.Book) (*Finished, error) {
	head, err := b.Head(ctx)
	if err != nil || head.Finished == 0 {
		return nil, err
	}
	last, err := b.Pass(ctx, head.Finished)
	if err != nil || last.Plan == nil {
		return nil, err
	}
	imported, err := b.Pass(ctx, planner.ImportedPass)
	return &Finished{
		Dir: dir, Pass: head.Finished, Plan: *last.Plan, Settings: head.FinishedSettings, Learned: head.Learned, Piloted: head.Piloted,
		Known: head.Known, Given: imported.Plan,
	}, err
}

// Forecast is what a run over the sources would take.
type Forecast struct {
	Planned plan.Plan           `json:"planned"`
	Tokens  tokens.Band         `json:"input_tokens"`
	Output  tokens.Band         `json:"output_tokens"`
	Basis   string              `json:"basis"` // what the range of the input tokens rests on
	Usage   quarry.Usage        `json:"usage"` // the estimates of both
	Modes   []forecast.ModePlan `json:"modes"`
	Cache   forecast.CachePlan  `json:"cache"`
	Window  *forecast.Window    `json:"context,omitempty"` // of the back end; nil: there is none, or it does not say
	LeftOut []string            `json:"left_out"`          // settings that are not sent because the model refuses them
	Quotas  quarry.Quotas       `json:"quotas"`

	Recommended quarry.Mode `json:"recommended"`
	Why         string      `json:"why"`
	Known       *Known      `json:"known,omitempty"` // compared with the run in the directory; nil where there is none
}

// Known says how the sources compare with what a run knows already.
type Known struct {
	New     int64 `json:"new"`
	Changed int64 `json:"changed"` // their request is another now
	Again   int64 `json:"again"`   // known, without an answer yet
	Same    int64 `json:"same"`    // they have their answer
	Gone    int64 `json:"gone"`
}

// Plan reads the sources and says what a run would take. was is a run that it is compared with; nil: none.
func Plan(ctx context.Context, cfg Config, was *Finished) (f Forecast, err error) {
	if err := cfg.setDeadline(); err != nil {
		return f, err
	}
	earlier := planner.Earlier{}
	if was != nil {
		cfg.compareWith(was)
		before := index.Of(nil, was.Dir, was.Pass).Known(was.Plan.Orders)
		defer before.Close()
		earlier.Before, earlier.Answered = before, was.Dir
	}
	if earlier.Given, err = cfg.given(ctx, was); err != nil {
		return f, err
	}
	if earlier.Given != nil {
		defer earlier.Given.Close()
	}
	p, _, err := cfg.plan(ctx, earlier)
	if err != nil {
		return f, err
	}
	prompt, quotas := cfg.Planner.Prepare.Prompt, cfg.Terms.Bounds.Quotas
	e := cfg.Terms.Basis.Expect()
	f = Forecast{
		Planned: p, Tokens: e.Input, Output: e.Output, Basis: e.Basis, Usage: e.Usage(),
		LeftOut: append([]string{}, prompt.LeftOut()...), Quotas: quotas,
	}
	if was != nil {
		f.Known = &Known{New: p.Asked - p.Changed - p.Again, Changed: p.Changed + p.Stale, Again: p.Again, Same: p.Unchanged - p.Stale, Gone: p.Gone}
	}
	if cfg.Planner.Window.Known() {
		f.Window = &cfg.Planner.Window
	}
	f.Modes, f.Cache = cfg.Terms.Basis.Prices.Compare(forecast.Work{
		Expectation: e, First: p.Records(), Stages: p.Stages(), Jobs: p.Shards,
		Prefix: tokens.Default(cfg.Planner.Answers.Family).Total(clean.Classes(prompt.Prefix()), 0), Quotas: quotas,
	})
	f.Recommended, f.Why = forecast.Recommend(f.Modes)
	if d := cfg.Terms.Deadline; d != nil { // the notes say why
		f.Recommended, f.Why = p.Mode, "the cheapest way to finish by "+limits.Moment(d.By)
	}
	return f, nil
}

// plan makes the plan of a first pass, and its rows with their ids.
func (c *Config) plan(ctx context.Context, earlier planner.Earlier) (plan.Plan, []ledger.Shard, error) {
	p, err := c.Planner.Plan(ctx, earlier)
	if err != nil {
		return p, nil, err
	}
	rows, err := c.Terms.Rows(ctx, &p, index.Of(c.Planner.Effects, c.Planner.Dir, p.Pass))
	cut.Number(rows, map[quarry.ShardKind]int{}, 0)
	return p, rows, err
}

// setDeadline holds a deadline, from now on, where the mode lets calls take the place of jobs.
func (c *Config) setDeadline() (err error) {
	if c.By == "" || c.Terms.Mode != quarry.ModeAuto {
		return nil
	}
	now := time.Now()
	c.Terms.Deadline, err = limits.NewDeadline(c.By, now, now)
	return err
}

// compareWith takes over what a run learned of the same prompt, model and schema. One pilot is enough for them.
func (c *Config) compareWith(was *Finished) {
	if was.Learned != nil && was.Learned.Request == c.Request {
		c.Planner.Learned, c.Terms.Basis.Learned = was.Learned, was.Learned
	}
	if was.Settings == c.Settings || slices.Contains(was.Piloted, c.Request) {
		c.Planner.Pilot = 0
	}
}

// given opens existing answers: those that the other run has, else those of the file that the command names.
func (c *Config) given(ctx context.Context, was *Finished) (*planner.Given, error) {
	if was != nil && was.Given != nil {
		if note := planner.OtherKnown(c.Known.Path, was.Known, was.Given.Given); note != "" {
			c.Planner.Watch.Note(note)
		}
		return planner.OpenGiven(nil, was.Dir, *was.Given, c.Known.Path), nil
	}
	if c.Known.Path == "" {
		return nil, nil
	}
	p, err := planner.Import(ctx, c.Planner.Effects, c.Planner.Dir, c.Known, c.Planner.Watch)
	if err != nil {
		return nil, err
	}
	return planner.OpenGiven(c.Planner.Effects, c.Planner.Dir, p, c.Known.Path), nil
}
