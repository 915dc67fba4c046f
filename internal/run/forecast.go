package run

import (
	"context"
	"encoding/json"
	"fmt"

	"quarry"
	"quarry/internal/cost"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/report"
	"quarry/internal/run/forecast"
)

// foreseen is what was expected of a pass, and what its pilot came to. It is a fact of the run.
type foreseen struct {
	Before *report.Expected `json:"before,omitempty"`
	After  *report.Expected `json:"after,omitempty"`
	Pilot  *report.Pilot    `json:"pilot,omitempty"`
}

func (r *Run) foreseenFact() string { return fmt.Sprintf("forecast.%d", r.planned.Pass) }

// asks tells one prompt, model and schema from another.
func (r *Run) asks() string {
	if r.cfg.Asks != "" {
		return r.cfg.Asks
	}
	return r.cfg.Settings
}

// recall reads what was learned and foreseen before this process began.
func (r *Run) recall(ctx context.Context) error {
	for name, into := range map[string]any{learnedFact: &r.learned, r.foreseenFact(): &r.foreseen} {
		text, ok, err := r.ledger.Fact(ctx, name)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := json.Unmarshal([]byte(text), into); err != nil {
			return fmt.Errorf("read the run's %s: %w", name, err)
		}
	}
	if r.learned != nil && r.learned.Asks != r.asks() {
		r.learned = nil
	}
	return nil
}

// LearnedFacts are the names under which a run's ledger keeps what its answers taught: what [Beside] wants to know.
func LearnedFacts() []string { return []string{learnedFact, pilotedFact} }

const learnedFact = "learned"

// takeLearned lets a forecast rest on what another run's ledger keeps, where that was asked with the same prompt, model and
// schema.
func (r *Run) takeLearned(facts map[string]string) error {
	for name, into := range map[string]any{learnedFact: &r.learned, pilotedFact: &r.passed} {
		if text := facts[name]; text != "" {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				return fmt.Errorf("read the run's %s: %w", name, err)
			}
		}
	}
	if r.learned != nil && r.learned.Asks != r.asks() {
		r.learned = nil
	}
	return nil
}

// foresee makes the forecast of a pass durable, before anything is asked: a report compares with what was said then.
func (r *Run) foresee(ctx context.Context) error {
	if err := r.recall(ctx); err != nil {
		return err
	}
	if r.foreseen.Before != nil || r.planned.Asked == 0 {
		return nil
	}
	before := r.basis().Expected(r.planned.Mode, r.planned.Stages())
	r.foreseen.Before = &before
	return r.keepForecast(ctx, nil)
}

func (r *Run) keepForecast(ctx context.Context, with map[string]any) error {
	facts := map[string]string{}
	values := map[string]any{r.foreseenFact(): &r.foreseen}
	for name, v := range with {
		values[name] = v
	}
	for name, v := range values {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		facts[name] = string(b)
	}
	return r.ledger.SetFacts(ctx, facts)
}

// basis is what the forecast of the pass rests on now.
func (r *Run) basis() *forecast.Basis {
	return &forecast.Basis{Model: r.answers(), Prices: r.prices(), Learned: r.learned, Texts: r.planned.Texts()}
}

// answers is what a forecast must know of who answers.
func (r *Run) answers() forecast.Model {
	return forecast.Model{Family: r.cfg.Family, MaxTokens: r.cfg.MaxTokens}
}

// prices are those of the requested model at home.
func (r *Run) prices() forecast.Prices {
	return r.pricesAt(ledger.Pool{Region: r.cfg.Region, Model: r.cfg.Model})
}

func (r *Run) pricesAt(p ledger.Pool) forecast.Prices {
	return forecast.Prices{Table: r.cfg.Prices, Model: p.Model, Region: p.Region}
}

// question is what a person is asked before the first call.
func (r *Run) question() string {
	rough := "a rough estimate, before any answer was read"
	if r.learned != nil {
		rough = "as the pilot's answers cost"
	}
	text := fmt.Sprintf("Ask %s about %s in %s, mode %s, %s?", r.cfg.Model, figure.Count(r.planned.Asked, "document"), r.cfg.Region, modeClass(r.planned.Mode), price(r.foreseen.Before, rough))
	if rest := r.planned.Asked - r.planned.Pilot; r.planned.Pilot > 0 && rest > 0 {
		text += fmt.Sprintf(" A pilot of %d of them goes first, and you are asked again before the other %d.", r.planned.Pilot, rest)
	}
	if n := r.planned.Beyond; n > 0 {
		text += fmt.Sprintf(" %s may not fit the back end's context of %s.", figure.Count(n, "document"), figure.Count(r.cfg.Window.Tokens, "token"))
	}
	return text + r.deadlineQuestion()
}

// modeClass names a mode with the class of its price.
func modeClass(m quarry.Mode) string {
	switch m {
	case quarry.ModeOnDemand:
		return string(m) + " (on-demand calls at the on-demand price)"
	case quarry.ModeFlex:
		return string(m) + " (on-demand calls at the flex price)"
	}
	return string(m)
}

// price says what is expected to be paid, with its range.
func price(e *report.Expected, how string) string {
	if e == nil || e.Cost == nil {
		return "at a price that is not known (" + cost.UnknownHelp + ")"
	}
	return fmt.Sprintf("for about %s (%s to %s; %s)", e.Cost, e.CostLow, e.CostHigh, how)
}
