package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
	"quarry/internal/run/failures"
)

// failuresText shows the three most frequent messages and what to do about each.
func failuresText(list []report.Failure) string {
	var b strings.Builder
	for i := range list[:min(len(list), shownFailures)] {
		fmt.Fprintf(&b, "failures: %s\n          %s\n", plain(failures.Text(&list[i])), plain(list[i].Hint))
	}
	return b.String()
}

// shownFailures is how many messages people see at once.
const shownFailures = 3

func shardTable(id, dir string, shards []ledger.Shard) string {
	var b strings.Builder
	fmt.Fprintf(&b, "run %s in %s\n", id, dir)
	if len(shards) == 0 {
		b.WriteString("nothing is planned and nothing was sent; start with: quarry run SOURCE\n")
		return b.String()
	}
	w := tabwriter.NewWriter(&b, 2, 8, 2, ' ', 0)
	several := false
	for i := range shards {
		several = several || shards[i].Pool.Region != shards[0].Pool.Region || shards[i].Pool.Model != shards[0].Pool.Model
	}
	fmt.Fprintln(w, "shard\tstate\trecords\tjob\tprocessed\tok\tinvalid\tfailed\tleft\twaits for")
	for i := range shards {
		s := &shards[i]
		status := string(s.Job.Status)
		if several && s.Pool.Region != "" {
			status += " (" + s.Pool.Region + ")"
		}
		n := figure.Thousands[int64]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, s.State, n(s.Records), status, n(s.Job.Counts.Processed),
			n(s.Tally.OK), n(s.Tally.Invalid), n(s.Tally.Failed), n(s.Tally.Left), plain(s.Waits))
	}
	_ = w.Flush() // into memory
	return b.String()
}
