package history

import (
	"time"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
	"quarry/internal/run/book"
)

// sums are what the rows of one pass come to.
type sums struct {
	account   report.Account
	came      int64 // records with an answer that no later shard of the pass sends again
	listed    *quarry.USD
	collected time.Time     // when the last row was collected; zero: one is not
	spans     []ledger.Span // of jobs
}

// addUp adds up the rows of one pass, and estimates from them how many documents it sent and answered.
func (r *Run) addUp(f *book.Pass) sums {
	s := sums{listed: new(quarry.USD)}
	documents, answered := new(int64), new(int64)
	var usage quarry.Usage
	open, parted, whole := false, int64(0), true
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Pass != f.Plan.Pass {
			continue
		}
		records := sent(row)
		whole = whole && records == row.Records && row.Unbuilt == 0
		open = open || row.Times.Collected.IsZero()
		s.add(row, records)
		usage.Add(row.Tally.Usage)
		s.listed = addMoney(s.listed, r.listPrice(row, f))
		parted += row.Parted
		*answered += row.Tally.OK + row.Tally.Invalid
		s.came += came(row)
		if row.Kind != quarry.RetryShard {
			*documents += records
		}
	}
	if open {
		s.collected = time.Time{}
	}
	if parted > 0 { // records are not documents
		answered, documents = nil, nil
		if !open && whole {
			documents = &f.Plan.Asked
		}
	}
	s.account.Documents, s.account.Answered = documents, answered
	s.account.Tokens = report.TokensOf(usage)
	s.account.Provider = ledger.Union(s.spans).Seconds()
	return s
}

// sent is how many of a shard's records reached the provider, as far as the row says.
func sent(row *ledger.Shard) int64 {
	switch row.State {
	case quarry.ShardPlanned, quarry.ShardBuilt, quarry.ShardUploaded, quarry.ShardIntended:
		if len(row.Past) == 0 {
			return 0
		}
	}
	if row.Unasked != "" {
		return 0
	}
	return max(0, row.Records-row.Tally.Classes[quarry.ClassUnsent])
}

// came is how many of a shard's records have an answer, good or bad, and are in no later shard of the pass.
func came(row *ledger.Shard) (n int64) {
	if row.HandsTo != "" {
		return row.Tally.OK + row.Tally.Invalid
	}
	for class, records := range row.Tally.Classes {
		if class.Answered() && class != quarry.ClassDuplicate { // a second line of a record
			n += records
		}
	}
	return n
}

func (s *sums) add(row *ledger.Shard, records int64) {
	a := &s.account
	a.Records += records
	if row.Mode != quarry.ModeJob {
		a.Calls += records
	}
	if row.Times.Collected.IsZero() {
		a.Uncollected += records
	}
	for _, job := range append([]ledger.Job{row.Job}, row.Past...) {
		if job.ARN != "" {
			a.Jobs++
		}
	}
	s.spans = append(s.spans, row.Spans(time.Time{})...)
	if row.Times.Collected.After(s.collected) {
		s.collected = row.Times.Collected
	}
}
