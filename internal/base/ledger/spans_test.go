package ledger_test

import (
	"testing"
	"time"

	"quarry/internal/base/ledger"
)

func TestUnionCountsEachMomentOnce(t *testing.T) {
	t.Parallel()
	at := func(minute int) time.Time { return time.Date(2026, 12, 1, 10, minute, 0, 0, time.UTC) }
	for name, of := range map[string]struct {
		spans []ledger.Span
		want  int // minutes
	}{
		"none":       {nil, 0},
		"one":        {[]ledger.Span{{at(0), at(5)}}, 5},
		"apart":      {[]ledger.Span{{at(50), at(53)}, {at(0), at(5)}}, 8},
		"over":       {[]ledger.Span{{at(0), at(5)}, {at(3), at(7)}}, 7},
		"within":     {[]ledger.Span{{at(0), at(9)}, {at(3), at(4)}, {at(8), at(10)}}, 10},
		"backwards":  {[]ledger.Span{{at(5), at(0)}, {at(1), at(2)}}, 1},
		"no begin":   {[]ledger.Span{{time.Time{}, at(5)}}, 0},
		"the same":   {[]ledger.Span{{at(0), at(5)}, {at(0), at(5)}}, 5},
		"one by one": {[]ledger.Span{{at(0), at(5)}, {at(5), at(6)}}, 6},
	} {
		if got := ledger.Union(of.spans); got != time.Duration(of.want)*time.Minute {
			t.Errorf("%s: %v, want %d minutes", name, got, of.want)
		}
	}
	var s ledger.Shard
	s.Job.Submitted = at(30)
	s.Past = []ledger.Job{{Submitted: at(0), Ended: at(5)}, {}}
	if got := ledger.Union(s.Spans(at(31))); got != 6*time.Minute {
		t.Errorf("a shard with an open job: %v, want 6m", got)
	}
	if got := ledger.Union(s.Spans(time.Time{})); got != 5*time.Minute {
		t.Errorf("its ended jobs: %v, want 5m", got)
	}
}
