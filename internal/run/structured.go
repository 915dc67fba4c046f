package run

import (
	"context"

	"quarry/internal/outcome/report"
	"quarry/internal/run/book"
	"quarry/internal/run/event"
	"quarry/internal/run/pilot"
)

// recallStructured decides on the answer schema before anything is built, by what earlier pilots found.
func (r *Run) recallStructured(ctx context.Context) error {
	if !r.asked.StructuredAuto || !r.asked.Prompt.Structured() {
		return nil
	}
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	r.asked = r.asked.decided(pilot.SendSchema(head.Structured[r.current().asks()], r.planned.Pilot > 0))
	return nil
}

// decideStructured makes the pilot's finding durable, before anything of the rest is built.
func (r *Run) decideStructured(ctx context.Context, p *pilot.Outcome) error {
	found := p.Schema()
	if !r.asked.StructuredAuto || !r.asked.Prompt.Structured() || found == "" {
		return nil
	}
	head, err := r.book.Head(ctx)
	if err != nil || head.Structured[r.current().asks()] == found {
		return err
	}
	err = r.book.Change(ctx, r.planned.Pass, func(h *book.Head, _ *book.Pass) {
		if h.Structured == nil {
			h.Structured = map[string]book.Finding{}
		}
		h.Structured[r.current().asks()] = found
	})
	if err != nil {
		return err
	}
	if found == book.SchemaRefused {
		r.deps.Watch.Send(event.Event{
			Kind: event.Note,
			Text: "the provider refuses structured output for " + r.asked.Model + ": everything is sent without it, including the pilot's records",
		})
	}
	return r.recallStructured(ctx)
}

func (r *Run) structuredReport() *report.Structured {
	if r.asked.Prompt == nil { // a job that another program submitted
		return nil
	}
	s := &report.Structured{Setting: "off", Sent: r.asked.Prompt.Structured(), Why: r.asked.StructuredWhy}
	switch {
	case r.asked.StructuredAuto:
		s.Setting = "auto"
	case s.Sent:
		s.Setting = "on"
	}
	return s
}
