package forecast_test

import (
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/outcome/report"
	"quarry/internal/run/forecast"
)

func TestADeadlineIsATimeOrADuration(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 5, 4, 12, 0, 0, 0, time.FixedZone("JST", 9*3600))
	for text, want := range map[string]string{
		"2026-12-01T06:00:00Z": "2026-12-01T06:00:00Z", "2026-12-01T06:00:00+09:00": "2026-11-30T21:00:00Z", "90m": "2026-05-04T04:30:00Z",
		"0h": "", "-1h": "", "tomorrow": "", "": "",
	} {
		got, err := forecast.ParseDeadline(text, began)
		if (err != nil) != (want == "") || (err == nil && got.Format(time.RFC3339) != want) {
			t.Errorf("ParseDeadline(%q) = %s, %v, want %q", text, got, err, want)
		}
	}
}

func TestCallsTakeAsLongAsTheTightestBound(t *testing.T) {
	t.Parallel()
	u := quarry.Usage{InputTokens: 100_000, OutputTokens: 0}
	for name, tt := range map[string]struct {
		records     int64
		usage       quarry.Usage
		quotas      quarry.Quotas
		concurrency int
		least, most time.Duration
	}{
		"nothing is left":    {0, u, quarry.Quotas{TPM: 1}, 1, 0, 0},
		"tokens a minute":    {10, u, quarry.Quotas{TPM: 50_000, RPM: 1000}, 10, 2 * time.Minute, 2 * time.Minute},
		"requests a minute":  {90, u, quarry.Quotas{TPM: 50_000_000, RPM: 30}, 10, 3 * time.Minute, 3 * time.Minute},
		"answers burn more":  {10, quarry.Usage{OutputTokens: 1000}, quarry.Quotas{TPM: 5000, Burndown: 5}, 512, time.Minute, time.Minute},
		"one call at a time": {10, quarry.Usage{OutputTokens: 1000}, quarry.Quotas{}, 1, 9 * time.Second, 10 * time.Second},
		"all at once":        {10, quarry.Usage{OutputTokens: 1000}, quarry.Quotas{}, 10, 900 * time.Millisecond, time.Second},
	} {
		if got := forecast.CallTime(tt.records, tt.usage, tt.quotas, tt.concurrency); got < tt.least || got > tt.most {
			t.Errorf("%s: CallTime = %s, want %s to %s", name, got, tt.least, tt.most)
		}
	}
}

func TestHasteMakesWaste(t *testing.T) {
	t.Parallel()
	const margin, need = 10 * time.Minute, time.Hour
	for name, tt := range map[string]struct {
		left time.Duration
		flex bool
		jobs bool
		mode quarry.Mode
	}{
		"all the time there is":  {24 * time.Hour, false, true, quarry.ModeOnDemand},
		"and flex costs less":    {24 * time.Hour, true, true, quarry.ModeFlex},
		"just too late for jobs": {90*time.Minute + margin, true, false, quarry.ModeOnDemand},
		"just in time for jobs":  {90*time.Minute + margin + 1, false, true, quarry.ModeOnDemand},
		"just too late for flex": {2*time.Hour + margin, true, true, quarry.ModeOnDemand},
		"in time for flex":       {2*time.Hour + margin + 1, true, true, quarry.ModeFlex},
		"too late for all":       {time.Minute, true, false, quarry.ModeOnDemand},
	} {
		h := forecast.Haste{Flex: tt.flex, Margin: margin}
		if got := h.JobsFit(tt.left, need); got != tt.jobs {
			t.Errorf("%s: JobsFit(%s) = %t, want %t", name, tt.left, got, tt.jobs)
		}
		if got := h.Mode(tt.left, need); got != tt.mode {
			t.Errorf("%s: Mode(%s) = %s, want %s", name, tt.left, got, tt.mode)
		}
	}
}

func TestOpenJobsAreLeftAloneForLonger(t *testing.T) {
	t.Parallel()
	by := time.Date(2026, 12, 1, 6, 0, 0, 0, time.UTC)
	const margin, need = 10 * time.Minute, 100 * time.Minute
	for name, tt := range map[string]struct {
		flex         bool
		mode         quarry.Mode
		gated        bool
		unsent, open time.Duration // before the deadline, without the margin
	}{
		"on demand":                             {false, quarry.ModeOnDemand, false, 125 * time.Minute, 110 * time.Minute},
		"an open pilot holds the others up":     {false, quarry.ModeOnDemand, true, 125 * time.Minute, 125 * time.Minute},
		"flex has no promised speed":            {true, quarry.ModeFlex, false, 300 * time.Minute, 250 * time.Minute},
		"flex would not be done any more":       {true, quarry.ModeOnDemand, false, 300 * time.Minute, 110 * time.Minute},
		"flex, and an open pilot holds them up": {true, quarry.ModeFlex, true, 300 * time.Minute, 300 * time.Minute},
	} {
		unsent, open := forecast.Haste{Flex: tt.flex, Margin: margin}.Moments(by, need, tt.mode, tt.gated)
		if got := by.Sub(unsent); got != tt.unsent+margin {
			t.Errorf("%s: what was not sent turns %s before the deadline, want %s", name, got, tt.unsent+margin)
		}
		if got := by.Sub(open); got < tt.open+margin-time.Millisecond || got > tt.open+margin+time.Millisecond {
			t.Errorf("%s: open jobs are stopped %s before the deadline, want %s", name, got, tt.open+margin)
		}
	}
}

func TestWaysSayWhatTheirTimeIsMadeFrom(t *testing.T) {
	t.Parallel()
	at := func(minute int) time.Time { return time.Date(2026, 5, 4, 12, minute, 0, 0, time.UTC) }
	span := func(records int64, from, to int) (s forecast.Span) {
		s.Records = records
		s.Add(at(to-1), at(to))
		s.Add(at(from), at(from+1))
		s.Add(time.Time{}, at(from)) // of a job that was never seen to begin
		return s
	}
	u := quarry.Usage{InputTokens: 90_000, OutputTokens: 10_000}
	quotas := quarry.Quotas{TPM: 100_000, RPM: 10, Source: "asked"}
	type way struct {
		seconds float64
		basis   report.Basis
		from    string
	}
	for name, tt := range map[string]struct {
		done forecast.Done
		want [3]way // one by one, at quota, jobs
	}{
		"jobs alone": {
			forecast.Done{Records: 100, Usage: u, Jobs: span(100, 0, 30), Quotas: quotas},
			[3]way{{-1, report.Assumed, "no call was timed"}, {600, report.Computed, "10 requests per minute; asked"}, {1800, report.Measured, "in this run"}},
		},
		"calls alone": {
			forecast.Done{Records: 100, Usage: u, Answered: 50, Latency: 100 * time.Second, Calls: span(100, 0, 5), Quotas: quotas},
			[3]way{{200, report.Computed, "100 calls of 2.00 s, the mean latency of 50"}, {300, report.Measured, "paced calls in this run"}, {0, report.NoBasis, "this run had no job"}},
		},
		"both, on a stand-in": {
			forecast.Done{Records: 110, Usage: u, Answered: 10, Latency: 10 * time.Second, Jobs: span(100, 0, 2), Calls: span(10, 2, 3), Local: true},
			[3]way{{110, report.Computed, "on the stand-in"}, {0, report.NoBasis, "are not known"}, {120, report.Measured, "without 10 records that were sent as calls"}},
		},
		"tokens bind": {
			forecast.Done{Records: 10, Usage: u, Jobs: span(10, 0, 2), Quotas: quarry.Quotas{TPM: 70_000, RPM: 1000, Burndown: 5, Source: "file"}},
			[3]way{{-1, report.Assumed, "10 calls"}, {120, report.Computed, "where an output token counts as 5; file"}, {120, report.Measured, "the end of the last"}},
		},
	} {
		ways := claude().Ways(&tt.done)
		if len(ways) != 3 {
			t.Fatalf("%s: %d ways, want 3", name, len(ways))
		}
		for i, want := range tt.want {
			got := ways[i]
			if got.Basis != want.basis || !strings.Contains(got.From, want.from) || got.Cost == nil || (got.Seconds == nil) != (want.seconds == 0) {
				t.Errorf("%s: %s = %+v, want %s by %q", name, got.Way, got, want.basis, want.from)
			} else if got.Seconds != nil && want.seconds > 0 && *got.Seconds != want.seconds {
				t.Errorf("%s: %s takes %g s, want %g", name, got.Way, *got.Seconds, want.seconds)
			}
		}
	}
	if got := claude().Ways(&forecast.Done{}); got != nil {
		t.Errorf("Ways(nothing was asked) = %v, want none", got)
	}
}

func TestAByteIsReservedByWhatWasSeen(t *testing.T) {
	t.Parallel()
	for seen, want := range map[float64]float64{0: 1, 0.4: 0.5, 0.9: 1} {
		if got := forecast.Ratio(seen); got != want {
			t.Errorf("Ratio(%g) = %g, want %g", seen, got, want)
		}
	}
	if got, want := forecast.Reservation(101, 0.5, 7), (quarry.Usage{InputTokens: 51, OutputTokens: 7}); got != want {
		t.Errorf("Reservation(101, 0.5, 7) = %+v, want %+v", got, want)
	}
}

func TestPiecesFitIntoWhatIsLeft(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		left, own             quarry.USD
		records, bytes, least int64
		most, mostBytes       int64
		ok                    bool
	}{
		"half of what fits":              {50, 100, 1000, 8000, 1, 250, 4000, true},
		"no smaller than a job may be":   {15, 100, 1000, 8000, 100, 100, 1200, true},
		"what fits is too few for a job": {9, 100, 1000, 8000, 100, 0, 0, false},
		"nothing is left":                {0, 100, 1000, 8000, 1, 0, 0, false},
		"more was spent than allowed":    {-5, 100, 1000, 8000, 1, 0, 0, false},
		"all of it fits":                 {100, 100, 1000, 8000, 1, 0, 0, false},
		"a single record":                {50, 100, 2, 3, 1, 1, 1, true},
	} {
		most, bytes, ok := forecast.Pieces(tt.left, tt.own, tt.records, tt.bytes, tt.least)
		if most != tt.most || bytes != tt.mostBytes || ok != tt.ok {
			t.Errorf("%s: Pieces = %d records, %d bytes, %t, want %d, %d, %t", name, most, bytes, ok, tt.most, tt.mostBytes, tt.ok)
		}
	}
}
