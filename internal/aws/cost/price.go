// Package cost knows what tokens cost, and counts money exactly.
//
// It owns one dated table of prices, prices.json, whose rows say whether each comes from a published price or from a rule;
// the arithmetic of bills; and the reading of AWS's price lists, with which the table is refreshed. It asks no one. A
// price that is not known is not known: it is never 0 and never another Region's.
package cost

import (
	"math"
	"math/bits"

	"quarry"
)

// Tier is what is bought: a price class of input and output tokens.
type Tier string

// The tiers that have prices of their own.
const (
	Job      Tier = "batch" // batch inference
	OnDemand Tier = "ondemand"
	Flex     Tier = "flex"
	Priority Tier = "priority"
)

// TierOf gives the tier that a mode buys; ok is false for auto, which is a wish.
func TierOf(m quarry.Mode) (t Tier, ok bool) {
	switch m {
	case quarry.ModeJob:
		return Job, true
	case quarry.ModeFlex:
		return Flex, true
	case quarry.ModeOnDemand:
		return OnDemand, true
	}
	return "", false
}

// Basis says where a price comes from.
type Basis string

// The bases.
const (
	Listed    Basis = "listed"    // published for this model and tier
	Secondary Basis = "secondary" // from a public table that is not AWS's, or by a rule from such a price
	Derived   Basis = "derived"   // by a rule from a listed one: batch inference is half of on demand, flex the same as batch
)

// Price is what tokens of one model cost in one tier.
type Price struct {
	In  quarry.USD `json:"in"` // per token
	Out quarry.USD `json:"out"`
	// CacheWrite (for five minutes) and CacheRead are per token of input; nil where they are not known or do not exist.
	CacheWrite *quarry.USD `json:"cache_write,omitempty"`
	CacheRead  *quarry.USD `json:"cache_read,omitempty"`

	Basis  Basis  `json:"basis"`
	Source string `json:"source"` // where it was read
	Date   string `json:"date"`   // when, YYYY-MM-DD
	Note   string `json:"note,omitempty"`
}

// Bill gives what a usage costs. Input that went through the prompt cache counts at the cache's prices; where there are
// none, as in a job, which does not cache, it is input as any other. Amounts above what [quarry.USD] can hold, 9.2 million dollars, are given as the largest
// one: against a cap that is the safe side.
func Bill(u quarry.Usage, p Price) quarry.USD {
	read := max(u.CacheReadTokens, 0)
	write := max(u.CacheWriteTokens, 0)
	in := add(times(u.InputTokens-read-write, p.In), add(times(read, orElse(p.CacheRead, p.In)), times(write, orElse(p.CacheWrite, p.In))))
	return add(in, times(u.OutputTokens, p.Out))
}

func orElse(price *quarry.USD, other quarry.USD) quarry.USD {
	if price == nil {
		return other
	}
	return *price
}

// times multiplies without overflow. Tokens and prices are never negative; where they are, they count as none.
func times(tokens int64, price quarry.USD) quarry.USD {
	if tokens <= 0 || price <= 0 {
		return 0
	}
	high, low := bits.Mul64(uint64(tokens), uint64(price))
	if high != 0 || low > math.MaxInt64 {
		return math.MaxInt64
	}
	return quarry.USD(low)
}

func add(a, b quarry.USD) quarry.USD {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// Shape is one request of a run whose requests begin alike: Prefix tokens that all share, Document tokens of their own,
// Output tokens answered.
type Shape struct {
	Prefix, Document, Output int64
}

// BillCached gives what a request costs on demand when its prefix is read from the prompt cache. known is false where
// the model has no price for that. Writing the prefix is not in it: that is paid once in five minutes, not per request.
func BillCached(s Shape, onDemand Price) (cost quarry.USD, known bool) {
	if onDemand.CacheRead == nil {
		return 0, false
	}
	cost = add(times(s.Prefix, *onDemand.CacheRead), times(s.Document, onDemand.In))
	return add(cost, times(s.Output, onDemand.Out)), true
}

// CachingBeatsJob reports whether on-demand calls with prompt caching are cheaper than a job, which does not cache
// (https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html). With Claude's prices, where a cache read
// is a tenth of input and output five times as much, that is 0.4·prefix > 0.5·document + 2.5·output. minPrefix is the
// smallest prefix that the model caches.
func CachingBeatsJob(s Shape, onDemand, job Price, minPrefix int64) bool {
	cached, known := BillCached(s, onDemand)
	if !known || s.Prefix < minPrefix || s.Prefix < 1 {
		return false
	}
	return cached < Bill(quarry.Usage{InputTokens: s.Prefix + s.Document, OutputTokens: s.Output}, job)
}
