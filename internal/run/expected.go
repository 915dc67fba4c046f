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
func (p *pass) recall(ctx context.Context) error {
	head, err := p.book.Head(ctx)
	if err != nil {
		return err
	}
	pass, err := p.book.Pass(ctx, p.number)
	if err != nil {
		return err
	}
	if pass.Forecast != nil {
		p.foreseen = *pass.Forecast
	}
	if head.Learned != nil {
		p.learned = head.Learned
	}
	if p.learned != nil && p.learned.Asks != p.cfg.RequestDigest() { // of another prompt, model or schema
		p.learned = nil
	}
	return nil
}

// foresee makes the forecast of a pass durable, before anything is asked: a report compares with what was said then.
func (p *pass) foresee(ctx context.Context) error {
	if err := p.recall(ctx); err != nil {
		return err
	}
	if p.foreseen.Before != nil || p.planned.Asked == 0 {
		return nil
	}
	before := p.basis().Expected(p.planned.Mode, p.planned.Stages())
	p.foreseen.Before = &before
	return p.keepForecast(ctx)
}

// keepForecast keeps what was forecast, and what it rests on.
func (p *pass) keepForecast(ctx context.Context) error {
	return p.book.Change(ctx, p.number, func(h *book.Head, kept *book.Pass) {
		kept.Forecast = &p.foreseen
		if p.learned != nil {
			h.Learned = p.learned
		}
	})
}

// basis is what the forecast of the pass rests on now.
func (p *pass) basis() *forecast.Basis {
	return &forecast.Basis{Model: p.cfg.Answerer(), Prices: p.cfg.HomePrices(), Learned: p.learned, Texts: p.planned.Texts()}
}

// question is what a person is asked before the first call.
func (p *pass) question() string {
	rough := "a rough estimate, before any answer was read"
	if p.learned != nil {
		rough = "based on the pilot's answers"
	}
	text := fmt.Sprintf("Send %[2]s to %[1]s in %[3]s, mode %[4]s, %[5]s?", p.cfg.Model, figure.Count(p.planned.Asked, "document"), p.cfg.Region, modeClass(p.planned.Mode), price(p.foreseen.Before, rough))
	if rest := p.planned.Asked - p.planned.Pilot; p.planned.Pilot > 0 && rest > 0 {
		text += fmt.Sprintf(" A pilot of %d of them is sent first; Quarry asks again before it sends the other %d.", p.planned.Pilot, rest)
	}
	if n := p.planned.Beyond; n > 0 {
		text += fmt.Sprintf(" %s may not fit the back end's context of %s.", figure.Count(n, "document"), figure.Count(p.cfg.Window.Tokens, "token"))
	}
	if d := p.deadline.Held(); d != nil && p.planned.Mode == quarry.ModeJob {
		text += d.Question(p.work())
	}
	return text
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
