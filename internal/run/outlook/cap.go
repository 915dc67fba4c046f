package outlook

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

// Balance is what stands against the cap.
type Balance struct {
	Settled quarry.USD // of what ended
	Open    quarry.USD // the most that what is under way may cost
	Ratio   float64    // tokens a byte of input that are reserved
}

// Left is what the cap leaves when nothing more is sent.
func (b *Balance) Left(limit quarry.USD) quarry.USD { return limit - b.Settled }

// Holds reports whether the cap holds when something is sent that may cost so much.
func (b *Balance) Holds(limit, own quarry.USD) bool { return b.Settled.Plus(b.Open).Plus(own) <= limit }

// Pieces says into pieces of how many records and bytes at most so many records are cut, which may cost own together, so
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
