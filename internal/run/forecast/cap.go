package forecast

import (
	"math"

	"quarry"
)

// ratioMargin is how much more tokens a byte may turn out to have than any that was seen.
const ratioMargin = 1.25

// Ratio is how many tokens are reserved for a byte of input, when so many were seen at most; 0: none was.
func Ratio(seen float64) float64 {
	if seen > 0 {
		return min(1, seen*ratioMargin)
	}
	return 1
}

// Reservation is the most that input of so many bytes can take, at so many tokens a byte, with answers of so many tokens.
func Reservation(bytes int64, ratio float64, answers int64) quarry.Usage {
	return quarry.Usage{InputTokens: int64(math.Ceil(float64(bytes) * ratio)), OutputTokens: answers}
}

// Upper is the upper end of a forecast, per byte of input and per answer: what a shard is reserved by once answers were read.
// The zero value says that nothing was forecast.
type Upper struct {
	PerByte   float64 // tokens of input for a byte of the input file
	PerAnswer float64 // tokens of output for a record
}

// UpperOf takes the upper end of an expectation for so many records, whose lines have so many bytes together. It is the zero
// value where no answer was read yet.
func UpperOf(e *Expectation, records, bytes int64) Upper {
	if e.Samples == 0 || records <= 0 || bytes <= 0 {
		return Upper{}
	}
	return Upper{PerByte: float64(e.Input.High) / float64(bytes), PerAnswer: float64(e.Output.High) / float64(records)}
}

// Known reports whether there is a forecast.
func (u Upper) Known() bool { return u.PerByte > 0 && u.PerAnswer > 0 }

// Of is the upper end for a shard. room is how many tokens its answers may have together at most. wide is for how many of
// its records a longer answer is to be expected than for the others, since one was cut off: each is taken at its most.
func (u Upper) Of(records, bytes, room, wide, most int64) quarry.Usage {
	wide = min(max(wide, 0), records)
	out := u.PerAnswer*float64(records-wide) + float64(most)*float64(wide)
	return quarry.Usage{InputTokens: int64(math.Ceil(u.PerByte * float64(bytes))), OutputTokens: int64(min(math.Ceil(out), float64(max(room, 0))))}
}

// Reserve is what one shard may cost: by the upper end of its forecast, and in the worst case. Without a forecast the former
// is half of the latter, so that twice of it is enough.
type Reserve struct{ Forecast, Worst quarry.USD }

// Raised is the reserve when settled shards cost so many times their forecast.
func (r Reserve) Raised(factor float64) Reserve {
	if factor > 1 {
		r.Forecast = quarry.USD(math.Ceil(float64(r.Forecast) * factor))
	}
	r.Forecast = min(r.Forecast, r.Worst)
	return r
}

// Plus is the sum of two.
func (r Reserve) Plus(o Reserve) Reserve {
	return Reserve{r.Forecast.Plus(o.Forecast), r.Worst.Plus(o.Worst)}
}

// Needs is what must be left for it: twice the forecast, or the worst case where that is less.
func (r Reserve) Needs() quarry.USD { return min(r.Forecast.Plus(r.Forecast), r.Worst) }

// Factor is how many times its forecast a settled shard cost; 1 where that is less, or nothing was forecast.
func Factor(cost, forecast quarry.USD) float64 {
	if forecast <= 0 || cost <= forecast {
		return 1
	}
	return float64(cost) / float64(forecast)
}

// Balance is what counts against the cap.
type Balance struct {
	Settled quarry.USD // of what ended
	Open    Reserve    // of what is under way
	Ratio   float64    // tokens a byte of input that are reserved in the worst case
	Factor  float64    // of what was forecast, by what settled shards cost
	// Earlier says that a shard with a lower number was not let through yet. Only the first of those may say that the cap is
	// reached: the piece that fits may be checked after the one that does not.
	Earlier bool
}

// Left is what the cap leaves when nothing more is sent.
func (b *Balance) Left(limit quarry.USD) quarry.USD { return limit - b.Settled }

// Admits reports whether something may be sent. It may where twice the forecasts of all that is under way fit into what is
// left, its own included: then all of it may cost twice its forecast, and the cap holds. Where they do not fit, it may where
// even the worst cases fit.
func (b *Balance) Admits(limit quarry.USD, own Reserve) bool {
	return b.Open.Plus(own).Needs() <= b.Left(limit)
}

// Pieces says into pieces of how many records and bytes at most so many records are cut, which need own together, so
// that the first fits into what is left. least is how many a piece must have. ok is false where no piece is small enough or
// none has to be cut.
func Pieces(left, own quarry.USD, records, bytes, least int64) (most, mostBytes int64, ok bool) {
	share := float64(left) / float64(own)
	most = int64(float64(records) * share)
	if share <= 0 || most < least || most >= records {
		return 0, 0, false
	}
	// Half of what fits: a piece as large as all that is left could not be sent, nor be cut below the minimum, once another
	// shard has spent a cent.
	return max(least, most/2), max(1, int64(float64(bytes)*share)), true
}
