package tokens

import (
	"math"

	"quarry"
	"quarry/internal/base/catalog"
)

// Band is a range around an estimated total.
type Band struct {
	Low      int64 `json:"low"`
	Estimate int64 `json:"estimate"`
	High     int64 `json:"high"`
	// Fitted says that the range comes from answers: 19 totals of 20 are in it. Otherwise it only says how far tokenizers
	// are apart.
	Fitted bool `json:"fitted"`
}

// Texts are what a total is estimated for.
type Texts struct {
	Classes quarry.CharClasses // of all of them together
	Records int64
	// Uneven is the sum of the squares of the records' tokens over the square of their sum: 1/Records where all are of one
	// length, 1 where one has them all. Zero: not known.
	Uneven float64
}

// Rough gives the total of many records before any answer was read. Its range spans what is known of the family's
// tokenizer; where that is nothing, the tokenizers that are public. See [Basis].
func Rough(f catalog.Family, t Texts) Band {
	s := spanFor(f)
	b := Band{Estimate: s.estimate.Total(t.Classes, t.Records)}
	b.Low = min(b.Estimate, int64(s.low.sum(t.Classes, t.Records)))
	b.High = max(b.Estimate, s.high.Total(t.Classes, t.Records))
	return b
}

// Basis says what a rough total rests on, for people.
func Basis(f catalog.Family, c quarry.CharClasses) string {
	s := spanFor(f)
	if !s.fitted {
		return "not fitted: the tokenizer of this family is not public, so the range covers those that are"
	}
	x := features(c, 0)
	v := s.estimate.vector()
	var all, unfitted float64
	for i, w := range v {
		all += w * x[i]
	}
	for i, w := range (Weights{
		Other: s.estimate.Other, Symbols: s.estimate.Symbols, Indic: s.estimate.Indic, Figures: s.estimate.Figures,
	}).vector() {
		unfitted += w * x[i]
	}
	if all > 0 && unfitted > unfittedShare*all {
		return "not fitted to this script or to symbols: the range is a guess"
	}
	return "fitted to a public tokenizer of the family"
}

// unfittedShare is from which share of the tokens on a total rests on classes that no tokenizer was fitted to.
const unfittedShare = 0.2

// How far a total may be off that rests on too few answers to say, as shares of it.
const (
	fewSamplesLow  = 0.60
	fewSamplesHigh = 1.45
)

// Band gives the total of many records with its range, by weights that were refitted to answers. The range holds what the
// answers leave open of the weights, so it is wide for texts unlike those that were answered, and how far single records are
// from their estimates.
func (w Weights) Band(t Texts) Band {
	total := w.sum(t.Classes, t.Records)
	b := Band{Estimate: ceiled(total), Fitted: w.Fit.Samples >= minSamples && w.Fit.Mean > 0 && total > 0}
	low, high := fewSamplesLow, fewSamplesHigh
	switch {
	case b.Fitted && w.Fit.Classes != classes: // kept by a version that did not keep how sure the weights are
		off := 2 * w.Fit.Spread / w.Fit.Mean * math.Sqrt(1/float64(w.Fit.Samples)+1/float64(max(t.Records, 1)))
		low, high = max(0, 1-off), 1+off
	case b.Fitted:
		uneven := t.Uneven
		if !(uneven > 0) {
			uneven = w.unevenOf(t.Records)
		}
		x := features(t.Classes, t.Records)
		n := float64(w.Fit.Samples)
		off := sure * (1 + 4/n) * math.Sqrt(w.Fit.Spreads.of(&x)/(total*total)+w.Fit.Off*w.Fit.Off*min(1, uneven))
		low, high = max(0, 1-off), 1+off
	}
	b.Low = int64(math.Floor(float64(b.Estimate) * low))
	b.High = b.Estimate
	if top := math.Ceil(float64(b.Estimate) * high); top < math.MaxInt64 {
		b.High = int64(top)
	}
	return b
}

// sure is how many standard deviations a range reaches. Two hold 19 totals of 20 where errors are normal and the classes say all of a
// text; three hold as many where a few long documents and words that no class knows
// decide.
const sure = 3.0

// unevenOf takes records to be as uneven as the samples.
func (w Weights) unevenOf(records int64) float64 {
	if w.Fit.Mean <= 0 || records < 1 {
		return 1
	}
	return (1 + w.Fit.Vary*w.Fit.Vary) / float64(records)
}
