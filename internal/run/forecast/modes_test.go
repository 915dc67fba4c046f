package forecast_test

import (
	"strings"
	"testing"

	"quarry/internal/run/forecast"

	"quarry"
)

func dollars(n float64) *quarry.USD {
	u := quarry.USD(n * 1e12)
	return &u
}

func TestTheCheapestWayThatWorksIsRecommended(t *testing.T) {
	t.Parallel()
	job := forecast.ModePlan{Mode: quarry.ModeJob, Possible: true, Cost: dollars(5)}
	few := forecast.ModePlan{Mode: quarry.ModeJob, Note: "below the minimum of 100 records", Cost: dollars(5)}
	flex := forecast.ModePlan{Mode: quarry.ModeFlex, Possible: true, Cost: dollars(5)}
	demand := forecast.ModePlan{Mode: quarry.ModeOnDemand, Possible: true, Cost: dollars(10)}
	cheap := demand
	cheap.Cached = dollars(4)
	dear := demand
	dear.Cached = dollars(6)
	unknown := func(m forecast.ModePlan) forecast.ModePlan { m.Cost = nil; return m }
	for name, tt := range map[string]struct {
		modes []forecast.ModePlan
		want  quarry.Mode
		why   string
	}{
		"batch costs as much as flex, and comes first": {[]forecast.ModePlan{job, flex, demand}, quarry.ModeJob, "about $5.00; flex: about $5.00; ondemand: about $10.00"},
		"too few for a job":                            {[]forecast.ModePlan{few, flex, demand}, quarry.ModeFlex, "batch: below the minimum"},
		"a long prompt that all requests share":        {[]forecast.ModePlan{job, cheap}, quarry.ModeOnDemand, "about $4.00 with the prompt read from the cache; batch: about $5.00"},
		"a cache that does not pay enough":             {[]forecast.ModePlan{job, dear}, quarry.ModeJob, "about $5.00; ondemand"},
		"no price is known":                            {[]forecast.ModePlan{unknown(job), unknown(demand)}, quarry.ModeJob, "prices are not known"},
		"nothing works":                                {[]forecast.ModePlan{few}, "", "no mode works"},
	} {
		got, why := forecast.Recommend(tt.modes)
		if got != tt.want || !strings.Contains(why, tt.why) {
			t.Errorf("%s: Recommend = %s, %q, want %s, %q", name, got, why, tt.want, tt.why)
		}
	}
}

// The break-even of the public arithmetic: with Claude's prices, a document of 2,000 tokens and an answer of 570, on
// demand with a cached prefix beats batch from about 6,060 tokens of it.
func TestCachingBeatsAJobFromABreakEven(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[int64]quarry.Mode{5900: quarry.ModeJob, 6200: quarry.ModeOnDemand} {
		modes, _ := claude().Compare(forecast.Work{Expectation: exactly(1000*(prefix+2000), 1000*570), First: 1000, Stages: 1000, Jobs: 1, Prefix: prefix})
		if got, why := forecast.Recommend(modes); got != want {
			t.Errorf("a prefix of %d: Recommend = %s (%s), want %s", prefix, got, why, want)
		}
	}
}

func TestAPromptCacheAppliesFromTheModelsMinimum(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prices forecast.Prices
		prefix int64
		want   forecast.CachePlan
	}{
		"too short":      {claude(), 138, forecast.CachePlan{Prefix: 138, Minimum: 4096, Note: "prompt too short to cache: about 138 of 4,096 tokens"}},
		"long enough":    {claude(), 5000, forecast.CachePlan{Prefix: 5000, Minimum: 4096, Applies: true, Note: "about 5,000 tokens of each request are identical, but batch inference does not cache"}},
		"nothing known":  {unheard(), 5000, forecast.CachePlan{Prefix: 5000, Note: "the shortest prompt that this model caches is not known"}},
		"just the least": {claude(), 4096, forecast.CachePlan{Prefix: 4096, Minimum: 4096, Applies: true, Note: "about 4,096 tokens of each request are identical, but batch inference does not cache"}},
	} {
		if _, got := tt.prices.Compare(forecast.Work{Prefix: tt.prefix}); got != tt.want {
			t.Errorf("%s: the cache = %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestTheTimeOfCallsIsWhatTheTighterQuotaTakes(t *testing.T) {
	t.Parallel()
	work := forecast.Work{Expectation: exactly(60_000, 12_000), First: 100, Stages: 120, Jobs: 2}
	for name, tt := range map[string]struct {
		quotas  quarry.Quotas
		seconds float64
		basis   string
	}{
		"tokens bind":    {quarry.Quotas{TPM: 60_000, RPM: 1000, Burndown: 5}, 120, "the full quota of 60,000 tokens per minute, where an output token counts as 5"},
		"requests bind":  {quarry.Quotas{TPM: 6_000_000, RPM: 60}, 120, "the full quota of 60 requests per minute"},
		"requests alone": {quarry.Quotas{RPM: 240}, 30, "the full quota of 240 requests per minute"},
		"none is known":  {quarry.Quotas{}, 0, "the quotas of on-demand calls are not known"},
	} {
		work.Quotas = tt.quotas
		modes, _ := claude().Compare(work)
		demand := modes[2]
		if demand.Mode != quarry.ModeOnDemand || demand.TimeBasis != tt.basis || (demand.Seconds == nil) != (tt.seconds == 0) || (demand.Seconds != nil && *demand.Seconds != tt.seconds) {
			t.Errorf("%s: %+v, want %g seconds by %q", name, demand, tt.seconds, tt.basis)
		}
		if flex := modes[1]; flex.Possible || flex.Seconds != nil || flex.TimeBasis != "none" {
			t.Errorf("%s: a model that has no flex tier: %+v", name, flex)
		}
	}
}

func TestTooFewRecordsAreNoJob(t *testing.T) {
	t.Parallel()
	for first, want := range map[int64]bool{99: false, 100: true} {
		modes, _ := claude().Compare(forecast.Work{Expectation: exactly(1, 1), First: first, Stages: 500, Jobs: 7, Quotas: quarry.Quotas{MinRecords: 100}})
		if job := modes[0]; job.Mode != quarry.ModeJob || job.Possible != want || (job.Jobs == 7) != want || (job.Note == "") != want || job.Seconds != nil {
			t.Errorf("%d records: %+v, want possible %t", first, job, want)
		}
	}
}
