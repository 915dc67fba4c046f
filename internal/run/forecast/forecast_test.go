package forecast_test

import (
	"testing"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/catalog"
	"quarry/internal/prepare/tokens"
	"quarry/internal/run/forecast"
	"quarry/internal/run/weigh"
)

func claude() forecast.Prices {
	return forecast.Prices{Table: cost.Default(), Model: quarry.DefaultModel, Region: "us-west-2"}
}

// unheard is a model that no table has.
func unheard() forecast.Prices {
	return forecast.Prices{Table: cost.Default(), Model: "nobody.knows-this-v1:0", Region: "us-west-2"}
}

// exactly is an expectation that leaves nothing open.
func exactly(in, out int64) forecast.Expectation {
	band := func(n int64) tokens.Band { return tokens.Band{Low: n, Estimate: n, High: n} }
	return forecast.Expectation{Input: band(in), Output: band(out)}
}

func TestWhatHasNoPriceHasNoCost(t *testing.T) {
	t.Parallel()
	u := quarry.Usage{InputTokens: 1_000_000, OutputTokens: 100_000}
	if got := unheard().Cost(quarry.ModeJob, u); got != nil {
		t.Errorf("Cost(no price) = %s, want nil", got)
	}
	x := unheard().Expected(quarry.ModeJob, 5, exactly(10, 2))
	if x.Cost != nil || x.CostLow != nil || x.CostHigh != nil || x.Input.Estimate != 10 || x.Records != 5 {
		t.Errorf("Expected(no price) = %+v, want tokens and no money", x)
	}
	job, demand := claude().Cost(quarry.ModeJob, u), claude().Cost(quarry.ModeOnDemand, u)
	if job == nil || demand == nil || *demand != 2**job {
		t.Errorf("Cost(job) = %v, Cost(on demand) = %v, want half and whole", job, demand)
	}
	if claude().FlexIsCheaper(u) || unheard().FlexIsCheaper(u) {
		t.Error("FlexIsCheaper says yes of models that have no flex tier")
	}
}

func TestAShareOfAll(t *testing.T) {
	t.Parallel()
	all := quarry.Usage{InputTokens: 1000, OutputTokens: 300}
	for name, tt := range map[string]struct {
		records, of int64
		want        quarry.Usage
	}{
		"half":    {50, 100, quarry.Usage{InputTokens: 500, OutputTokens: 150}},
		"all":     {100, 100, all},
		"of none": {10, 0, quarry.Usage{}},
	} {
		if got := forecast.Share(all, tt.records, tt.of); got != tt.want {
			t.Errorf("%s: Share(%d, %d) = %+v, want %+v", name, tt.records, tt.of, got, tt.want)
		}
	}
}

// prose is so many records of English prose, of 1,000 words each, inside of a short prompt.
func prose(records int64) forecast.Texts {
	c := quarry.CharClasses{Words: 1000 * records, Letters: 5000 * records, Spaces: 1000 * records}
	return forecast.Texts{
		Sums:   weigh.Sums{Documents: records, Records: records, Classes: c},
		Around: weigh.Around{Records: 1, Classes: quarry.CharClasses{Words: 100, Letters: 500, Spaces: 100}},
	}
}

func TestBeforeAnyAnswerTheForecastIsRough(t *testing.T) {
	t.Parallel()
	texts := prose(100)
	model := forecast.Model{Family: catalog.Anthropic, MaxTokens: 4096}
	e := model.Expect(nil, texts)
	if e.Samples != 0 || !inside(e.Input) || !inside(e.Output) {
		t.Errorf("Expect(nil) = %+v, want ranges around the estimates and no samples", e)
	}
	if share := float64(e.Output.Estimate) / float64(e.Input.Estimate); share < 0.28 || share > 0.29 {
		t.Errorf("%d tokens out for %d in, want the origin's share", e.Output.Estimate, e.Input.Estimate)
	}
	if got := (forecast.Model{MaxTokens: 10}).Expect(nil, texts).Output; got.Estimate != 1000 || got.High != 1000 {
		t.Errorf("answers of 10 tokens at most: %+v, want no more than 1000", got)
	}
	alone := texts
	alone.Around = weigh.Around{}
	if got := model.Expect(nil, alone).Input.Estimate; 11*got > 10*e.Input.Estimate+11 || 11*got < 10*e.Input.Estimate-11 {
		t.Errorf("%d tokens in without the prompt, %d with it, want a tenth more", got, e.Input.Estimate)
	}
	if got := model.Expect(nil, forecast.Texts{}); got != (forecast.Expectation{}) {
		t.Errorf("Expect(no texts) = %+v, want nothing", got)
	}
}

func inside(b tokens.Band) bool {
	return b.Low <= b.Estimate && b.Estimate <= b.High && b.Estimate > 0
}

func answersOf(n int, tokensEach int64) (a tokens.Answers) {
	for range n {
		a.Add(0, tokensEach)
	}
	return a
}

func TestAForecastKnowsTheAnswersOfEachLanguage(t *testing.T) {
	t.Parallel()
	texts := forecast.Texts{Sums: weigh.Sums{Records: 1000, Japanese: 200, Classes: quarry.CharClasses{Words: 10_000, Letters: 50_000}}}
	for name, tt := range map[string]struct {
		japanese, other tokens.Answers
		again           float64
		want            int64
	}{
		"both were read":          {answersOf(50, 100), answersOf(50, 300), 0, 200*100 + 800*300},
		"too few of one":          {answersOf(5, 100), answersOf(15, 300), 0, 1000 * (5*100 + 15*300) / 20},
		"one in four comes again": {answersOf(50, 100), answersOf(50, 300), 0.25, (200*100 + 800*300) * 5 / 4},
	} {
		l := &forecast.Learned{Weights: tokens.Default(catalog.Anthropic), Japanese: tt.japanese, Other: tt.other, Again: tt.again}
		e := forecast.Model{Family: catalog.Anthropic}.Expect(l, texts)
		if e.Output.Estimate != tt.want || e.Samples != tt.japanese.N+tt.other.N {
			t.Errorf("%s: Expect = %+v, want %d tokens out", name, e, tt.want)
		}
	}
}

func TestMergesReadTheAnswersAboutTheParts(t *testing.T) {
	t.Parallel()
	l := &forecast.Learned{Weights: tokens.Default(catalog.Anthropic), Other: answersOf(40, 100)}
	texts := prose(100)
	first := forecast.Model{}.Expect(l, texts)
	texts.Merges, texts.Parts = 10, 50
	both := forecast.Model{}.Expect(l, texts)
	if got := both.Output.Estimate - first.Output.Estimate; got != 10*100 {
		t.Errorf("10 merges answer in %d tokens, want 1000", got)
	}
	if got, least := both.Input.Estimate-first.Input.Estimate, int64(50*100); got < least {
		t.Errorf("10 merges read %d tokens, want %d of the answers to 50 parts and what stands around them", got, least)
	}
	if both.Input.High-both.Input.Estimate <= first.Input.High-first.Input.Estimate {
		t.Error("merges leave the range of the input as narrow as it was")
	}
}

func TestWhatWasTakenIsAdded(t *testing.T) {
	t.Parallel()
	got := exactly(10, 5).After(quarry.Usage{InputTokens: 100, OutputTokens: 50})
	if want := exactly(110, 55); got != want {
		t.Errorf("After = %+v, want %+v", got, want)
	}
}

func TestFurtherAttempts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		bad, answered int64
		attempts      int
		want          float64
	}{
		"none is bad":     {0, 100, 4, 0},
		"a quarter":       {25, 100, 3, 0.25 + 0.0625},
		"one attempt":     {50, 100, 1, 0},
		"nothing read":    {0, 0, 4, 0},
		"all but a bound": {100, 100, 2, 0.9},
	} {
		if got := forecast.FurtherAttempts(tt.bad, tt.answered, tt.attempts); got != tt.want {
			t.Errorf("%s: FurtherAttempts(%d, %d, %d) = %g, want %g", name, tt.bad, tt.answered, tt.attempts, got, tt.want)
		}
	}
}
