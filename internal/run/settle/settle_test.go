package settle

import (
	"errors"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/ledger"
)

// What a provider counts has been paid for: output that has less of it is not settled.
func TestOutputThatLacksCountedAnswersIsShort(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status   quarry.JobStatus
		counted  int64
		manifest int64 // counted by it; 0: there is none
		out      ledger.Output
		want     string
	}{
		"all are there":                     {quarry.JobCompleted, 3, 3, ledger.Output{Lines: 3, Answers: 3}, ""},
		"one is missing":                    {quarry.JobCompleted, 3, 0, ledger.Output{Lines: 2, Answers: 2}, "the job counts 3 answers, 2 are there"},
		"the manifest counts more":          {quarry.JobPartiallyCompleted, 3, 4, ledger.Output{Lines: 3, Answers: 3}, "its manifest counts 4 answers, 3 are there"},
		"a line with an error is no answer": {quarry.JobCompleted, 3, 0, ledger.Output{Lines: 3, Answers: 2}, "2 are there"},
		"a job that was stopped":            {quarry.JobStopped, 2, 0, ledger.Output{Lines: 1, Answers: 1}, "1 are there"},
		"one that was stopped at once":      {quarry.JobStopped, 0, 5, ledger.Output{}, ""},
		"a failed one may have lost them":   {quarry.JobFailed, 3, 3, ledger.Output{}, ""},
		"more lines are broken than whole":  {quarry.JobFailed, 0, 0, ledger.Output{Lines: 1, Broken: 2, Unreadable: []string{"a:1"}}, "2 of its 3 lines cannot be read, the first at a:1"},
		"as many are broken as are whole":   {quarry.JobFailed, 0, 0, ledger.Output{Lines: 1, Foreign: 1, Broken: 2}, ""},
	} {
		s := &ledger.Shard{}
		s.Job.Status, s.Job.Counts.Success, s.Output = tt.status, tt.counted, tt.out
		if tt.manifest > 0 {
			s.Output.Manifest = &quarry.Manifest{SuccessRecordCount: tt.manifest}
		}
		err := short(s)
		if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, ErrShort) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: short = %v, want %q", name, err, tt.want)
		}
	}
}
