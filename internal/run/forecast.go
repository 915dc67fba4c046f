package run

import (
	"context"
	"encoding/json"
	"fmt"

	"quarry"
	"quarry/internal/report"
	"quarry/internal/tokens"
)

// originShare is output tokens per input token of the run that Quarry comes from: 14,108 articles summarised in two
// languages took 28,385,402 tokens in and gave 8,044,345 out
// (https://dev.classmethod.jp/en/articles/amazon-bedrock-batch-inference-structured-outputs tells of its successor).
const originShare = 8_044_345.0 / 28_385_402.0

// How far the answers' length may be off before any was read: another prompt asks for another length.
const (
	unreadLow  = 0.5
	unreadHigh = 2.0
)

// learned is what a pilot taught of the tokens that one prompt, model and schema take. It is a fact of the run: an
// increment that asks the same has no pilot, and is forecast from it.
type learned struct {
	Asks     string         `json:"asks"` // which prompt, model and schema
	Weights  tokens.Weights `json:"weights"`
	Japanese tokens.Answers `json:"japanese"` // answers to Japanese documents
	Other    tokens.Answers `json:"other"`
	// Again is how many further attempts, paid ones, a record takes on average.
	Again float64 `json:"again"`
}

// foreseen is what was expected of a pass, and what its pilot came to. It is a fact of the run.
type foreseen struct {
	Before *report.Expected `json:"before,omitempty"`
	After  *report.Expected `json:"after,omitempty"`
	Pilot  *report.Pilot    `json:"pilot,omitempty"`
}

// texts is what a forecast is made from.
type texts struct {
	records, japanese int64
	classes           quarry.CharClasses
	around            int64 // bytes of the records beside the texts
	merges, parts     int64 // of long documents: answers that are merged into one, and of how many
	plain             int64 // bytes of records whose characters nobody counted: ready ones
}

// expectation is a forecast in tokens.
type expectation struct {
	input, output tokens.Band
	samples       int64
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
	for name, into := range map[string]any{"learned": &r.learned, r.foreseenFact(): &r.foreseen} {
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

// foresee makes the forecast of a pass durable, before anything is asked: a report compares with what was said then.
func (r *Run) foresee(ctx context.Context) error {
	if err := r.recall(ctx); err != nil {
		return err
	}
	if r.foreseen.Before != nil || r.planned.Asked == 0 {
		return nil
	}
	before := r.expected(r.planned.stages(), r.expect(r.learned, r.allTexts()))
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

// allTexts are those of all documents that are asked. Classes were counted before it was known which documents repeat
// others or are unchanged, so they are taken in the proportion of what is left.
func (r *Run) allTexts() texts {
	p := &r.planned
	t := texts{records: p.Records(), merges: p.Long, parts: p.Parts, classes: p.Classes, around: max(p.LineBytes-p.AskedBytes, 0)}
	if p.Classes == (quarry.CharClasses{}) {
		t.plain = p.AskedBytes
	}
	share := 1.0
	if p.AskedLines > 0 && p.LineBytes > p.AskedLines {
		share = float64(p.AskedLines) / float64(p.LineBytes)
	}
	t.classes = scaled(t.classes, share)
	t.around, t.plain = part64(t.around, share), part64(t.plain, share)
	if candidates := p.Asked + p.Same + p.Unchanged; candidates > 0 {
		t.japanese = min(t.records, part64(p.Japanese, float64(t.records)/float64(candidates)))
	}
	return t
}

func scaled(c quarry.CharClasses, share float64) quarry.CharClasses {
	if share >= 1 {
		return c
	}
	for _, n := range []*int64{&c.Words, &c.Letters, &c.Digits, &c.Punctuation, &c.Kana, &c.Han, &c.Other, &c.Spaces} {
		*n = part64(*n, share)
	}
	return c
}

func part64(n int64, share float64) int64 { return int64(float64(n) * share) }

// less takes the texts of the pilot out of all.
func (t texts) less(records, japanese int64, c quarry.CharClasses) texts {
	take := func(n *int64, m int64) { *n = max(0, *n-m) }
	share := 1.0
	if t.records > 0 {
		share = max(0, 1-float64(records)/float64(t.records))
	}
	take(&t.records, records)
	take(&t.japanese, japanese)
	t.around, t.plain = part64(t.around, share), part64(t.plain, share)
	of, less := &t.classes, &c
	take(&of.Words, less.Words)
	take(&of.Letters, less.Letters)
	take(&of.Digits, less.Digits)
	take(&of.Punctuation, less.Punctuation)
	take(&of.Kana, less.Kana)
	take(&of.Han, less.Han)
	take(&of.Other, less.Other)
	take(&of.Spaces, less.Spaces)
	return t
}

// expect says what texts may take. Before any answer was read: input by the model family's default weights, output by the
// origin's share, both rough. From what was learned: the refitted weights, and the answers' own lengths by language.
func (r *Run) expect(l *learned, t texts) expectation {
	if t.records <= 0 {
		return expectation{}
	}
	e := r.expectFirst(l, t)
	if t.merges > 0 {
		e.input, e.output = withMerges(e, l, t)
	}
	return e
}

// marksOfPart are the tokens of the headings over the answer about one part.
const marksOfPart = 15

// withMerges adds the second stage of long documents: the answers about their parts are read once more, each document's
// inside a prompt, for an answer whose length nobody has seen yet.
func withMerges(e expectation, l *learned, t texts) (input, output tokens.Band) {
	around := float64(t.around) / 5 / float64(t.records)
	if l != nil {
		around = l.Weights.Base
	}
	prompts := int64(around*float64(t.merges)) + marksOfPart*t.parts
	answers := e.output.Times(float64(t.merges) / float64(t.records))
	answers.Low, answers.High = part64(answers.Low, unreadLow), part64(answers.High, unreadHigh)
	read := plus(e.output.Times(float64(t.parts)/float64(t.records)), prompts)
	read.Low, read.High = part64(read.Low, 0.9), part64(read.High, 1.1) // what stands around an answer is a guess
	return tokens.Together(e.input, read), tokens.Together(e.output, answers)
}

// expectFirst is what the first stage may take: all records but the merges of long documents.
func (r *Run) expectFirst(l *learned, t texts) expectation {
	if l == nil {
		in := tokens.Default(r.cfg.Family).Band(t.classes, t.records)
		// What stands around the text in each record: the prompt, in prose, and JSON. A ready record is all of that.
		around := t.around/5 + t.plain/4
		in.Low, in.Estimate, in.High = in.Low+around, in.Estimate+around, in.High+around
		most := t.records * int64(max(r.cfg.MaxTokens, 1))
		out := tokens.Band{Estimate: min(part64(in.Estimate, originShare), most)}
		out.Low, out.High = part64(out.Estimate, unreadLow), min(part64(out.Estimate, unreadHigh), most)
		return expectation{input: in, output: out}
	}
	out := tokens.Together(l.Japanese.Band(t.japanese), l.Other.Band(t.records-t.japanese))
	const few = 10 // of a language: then its answers count as the others'
	if l.Japanese.N < few || l.Other.N < few {
		out = l.Japanese.With(l.Other).Band(t.records)
	}
	return expectation{
		input: l.Weights.Band(t.classes, t.records).Times(1 + l.Again), output: out.Times(1 + l.Again), samples: l.Japanese.N + l.Other.N,
	}
}

// expected puts a forecast into the words of the report, with its money.
func (r *Run) expected(records int64, e expectation) report.Expected {
	at := func(in, out int64) *quarry.USD {
		return r.listCost(r.planned.Mode, quarry.Usage{InputTokens: in, OutputTokens: out})
	}
	return report.Expected{
		Records: records, Samples: e.samples,
		Input:  report.Range{Low: e.input.Low, Estimate: e.input.Estimate, High: e.input.High},
		Output: report.Range{Low: e.output.Low, Estimate: e.output.Estimate, High: e.output.High},
		Cost:   at(e.input.Estimate, e.output.Estimate), CostLow: at(e.input.Low, e.output.Low), CostHigh: at(e.input.High, e.output.High),
	}
}

// plus adds what was taken already.
func plus(b tokens.Band, n int64) tokens.Band {
	b.Low, b.Estimate, b.High = b.Low+n, b.Estimate+n, b.High+n
	return b
}

// forecast is what the answers of the whole pass may take, by the best that is known now.
func (r *Run) forecast() (quarry.Usage, tokens.Band) {
	e := r.expect(r.learned, r.allTexts())
	return quarry.Usage{InputTokens: e.input.Estimate, OutputTokens: e.output.Estimate}, e.input
}

func (r *Run) guess() quarry.Usage {
	u, _ := r.forecast()
	return u
}

// question is what a person is asked before the first call.
func (r *Run) question() string {
	rough := "a rough estimate, before any answer was read"
	if r.learned != nil {
		rough = "as the pilot's answers cost"
	}
	text := fmt.Sprintf("Ask %s about %d documents in %s, mode %s, %s?", r.cfg.Model, r.planned.Asked, r.cfg.Region, r.planned.Mode, price(r.foreseen.Before, rough))
	if rest := r.planned.Asked - r.planned.Pilot; r.planned.Pilot > 0 && rest > 0 {
		text += fmt.Sprintf(" A pilot of %d of them goes first, and you are asked again before the other %d.", r.planned.Pilot, rest)
	}
	return text + r.deadlineQuestion()
}

// price says what is expected to be paid, with its range.
func price(e *report.Expected, how string) string {
	if e == nil || e.Cost == nil {
		return "at a price that is not known"
	}
	return fmt.Sprintf("for about %s (%s to %s; %s)", e.Cost, e.CostLow, e.CostHigh, how)
}
