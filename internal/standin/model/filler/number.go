package filler

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"quarry/internal/standin/model/ask"
)

// number writes the number nearest to 0 that is allowed, exactly; nth selects the ones after it.
func (w *Writer) number(key string, n *ask.Node, nth int) (jsontext.Value, error) {
	step := n.MultipleOf
	if step == nil || n.Integer && !step.IsInt() {
		one := big.NewRat(1, 1)
		if step != nil { // an integer that is a multiple of 0.5: of 1; of 1.5: of 3
			one.SetInt(new(big.Int).Set(step.Num()))
		}
		if n.Integer {
			step = one
		}
	}
	v := new(big.Rat)
	switch {
	case n.Min != nil && (n.Min.Sign() > 0 || n.Min.Sign() == 0 && n.OpenMin):
		v = above(n.Min, step, n.OpenMin, n.Max)
	case n.Max != nil && (n.Max.Sign() < 0 || n.Max.Sign() == 0 && n.OpenMax):
		low := new(big.Rat).Neg(n.Max)
		var limit *big.Rat
		if n.Min != nil {
			limit = new(big.Rat).Neg(n.Min)
		}
		v = above(low, step, n.OpenMax, limit)
		v.Neg(v)
	}
	if nth > 0 {
		by := step
		if by == nil {
			by = big.NewRat(1, 1)
		}
		move := new(big.Rat).Mul(by, big.NewRat(int64(nth), 1))
		up := new(big.Rat).Add(v, move)
		if allowed(n, up) {
			v = up
		} else {
			v.Sub(v, move)
		}
	}
	if !allowed(n, v) {
		return nil, w.cannot(key, "no number obeys its limits: "+limits(n))
	}
	return decimal(v), nil
}

// above is the least multiple of step from low on, or a number just above low where there is no step.
func above(low, step *big.Rat, open bool, high *big.Rat) *big.Rat {
	if step == nil {
		if !open {
			return new(big.Rat).Set(low)
		}
		if high != nil {
			middle := new(big.Rat).Add(low, high)
			return middle.Quo(middle, big.NewRat(2, 1))
		}
		return new(big.Rat).Add(low, big.NewRat(1, 1))
	}
	times := new(big.Rat).Quo(low, step)
	whole := new(big.Int).Div(times.Num(), times.Denom()) // rounds down, and the divisor is positive
	v := new(big.Rat).Mul(new(big.Rat).SetInt(whole), step)
	for v.Cmp(low) < 0 || open && v.Cmp(low) == 0 {
		v.Add(v, step)
	}
	return v
}

func allowed(n *ask.Node, v *big.Rat) bool {
	if n.Min != nil && (v.Cmp(n.Min) < 0 || n.OpenMin && v.Cmp(n.Min) == 0) {
		return false
	}
	if n.Max != nil && (v.Cmp(n.Max) > 0 || n.OpenMax && v.Cmp(n.Max) == 0) {
		return false
	}
	if n.Integer && !v.IsInt() {
		return false
	}
	return n.MultipleOf == nil || new(big.Rat).Quo(v, n.MultipleOf).IsInt()
}

func fitsNumber(n *ask.Node, v jsontext.Value) bool {
	r, ok := new(big.Rat).SetString(string(v))
	return len(v) <= 64 && ok && allowed(n, r)
}

func limits(n *ask.Node) string {
	var said []string
	for _, l := range []struct {
		name  string
		value *big.Rat
	}{{"minimum", n.Min}, {"maximum", n.Max}, {"multipleOf", n.MultipleOf}} {
		if l.value != nil {
			said = append(said, fmt.Sprintf("%s %s", l.name, decimal(l.value)))
		}
	}
	return strings.Join(said, ", ")
}

// decimal writes a number as JSON does, with at most 18 digits after the point.
func decimal(v *big.Rat) jsontext.Value {
	if v.IsInt() {
		return jsontext.Value(v.Num().String())
	}
	return jsontext.Value(strings.TrimRight(v.FloatString(18), "0"))
}
