package tokens

import (
	"math"
	"slices"

	"quarry"
)

// Sample is a record whose tokens are known: the counts of its text, and usage.input_tokens of its answer.
type Sample struct {
	Classes quarry.CharClasses
	Tokens  int64
}

// minSamples is how many samples it takes to fit weights one by one. Fewer give a factor for all of them.
const minSamples = 20

const (
	// firstOff is how far off one record is taken to be, as a share of its tokens, until the fit has shown it.
	firstOff = 0.05
	// leastOff and mostOff bound what the fit may show: samples that are all the same say nothing of others.
	leastOff, mostOff = 0.01, 0.30
	// priorOff is how far off a prior weight may be, as a share of it, once a factor for all was taken. Together with how far
	// off one record is, it settles what a pilot leaves open: a script of which it has one document, or letters against words,
	// which go together.
	priorOff = 0.30
	// Priors below these count as these: a weight of nothing may have been nothing by chance.
	leastWeight = 0.05
	leastBase   = 50
	// rounds and settled bound the descent; it takes a few dozen rounds.
	rounds  = 500
	settled = 1e-9
)

// Refit gives the weights that the samples call for, starting from these: ridge least squares on relative errors, so
// that long documents do not drown short ones, then one factor that makes the samples' total come out, because relative
// least squares lean low. No weight goes below zero: documents unlike the pilot's must not get fewer tokens by having
// more text.
//
// The samples must be drawn at random from what is to be estimated. From fewer than twenty only the factor is taken;
// from none, or from ones without tokens, nothing changes.
func (w Weights) Refit(samples []Sample) Weights {
	samples = slices.DeleteFunc(slices.Clone(samples), func(s Sample) bool { return s.Tokens < 1 })
	if len(samples) == 0 {
		return w
	}
	v := scale(w.vector(), samples)
	prior, off := v, firstOff
	if len(samples) >= minSamples {
		for range 2 { // the second time with how far off records really are
			v = scale(descend(prior, samples, ridge(off)), samples)
			off = min(max(offOf(v, samples), leastOff), mostOff)
		}
	}
	fitted := weightsOf(v)
	fitted.Fit = fitted.leftover(samples)
	if len(samples) >= minSamples {
		fitted.Fit.Off, fitted.Fit.Classes = off, classes
		fitted.Fit.Spreads = spreadsOf(prior, samples, off)
	}
	return fitted
}

// ridge is the square of how far off one record is over how far off a prior weight may be.
func ridge(off float64) float64 { return off * off / (priorOff * priorOff) }

// offOf is the standard deviation of a record's tokens around its estimate, as a share of its tokens.
func offOf(v vector, samples []Sample) float64 {
	var squares float64
	for _, s := range samples {
		x := features(s.Classes, 1)
		miss := v.dot(&x)/float64(s.Tokens) - 1
		squares += miss * miss
	}
	return math.Sqrt(squares / max(1, float64(len(samples))-freedom))
}

// freedom is how many weights a pilot fits in effect: a text has few scripts.
const freedom = 6

// descend minimises Σ (x·v/tokens - 1)² + ridge·Σ (v/prior - 1)² over v ≥ 0, one weight at a time.
func descend(prior vector, samples []Sample, ridge float64) vector {
	n := float64(len(samples))
	rows := make([]vector, len(samples))
	var square vector // Σ x² by weight
	for i, s := range samples {
		rows[i] = features(s.Classes, 1)
		for j := range rows[i] {
			rows[i][j] /= float64(s.Tokens)
			square[j] += rows[i][j] * rows[i][j]
		}
	}
	v := prior
	missing := make([]float64, len(samples)) // 1 - x·v/tokens
	for i := range rows {
		missing[i] = 1 - v.dot(&rows[i])
	}
	for range rounds {
		var moved float64
		for j := range v {
			if square[j] == 0 {
				continue // the pilot says nothing about it
			}
			hold := ridge / math.Pow(atLeast(prior, j), 2)
			var pull float64
			for i := range rows {
				pull += rows[i][j] * missing[i]
			}
			next := max(0, v[j]+(pull+hold*(prior[j]-v[j]))/(square[j]+hold))
			step := next - v[j]
			if step == 0 {
				continue
			}
			for i := range rows {
				missing[i] -= rows[i][j] * step
			}
			v[j] = next
			moved = max(moved, math.Abs(step)*math.Sqrt(square[j]/n))
		}
		if moved < settled {
			break
		}
	}
	return v
}

// atLeast is a prior weight, or what counts in its place.
func atLeast(prior vector, j int) float64 {
	if j == atBase {
		return max(prior[j], leastBase)
	}
	return max(prior[j], leastWeight)
}

// scale multiplies all weights so that the samples' total comes out.
func scale(v vector, samples []Sample) vector {
	var want, got float64
	for _, s := range samples {
		want += float64(s.Tokens)
		x := features(s.Classes, 1)
		got += v.dot(&x)
	}
	if !(got > 0) {
		return v
	}
	for j := range v {
		v[j] *= want / got
	}
	return v
}

// leftover measures what the weights miss on the samples they were fitted to.
func (w Weights) leftover(samples []Sample) Fit {
	f := Fit{Samples: len(samples)}
	off := make([]float64, len(samples))
	var sum, squares, lengths float64
	for i, s := range samples {
		got := w.sum(s.Classes, 1)
		miss := got - float64(s.Tokens)
		sum += got
		lengths += got * got
		squares += miss * miss
		off[i] = math.Abs(miss) / float64(s.Tokens)
	}
	free := len(samples) - 1 // the factor takes one
	if len(samples) >= minSamples {
		free = len(samples) - freedom
	}
	n := float64(len(samples))
	f.Mean = sum / n
	if f.Mean > 0 {
		f.Vary = math.Sqrt(max(0, lengths/n/(f.Mean*f.Mean)-1))
	}
	f.Spread = math.Sqrt(squares / float64(max(1, free)))
	slices.Sort(off)
	f.Median = off[len(off)/2]
	f.P95 = off[min(len(off)-1, len(off)*95/100)]
	return f
}
