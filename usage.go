package quarry

import (
	"math/big"
	"strconv"
)

// Usage is what one answer, or many, took.
type Usage struct {
	InputTokens  int64 `json:"input_tokens"`
	OutputTokens int64 `json:"output_tokens"`

	// Of the input, what was read from the prompt cache and what was written into it: both have prices of their own.
	CacheReadTokens  int64 `json:"cache_read_tokens,omitempty"`
	CacheWriteTokens int64 `json:"cache_write_tokens,omitempty"`
}

// Add adds another usage.
func (u *Usage) Add(o Usage) {
	u.InputTokens += o.InputTokens
	u.OutputTokens += o.OutputTokens
	u.CacheReadTokens += o.CacheReadTokens
	u.CacheWriteTokens += o.CacheWriteTokens
}

// USD is money in pico-dollars (10⁻¹² US dollars). Prices are written per million tokens in micro-dollars, which is
// pico-dollars per token: sums are exact. The largest amount is 9.2 million dollars.
type USD int64

// Dollars gives the amount as a float, for display only.
func (u USD) Dollars() float64 { return float64(u) / 1e12 }

// String gives dollars and cents, "$37.73", and more digits below one cent.
func (u USD) String() string {
	digits := 2
	if u > -1e10 && u < 1e10 && u != 0 {
		digits = 6
	}
	return "$" + new(big.Rat).SetFrac64(int64(u), 1e12).FloatString(digits)
}

// MarshalJSON writes dollars as a JSON number, exactly.
func (u USD) MarshalJSON() ([]byte, error) {
	s := new(big.Rat).SetFrac64(int64(u), 1e12).FloatString(12)
	end := len(s)
	for s[end-1] == '0' {
		end--
	}
	if s[end-1] == '.' {
		end--
	}
	return []byte(s[:end]), nil
}

// UnmarshalJSON reads dollars from a JSON number.
func (u *USD) UnmarshalJSON(b []byte) error {
	r, ok := new(big.Rat).SetString(string(b))
	if !ok {
		return &strconv.NumError{Func: "USD", Num: string(b), Err: strconv.ErrSyntax}
	}
	r.Mul(r, new(big.Rat).SetInt64(1e12))
	n := new(big.Int).Quo(r.Num(), r.Denom())
	if !n.IsInt64() {
		return &strconv.NumError{Func: "USD", Num: string(b), Err: strconv.ErrRange}
	}
	*u = USD(n.Int64())
	return nil
}
