// Package tokens estimates how many tokens a text is, from counts of its characters.
//
// No tokenizer of the newer Claude models is public, and asking for a count is one request per document
// (https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html). So tokens are a weighted sum over classes of
// characters, with weights per model family that the real usage of a pilot refits, and a band that says how far off the
// sum may be. The package counts no characters and reads no answers; an estimate is never written where a usage belongs.
package tokens

import (
	"math"

	"quarry"
	"quarry/internal/catalog"
)

// Weights are tokens per character of a class, and per word. They are a plain value that can be kept as JSON.
type Weights struct {
	// Base is what a record takes beside its text: the prompt around it. Default weights have none; see [Weights.Around].
	Base float64 `json:"base"`

	Words       float64 `json:"words"`
	Letters     float64 `json:"letters"`
	Digits      float64 `json:"digits"`
	Punctuation float64 `json:"punctuation"`
	Kana        float64 `json:"kana"`
	Han         float64 `json:"han"`
	Other       float64 `json:"other"`
	Spaces      float64 `json:"spaces"`

	// Fit says what the weights were fitted to. Zero for default weights.
	Fit Fit `json:"fit"`
}

// Fit describes the samples behind weights, and what was left over.
type Fit struct {
	Samples int     `json:"samples"`
	Mean    float64 `json:"mean"`   // estimated tokens per sample
	Spread  float64 `json:"spread"` // standard deviation of what the estimates miss, in tokens
	Median  float64 `json:"median"` // of |estimate/tokens - 1| over the samples
	P95     float64 `json:"p95"`    // its 95th percentile
}

// Default gives the weights of a model family before anything is known of the run. They come from tokenizers that are
// public: Anthropic's for Claude 2 (https://www.npmjs.com/package/@anthropic-ai/tokenizer) for Claude, OpenAI's
// o200k_base for models with chat-completion bodies, of which gpt-oss uses it, and cl100k_base, on which Llama 3 is
// built, for the others.
func Default(f catalog.Family) Weights {
	switch f {
	case catalog.Anthropic:
		return claude
	case catalog.OpenAIChat:
		return o200k
	}
	return cl100k
}

const classes = 9 // Base and the eight of quarry.CharClasses

// vector and set order the weights in one way for all arithmetic.
func (w Weights) vector() [classes]float64 {
	return [classes]float64{w.Base, w.Words, w.Letters, w.Digits, w.Punctuation, w.Kana, w.Han, w.Other, w.Spaces}
}

func weightsOf(v [classes]float64) Weights {
	return Weights{Base: v[0], Words: v[1], Letters: v[2], Digits: v[3], Punctuation: v[4], Kana: v[5], Han: v[6], Other: v[7], Spaces: v[8]}
}

// features orders counts as vector orders weights. records is how many records the counts are of.
func features(c quarry.CharClasses, records int64) [classes]float64 {
	return [classes]float64{
		float64(records), float64(c.Words), float64(c.Letters), float64(c.Digits), float64(c.Punctuation),
		float64(c.Kana), float64(c.Han), float64(c.Other), float64(c.Spaces),
	}
}

func dot(a, b [classes]float64) float64 {
	var sum float64
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// Estimate gives the tokens of one record whose text has these counts.
func (w Weights) Estimate(c quarry.CharClasses) int64 { return w.Total(c, 1) }

// Total gives the tokens of many records from the sum of their counts.
func (w Weights) Total(sum quarry.CharClasses, records int64) int64 {
	x := dot(w.vector(), features(sum, records))
	switch {
	case !(x > 0):
		return 0
	case x >= math.MaxInt64:
		return math.MaxInt64
	}
	return int64(math.Ceil(x))
}

// Around gives weights for records in which every text stands inside the same prompt, given the prompt's counts.
func (w Weights) Around(prompt quarry.CharClasses) Weights {
	w.Base += dot(w.vector(), features(prompt, 0))
	return w
}

// Times gives weights that estimate by a factor more: what a run's totals show against its estimates.
func (w Weights) Times(factor float64) Weights {
	v := w.vector()
	for i := range v {
		v[i] *= factor
	}
	scaled := weightsOf(v)
	scaled.Fit = w.Fit
	scaled.Fit.Mean *= factor
	return scaled
}

// Band is a range around an estimated total.
type Band struct {
	Low      int64 `json:"low"`
	Estimate int64 `json:"estimate"`
	High     int64 `json:"high"`
	// Fitted says that the range comes from a pilot: 19 totals of 20 lie in it, as long as the pilot was drawn at
	// random from the same documents. Otherwise it only says how far tokenizers of one vendor lie apart.
	Fitted bool `json:"fitted"`
}

// A newer Claude model gave 1.45 times the tokens of the one before for the same English text, and as many for Japanese
// (sol.ava.dev, 2026-04-17). Fewer tokens come from a larger vocabulary, as o200k_base against cl100k_base.
const (
	unfittedLow  = 0.75
	unfittedHigh = 1.45
)

// Band gives the total of many records with its range.
func (w Weights) Band(sum quarry.CharClasses, records int64) Band {
	b := Band{Estimate: w.Total(sum, records), Fitted: w.Fit.Samples >= minSamples && w.Fit.Mean > 0}
	low, high := unfittedLow, unfittedHigh
	if b.Fitted && records > 0 {
		// The pilot's own sampling error, and that of the rest.
		n := float64(w.Fit.Samples)
		off := 2 * w.Fit.Spread / w.Fit.Mean * math.Sqrt(1/n+1/float64(records))
		low, high = max(0, 1-off), 1+off
	}
	b.Low = int64(math.Floor(float64(b.Estimate) * low))
	b.High = b.Estimate
	if top := math.Ceil(float64(b.Estimate) * high); top < math.MaxInt64 {
		b.High = int64(top)
	}
	return b
}

// Drift says how unlike two sets of texts are by the mix of their characters: 0 for the same mix, 1 for nothing in
// common. Weights that were fitted to a pilot with another mix than the rest are worth little.
func Drift(a, b quarry.CharClasses) float64 {
	x, y := mix(a), mix(b)
	if x == y {
		return 0
	}
	var apart float64
	for i := range x {
		apart += math.Abs(x[i] - y[i])
	}
	return apart / 2
}

// mix gives each class's share of all characters. Words are no characters.
func mix(c quarry.CharClasses) [classes]float64 {
	v := features(c, 0)
	v[1] = 0
	var all float64
	for _, n := range v {
		all += n
	}
	if all > 0 {
		for i := range v {
			v[i] /= all
		}
	}
	return v
}
