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
)

// Fit describes the samples that weights come from, and what was left over.
type Fit struct {
	Samples int     `json:"samples"`
	Mean    float64 `json:"mean"`   // estimated tokens per sample
	Spread  float64 `json:"spread"` // standard deviation of what the estimates miss, in tokens
	Median  float64 `json:"median"` // of |estimate/tokens - 1| over the samples
	P95     float64 `json:"p95"`    // its 95th percentile
	Vary    float64 `json:"vary"`   // standard deviation of the samples' lengths over their mean

	// Off is the standard deviation of one record's tokens around its estimate, as a share of it.
	Off float64 `json:"off,omitempty"`
	// Spreads says how sure the weights are: the lower triangle of their covariance. Classes is how many weights it is of.
	Classes int     `json:"classes,omitempty"`
	Spreads spreads `json:"spreads,omitzero"`
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
func mix(c quarry.CharClasses) vector {
	v := features(c, 0)
	v[atWords] = 0
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
