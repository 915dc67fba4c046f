package quarry

import (
	"bytes"
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
func (u Usage) MarshalJSON() ([]byte, error) { return u.AppendJSON(nil), nil }

// AppendJSON appends what MarshalJSON gives.
func (u Usage) AppendJSON(dst []byte) []byte {
	count := func(name string, n int64) {
		dst = strconv.AppendInt(append(dst, name...), n, 10)
	}
	if !u.Known() && u.InputTokens == 0 && u.OutputTokens == 0 {
		count(`{"input_tokens":null,"output_tokens":null,"unknown":`, u.Unknown)
		return append(dst, '}')
	}
	count(`{"input_tokens":`, u.InputTokens)
	count(`,"output_tokens":`, u.OutputTokens)
	if u.CacheReadTokens != 0 {
		count(`,"cache_read_tokens":`, u.CacheReadTokens)
	}
	if u.CacheWriteTokens != 0 {
		count(`,"cache_write_tokens":`, u.CacheWriteTokens)
	}
	if u.Unknown != 0 {
		count(`,"unknown":`, u.Unknown)
	}
	return append(dst, '}')
}

// USD is money in pico-dollars (10⁻¹² US dollars). Prices are written per million tokens in micro-dollars, which is
// pico-dollars per token: sums are exact. The largest amount is 9.2 million dollars.
type USD int64

const picoPerDollar = 1e12

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
func (u USD) MarshalJSON() ([]byte, error) { return u.AppendJSON(nil), nil }

// AppendJSON appends what MarshalJSON gives.
func (u USD) AppendJSON(dst []byte) []byte {
	pico := uint64(u)
	if u < 0 {
		dst, pico = append(dst, '-'), -pico
	}
	dst = strconv.AppendUint(dst, pico/picoPerDollar, 10)
	if pico %= picoPerDollar; pico == 0 {
		return dst
	}
	end := len(dst)
	dst = strconv.AppendUint(dst, picoPerDollar+pico, 10) // its first digit, a 1, has the place of the point
	dst[end] = '.'
	return bytes.TrimRight(dst, "0")
}

// UnmarshalJSON reads dollars from a JSON number.
func (u *USD) UnmarshalJSON(b []byte) error {
	if plain, ok := plainUSD(b); ok {
		*u = plain
		return nil
	}
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

// plainUSD reads an amount as AppendJSON writes it: at most six digits, and after a point at most twelve. math/big takes 20 times as long.
func plainUSD(b []byte) (u USD, ok bool) {
	whole, part, _ := bytes.Cut(bytes.TrimPrefix(b, []byte("-")), []byte("."))
	if len(whole) == 0 || len(whole) > 6 || len(part) > 12 {
		return 0, false
	}
	for _, digits := range [][]byte{whole, part} {
		for _, c := range digits {
			if c < '0' || c > '9' {
				return 0, false
			}
			u = 10*u + USD(c-'0')
		}
	}
	for range 12 - len(part) {
		u *= 10
	}
	if b[0] == '-' {
		u = -u
	}
	return u, true
}
