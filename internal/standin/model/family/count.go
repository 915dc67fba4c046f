package family

import (
	"math"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
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

// count takes the tokens that a server counted: of the prompt and of the answer, both or none, and of the prompt cache, where its wire has
// them. Counts that are all 0 are none: each prompt has tokens.
func (r *Reply) count(in, out *tokenCount, cached ...tokenCount) {
	sum := int64(0)
	for _, n := range cached {
		r.Uncounted = r.Uncounted || n < 0
		sum += int64(n)
	}
	if r.Uncounted = r.Uncounted || in == nil || out == nil || *in < 0 || *out < 0 || int64(*in)+int64(*out)+sum == 0; r.Uncounted {
		r.OutputTokens = Tokens(r.Text)
		return
	}
	r.InputTokens, r.OutputTokens, r.CachedTokens = int64(*in), int64(*out), sum
}

// shown is a count as an answer shows it: nil where there is none.
func (r *Reply) shown(tokens int64) *int64 {
	if r.Uncounted {
		return nil
	}
	return &tokens
}

// WithoutUsage gives a server's reply with an empty usage in place of one whose counts cannot be.
func WithoutUsage(body []byte) ([]byte, error) {
	var reply map[string]jsontext.Value
	if err := json.Unmarshal(body, &reply, lenient); err != nil {
		return nil, err
	}
	reply["usage"] = jsontext.Value("{}")
	return json.Marshal(reply, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
}

// usageObject reads the counts of a usage that is an object; any other has none, and no answer is lost to it.
func usageObject(text []byte, to any) error {
	if jsontext.Value(text).Kind() != jsontext.KindBeginObject {
		return nil
	}
	return json.Unmarshal(text, to, lenient)
}
