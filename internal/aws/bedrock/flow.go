package bedrock

import (
	"math"
	"math/rand/v2"
	"time"
)

// How a flow moves when it was refused, and afterwards.
const (
	share     = 0.99             // of a quota that is used: two clocks are never quite the same
	below     = 0.98             // of a rate that was measured
	cut       = 0.7              // of the rate, where nothing could be measured
	minSpan   = 3 * time.Second  // between two refusals, for a measurement
	minSample = 10               // calls between two refusals, for a measurement
	firstHold = 2 * time.Second  // after a refusal
	maxHold   = 30 * time.Second // where nothing gets through
	replyTime = 2 * time.Second  // in which a refusal comes; who got none by then was let in
	doubling  = 10 * time.Second // of the rate, below one that is known to get through
	firstStep = 0.01             // a minute, above one that is known to get through; doubled each minute without a refusal
	collapsed = 0.05             // of the highest rate: calls that are refused at so little are not refused for it,
	mostCalls = 0.5              // if at least this share of them gets through
	shareStep = 0.02             // what one call weighs in the share that gets through,
	shareSlow = 0.002            // and in what that share is compared with
	shareDrop = 0.25             // below that, the rate is the cause after all
	shareCalm = 0.99             // of calls: there are no such refusals any more

	firstRequests = 60.0      // a minute, where no quota is known
	firstTokens   = 100_000.0 // a minute, where no quota is known
)

// flow is one quota of so many units a minute, kept as the service keeps it: a level that fills at a rate, from which
// calls take, and to which they give back.
//
// A refusal says that the service's own level is empty. Between two refusals it therefore let through exactly what it
// fills with: that is the measurement by which a flow learns a rate that it was not given. The caller holds the pacer's
// lock.
type flow struct {
	limit float64 // units a second; +Inf when not known
	rate  float64 // units a second; +Inf when nothing holds it
	known float64 // the highest rate that is taken to get through

	level float64
	at    time.Time // of level
	burst float64   // the level's highest, in seconds of rate
	most  float64   // units that one call took at most

	drawn float64   // all that was taken, less what came back
	until time.Time // nothing is begun before
	hold  time.Duration
	count int64 // refusals

	// Refusals that do not depend on the rate: they come from the service, not from a quota of the account.
	share   float64 // of the calls that got through lately
	highest float64 // rate at a refusal, since a rate was last found to be the cause
	steady  float64 // the share since the rate was found not to be the cause; 0: it may be

	// Since the last refusal that counted:
	cutAt     time.Time // zero before the first
	cutDrawn  float64
	firstSent time.Time // of the first call begun since
	passed    bool      // a call begun since was answered
	stepAt    time.Time // when the rate last grew
	easedAt   time.Time
}

// newFlow gives a flow for a quota a minute. One that is not known is not held where the other one is known, until it
// refuses; else it begins at first and grows.
func newFlow(perMinute int64, otherKnown bool, first float64, burst time.Duration, now time.Time) flow {
	f := flow{burst: burst.Seconds(), at: now, stepAt: now, passed: true, share: 1}
	switch {
	case perMinute > 0:
		f.limit = share * float64(perMinute) / 60
		f.rate, f.known = f.limit, f.limit
	case otherKnown:
		f.limit, f.rate, f.known = math.Inf(1), math.Inf(1), math.Inf(1)
	default:
		f.limit, f.rate, f.known = math.Inf(1), first/60, math.Inf(1)
	}
	f.level = f.cap()
	return f
}

func (f *flow) free() bool { return math.IsInf(f.rate, 1) }

// cap is the highest level: what a rest saves up, but room for a large call, and never more than a minute's worth.
func (f *flow) cap() float64 {
	if f.free() {
		return math.Inf(1)
	}
	return min(max(f.burst*f.rate, 2*f.most), 60*f.rate)
}

// advance brings level and rate up to now.
func (f *flow) advance(now time.Time) {
	if f.free() {
		return
	}
	from := f.at
	if from.Before(f.until) {
		from = f.until // a pause saves nothing up: the first call after it is a trial
	}
	if d := now.Sub(from).Seconds(); d > 0 {
		f.level = min(f.level+d*f.rate, f.cap())
		f.at = now
	}
	f.grow(now)
}

// grow raises the rate: quickly where it is known to get through, slowly beyond.
func (f *flow) grow(now time.Time) {
	if now.Before(f.until) || !f.passed {
		f.stepAt = now
		return
	}
	d := now.Sub(f.stepAt)
	if d <= 0 || f.rate >= f.limit {
		f.stepAt = now
		return
	}
	if quick := below * f.known; f.rate < quick {
		f.rate = min(f.rate*math.Exp2(d.Seconds()/doubling.Seconds()), max(quick, f.rate), f.limit)
	} else {
		calm := now.Sub(f.cutAt).Minutes()
		step := firstStep * math.Exp2(math.Floor(min(calm, 8)))
		f.rate = min(f.rate*(1+step*d.Minutes()), f.limit)
		f.known = max(f.known, f.rate/below)
	}
	f.stepAt = now
}

// wait says how long it is until n units can be taken; 0 when they can be.
func (f *flow) wait(now time.Time, n float64) time.Duration {
	f.most = max(f.most, n)
	f.advance(now)
	hold := f.until.Sub(now)
	if f.trial() {
		hold = max(hold, f.firstSent.Add(replyTime).Sub(now))
	}
	if f.free() {
		return max(hold, 0)
	}
	if missing := min(n, f.cap()) - f.level; missing > 0 {
		seconds := missing / f.rate
		if hold > 0 {
			seconds += hold.Seconds()
		}
		return max(time.Duration(min(seconds, 60)*float64(time.Second)), time.Millisecond)
	}
	return max(hold, 0)
}

// trial reports whether one call is out to try whether anything gets through again: no other follows until it is known.
func (f *flow) trial() bool { return f.hold > firstHold && !f.passed && !f.firstSent.IsZero() }

func (f *flow) take(now time.Time, n float64) {
	f.drawn += n
	if !f.free() {
		f.level -= n
	}
	if f.firstSent.IsZero() {
		f.firstSent = now
	}
}

func (f *flow) refund(n float64) {
	f.drawn -= n
	if !f.free() {
		f.level = min(f.level+n, f.cap())
	}
}

// settle ends a call that was let in.
func (f *flow) settle(now, sent time.Time, back float64) {
	f.advance(now)
	f.refund(back)
	f.share += shareStep * (1 - f.share)
	if f.steady > 0 {
		f.steady += shareSlow * (f.share - f.steady)
		if f.share > shareCalm {
			f.steady, f.highest = 0, 0
		}
	}
	if sent.After(f.cutAt) {
		f.letIn()
	}
}

// letIn notes that calls get through again.
func (f *flow) letIn() {
	f.passed = true
	f.hold = 0
}

// refused slows down after the refusal of a call of n units. Calls that were on their way before the rate was cut tell
// nothing new. Where the rate has collapsed and calls are refused all the same, though most get through, the rate is not the cause: it
// returns to what it was, and stays there as long as the share that gets through does not fall.
func (f *flow) refused(now, sent time.Time, n float64) {
	f.advance(now)
	f.count++
	f.share -= shareStep * f.share
	if f.steady > 0 {
		f.steady += shareSlow * (f.share - f.steady)
		if f.share >= f.steady-shareDrop {
			return // the call waits by itself
		}
		f.steady, f.highest = 0, 0
	}
	if !sent.After(f.cutAt) && !f.cutAt.IsZero() {
		return
	}
	if !f.free() {
		f.highest = max(f.highest, f.rate)
	}
	used, span := f.drawn-f.cutDrawn, now.Sub(f.cutAt)
	passed := f.passed || !f.firstSent.IsZero() && now.Sub(f.firstSent) > replyTime
	switch {
	case !passed: // not the rate: nothing is let in
		f.hold = min(max(2*f.hold, firstHold), maxHold)
	case !f.cutAt.IsZero() && span >= minSpan && used >= minSample*n:
		measured := used / span.Seconds()
		if f.free() {
			f.rate = measured / below
		}
		f.known = min(max(measured, f.rate/2), f.rate)
		f.rate = below * f.known
		f.hold = firstHold
	default:
		f.known = f.rate
		if f.free() { // what went through is what was saved up, a minute's worth, and what came since
			f.rate = max(used, n) / (60 + now.Sub(f.at).Seconds())
			f.known = 2 * f.rate
		}
		f.rate *= cut
		f.hold = firstHold
	}
	if passed && f.rate < collapsed*f.highest && f.share >= mostCalls {
		f.steady, f.known = f.share, f.highest/below
	}
	f.level = min(f.level, 0)
	f.cutAt, f.cutDrawn, f.firstSent, f.passed, f.stepAt = now, f.drawn, time.Time{}, false, now
	pause := time.Duration((0.8 + 0.4*rand.Float64()) * float64(f.hold))
	f.until, f.at = now.Add(pause), now
}

// rest takes away what was saved up: calls that are let go again must not all go at once.
func (f *flow) rest(now time.Time) {
	f.advance(now)
	if !f.free() {
		f.level = min(f.level, f.rate/2)
	}
}

// ease lowers the rate a little, and no more than once in ten seconds: the service is short of capacity.
func (f *flow) ease(now time.Time) {
	f.advance(now)
	if f.free() || now.Sub(f.easedAt) < doubling {
		return
	}
	f.easedAt = now
	f.rate *= 0.95
}

// fill is how full the flow is, as a share of a second's worth.
func (f *flow) fill() float64 {
	if f.free() {
		return math.Inf(1)
	}
	return f.level / f.rate
}

func (f *flow) perMinute() float64 {
	if f.free() {
		return 0
	}
	return 60 * f.rate
}
