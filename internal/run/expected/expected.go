// Package expected keeps what is expected of a pass: before its first record is sent, and after its pilot was read.
//
// It owns when a forecast is made and that it is durable, and the question before the first record. How a forecast is computed is in
// package forecast; what a pilot teaches is in package pilot. It reads and changes the book only. What always holds: a forecast is in the
// book before anything is sent, so a report compares with what was said then; what was learned of another prompt, model or schema is
// not used.
package expected

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/figure"
	"quarry/internal/outcome/report"
	"quarry/internal/outcome/review"
	"quarry/internal/run/book"
	"quarry/internal/run/forecast"
	"quarry/internal/run/plan"
	"quarry/internal/run/spec"
)

// Forecast is what is expected of a pass as it is known now.
type Forecast struct {
	book.Forecast
	Learned *forecast.Learned // of answers to the same prompt, model and schema; nil: none was read
	Book    *book.Book
	Pass    int
	Texts   File // of its pilot
}

// Recall reads what was learned and expected before this process began. request is the digest of prompt, model and schema.
func (f *Forecast) Recall(ctx context.Context, request string) error {
	head, err := f.Book.Head(ctx)
	if err != nil {
		return err
	}
	pass, err := f.Book.Pass(ctx, f.Pass)
	if err != nil {
		return err
	}
	if pass.Forecast != nil {
		f.Forecast = *pass.Forecast
		if err := f.Texts.fill(&f.Forecast); err != nil {
			return err
		}
	}
	if head.Learned != nil {
		f.Learned = head.Learned
	}
	if f.Learned != nil && f.Learned.Request != request {
		f.Learned = nil
	}
	return nil
}

// Make makes the forecast of a planned pass durable, unless an earlier process has.
func (f *Forecast) Make(ctx context.Context, c *spec.Config, planned *plan.Plan) error {
	if err := f.Recall(ctx, c.RequestDigest()); err != nil {
		return err
	}
	if f.Before != nil || planned.Asked == 0 {
		return nil
	}
	before := f.Basis(c, planned).Expected(planned.Mode, planned.Stages())
	f.Before = &before
	return f.Keep(ctx)
}

// Keep makes the forecast durable, and what it rests on.
func (f *Forecast) Keep(ctx context.Context) error {
	bare, err := f.Texts.keep(f.Forecast)
	if err != nil {
		return err
	}
	return f.Book.Change(ctx, f.Pass, func(h *book.Head, kept *book.Pass) {
		kept.Forecast = &bare
		if f.Learned != nil {
			h.Learned = f.Learned
		}
	})
}

// Basis is what the forecast rests on now.
func (f *Forecast) Basis(c *spec.Config, planned *plan.Plan) *forecast.Basis {
	return &forecast.Basis{Model: c.Answerer(), Prices: c.HomePrices(), Learned: f.Learned, Texts: planned.Texts()}
}

// Question asks a person before the first record is sent. The deadline's own part, the run and the digest are added by the caller.
func (f *Forecast) Question(c *spec.Config, planned *plan.Plan, again bool) review.Question {
	rough := "a rough estimate, before any answer was read"
	if f.Learned != nil {
		rough = "based on the pilot's answers"
	}
	text := fmt.Sprintf("Send %[2]s to %[1]s in %[3]s, mode %[4]s, %[5]s?",
		c.Model, figure.Count(planned.Asked, "document"), c.Region, ModeClass(planned.Mode), price(f.Before, rough))
	if rest := planned.Asked - planned.Pilot; planned.Pilot > 0 && rest > 0 {
		then := "Quarry asks again before it sends the other %d."
		if !again {
			then = "if enough of its answers are good, the other %d are sent without a further question."
		}
		text += fmt.Sprintf(" A pilot of %d of them is sent first; "+then, planned.Pilot, rest)
	}
	if n := planned.Beyond; n > 0 {
		text += fmt.Sprintf(" %s may not fit the back end's context of %s.", figure.Count(n, "document"), figure.Count(c.Window.Tokens, "token"))
	}
	q := review.Question{Pass: planned.Pass, Asks: review.First, Text: text, Documents: planned.Asked}
	if b := f.Before; b != nil {
		q.Forecast = review.Forecast{Cost: b.Cost, CostLow: b.CostLow, CostHigh: b.CostHigh, Input: b.Input.Estimate, Output: b.Output.Estimate}
	}
	return q
}

// Digest tells a question from that of another plan: it covers the documents, the requests, where they are sent, the class of the price
// and the amount. late is the time from which records are sent as calls; zero: there is none.
func Digest(c *spec.Config, planned *plan.Plan, q *review.Question, late time.Time) string {
	b, err := json.Marshal([]any{
		q.Run, q.Pass, q.Asks, q.Documents, q.Forecast, planned, c.Settings, c.Model, c.Region, c.Bounds(q.Pass).MayCall(), late,
	})
	if err != nil { // these are plain values
		panic(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// ModeClass names a mode with the class of its price.
func ModeClass(m quarry.Mode) string {
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
