package history

import (
	"testing"
	"time"

	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/plan"
)

// Between two commands no job is under way, and that is no time of the provider.
func TestThePauseBetweenTwoJobsIsNotTheProviders(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)
	rows := make([]ledger.Shard, 2)
	for i, begun := range []time.Time{at, at.Add(24 * time.Hour)} {
		rows[i].Pass = 1
		rows[i].Job.Submitted, rows[i].Job.Ended = begun, begun.Add(time.Minute)
	}
	r := &Run{Rows: rows}
	if got := r.addUp(&book.Pass{Plan: &plan.Plan{Pass: 1}}).account.Provider; got != 120 {
		t.Errorf("the provider took %v s, want 120", got)
	}
}
