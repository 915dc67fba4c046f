package run

import (
	"strings"
	"testing"

	"quarry"
	"quarry/internal/cost"
)

func dollars(n float64) *quarry.USD {
	u := quarry.USD(n * 1e12)
	return &u
}

func TestTheCheapestWayThatWorksIsRecommended(t *testing.T) {
	t.Parallel()
	job := ModePlan{Mode: quarry.ModeJob, Possible: true, Cost: dollars(5)}
	few := ModePlan{Mode: quarry.ModeJob, Note: "below the minimum of 100 records", Cost: dollars(5)}
	flex := ModePlan{Mode: quarry.ModeFlex, Possible: true, Cost: dollars(5)}
	demand := ModePlan{Mode: quarry.ModeOnDemand, Possible: true, Cost: dollars(10)}
	cheap := demand
	cheap.Cached = dollars(4)
	dear := demand
	dear.Cached = dollars(6)
	unknown := func(m ModePlan) ModePlan { m.Cost = nil; return m }
	for name, tt := range map[string]struct {
		modes []ModePlan
		want  quarry.Mode
		why   string
	}{
		"batch costs as much as flex, and comes first": {[]ModePlan{job, flex, demand}, quarry.ModeJob, "about $5.00; flex: about $5.00; ondemand: about $10.00"},
		"too few for a job":                            {[]ModePlan{few, flex, demand}, quarry.ModeFlex, "batch: below the minimum"},
		"a long prompt that all requests share":        {[]ModePlan{job, cheap}, quarry.ModeOnDemand, "about $4.00 with the prompt read from the cache; batch: about $5.00"},
		"a cache that does not pay enough":             {[]ModePlan{job, dear}, quarry.ModeJob, "about $5.00; ondemand"},
		"no price is known":                            {[]ModePlan{unknown(job), unknown(demand)}, quarry.ModeJob, "prices are not known here"},
		"nothing works":                                {[]ModePlan{few}, "", "none of the ways works"},
	} {
		got, why := recommend(tt.modes)
		if got != tt.want || !strings.Contains(why, tt.why) {
			t.Errorf("%s: recommend = %s, %q, want %s, %q", name, got, why, tt.want, tt.why)
		}
	}
}

// The break-even of the public arithmetic: with Claude's prices, a document of 2,000 tokens and an answer of 570, on
// demand with a cached prefix beats batch from about 6,060 tokens of it.
func TestCachingBeatsAJobFromABreakEven(t *testing.T) {
	t.Parallel()
	onDemand, ok := cost.Default().Price(quarry.DefaultModel, "us-west-2", quarry.ModeOnDemand)
	job, jobOK := cost.Default().Price(quarry.DefaultModel, "us-west-2", quarry.ModeJob)
	if !ok || !jobOK {
		t.Fatal("the default model has no price")
	}
	for prefix, want := range map[int64]quarry.Mode{5900: quarry.ModeJob, 6200: quarry.ModeOnDemand} {
		u := quarry.Usage{InputTokens: 1000 * (prefix + 2000), OutputTokens: 1000 * 570}
		batch, demand := cost.Bill(u, job), cost.Bill(u, onDemand)
		modes := []ModePlan{
			{Mode: quarry.ModeJob, Possible: true, Cost: &batch},
			{Mode: quarry.ModeOnDemand, Possible: true, Cost: &demand, Cached: cached(1000*prefix, u, onDemand)},
		}
		if got, why := recommend(modes); got != want {
			t.Errorf("a prefix of %d: recommend = %s (%s), want %s", prefix, got, why, want)
		}
	}
	if c := cachePlan(138, 4096); c.Applies || c.Note != "prompt too short to cache: about 138 of 4096 tokens" {
		t.Errorf("cachePlan = %+v", c)
	}
	if c := cachePlan(5000, 4096); !c.Applies {
		t.Errorf("cachePlan = %+v", c)
	}
	if c := cachePlan(5000, 0); c.Applies {
		t.Errorf("cachePlan of an unknown minimum = %+v", c)
	}
}
