package forecast

import (
	"fmt"
	"math"
	"time"

	"quarry"
)

// How much longer than forecast calls may take. Open jobs are left alone for longer than what was not sent yet: while
// that is called, they may end by themselves. Flex has no promised speed at all, so it is tried only where there is
// several times the time that calls of the standard tier take.
const (
	planSlack   = 1.5
	unsentSlack = 1.25
	openSlack   = 1.1
	flexSlack   = 3
	flexLeast   = 2
)

// ParseDeadline gives the moment that a text names: RFC 3339, or a duration from the beginning.
func ParseDeadline(text string, began time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return time.Time{}, fmt.Errorf("%q is not a time such as 2026-12-01T06:00:00Z or a duration such as 6h or 90m", text)
	}
	return began.Add(d).UTC(), nil
}

// CallTime is how long calls of the standard tier take for so many records, which take so many tokens: what the quotas let
// through, or what the model's speed makes of as many calls as may be under way, whichever is more.
func CallTime(records int64, u quarry.Usage, q quarry.Quotas, concurrency int) time.Duration {
	if records <= 0 {
		return 0
	}
	each := originSecondsPerToken * float64(u.OutputTokens) / float64(records)
	seconds := each * math.Ceil(float64(records)/float64(concurrency))
	if q.TPM > 0 {
		seconds = max(seconds, 60*float64(u.InputTokens+u.OutputTokens*max(q.Burndown, 1))/float64(q.TPM))
	}
	if q.RPM > 0 {
		seconds = max(seconds, 60*float64(records)/float64(q.RPM))
	}
	return time.Duration(seconds * float64(time.Second))
}

// Haste is how calls take the place of jobs before a deadline.
type Haste struct {
	Flex   bool          // the model is sold in the flex tier for less than on demand
	Margin time.Duration // what is left for everything but the calls
}

func times(d time.Duration, x float64) time.Duration { return time.Duration(float64(d) * x) }

// JobsFit reports whether jobs may be tried first: calls that need so long could still answer all of it in the time left.
func (h Haste) JobsFit(left, need time.Duration) bool { return left > times(need, planSlack)+h.Margin }

// Mode is the cheapest way to make calls that need so long on demand in the time that is left.
func (h Haste) Mode(left, need time.Duration) quarry.Mode {
	if h.Flex && left > times(need, flexLeast)+h.Margin {
		return quarry.ModeFlex
	}
	return quarry.ModeOnDemand
}

// Moments are when calls in a mode, that need so long on demand, have to begin: for what was not sent yet, and for what
// open jobs have not answered. gated says that an open job is the pilot's, for which the others wait.
func (h Haste) Moments(by time.Time, need time.Duration, mode quarry.Mode, gated bool) (unsent, open time.Time) {
	first, then := unsentSlack, openSlack
	if h.Flex {
		first, then = flexSlack, flexSlack-0.5
		if mode != quarry.ModeFlex {
			then = openSlack // jobs cost as little as flex: there is no reason to stop them for more
		}
	}
	if gated {
		then = first
	}
	at := func(slack float64) time.Time { return by.Add(-times(need, slack) - h.Margin) }
	return at(first), at(then)
}
