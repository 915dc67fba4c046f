package run

import (
	"context"
	"fmt"

	"quarry"
	"quarry/internal/catalog"
	"quarry/internal/clean"
	"quarry/internal/cost"
	"quarry/internal/tokens"
)

// Forecast is what a run over the sources would take.
type Forecast struct {
	Planned Planned       `json:"planned"`
	Tokens  tokens.Band   `json:"input_tokens"`
	Output  tokens.Band   `json:"output_tokens"`
	Usage   quarry.Usage  `json:"usage"` // the estimates of both
	Modes   []ModePlan    `json:"modes"`
	Cache   CachePlan     `json:"cache"`
	LeftOut []string      `json:"left_out"` // settings that are not sent because the model refuses them
	Quotas  quarry.Quotas `json:"quotas"`

	Recommended quarry.Mode `json:"recommended"`
	Why         string      `json:"why"`
	Known       *Known      `json:"known,omitempty"` // beside the run in the directory; nil where there is none
}

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
const batchTime = "AWS promises none: a public run of 14,108 records took 17 minutes, and a job that waits ends with its timeout, 24 hours unless set"

// Plan reads the sources and says what a run would take. Nothing is asked of anybody; the index is written below the
// directory of the Config, which the caller may throw away.
func (r *Run) Plan(ctx context.Context) (Forecast, error) {
	r.pass = 1
	if _, err := r.plan(ctx); err != nil {
		return Forecast{}, err
	}
	e := r.expect(r.learned, r.allTexts())
	f := Forecast{
		Planned: r.planned, Tokens: e.input, Output: e.output, Usage: quarry.Usage{InputTokens: e.input.Estimate, OutputTokens: e.output.Estimate},
		LeftOut: append([]string{}, r.cfg.Prompt.LeftOut()...), Quotas: r.cfg.Quotas, Known: r.compared(),
	}
	model, _, known := catalog.Find(r.cfg.Model)
	f.Cache = cachePlan(tokens.Default(r.cfg.Family).Total(clean.Classes(r.cfg.Prompt.Prefix()), 0), model.CacheMin)
	for _, mode := range []quarry.Mode{quarry.ModeJob, quarry.ModeFlex, quarry.ModeOnDemand} {
		m := r.costs(mode, e)
		switch {
		case mode == quarry.ModeJob:
			r.planJobs(&m, known && !model.Batch)
		case mode == quarry.ModeFlex && model.Offers(catalog.Flex) == catalog.No:
			m.Possible, m.Note, m.TimeBasis = false, "this model has no flex tier", "none"
		default:
			r.planCalls(&m, f.Usage)
		}
		if price, ok := r.cfg.Prices.Price(r.cfg.Model, r.cfg.Region, mode); ok && mode == quarry.ModeOnDemand && f.Cache.Applies {
			m.Cached = cached(f.Cache.Prefix*r.planned.stages(), f.Usage, price)
		}
		f.Modes = append(f.Modes, m)
	}
	f.Recommended, f.Why = recommend(f.Modes)
	if r.clock.held != nil { // the notes say why
		f.Recommended, f.Why = r.planned.Mode, "the cheapest way to be done by "+moment(r.clock.held.By)
	}
	return f, nil
}

func (r *Run) costs(mode quarry.Mode, e expectation) ModePlan {
	at := func(in, out int64) *quarry.USD {
		return r.listCost(mode, quarry.Usage{InputTokens: in, OutputTokens: out})
	}
	return ModePlan{
		Mode: mode, Possible: true, Cost: at(e.input.Estimate, e.output.Estimate), CostLow: at(e.input.Low, e.output.Low), CostHigh: at(e.input.High, e.output.High),
	}
}

func (r *Run) planJobs(m *ModePlan, unlisted bool) {
	m.Jobs, m.TimeBasis = r.planned.Shards, batchTime
	switch {
	case unlisted:
		m.Possible, m.Jobs, m.Note = false, 0, "AWS's page does not list this model for batch inference"
	case r.planned.Records() < r.cfg.Quotas.MinRecords:
		m.Possible, m.Jobs, m.Note = false, 0, fmt.Sprintf("below the minimum of %d records", r.cfg.Quotas.MinRecords)
	}
}

// planCalls reckons how long the quotas of runtime calls make it take at least.
func (r *Run) planCalls(m *ModePlan, u quarry.Usage) {
	q := r.cfg.Quotas
	if q.TPM <= 0 && q.RPM <= 0 {
		m.TimeBasis = "the quotas of runtime calls are not known"
		return
	}
	var minutes float64
	burndown := max(q.Burndown, 1)
	if q.TPM > 0 {
		minutes = float64(u.InputTokens+u.OutputTokens*burndown) / float64(q.TPM)
		m.TimeBasis = fmt.Sprintf("a quota of %d tokens a minute, of which an output token takes %d", q.TPM, burndown)
	}
	if q.RPM > 0 {
		if byRequests := float64(r.planned.stages()) / float64(q.RPM); byRequests > minutes {
			minutes, m.TimeBasis = byRequests, fmt.Sprintf("a quota of %d requests a minute", q.RPM)
		}
	}
	m.TimeBasis += ", all of it used"
	if m.Mode == quarry.ModeFlex {
		m.TimeBasis += "; flex waits behind others"
	}
	seconds := 60 * minutes
	m.Seconds = &seconds
}

func cachePlan(prefix, minimum int64) CachePlan {
	c := CachePlan{Prefix: prefix, Minimum: minimum}
	switch {
	case minimum == 0:
		c.Note = "what prompt caching takes at least is not known for this model"
	case prefix < minimum:
		c.Note = fmt.Sprintf("prompt too short to cache: about %d of %d tokens", prefix, minimum)
	default:
		c.Applies = true
		c.Note = fmt.Sprintf("about %d tokens of each request are the same; batch inference does not cache", prefix)
	}
	return c
}

// cached is what runtime calls cost when prefix of all the input tokens are read from the cache. What it costs to write
// them there, once in five minutes, is left out.
func cached(prefix int64, u quarry.Usage, price cost.Price) *quarry.USD {
	prefix = min(prefix, u.InputTokens)
	usd, known := cost.BillCached(cost.Shape{Prefix: prefix, Document: u.InputTokens - prefix, Output: u.OutputTokens}, price)
	if !known {
		return nil
	}
	return &usd
}

// recommend picks the cheapest way that works, the earlier one of two that cost the same.
func recommend(modes []ModePlan) (quarry.Mode, string) {
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
		return "", "none of the ways works for this model"
	case bestCost == nil:
		return best.Mode, "prices are not known here; AWS sells batch inference at half of on demand where it lists both"
	}
	why := "about " + bestCost.String()
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
