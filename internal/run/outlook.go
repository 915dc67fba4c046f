package run

import (
	"context"

	"quarry"
	"quarry/internal/clean"
	"quarry/internal/run/forecast"
	"quarry/internal/run/limits"
	"quarry/internal/run/plan"
	"quarry/internal/tokens"
)

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
	Known       *Known      `json:"known,omitempty"` // beside the run in the directory; nil where there is none
}

// Plan reads the sources and says what a run would take. Nothing is asked of anybody; the index is written below the
// directory of the Config, which the caller may throw away.
func (r *Run) Plan(ctx context.Context) (Forecast, error) {
	r.pass = 1
	if _, err := r.plan(ctx); err != nil {
		return Forecast{}, err
	}
	e := r.basis().Expect()
	f := Forecast{
		Planned: r.planned, Tokens: e.Input, Output: e.Output, Basis: e.Basis, Usage: e.Usage(),
		LeftOut: append([]string{}, r.asked.Prompt.LeftOut()...), Quotas: r.cfg.Quotas, Known: r.compared(),
	}
	if r.cfg.Window.Known() {
		f.Window = &r.cfg.Window
	}
	f.Modes, f.Cache = r.prices().Compare(forecast.Work{
		Expectation: e, First: r.planned.Records(), Stages: r.planned.Stages(), Jobs: r.planned.Shards,
		Prefix: tokens.Default(r.asked.Family).Total(clean.Classes(r.asked.Prompt.Prefix()), 0), Quotas: r.cfg.Quotas,
	})
	f.Recommended, f.Why = forecast.Recommend(f.Modes)
	if d := r.clock.Held(); d != nil { // the notes say why
		f.Recommended, f.Why = r.planned.Mode, "the cheapest way to be done by "+limits.Moment(d.By)
	}
	return f, nil
}
