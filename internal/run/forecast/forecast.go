package forecast

import (
	"fmt"

	"quarry"
	"quarry/internal/base/catalog"
	"quarry/internal/base/figure"
	"quarry/internal/prepare/tokens"
	"quarry/internal/run/weigh"
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

// Learned is what a pilot taught of the tokens that one prompt, model and schema take. It is a fact of the run: an
// increment with the same request has no pilot, and is forecast from it.
type Learned struct {
	Request  string         `json:"asks"` // which prompt, model and schema
	Weights  tokens.Weights `json:"weights"`
	Japanese tokens.Answers `json:"japanese"` // answers to Japanese documents
	Other    tokens.Answers `json:"other"`
	// Again is how many further attempts, paid ones, a record takes on average.
	Again float64 `json:"again"`
}

// Texts is what a forecast is made from: what is sent first, and nothing else.
type Texts struct {
	weigh.Sums
	Around        weigh.Around // the text around each of them
	Merges, Parts int64        // of long documents: answers that are merged into one, and of how many, those of earlier passes included
}

// tokens is the estimate for all of them. around adds the text around them, which refitted weights have in their base.
func (t *Texts) tokens(around bool) tokens.Texts {
	of := t.Texts()
	if around {
		of.Classes.Add(t.Around.For(t.Records))
	}
	return of
}

// Expectation is a forecast in tokens.
type Expectation struct {
	Input, Output tokens.Band
	Samples       int64  // answers that it rests on; 0: none, it is rough
	Basis         string // what the input's range rests on, for people
}

// Usage is its estimates.
func (e Expectation) Usage() quarry.Usage {
	return quarry.Usage{InputTokens: e.Input.Estimate, OutputTokens: e.Output.Estimate}
}

// After adds what was taken already.
func (e Expectation) After(taken quarry.Usage) Expectation {
	e.Input, e.Output = plus(e.Input, taken.InputTokens), plus(e.Output, taken.OutputTokens)
	return e
}

func plus(b tokens.Band, n int64) tokens.Band {
	b.Low, b.Estimate, b.High = b.Low+n, b.Estimate+n, b.High+n
	return b
}

// Model is what must be known of who answers.
type Model struct {
	Family    catalog.Family
	MaxTokens int // of each answer
}

// Expect says what texts may take. Before any answer was read, which is nil: input by the model family's default weights,
// output by the origin's share, both rough. From what was learned: the refitted weights, and the answers' own lengths by
// language.
func (m Model) Expect(l *Learned, t Texts) Expectation {
	var e Expectation
	if t.Records > 0 {
		e = m.first(l, t)
	}
	if t.Merges > 0 {
		e.Input, e.Output = m.withMerges(e, l, t)
	}
	return e
}

// marksOfPart are the tokens of the headings over the answer about one part.
const marksOfPart = 15

// withMerges adds the second stage of long documents: the answers about their parts are read once more, each document's
// inside a prompt, for an answer whose length is not known yet.
func (m Model) withMerges(e Expectation, l *Learned, t Texts) (input, output tokens.Band) {
	around := tokens.Default("").Exact(t.Around.For(1))
	if l != nil {
		around = l.Weights.Base
	}
	prompts := int64(around*float64(t.Merges)) + marksOfPart*t.Parts
	seen, records := m.seen(e, l, t)
	answers := seen.Times(float64(t.Merges) / records)
	answers.Low, answers.High = part64(answers.Low, unreadLow), part64(answers.High, unreadHigh)
	read := plus(seen.Times(float64(t.Parts)/records), prompts)
	read.Low, read.High = part64(read.Low, 0.9), part64(read.High, 1.1) // the text around an answer is a guess
	return tokens.Together(e.Input, read), tokens.Together(e.Output, answers)
}

// seen is what answers to so many records take, by which the length of one is guessed: those of the first stage; where all parts
// were answered before, those that were read; and where none was read, a share of the most that an answer may have.
func (m Model) seen(e Expectation, l *Learned, t Texts) (tokens.Band, float64) {
	if t.Records > 0 {
		return e.Output, float64(t.Records)
	}
	if l != nil && l.Japanese.N+l.Other.N > 0 {
		return plus(tokens.Band{}, int64(l.Japanese.Sum+l.Other.Sum)), float64(l.Japanese.N + l.Other.N)
	}
	most := int64(max(m.MaxTokens, 1))
	return tokens.Band{Low: part64(most, unreadLow*originShare), Estimate: part64(most, originShare), High: most}, 1
}

// first is what the first stage may take: all records but the merges of long documents.
func (m Model) first(l *Learned, t Texts) Expectation {
	if l == nil {
		in := tokens.Rough(m.Family, t.tokens(true))
		most := t.Records * int64(max(m.MaxTokens, 1))
		out := tokens.Band{Estimate: min(part64(in.Estimate, originShare), most)}
		out.Low, out.High = part64(out.Estimate, unreadLow), min(part64(out.Estimate, unreadHigh), most)
		return Expectation{Input: in, Output: out, Basis: tokens.Basis(m.Family, t.Classes)}
	}
	weights := l.Weights.Complete()
	input := func(c quarry.CharClasses, records int64) int64 { return weights.Total(c, records) }
	others := t.Classes
	others.Sub(t.InJapanese)
	out := tokens.Together(l.Japanese.Band(t.Japanese, input(t.InJapanese, t.Japanese)), l.Other.Band(t.Records-t.Japanese, input(others, t.Records-t.Japanese)))
	const enough = 10 // of a language: then its answers count as the others'
	if l.Japanese.N < enough || l.Other.N < enough {
		out = l.Japanese.With(l.Other).Band(t.Records, input(t.Classes, t.Records))
	}
	samples := l.Japanese.N + l.Other.N
	return Expectation{
		Input: weights.Band(t.tokens(false)).Times(1 + l.Again), Output: out.Times(1 + l.Again), Samples: samples,
		Basis: fmt.Sprintf("fitted to %s", figure.Count(samples, "answer")),
	}
}

// FurtherAttempts is how many further paid attempts a record takes on average, of at most so many in all, when so many of
// the answers that were read are bad ones that are sent again.
func FurtherAttempts(bad, answered int64, attempts int) float64 {
	if answered == 0 {
		return 0
	}
	q := min(float64(bad)/float64(answered), 0.9)
	sum, power := 0.0, 1.0
	for range attempts - 1 {
		power *= q
		sum += power
	}
	return sum
}
