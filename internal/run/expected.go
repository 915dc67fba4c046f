package run

import (
	"context"
	"fmt"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/figure"
	"quarry/internal/outcome/report"
	"quarry/internal/run/book"
	"quarry/internal/run/forecast"
)

// recall reads what was learned and foreseen before this process began.
func (r *Run) recall(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	pass, err := r.book.Pass(ctx, r.planned.Pass)
	if err != nil {
		return err
	}
	if pass.Forecast != nil {
		r.foreseen = *pass.Forecast
	}
	if head.Learned != nil {
		r.learned = head.Learned
	}
	if r.learned != nil && r.learned.Asks != r.current().asks() { // of another prompt, model or schema
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
	return r.keepForecast(ctx)
}

// keepForecast keeps what was forecast, and what it rests on.
func (r *Run) keepForecast(ctx context.Context) error {
	return r.book.Change(ctx, r.planned.Pass, func(h *book.Head, p *book.Pass) {
		p.Forecast = &r.foreseen
		if r.learned != nil {
			h.Learned = r.learned
		}
	})
}

// basis is what the forecast of the pass rests on now.
func (r *Run) basis() *forecast.Basis {
	return &forecast.Basis{Model: r.current().answers(), Prices: r.current().prices(), Learned: r.learned, Texts: r.planned.Texts()}
}

// question is what a person is asked before the first call.
func (r *Run) question() string {
	rough := "a rough estimate, before any answer was read"
	if r.learned != nil {
		rough = "based on the pilot's answers"
	}
	text := fmt.Sprintf("Send %[2]s to %[1]s in %[3]s, mode %[4]s, %[5]s?", r.asked.Model, figure.Count(r.planned.Asked, "document"), r.cfg.Region, modeClass(r.planned.Mode), price(r.foreseen.Before, rough))
	if rest := r.planned.Asked - r.planned.Pilot; r.planned.Pilot > 0 && rest > 0 {
		text += fmt.Sprintf(" A pilot of %d of them is sent first; Quarry asks again before it sends the other %d.", r.planned.Pilot, rest)
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
