package tokens

import "math"

// Answers adds up what answers took: enough for their mean, and for how far single ones lie from it. It is a plain value
// that can be kept as JSON.
type Answers struct {
	N       int64   `json:"n"`
	Sum     float64 `json:"sum"`     // tokens
	Squares float64 `json:"squares"` // sum of each answer's tokens squared
}

// Add takes one more answer.
func (a *Answers) Add(tokens int64) {
	x := float64(tokens)
	a.N++
	a.Sum += x
	a.Squares += x * x
}

// With gives the answers of both.
func (a Answers) With(b Answers) Answers {
	return Answers{N: a.N + b.N, Sum: a.Sum + b.Sum, Squares: a.Squares + b.Squares}
}

// How far an answer's length may be off where too few were read to say.
const (
	fewLow  = 0.5
	fewHigh = 2.0
)

// Band gives the tokens of as many answers again, with their range: 19 totals of 20 lie in it where the answers were
// drawn at random from what is asked. From fewer than twenty answers the range is half to twice; from none it is nothing.
func (a Answers) Band(records int64) Band {
	if a.N < 1 || records < 1 {
		return Band{}
	}
	n, r := float64(a.N), float64(records)
	mean := a.Sum / n
	b := Band{Estimate: whole(math.Round(mean * r)), Fitted: a.N >= minSamples}
	if !b.Fitted {
		b.Low, b.High = whole(mean*r*fewLow), whole(math.Ceil(mean*r*fewHigh))
		return b
	}
	variance := max(0, (a.Squares-a.Sum*mean)/(n-1))
	off := 2 * math.Sqrt(variance*(r*r/n+r)) // of the mean, and of the rest around it
	b.Low, b.High = whole(max(0, mean*r-off)), whole(math.Ceil(mean*r+off))
	return b
}

// Together gives the band of a sum. Ranges that come from samples are independent and add up in squares; with one that
// does not, all add up as they are.
func Together(bands ...Band) Band {
	sum := Band{Fitted: true}
	var below, above, belowSquares, aboveSquares float64
	for _, b := range bands {
		if b == (Band{}) {
			continue
		}
		sum.Estimate = whole(float64(sum.Estimate) + float64(b.Estimate))
		sum.Fitted = sum.Fitted && b.Fitted
		low, high := float64(b.Estimate-b.Low), float64(b.High-b.Estimate)
		below, above = below+low, above+high
		belowSquares, aboveSquares = belowSquares+low*low, aboveSquares+high*high
	}
	if sum.Fitted {
		below, above = math.Sqrt(belowSquares), math.Sqrt(aboveSquares)
	}
	sum.Low = whole(max(0, float64(sum.Estimate)-below))
	sum.High = whole(float64(sum.Estimate) + math.Ceil(above))
	return sum
}

// Times gives the band of a multiple.
func (b Band) Times(factor float64) Band {
	return Band{
		Low: whole(float64(b.Low) * factor), Estimate: whole(math.Round(float64(b.Estimate) * factor)), High: whole(math.Ceil(float64(b.High) * factor)),
		Fitted: b.Fitted,
	}
}

// whole gives tokens as a number that an int64 holds.
func whole(x float64) int64 {
	switch {
	case !(x > 0):
		return 0
	case x >= math.MaxInt64:
		return math.MaxInt64
	}
	return int64(x)
}
