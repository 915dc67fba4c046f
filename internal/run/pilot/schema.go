package pilot

import (
	"context"

	"quarry"
	"quarry/internal/run/book"
	"quarry/internal/run/spec"
)

// AWS's pages disagree on whether batch inference takes structured output
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html says no,
// https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html yes), and some profiles refuse what their
// model takes elsewhere (vectorize-io/hindsight issue 3300). So with structured: auto the pilot's requests carry the answer schema,
// and their outcome decides for the rest.

// SendSchema says whether requests carry the answer schema and why, by what pilots found. piloted says that the pass has a pilot: if
// there is neither a finding nor a pilot, requests go without a schema, which every model takes.
func SendSchema(found book.Finding, piloted bool) (send bool, why string) {
	switch {
	case found == book.SchemaSent:
		return true, "the provider accepted the pilot's requests with it"
	case found == book.SchemaRefused:
		return false, "the provider refused the pilot's requests with it"
	case !piloted:
		return false, "there was no pilot to try it"
	}
	return true, ""
}

// Schema is what the pilot found about the answer schema in its requests; empty if nothing was answered.
func (p *Outcome) Schema() book.Finding {
	switch {
	case p.Classes[quarry.ClassUnstructured] > 0 || p.JobRefused:
		return book.SchemaRefused
	case p.Judged <= 0:
		return ""
	}
	return book.SchemaSent
}

// RecallSchema decides on the answer schema before anything is built, by what earlier pilots found. piloted says that the pass has a pilot.
func RecallSchema(ctx context.Context, b *book.Book, c *spec.Config, piloted bool) error {
	if !c.StructuredAuto || !c.Prompt.Structured() {
		return nil
	}
	head, err := b.Head(ctx)
	if err != nil {
		return err
	}
	c.Asked = c.WithSchema(SendSchema(head.Structured[c.RequestDigest()], piloted))
	return nil
}

// decideSchema makes the pilot's finding durable, before anything of the rest is built.
func (s *Step) decideSchema(ctx context.Context, out *Outcome) error {
	c, found := s.Config, out.Schema()
	if !c.StructuredAuto || !c.Prompt.Structured() || found == "" {
		return nil
	}
	head, err := s.Book.Head(ctx)
	if err != nil || head.Structured[c.RequestDigest()] == found {
		return err
	}
	err = s.Book.Change(ctx, s.Plan.Pass, func(h *book.Head, _ *book.Pass) {
		if h.Structured == nil {
			h.Structured = map[string]book.Finding{}
		}
		h.Structured[c.RequestDigest()] = found
	})
	if err != nil {
		return err
	}
	if found == book.SchemaRefused {
		s.Watch.Note("the provider refuses structured output for " + c.Model + ": everything is sent without it, including the pilot's records")
	}
	return RecallSchema(ctx, s.Book, c, s.Plan.Pilot > 0)
}
