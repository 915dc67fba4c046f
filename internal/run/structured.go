package run

import (
	"context"

	"quarry/internal/run/book"
	"quarry/internal/run/event"
	"quarry/internal/run/pilot"
)

// recallStructured decides on the answer schema before anything is built, by what earlier pilots found.
func (p *pass) recallStructured(ctx context.Context) error {
	if !p.cfg.StructuredAuto || !p.cfg.Prompt.Structured() {
		return nil
	}
	head, err := p.book.Head(ctx)
	if err != nil {
		return err
	}
	p.cfg.Asked = p.cfg.WithSchema(pilot.SendSchema(head.Structured[p.cfg.RequestDigest()], p.planned.Pilot > 0))
	return nil
}

// decideStructured makes the pilot's finding durable, before anything of the rest is built.
func (p *pass) decideStructured(ctx context.Context, out *pilot.Outcome) error {
	found := out.Schema()
	if !p.cfg.StructuredAuto || !p.cfg.Prompt.Structured() || found == "" {
		return nil
	}
	head, err := p.book.Head(ctx)
	if err != nil || head.Structured[p.cfg.RequestDigest()] == found {
		return err
	}
	err = p.book.Change(ctx, p.number, func(h *book.Head, _ *book.Pass) {
		if h.Structured == nil {
			h.Structured = map[string]book.Finding{}
		}
		h.Structured[p.cfg.RequestDigest()] = found
	})
	if err != nil {
		return err
	}
	if found == book.SchemaRefused {
		p.deps.Watch.Send(event.Event{
			Kind: event.Note,
			Text: "the provider refuses structured output for " + p.cfg.Model + ": everything is sent without it, including the pilot's records",
		})
	}
	return p.recallStructured(ctx)
}
