package tokens

import "math"

// spreads is the lower triangle of the covariance of weights, row by row.
type spreads [classes * (classes + 1) / 2]float64

func at(i, j int) int { return i*(i+1)/2 + j } // j ≤ i

// spreadsOf gives the covariance of weights that were fitted to samples, each of which is off by so much of its tokens:
// the inverse of what descend minimises, times the square of off. What the samples say nothing about is as unsure as the
// prior.
func spreadsOf(prior vector, samples []Sample, off float64) (out spreads) {
	// In units of the prior, so that large and small weights do not make the matrix hard to invert.
	var unit vector
	for j := range unit {
		unit[j] = atLeast(prior, j)
	}
	var m [classes][classes]float64
	for _, s := range samples {
		x := features(s.Classes, 1)
		for i := range x {
			x[i] *= unit[i] / float64(s.Tokens)
		}
		for i := range m {
			for j := range i + 1 {
				m[i][j] += x[i] * x[j]
			}
		}
	}
	for i := range m {
		m[i][i] += ridge(off)
	}
	inverse, ok := invert(&m)
	for i := range m {
		for j := range i + 1 {
			x := inverse[i][j] * off * off * unit[i] * unit[j]
			if !ok || math.IsNaN(x) || math.IsInf(x, 0) {
				return spreads{}
			}
			out[at(i, j)] = x
		}
	}
	return out
}

// of is the variance of a total in which each weight counts so often.
func (s *spreads) of(x *vector) float64 {
	var sum float64
	for i := range x {
		for j := range i {
			sum += 2 * s[at(i, j)] * x[i] * x[j]
		}
		sum += s[at(i, i)] * x[i] * x[i]
	}
	return max(0, sum)
}

// invert gives the inverse of a positive definite matrix of which the lower triangle is given, by Cholesky's method. Only the
// lower triangle of the result is filled.
func invert(m *[classes][classes]float64) (out [classes][classes]float64, ok bool) {
	var l [classes][classes]float64
	for i := range l {
		for j := range i + 1 {
			sum := m[i][j]
			for k := range j {
				sum -= l[i][k] * l[j][k]
			}
			if i > j {
				l[i][j] = sum / l[j][j]
				continue
			}
			if !(sum > 0) {
				return out, false
			}
			l[i][i] = math.Sqrt(sum)
		}
	}
	var inverse [classes][classes]float64 // of l
	for j := range l {
		inverse[j][j] = 1 / l[j][j]
		for i := j + 1; i < classes; i++ {
			var sum float64
			for k := j; k < i; k++ {
				sum -= l[i][k] * inverse[k][j]
			}
			inverse[i][j] = sum / l[i][i]
		}
	}
	for i := range l {
		for j := range i + 1 {
			for k := i; k < classes; k++ {
				out[i][j] += inverse[k][i] * inverse[k][j]
			}
		}
	}
	return out, true
}
