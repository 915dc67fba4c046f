package tokens

import "math"

// Answers adds up what answers took: enough for their mean, for how far single ones are from it, and for how much longer the
// answers to longer records are. It is a plain value that can be kept as JSON.
type Answers struct {
	N       int64   `json:"n"`
	Sum     float64 `json:"sum"`     // tokens
	Squares float64 `json:"squares"` // sum of each answer's tokens squared

	In        float64 `json:"in,omitempty"`         // input tokens of their records
	InSquares float64 `json:"in_squares,omitempty"` // sum of their squares
	Products  float64 `json:"products,omitempty"`   // sum of input times output
}

// Add takes one more answer: the tokens of its record, and its own.
func (a *Answers) Add(input, output int64) {
	x, y := float64(input), float64(output)
	a.N++
	a.Sum += y
	a.Squares += y * y
	a.In += x
	a.InSquares += x * x
	a.Products += x * y
}

// With gives the answers of both.
func (a Answers) With(b Answers) Answers {
	return Answers{
		N: a.N + b.N, Sum: a.Sum + b.Sum, Squares: a.Squares + b.Squares,
		In: a.In + b.In, InSquares: a.InSquares + b.InSquares, Products: a.Products + b.Products,
	}
}

// How far the answers' length may be off where too few were read to say.
const (
	fewLow  = 0.5
	fewHigh = 2.0
)

// Band gives the tokens of the answers to so many records, with their range: 19 totals of 20 are in it where single answers
// differ as those that were read. input is the records' tokens; where they are longer or shorter than those that were
// answered, the answers are taken to be as much longer or shorter as the answers show. Zero: not known. From fewer than
// twenty answers the range is half to twice; from none it is nothing.
func (a Answers) Band(records, input int64) Band {
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
	total := mean * r
	variance := max(0, (a.Squares-a.Sum*mean)/(n-1))
	unsure := r * r / n
	if spread := a.InSquares - a.In*a.In/n; input > 0 && spread > 1e-6*a.InSquares {
		slope := (a.Products - a.In*mean) / spread
		beyond := float64(input) - r*a.In/n // more than as many records of mean length have
		variance = max(0, (a.Squares-a.Sum*mean-slope*slope*spread)/(n-2))
		unsure += beyond * beyond / spread
		total = max(total*leastAnswers, total+slope*beyond)
		b.Estimate = whole(math.Round(total))
	}
	off := sure * (1 + 4/n) * math.Sqrt(variance*(unsure+r)) // of the line, and of the rest around it
	b.Low, b.High = whole(max(0, total-off)), whole(math.Ceil(total+off))
	return b
}

// leastAnswers is how short answers to shorter records may be taken to be, as a share of the mean.
const leastAnswers = 0.1

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
		Low: whole(float64(b.Low) * factor), Estimate: whole(math.Round(float64(b.Estimate) * factor)),
		High:   whole(math.Ceil(float64(b.High) * factor)),
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
