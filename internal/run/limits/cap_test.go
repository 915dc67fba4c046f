package limits_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/ledger"
	"quarry/internal/run/forecast"
	"quarry/internal/run/limits"
	"quarry/internal/run/verdict"
)

// A record of these tests has 1,000 bytes and an answer of at most 4,000 tokens. In a job it costs 1.05 cents at most: half a
// dollar a million for input, and 2.5 dollars for output.
const (
	home = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
	cent = quarry.USD(10_000_000_000)
	room = 4000
)

func prices(t *testing.T) *cost.Table {
	t.Helper()
	row := cost.Row{Model: "anthropic.claude-haiku-4-5-20251001-v1:0", Kinds: []cost.Kind{cost.Geo}, Basis: cost.Listed, Source: "made up", Date: "2026-01-01"}
	job, call := row, row
	job.Tier, job.In, job.Out = cost.Job, "0.5", "2.5"
	call.Tier, call.In, call.Out = cost.OnDemand, "1", "5"
	table, err := cost.NewTable("2026-01-01", []cost.Row{job, call})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func costs(t *testing.T) *limits.Costs {
	t.Helper()
	return &limits.Costs{
		Prices: prices(t), Pools: []ledger.Pool{{Region: "us-west-2", Model: home}}, MaxTokens: room, MaxOutput: 64_000, MinRecords: 3,
		Merges:     func(id quarry.ShardID) bool { return strings.HasPrefix(string(id), "m") },
		CallsBegan: func(id quarry.ShardID) bool { return id == "begun" },
	}
}

// row is a shard of ten records, which costs 10.5 cents at most.
func row(seq int64, state quarry.ShardState, change ...func(*ledger.Shard)) ledger.Shard {
	s := ledger.Shard{ID: quarry.NewShardID(quarry.MainShard, int(seq)), Seq: seq, Kind: quarry.MainShard, State: state, Mode: quarry.ModeJob}
	s.Pass, s.Records, s.Bytes, s.AnswerTokens = 1, 10, 10_000, 10*room
	for _, c := range change {
		c(&s)
	}
	return s
}

// collected ends a row with answers of so many tokens.
func collected(in, out int64) func(*ledger.Shard) {
	return func(s *ledger.Shard) {
		s.State, s.Times.Collected = quarry.ShardDone, time.Unix(1, 0)
		s.Tally = ledger.Tally{OK: s.Records, Usage: quarry.Usage{InputTokens: in, OutputTokens: out}}
	}
}

func mode(m quarry.Mode) func(*ledger.Shard) { return func(s *ledger.Shard) { s.Mode = m } }

// called marks a row whose calls a process began.
func called(s *ledger.Shard) { s.Mode, s.ID = quarry.ModeOnDemand, "begun" }

func late(s *ledger.Shard) { s.Mode, s.Late = quarry.ModeOnDemand, true }

// others is what a ledger says that all rows but one take of the cap of its pass.
func others(rows []ledger.Shard, own *ledger.Shard) *ledger.Balance {
	b := &ledger.Balance{}
	for i := range rows {
		s := &rows[i]
		if s.Pass != own.Pass {
			continue
		}
		b.TokensPerByte, b.Factor = max(b.TokensPerByte, s.Output.TokensPerByte), max(b.Factor, s.Factor)
		if s.ID == own.ID {
			continue
		}
		b.Settled, b.Forecast, b.Input = b.Settled+s.Money.Settled, b.Forecast+s.Money.Forecast, b.Input+s.Money.Input
		b.Output, b.Unpriced = b.Output+s.Money.Output, b.Unpriced+s.Money.Unpriced
		b.Earlier = b.Earlier || s.Kind == own.Kind && s.Seq < own.Seq && s.State == quarry.ShardPlanned && s.Unasked == "" && s.Money.Output == 0
	}
	return b
}

// ask asks for a row, and stores what it takes as a ledger does.
func ask(c *limits.Cap, costs *limits.Costs, rows []ledger.Shard, s *ledger.Shard) (verdict.Verdict, error) {
	v, takes, err := c.Check(costs, others(rows, s), s)
	if err == nil {
		s.Money = takes
	}
	return v, err
}

// account states what the rows take, as a process does that begins.
func account(c *limits.Costs, rows []ledger.Shard) {
	for i := range rows {
		for _, changed := range c.Account(rows, rows[i].Pass) {
			at := slices.IndexFunc(rows, func(s ledger.Shard) bool { return s.ID == changed.ID && s.Pass == changed.Pass })
			rows[at] = changed
		}
	}
}

// check asks for the last row once all are accounted for, and gives the verdict in one word.
func check(t *testing.T, limit quarry.USD, c *limits.Costs, rows ...ledger.Shard) string {
	t.Helper()
	account(c, rows)
	v, err := ask(limits.NewCap(limit), c, rows, &rows[len(rows)-1])
	return word(t, v, err)
}

func word(t *testing.T, v verdict.Verdict, err error) string {
	t.Helper()
	var q *quarry.Error
	switch {
	case errors.As(err, &q) && q.Kind == quarry.OverLimit:
		return "reached"
	case err != nil:
		t.Fatal(err)
	}
	switch v := v.(type) {
	case verdict.Go:
		return "go"
	case verdict.Wait:
		return "wait"
	case verdict.Cut:
		if v.Else == nil || v.Why == "" {
			t.Errorf("Cut = %+v, want why, and an error for records that cannot be cut", v)
		}
		return "cut"
	}
	t.Fatalf("verdict %+v", v)
	return ""
}

func TestTheCapLetsThroughWhatFits(t *testing.T) {
	t.Parallel()
	const planned, built, uploaded, submitted, calling = quarry.ShardPlanned, quarry.ShardBuilt, quarry.ShardUploaded, quarry.ShardSubmitted, quarry.ShardCalling
	otherPass := func(s *ledger.Shard) { s.Pass = 2 }
	for name, tt := range map[string]struct {
		limit quarry.USD
		rows  []ledger.Shard // the last is checked
		want  string
	}{
		"exactly the worst case":                              {105 * cent / 10, []ledger.Shard{row(1, planned)}, "go"},
		"a little less":                                       {105*cent/10 - 1, []ledger.Shard{row(1, planned)}, "cut"},
		"less than the smallest job":                          {3 * cent, []ledger.Shard{row(1, planned)}, "reached"},
		"calls may be cut to one record":                      {3 * cent, []ledger.Shard{row(1, planned, mode(quarry.ModeOnDemand))}, "cut"},
		"a built shard is not cut":                            {105*cent/10 - 1, []ledger.Shard{row(1, uploaded)}, "reached"},
		"an open job reserves its worst case":                 {20 * cent, []ledger.Shard{row(1, submitted), row(2, uploaded)}, "wait"},
		"two fit":                                             {21 * cent, []ledger.Shard{row(1, submitted), row(2, uploaded)}, "go"},
		"a settled job reserves what it cost":                 {15 * cent, []ledger.Shard{row(1, submitted, collected(2000, 4000)), row(2, uploaded)}, "go"},
		"what settled is spent":                               {11 * cent, []ledger.Shard{row(1, submitted, collected(2000, 4000)), row(2, uploaded)}, "reached"},
		"another pass has its own cap":                        {15 * cent, []ledger.Shard{row(1, submitted, otherPass), row(2, uploaded)}, "go"},
		"what an earlier process built reserves nothing":      {20 * cent, []ledger.Shard{row(1, built), row(2, planned)}, "go"},
		"nor what it uploaded":                                {20 * cent, []ledger.Shard{row(2, uploaded), row(1, uploaded)}, "go"},
		"an earlier planned one says that the cap is reached": {105*cent/10 - 1, []ledger.Shard{row(1, planned), row(2, planned)}, "wait"},
		"an earlier one that turned to calls does not block":  {21 * cent, []ledger.Shard{row(1, calling, late), row(2, calling, late)}, "go"},
		"one whose calls a process began does":                {21 * cent, []ledger.Shard{row(1, calling, called), row(2, calling, late)}, "wait"},
		"one that is not sent reserves nothing":               {105 * cent / 10, []ledger.Shard{row(1, built, func(s *ledger.Shard) { s.Unasked = quarry.KindBelowMinimum }), row(2, planned)}, "go"},
		"answers without usage count as the most": {
			15 * cent, []ledger.Shard{row(1, submitted, collected(0, 0), func(s *ledger.Shard) { s.Tally.Usage.Unknown = 1 }), row(2, uploaded)}, "reached",
		},
		"the manifest counts where it says more": {15 * cent, []ledger.Shard{row(1, submitted, collected(2000, 4000), func(s *ledger.Shard) {
			s.Output.Manifest = &quarry.Manifest{InputTokenCount: 10_000, OutputTokenCount: 40_000}
		}), row(2, uploaded)}, "reached"},
		"a manifest says what answers do not": {15 * cent, []ledger.Shard{row(1, submitted, collected(0, 0), func(s *ledger.Shard) {
			s.Tally.Usage.Unknown, s.Output.Manifest = 1, &quarry.Manifest{InputTokenCount: 2000, OutputTokenCount: 4000}
		}), row(2, uploaded)}, "go"},
		"answers have shown how many tokens a byte has": {15 * cent, []ledger.Shard{
			row(1, submitted, collected(100, 100), func(s *ledger.Shard) { s.Output.TokensPerByte = 0.4 }),
			row(2, submitted, func(s *ledger.Shard) { s.Bytes, s.AnswerTokens = 200_000, 100 }),
			row(3, submitted, func(s *ledger.Shard) { s.Bytes, s.AnswerTokens = 200_000, 100 }),
		}, "go"},
	} {
		if got := check(t, tt.limit, costs(t), tt.rows...); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestWhatIsLetThroughIsReservedUntilItWaits(t *testing.T) {
	t.Parallel()
	costs := costs(t)
	rows := []ledger.Shard{row(1, quarry.ShardPlanned), row(2, quarry.ShardPlanned)}
	one, both := limits.NewCap(20*cent), limits.NewCap(30*cent)
	for n, step := range []struct {
		cap   *limits.Cap
		i     int
		state quarry.ShardState
		want  string
	}{
		{one, 0, quarry.ShardPlanned, "go"},
		{one, 1, quarry.ShardPlanned, "wait"},
		{one, 0, quarry.ShardUploaded, "go"}, // it makes no way for itself
		{both, 1, quarry.ShardPlanned, "go"},
		{one, 0, quarry.ShardUploaded, "wait"}, // less is left than when both were let through: the first that notices gives way
		{one, 1, quarry.ShardUploaded, "go"},
		{one, 0, quarry.ShardUploaded, "wait"},
	} {
		s := &rows[step.i]
		s.State = step.state
		v, err := ask(step.cap, costs, rows, s)
		if got := word(t, v, err); got != step.want {
			t.Errorf("step %d: shard %d, %s: %s, want %s", n, step.i+1, step.state, got, step.want)
		}
		if reserved := s.Money.Output > 0; reserved != (step.want == "go") {
			t.Errorf("step %d: shard %d takes %+v", n, step.i+1, s.Money)
		}
	}
}

func TestWhatIsKeptOfASettledShard(t *testing.T) {
	t.Parallel()
	c := costs(t)
	c.Upper = forecast.Upper{PerByte: 0.3, PerAnswer: 200}
	for name, tt := range map[string]struct {
		change func(*ledger.Shard)
		money  ledger.Money
		factor float64
	}{
		"ten records say nothing of others": {func(*ledger.Shard) {}, ledger.Money{Settled: 26 * cent / 10}, 0},
		"twice what was forecast":           {func(s *ledger.Shard) { s.Records, s.Bytes = 20, 20_000 }, ledger.Money{Settled: 26 * cent / 10}, 2},
		"nothing was sent":                  {func(s *ledger.Shard) { s.Unasked = quarry.KindWaiting }, ledger.Money{}, 0},
		"at a price that is not known":      {func(s *ledger.Shard) { s.Pool.Model = "unknown.model" }, ledger.Money{Unpriced: 1}, 0},
	} {
		s := row(1, quarry.ShardEnded, collected(12_000, 8000), tt.change)
		s.Money.Output = 7 // what it had reserved
		c.Settle(&s)
		if s.Money != tt.money || s.Factor != tt.factor {
			t.Errorf("%s: %+v, factor %g, want %+v and %g", name, s.Money, s.Factor, tt.money, tt.factor)
		}
	}
}

func TestTheForecastReservesLessThanTheWorstCase(t *testing.T) {
	t.Parallel()
	// A record is forecast at 300 tokens of input and 200 of output: 0.65 cents for ten of them.
	up := forecast.Upper{PerByte: 0.3, PerAnswer: 200}
	submitted := func(seq int64) ledger.Shard { return row(seq, quarry.ShardSubmitted) }
	big := func(s *ledger.Shard) { s.Records, s.Bytes, s.AnswerTokens = 20, 20_000, 20*room }
	pilot := func(s *ledger.Shard) { s.Kind = quarry.PilotShard }
	for name, tt := range map[string]struct {
		limit quarry.USD
		rows  []ledger.Shard
		want  string
	}{
		"three at twice their forecast fit": {4 * cent, []ledger.Shard{submitted(1), submitted(2), submitted(3)}, "go"},
		"the third does not":                {38 * cent / 10, []ledger.Shard{submitted(1), submitted(2), submitted(3)}, "wait"},
		"nothing is forecast for a pilot":   {4 * cent, []ledger.Shard{row(1, quarry.ShardSubmitted, pilot)}, "reached"},
		"nor for merges": {4 * cent, []ledger.Shard{row(1, quarry.ShardSubmitted, func(s *ledger.Shard) {
			s.Kind, s.Sources = quarry.RetryShard, []quarry.ShardID{"m00001"}
		})}, "reached"},
		"answers that were cut off may be longer": {14 * cent / 10, []ledger.Shard{
			row(2, quarry.ShardSubmitted, func(s *ledger.Shard) { s.Kind, s.CutOff = quarry.RetryShard, 5 }),
		}, "reached"},
		// 20 records are forecast at 1.3 cents and cost 2.6: the next one is forecast at twice as much.
		"a shard that cost twice its forecast raises the next": {5 * cent, []ledger.Shard{row(1, quarry.ShardSubmitted, big, collected(12_000, 8000)), submitted(2)}, "reached"},
		"and what is open":       {7 * cent, []ledger.Shard{row(1, quarry.ShardSubmitted, big, collected(12_000, 8000)), submitted(2), submitted(3)}, "wait"},
		"a small shard does not": {5 * cent, []ledger.Shard{row(1, quarry.ShardSubmitted, collected(12_000, 8000)), submitted(2)}, "go"},
	} {
		c := costs(t)
		c.Upper = up
		if got := check(t, tt.limit, c, tt.rows...); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	c := costs(t)
	c.Upper, c.MaxOutput = up, 0 // an answer that was cut off may be as long as all of them may be together
	retry := row(2, quarry.ShardSubmitted, func(s *ledger.Shard) { s.Kind, s.CutOff = quarry.RetryShard, 1 })
	if got := check(t, 4*cent, c, retry); got != "reached" {
		t.Errorf("where the model's most is not known: %s, want reached", got)
	}
}

func TestACapNeedsThePricesOfAllPools(t *testing.T) {
	t.Parallel()
	c := costs(t)
	c.Pools = append(c.Pools, ledger.Pool{Region: "us-west-2", Model: "unknown.model"})
	v, err := ask(limits.NewCap(100*cent), c, nil, &ledger.Shard{Mode: quarry.ModeJob, Detail: ledger.Detail{Records: 1}})
	if err == nil || !strings.Contains(err.Error(), "price") {
		t.Errorf("Check = %+v, %v, want an error: one of the pools that it may go to has no price", v, err)
	}
}
