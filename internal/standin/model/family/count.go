package family

import (
	"math"
	"strconv"
)

// tokenCount is a count in a server's reply. What is no whole number from 0 to a thousand million is -1: an answer is not lost to its
// bookkeeping.
type tokenCount int64

// UnmarshalJSON reads any JSON value.
func (n *tokenCount) UnmarshalJSON(text []byte) error {
	*n = -1
	switch f, err := strconv.ParseFloat(string(text), 64); {
	case string(text) == "null":
		*n = 0
	case err == nil && f >= 0 && f <= 1e9 && f == math.Trunc(f):
		*n = tokenCount(f)
	}
	return nil
}
