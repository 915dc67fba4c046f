package quarry

import (
	"encoding/json"
	"math"
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

	// Unknown is how many answers do not say what they took, or say what cannot be. The counts are those of the others.
	Unknown int64 `json:"unknown,omitempty"`
}

// MaxTokenCount is the largest count of tokens that is believed of one answer, a thousand times what any model reads.
// A larger one, like one below 0, says nothing about what was taken.
const MaxTokenCount = 1_000_000_000

// Known reports whether the counts are of all answers.
func (u Usage) Known() bool { return u.Unknown == 0 }

// Add adds another usage. Sums that an int64 cannot hold stay at its largest value.
func (u *Usage) Add(o Usage) {
	u.InputTokens = addCounts(u.InputTokens, o.InputTokens)
	u.OutputTokens = addCounts(u.OutputTokens, o.OutputTokens)
	u.CacheReadTokens = addCounts(u.CacheReadTokens, o.CacheReadTokens)
	u.CacheWriteTokens = addCounts(u.CacheWriteTokens, o.CacheWriteTokens)
	u.Unknown = addCounts(u.Unknown, o.Unknown)
}

func addCounts(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// MarshalJSON writes null for counts that no answer said: they are not 0.
func (u Usage) MarshalJSON() ([]byte, error) {
	type plain Usage
	if u.Known() || u.InputTokens != 0 || u.OutputTokens != 0 {
		return json.Marshal(plain(u))
	}
	return json.Marshal(struct {
		Input   *int64 `json:"input_tokens"`
		Output  *int64 `json:"output_tokens"`
		Unknown int64  `json:"unknown"`
	}{Unknown: u.Unknown})
}

// USD is money in pico-dollars (10⁻¹² US dollars). Prices are written per million tokens in micro-dollars, which is
// pico-dollars per token: sums are exact. The largest amount is 9.2 million dollars.
type USD int64

// Plus adds. A sum that does not fit is the largest amount: against a cap that is the safe side.
func (u USD) Plus(o USD) USD {
	if o > 0 && u > math.MaxInt64-o {
		return math.MaxInt64
	}
	return u + o
}

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
