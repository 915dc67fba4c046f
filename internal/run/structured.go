package run

import (
	"context"

	"quarry"
	"quarry/internal/report"
	"quarry/internal/run/book"
)

// Whether batch inference takes structured output is told both ways
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html says no,
// https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html yes), and some profiles refuse what their
// model takes elsewhere (vectorize-io/hindsight issue 3300). So, left to itself, the pilot carries the schema, and what
// comes back decides for the rest.

// recallStructured settles what is sent before anything is built: what an earlier pilot found, or, where none decides,
// requests without a schema, which every model takes.
func (r *Run) recallStructured(ctx context.Context) error {
	if !r.asked.StructuredAuto || !r.asked.Prompt.Structured() {
		return nil
	}
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	switch head.Structured[r.asks()] {
	case book.SchemaSent:
		r.structuredWhy = "the pilot's requests were taken with it"
	case book.SchemaRefused:
		r.structuredWhy = "the provider refused the pilot's requests with it"
		r.asked = r.asked.plain()
	default:
		if r.planned.Pilot == 0 {
			r.structuredWhy = "no pilot tried it"
			r.asked = r.asked.plain()
		}
	}
	return nil
}

// decideStructured makes the pilot's finding a fact of the run, before anything of the rest is built.
func (r *Run) decideStructured(ctx context.Context, p *pilotRead) error {
	if !r.asked.StructuredAuto || !r.asked.Prompt.Structured() {
		return nil
	}
	finding := book.SchemaSent
	switch {
	case p.Classes[quarry.ClassUnstructured] > 0 || p.JobRefused:
		finding = book.SchemaRefused
	case p.Judged <= 0:
		return nil
	}
	head, err := r.book.Head(ctx)
	if err != nil || head.Structured[r.asks()] == finding {
		return err
	}
	err = r.book.Change(ctx, r.planned.Pass, func(h *book.Head, _ *book.Pass) {
		if h.Structured == nil {
			h.Structured = map[string]book.Finding{}
		}
		h.Structured[r.asks()] = finding
	})
	if err != nil {
		return err
	}
	if finding == book.SchemaRefused {
		r.watch(Event{Kind: Note, Text: "the provider refuses structured output for " + r.asked.Model + ": all is asked without it, the pilot's records again"})
	}
	return r.recallStructured(ctx)
}

func (r *Run) structuredReport() *report.Structured {
	if r.asked.Prompt == nil { // somebody else's job
		return nil
	}
	s := &report.Structured{Setting: "off", Sent: r.asked.Prompt.Structured(), Why: r.structuredWhy}
	switch {
	case r.asked.StructuredAuto:
		s.Setting = "auto"
	case s.Sent:
		s.Setting = "on"
	}
	return s
}
