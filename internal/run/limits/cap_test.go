package limits_test

import (
	"errors"
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
		Merges: func(id quarry.ShardID) bool { return strings.HasPrefix(string(id), "m") }, CallsBegan: func(quarry.ShardID) bool { return false },
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

func late(s *ledger.Shard) { s.Mode, s.Late = quarry.ModeOnDemand, true }

// check asks for the last row, and gives the verdict in one word.
func check(t *testing.T, limit quarry.USD, c *limits.Costs, rows ...ledger.Shard) string {
	t.Helper()
	v, err := limits.NewCap(limit).Check(c, rows, &rows[len(rows)-1])
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
		"an earlier one that is built comes first":            {20 * cent, []ledger.Shard{row(1, built), row(2, planned)}, "wait"},
		"a later one that is built does not":                  {20 * cent, []ledger.Shard{row(2, built), row(1, planned)}, "go"},
		"a later job is not reserved until it is sent":        {20 * cent, []ledger.Shard{row(2, uploaded), row(1, uploaded)}, "go"},
		"an earlier planned one says that the cap is reached": {105*cent/10 - 1, []ledger.Shard{row(1, planned), row(2, planned)}, "wait"},
		"an earlier one that turned to calls does not block":  {21 * cent, []ledger.Shard{row(1, calling, late), row(2, calling, late)}, "go"},
		"an earlier one with calls of its own does":           {21 * cent, []ledger.Shard{row(1, calling, mode(quarry.ModeOnDemand)), row(2, calling, mode(quarry.ModeOnDemand))}, "wait"},
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

func TestWhatIsLetThroughIsReservedUntilItIsReleased(t *testing.T) {
	t.Parallel()
	c, costs := limits.NewCap(20*cent), costs(t)
	rows := []ledger.Shard{row(1, quarry.ShardPlanned), row(2, quarry.ShardPlanned)}
	for i, want := range []string{"go", "wait"} {
		v, err := c.Check(costs, rows, &rows[i])
		if got := word(t, v, err); got != want {
			t.Errorf("planned shard %d: %s, want %s", i+1, got, want)
		}
	}
	rows = []ledger.Shard{row(1, quarry.ShardUploaded), row(2, quarry.ShardUploaded)}
	for _, step := range []struct {
		i    int
		want string
	}{{1, "wait"}, {0, "go"}, {1, "wait"}} {
		v, err := c.Check(costs, rows, &rows[step.i])
		if got := word(t, v, err); got != step.want {
			t.Errorf("uploaded shard %d: %s, want %s", step.i+1, got, step.want)
		}
	}
	c.Release(rows[0].ID)
	late(&rows[0])
	rows[0].State = quarry.ShardBuilt
	if v, err := c.Check(costs, rows, &rows[1]); word(t, v, err) != "go" {
		t.Errorf("after the other was released: %+v, %v, want go", v, err)
	}
}

func TestALaterShardBlocksAnEarlierOneOnlyOnceItIsSent(t *testing.T) {
	t.Parallel()
	c, costs := limits.NewCap(20*cent), costs(t)
	rows := []ledger.Shard{row(1, quarry.ShardPlanned), row(2, quarry.ShardPlanned)}
	for _, step := range []struct {
		i      int
		states [2]quarry.ShardState
		want   string
	}{
		{1, [2]quarry.ShardState{quarry.ShardPlanned, quarry.ShardPlanned}, "go"},
		{0, [2]quarry.ShardState{quarry.ShardPlanned, quarry.ShardPlanned}, "go"},
		{1, [2]quarry.ShardState{quarry.ShardPlanned, quarry.ShardUploaded}, "wait"},
	} {
		rows[0].State, rows[1].State = step.states[0], step.states[1]
		v, err := c.Check(costs, rows, &rows[step.i])
		if got := word(t, v, err); got != step.want {
			t.Errorf("shard %d of %v: %s, want %s", step.i+1, step.states, got, step.want)
		}
	}
	c = limits.NewCap(20 * cent)
	rows[0].State = quarry.ShardPlanned
	if v, err := c.Check(costs, rows, &rows[1]); word(t, v, err) != "go" {
		t.Errorf("the later one: %+v, %v, want go: the earlier one was not let through", v, err)
	}
	rows[0].State = quarry.ShardUploaded
	if v, err := c.Check(costs, rows, &rows[0]); word(t, v, err) != "wait" {
		t.Errorf("the earlier one: %+v, %v, want it to wait: the later one is sent", v, err)
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
			row(1, quarry.ShardSubmitted, collected(0, 0), func(s *ledger.Shard) { s.Tally.Classes = map[quarry.Class]int64{quarry.ClassTruncated: 5} }),
			row(2, quarry.ShardSubmitted, func(s *ledger.Shard) { s.Kind, s.Sources = quarry.RetryShard, []quarry.ShardID{"s00001"} }),
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
	one := row(1, quarry.ShardSubmitted, collected(0, 0), func(s *ledger.Shard) { s.Tally.Classes = map[quarry.Class]int64{quarry.ClassTruncated: 1} })
	retry := row(2, quarry.ShardSubmitted, func(s *ledger.Shard) { s.Kind, s.Sources = quarry.RetryShard, []quarry.ShardID{"s00001"} })
	if got := check(t, 4*cent, c, one, retry); got != "reached" {
		t.Errorf("where the model's most is not known: %s, want reached", got)
	}
}

func TestACapNeedsThePricesOfAllPools(t *testing.T) {
	t.Parallel()
	c := costs(t)
	c.Pools = append(c.Pools, ledger.Pool{Region: "us-west-2", Model: "unknown.model"})
	v, err := limits.NewCap(100*cent).Check(c, nil, &ledger.Shard{Mode: quarry.ModeJob, Detail: ledger.Detail{Records: 1}})
	if err == nil || !strings.Contains(err.Error(), "price") {
		t.Errorf("Check = %+v, %v, want an error: one of the pools that it may go to has no price", v, err)
	}
}
