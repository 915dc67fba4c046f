package forecast

import (
	"fmt"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/catalog"
	"quarry/internal/base/figure"
)

// ModePlan is one way to buy the answers. Money and time that are null are not known.
type ModePlan struct {
	Mode     quarry.Mode `json:"mode"`
	Possible bool        `json:"possible"`
	Cost     *quarry.USD `json:"cost_usd"`
	CostLow  *quarry.USD `json:"cost_low_usd"`
	CostHigh *quarry.USD `json:"cost_high_usd"`
	// Cached is the cost where the prompt's prefix is read from the cache; null where that is not known or does not work.
	Cached    *quarry.USD `json:"cached_usd"`
	Jobs      int64       `json:"jobs"`
	Seconds   *float64    `json:"time_s"`
	TimeBasis string      `json:"time_basis"` // what the time, or that there is none, rests on
	Note      string      `json:"note,omitempty"`
}

// CachePlan says whether the text with which all requests begin alike is long enough for a prompt cache.
type CachePlan struct {
	Prefix  int64  `json:"prefix_tokens"` // estimated
	Minimum int64  `json:"min_tokens"`    // of the model; 0: not known
	Applies bool   `json:"applies"`
	Note    string `json:"note"`
}

// batchTime is all that can be said of how long jobs take. The record is the run that Quarry comes from, see originShare;
// the timeout is CreateModelInvocationJob's (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html).
const batchTime = "AWS promises none: a published run of 14,108 records took 17 minutes, and a job times out after 24 hours unless set otherwise"

// Work is what is to be sent, for a comparison of the ways to buy it.
type Work struct {
	Expectation Expectation
	First       int64 // records that are sent first
	Stages      int64 // records of both stages: with the merges of long documents
	Jobs        int64 // into which they are cut
	Prefix      int64 // tokens with which all requests begin alike
	Quotas      quarry.Quotas
}

// Compare puts the ways to buy the work side by side, batch jobs first, and says whether a prompt cache applies to calls.
func (p Prices) Compare(w Work) ([]ModePlan, CachePlan) {
	model, _, known := catalog.Open(p.Model)
	cache := cachePlan(w.Prefix, model.CacheMin)
	var modes []ModePlan
	for _, mode := range []quarry.Mode{quarry.ModeJob, quarry.ModeFlex, quarry.ModeOnDemand} {
		m := ModePlan{Mode: mode, Possible: true}
		m.CostLow, m.Cost, m.CostHigh = p.range3(mode, w.Expectation)
		switch {
		case mode == quarry.ModeJob:
			m.asJobs(w, known && !model.Batch)
			if known && !model.Listed() {
				m.Note = "it is not known whether this model supports batch inference; --mode ondemand works without it"
			}
		case mode == quarry.ModeFlex && model.Offers(catalog.Flex) == catalog.No:
			m.Possible, m.Note, m.TimeBasis = false, "this model has no flex tier", "none"
		case mode == quarry.ModeFlex && known && !model.Listed():
			m.Possible, m.Note, m.TimeBasis = false, "it is not known whether this model has a flex tier", "none"
		default:
			m.asCalls(w)
		}
		if price, ok := p.Table.Price(p.Model, p.Region, mode); ok && mode == quarry.ModeOnDemand && cache.Applies {
			m.Cached = cached(cache.Prefix*w.Stages, w.Expectation.Usage(), price)
		}
		modes = append(modes, m)
	}
	return modes, cache
}

func (m *ModePlan) asJobs(w Work, unlisted bool) {
	m.Jobs, m.TimeBasis = w.Jobs, batchTime
	switch {
	case unlisted:
		m.Possible, m.Jobs, m.Note = false, 0, "according to AWS's page, this model does not support batch inference"
	case w.First < w.Quotas.MinRecords:
		m.Possible, m.Jobs, m.Note = false, 0, fmt.Sprintf("below the minimum of %s", figure.Count(w.Quotas.MinRecords, "record"))
	}
}

// asCalls gives the least time that on-demand calls take within their quotas.
func (m *ModePlan) asCalls(w Work) {
	q, u := w.Quotas, w.Expectation.Usage()
	if q.TPM <= 0 && q.RPM <= 0 {
		m.TimeBasis = "the quotas of on-demand calls are not known"
		return
	}
	var minutes float64
	burndown := max(q.Burndown, 1)
	if q.TPM > 0 {
		minutes = float64(u.InputTokens+u.OutputTokens*burndown) / float64(q.TPM)
		m.TimeBasis = fmt.Sprintf("the full quota of %s per minute, where an output token counts as %s", figure.Count(q.TPM, "token"), figure.Thousands(burndown))
	}
	if q.RPM > 0 {
		if byRequests := float64(w.Stages) / float64(q.RPM); byRequests > minutes {
			minutes, m.TimeBasis = byRequests, fmt.Sprintf("the full quota of %s per minute", figure.Count(q.RPM, "request"))
		}
	}
	if m.Mode == quarry.ModeFlex {
		m.TimeBasis += "; flex requests wait for others"
	}
	seconds := 60 * minutes
	m.Seconds = &seconds
}

func cachePlan(prefix, minimum int64) CachePlan {
	c := CachePlan{Prefix: prefix, Minimum: minimum}
	switch {
	case minimum == 0:
		c.Note = "the shortest prompt that this model caches is not known"
	case prefix < minimum:
		c.Note = fmt.Sprintf("prompt too short to cache: about %s of %s", figure.Thousands(prefix), figure.Count(minimum, "token"))
	default:
		c.Applies = true
		c.Note = fmt.Sprintf("about %s of each request are identical, but batch inference does not cache", figure.Count(prefix, "token"))
	}
	return c
}

// cached is what on-demand calls cost when prefix of all the input tokens are read from the cache. What it costs to write
// them there, once in five minutes, is left out.
func cached(prefix int64, u quarry.Usage, price cost.Price) *quarry.USD {
	prefix = min(prefix, u.InputTokens)
	usd, known := cost.BillCached(cost.Shape{Prefix: prefix, Document: u.InputTokens - prefix, Output: u.OutputTokens}, price)
	if !known {
		return nil
	}
	return &usd
}

// Recommend picks the cheapest way that works, the earlier one of two that cost the same, and says why. Empty: none works.
func Recommend(modes []ModePlan) (mode quarry.Mode, why string) {
	var best *ModePlan
	var bestCost *quarry.USD
	withCache := false
	for i := range modes {
		m := &modes[i]
		if !m.Possible {
			continue
		}
		price, usesCache := m.Cost, false
		if m.Cached != nil && (price == nil || *m.Cached < *price) {
			price, usesCache = m.Cached, true
		}
		if best == nil || (price != nil && (bestCost == nil || *price < *bestCost)) {
			best, bestCost, withCache = m, price, usesCache
		}
	}
	switch {
	case best == nil:
		return "", "no mode works for this model"
	case bestCost == nil:
		return best.Mode, "prices are not known; where AWS lists both, batch inference costs half of on demand; " + cost.UnknownHelp
	}
	why = "about " + bestCost.String()
	if withCache {
		why += " with the prompt read from the cache"
	}
	for i := range modes {
		m := &modes[i]
		switch {
		case m == best || m.Cost == nil:
		case !m.Possible:
			why += fmt.Sprintf("; %s: %s", m.Mode, m.Note)
		default:
			why += fmt.Sprintf("; %s: about %s", m.Mode, m.Cost)
		}
	}
	return best.Mode, why
}
