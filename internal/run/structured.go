package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"quarry"
	"quarry/internal/prompt"
	"quarry/internal/report"
	"quarry/internal/run/prepare"
	"quarry/internal/run/shardfile"
)

// Whether batch inference takes structured output is told both ways
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html says no,
// https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html yes), and some profiles refuse what their
// model takes elsewhere (vectorize-io/hindsight issue 3300). So, left to itself, the pilot carries the schema, and what
// comes back decides for the rest.

// structuredFact holds what pilots found, by prompt, model and schema: "sent" or "refused".
const structuredFact = "structured"

const (
	structuredSent    = "sent"
	structuredRefused = "refused"
)

// structuredFindings reads what pilots found.
func (r *Run) structuredFindings(ctx context.Context) (map[string]string, error) {
	found := map[string]string{}
	text, ok, err := r.ledger.Fact(ctx, structuredFact)
	if err != nil || !ok {
		return found, err
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return nil, fmt.Errorf("read what was found of structured output: %w", err)
	}
	return found, nil
}

// recallStructured settles what is sent before anything is built: what an earlier pilot found, or, where none decides,
// requests without a schema, which every model takes.
func (r *Run) recallStructured(ctx context.Context) error {
	if !r.cfg.StructuredAuto || !r.cfg.Prompt.Structured() {
		return nil
	}
	found, err := r.structuredFindings(ctx)
	if err != nil {
		return err
	}
	switch found[r.asks()] {
	case structuredSent:
		r.structuredWhy = "the pilot's requests were taken with it"
	case structuredRefused:
		r.structuredWhy = "the provider refused the pilot's requests with it"
		r.dropSchema()
	default:
		if r.planned.Pilot == 0 {
			r.structuredWhy = "no pilot tried it"
			r.dropSchema()
		}
	}
	return nil
}

// dropSchema sends no schema from here on.
func (r *Run) dropSchema() {
	r.cfg.Prompt = r.cfg.Prompt.Plain()
	if l := r.cfg.Long; l != nil {
		r.cfg.Long = &prepare.Long{Part: l.Part.Plain(), Merge: l.Merge.Plain()}
	}
}

// decideStructured makes the pilot's finding a fact of the run, before anything of the rest is built.
func (r *Run) decideStructured(ctx context.Context, p *pilotRead) error {
	if !r.cfg.StructuredAuto || !r.cfg.Prompt.Structured() {
		return nil
	}
	finding := structuredSent
	switch {
	case p.Classes[quarry.ClassUnstructured] > 0 || p.JobRefused:
		finding = structuredRefused
	case p.Judged <= 0:
		return nil
	}
	found, err := r.structuredFindings(ctx)
	if err != nil || found[r.asks()] == finding {
		return err
	}
	found[r.asks()] = finding
	b, err := json.Marshal(found)
	if err != nil {
		return err
	}
	if err := r.ledger.SetFacts(ctx, map[string]string{structuredFact: string(b)}); err != nil {
		return err
	}
	if finding == structuredRefused {
		r.watch(Event{Kind: Note, Text: "the provider refuses structured output for " + r.cfg.Model + ": all is asked without it, the pilot's records again"})
	}
	return r.recallStructured(ctx)
}

// plainBase is the body of a record's first attempt, without the answer schema where that is refused.
func (r *Run) plainBase(l *shardfile.Left) ([]byte, error) {
	if !l.Plain && (!r.cfg.StructuredAuto || r.cfg.Prompt.Structured()) {
		return l.Base, nil
	}
	b, err := prompt.WithoutStructured(l.Base)
	if errors.Is(err, prompt.ErrShape) {
		return l.Base, nil
	}
	return b, err
}

func (r *Run) structuredReport() *report.Structured {
	if r.cfg.Prompt == nil { // somebody else's job
		return nil
	}
	s := &report.Structured{Setting: "off", Sent: r.cfg.Prompt.Structured(), Why: r.structuredWhy}
	switch {
	case r.cfg.StructuredAuto:
		s.Setting = "auto"
	case s.Sent:
		s.Setting = "on"
	}
	return s
}
