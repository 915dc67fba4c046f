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
	// ridge is the square of how far off one document may be (a twentieth of its tokens) over how far off a prior weight
	// may be (half of itself). It settles what a pilot leaves open: a script of which it has one document, or letters
	// against words, which go together.
	ridge = 0.01
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
	if len(samples) >= minSamples {
		v = scale(descend(v, samples), samples)
	}
	fitted := weightsOf(v)
	fitted.Fit = fitted.leftover(samples)
	return fitted
}

// descend minimises Σ (x·v/tokens - 1)² + ridge·Σ (v/prior - 1)² over v ≥ 0, one weight at a time.
func descend(prior [classes]float64, samples []Sample) [classes]float64 {
	n := float64(len(samples))
	rows := make([][classes]float64, len(samples))
	var square [classes]float64 // Σ x² by weight
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
		missing[i] = 1 - dot(rows[i], v)
	}
	for range rounds {
		var moved float64
		for j := range v {
			if square[j] == 0 {
				continue // the pilot says nothing about it
			}
			least := leastWeight
			if j == 0 {
				least = leastBase
			}
			hold := ridge / math.Pow(max(prior[j], least), 2)
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

// scale multiplies all weights so that the samples' total comes out.
func scale(v [classes]float64, samples []Sample) [classes]float64 {
	var want, got float64
	for _, s := range samples {
		want += float64(s.Tokens)
		got += dot(v, features(s.Classes, 1))
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
	var sum, squares float64
	for i, s := range samples {
		got := dot(w.vector(), features(s.Classes, 1))
		miss := got - float64(s.Tokens)
		sum += got
		squares += miss * miss
		off[i] = math.Abs(miss) / float64(s.Tokens)
	}
	free := len(samples) - 1 // the factor takes one
	if len(samples) >= minSamples {
		free = len(samples) - classes
	}
	f.Mean = sum / float64(len(samples))
	f.Spread = math.Sqrt(squares / float64(max(1, free)))
	slices.Sort(off)
	f.Median = off[len(off)/2]
	f.P95 = off[min(len(off)-1, len(off)*95/100)]
	return f
}
