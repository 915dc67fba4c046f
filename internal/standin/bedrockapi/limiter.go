package bedrockapi

import (
	"sync"
	"time"

	"quarry/internal/base/catalog"
	"quarry/internal/standin/model"
)

// limiter holds on-demand calls to the requests and tokens a minute of each model. At the start of a call its input and
// max_tokens are taken; at its end that is settled to what it used, an output token counting as the model's burndown
// says (https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html).
type limiter struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[string]*budget
}

// budget is what is left of a minute's worth; it flows back evenly. It can be below 0: a call may use more than it took.
type budget struct {
	left    float64
	updated time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, buckets: map[string]*budget{}}
}

// at brings a budget up to date. The caller holds mu.
func (l *limiter) at(key string, perMinute int64) *budget {
	now := l.now()
	b := l.buckets[key]
	if b == nil {
		b = &budget{left: float64(perMinute), updated: now}
		l.buckets[key] = b
	}
	if passed := now.Sub(b.updated); passed > 0 {
		b.left = min(float64(perMinute), b.left+passed.Minutes()*float64(perMinute))
		b.updated = now
	}
	return b
}

// What AWS says when a call is too much (users report both texts).
const (
	messageRequests = "Too many requests, please wait before trying again."
	messageTokens   = "Too many tokens, please wait before trying again."
)

// defaultMaxTokens is taken for a call that sets no limit to a model whose own is not known.
const defaultMaxTokens = 4096

// admit takes a call's part of the model's quotas. settle gives back what was not used, or takes what was used beyond.
func (a *api) admit(caller Caller, t target, req model.Request) (settle func(in, out int64), err error) {
	q := a.cfg.Quotas(caller.Region, t.id)
	if q.RPM <= 0 && q.TPM <= 0 {
		return func(int64, int64) {}, nil
	}
	var take int64
	if q.TPM > 0 {
		size, err := model.Measure(req)
		if err != nil {
			return func(int64, int64) {}, nil // the model refuses the body, with the right error
		}
		take = size.InputTokens + firstPositive(size.MaxTokens, t.model.MaxOutput, defaultMaxTokens)
	}
	l := a.limits
	key := caller.Account + "|" + caller.Region + "|" + string(catalog.ScopeOf(t.profile)) + "|" + t.model.ID
	l.mu.Lock()
	defer l.mu.Unlock()
	if q.RPM > 0 {
		requests := l.at("rpm|"+key, q.RPM)
		if requests.left < 1 {
			return nil, refuse(throttling, messageRequests)
		}
		requests.left--
	}
	if q.TPM <= 0 {
		return func(int64, int64) {}, nil
	}
	tokens := l.at("tpm|"+key, q.TPM)
	if tokens.left < float64(take) {
		return nil, refuse(throttling, messageTokens)
	}
	tokens.left -= float64(take)
	burndown := firstPositive(q.Burndown, t.model.Burndown(), 1)
	return func(in, out int64) {
		now := a.cfg.Quotas(caller.Region, t.id) // another quota may be in force than when the call began
		l.mu.Lock()
		defer l.mu.Unlock()
		// A back end's count may be absurd: a call takes a minute's worth at most, or what it took at its start.
		used := min(float64(max(in, 0))+float64(max(out, 0))*float64(burndown), float64(max(take, now.TPM)))
		l.at("tpm|"+key, now.TPM).left += float64(take) - used
	}, nil
}

// firstPositive is the first number above 0.
func firstPositive(numbers ...int64) int64 {
	for _, n := range numbers {
		if n > 0 {
			return n
		}
	}
	return 0
}
