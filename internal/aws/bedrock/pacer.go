package bedrock

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// PacerConfig is what is known of the quotas of one model in one Region. A quota that is 0 is not known: the pacer finds
// it out.
type PacerConfig struct {
	RPM, TPM int64         // requests and tokens a minute
	Burndown int64         // tokens of TPM that one output token takes. Zero: 1
	Burst    time.Duration // how much of the quota may be used at once after a rest, as time. Zero: 10s
}

// Pacer holds on-demand calls to the quotas of one model in one Region, so that they are not refused. It keeps the same
// books as the service: at the start of a call its input and max_tokens are taken from the tokens of the minute, at its
// end that is settled to what it used, an output token counting as the model's burndown says
// (https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html).
//
// Where calls are refused all the same, since the account has less than it says or others use it too, the pacer learns
// the rate that gets through, stays below it, and feels its way up again. It is safe for concurrent use.
type Pacer struct {
	burndown int64

	turn chan struct{} // held by the one caller who waits for room: calls begin in the order of Take

	mu       sync.Mutex
	requests flow
	tokens   flow
	ratio    ratio
	changed  chan struct{} // closed when room may have come back
}

// NewPacer gives a pacer. It makes no call.
func NewPacer(c PacerConfig) *Pacer {
	if c.Burst <= 0 {
		c.Burst = 10 * time.Second
	}
	now := time.Now()
	p := &Pacer{
		burndown: max(c.Burndown, 1), turn: make(chan struct{}, 1), changed: make(chan struct{}),
		requests: newFlow(c.RPM, c.TPM > 0, firstRequests, c.Burst, now),
		tokens:   newFlow(c.TPM, c.RPM > 0, firstTokens, c.Burst, now),
		ratio:    ratio{tokens: 1, bytes: 3},
	}
	return p
}

// Ticket is the leave to make one call. Exactly one of its methods has to be called, once.
type Ticket struct {
	pacer *Pacer
	bytes int
	taken float64 // tokens
	sent  time.Time
}

// Take waits until a call may be made whose body has so many bytes and whose answer may have so many tokens. The error
// is the context's.
func (p *Pacer) Take(ctx context.Context, bytes int, maxTokens int64) (*Ticket, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for {
		p.mu.Lock()
		now := time.Now()
		take := p.ratio.of(bytes) + float64(maxTokens)
		wait := max(p.requests.wait(now, 1), p.tokens.wait(now, take))
		if wait <= 0 {
			p.requests.take(now, 1)
			p.tokens.take(now, take)
			p.mu.Unlock()
			return &Ticket{pacer: p, bytes: bytes, taken: take, sent: now}, nil
		}
		changed := p.changed
		p.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		}
		timer.Stop()
	}
}

// OverMinute reports whether one call would take more than the tokens of a whole minute, and how many it would take. The
// service refuses such a call however long one waits.
func (p *Pacer) OverMinute(bytes int, maxTokens int64) (take, minute int64, over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if math.IsInf(p.tokens.limit, 1) {
		return 0, 0, false
	}
	take, minute = int64(math.Ceil(p.ratio.of(bytes)))+maxTokens, int64(math.Round(60*p.tokens.limit/share))
	return take, minute, take > minute
}

// room wakes the caller that waits. The caller holds mu.
func (p *Pacer) room() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// Answered settles a call that was answered: input is what it read, with what it wrote into the prompt cache and without
// what it read from there, since "cache reads" take nothing of the quota.
func (t *Ticket) Answered(input, fromCache, output int64) {
	p := t.pacer
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.ratio.see(float64(input+fromCache), float64(t.bytes))
	p.requests.settle(now, t.sent, 0)
	p.tokens.settle(now, t.sent, t.taken-float64(input)-float64(output*p.burndown))
	p.room()
}

// Failed ends a call that got no answer and used no tokens, so far as one can know.
func (t *Ticket) Failed() {
	p := t.pacer
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.requests.settle(now, t.sent, 0)
	p.tokens.settle(now, t.sent, t.taken)
	p.room()
}

// Lost ends a call whose usage is not known: what it reserved stays reserved.
func (t *Ticket) Lost() {
	p := t.pacer
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.requests.settle(now, t.sent, 0)
	p.tokens.settle(now, t.sent, 0)
}

// Throttled ends a call that was refused because of a quota: the message says of which, in words that users report
// ("Too many requests", "Too many tokens"). Calls slow down.
func (t *Ticket) Throttled(message string) {
	p := t.pacer
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.byRequests(message) {
		p.tokens.refund(t.taken)
		p.requests.refund(1)
		p.requests.refused(now, t.sent, 1)
		p.tokens.rest(now)
	} else {
		p.tokens.refund(t.taken)
		p.tokens.refused(now, t.sent, t.taken)
		p.requests.rest(now)
	}
	p.room()
}

// Busy ends a call that the service had no capacity for (503). That is not the account's quota, so the rate hardly
// changes; the caller waits before it makes the call again.
func (t *Ticket) Busy() {
	p := t.pacer
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.requests.settle(now, t.sent, 0)
	p.tokens.settle(now, t.sent, t.taken)
	p.requests.ease(now)
	p.tokens.ease(now)
	p.room()
}

// byRequests tells which quota a refusal is about. Where the message does not say, it is the one that is nearer to its
// end.
func (p *Pacer) byRequests(message string) bool {
	m := strings.ToLower(message)
	requests, tokens := strings.Contains(m, "requests"), strings.Contains(m, "tokens")
	if requests != tokens {
		return requests
	}
	return p.requests.fill() < p.tokens.fill()
}

// Pace is how fast calls may be made at this moment.
type Pace struct {
	RPM, TPM float64       // 0: nothing is known to hold them
	Pause    time.Duration // until the next call may be tried; 0 when none is held back
	Refused  int64         // calls so far, because of a quota
}

// Pace gives the present rates.
func (p *Pacer) Pace() Pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	return Pace{
		RPM: p.requests.perMinute(), TPM: p.tokens.perMinute(), Refused: p.requests.count + p.tokens.count,
		Pause: max(p.requests.until.Sub(now), p.tokens.until.Sub(now), 0),
	}
}

// ratio is how many tokens a byte of a body makes, learned from answers, newer ones counting more.
type ratio struct{ tokens, bytes float64 }

const ratioMemory = 0.98

func (r *ratio) of(bytes int) float64 { return float64(bytes) * r.tokens / r.bytes }

func (r *ratio) see(tokens, bytes float64) {
	if tokens <= 0 || bytes <= 0 {
		return
	}
	if r.bytes < 4 { // nothing was seen before
		r.tokens, r.bytes = 0, 0
	}
	r.tokens, r.bytes = r.tokens*ratioMemory+tokens, r.bytes*ratioMemory+bytes
}

// Backoff gives how long to wait before the nth try again, from 1: doubling from a second to half a minute, of which a
// random half, so that calls that failed together do not come back together.
func Backoff(n int) time.Duration {
	d := min(time.Second<<min(n-1, 5), 30*time.Second)
	return d/2 + rand.N(d/2+1)
}
