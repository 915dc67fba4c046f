package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/outcome/report"
	"quarry/internal/run"
	"quarry/internal/run/foreign"
)

// foreignJSON is what collect tells programs of another program's job.
type foreignJSON struct {
	Dir       string           `json:"dir"`
	Job       quarry.JobARN    `json:"job,omitempty"`
	Status    quarry.JobStatus `json:"status,omitempty"`
	Documents report.Documents `json:"documents"`
	Missing   int64            `json:"missing"` // counted by the job or its manifest, and without a line
	Tokens    report.Tokens    `json:"tokens"`
	CostUSD   *quarry.USD      `json:"cost_usd"`
	Lines     int64            `json:"lines"`
	Doubled   int64            `json:"doubled"`
	Broken    int64            `json:"broken"`
	Manifest  *quarry.Manifest `json:"manifest"`
	Differs   []string         `json:"differs"`
}

// noOutput says why there is nothing to collect.
func noOutput(what string, job *quarry.Job) error {
	if job.ARN == "" {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "collect", Subject: what, Err: errors.New("it has no *.jsonl.out file"),
			Hint: "download everything under the job's output prefix: aws s3 cp --recursive s3://…/ FOLDER",
		}
	}
	why := fmt.Sprintf("it ended %s without output", job.Status)
	if job.Message != "" {
		why += ": " + job.Message
	}
	return &quarry.Error{
		Kind: quarry.Provider, Op: "collect", Subject: what, Err: errors.New(why), Hint: "its output location is " + job.OutputURI,
	}
}

func (a *App) foreignOutcome(out *foreign.Outcome, job *quarry.Job, dir string) error {
	rep, o := &out.Report, &out.Output
	if a.json {
		err := a.writeJSON(&foreignJSON{
			Dir: dir, Job: job.ARN, Status: job.Status, Documents: rep.Documents, Missing: out.Missing, Tokens: rep.Tokens, CostUSD: rep.Cost.Actual,
			Lines: o.Lines, Doubled: o.Doubled, Broken: o.Broken, Manifest: o.Manifest, Differs: append([]string{}, o.Differs...),
		})
		if err != nil {
			return err
		}
	}
	if job.Status != "" {
		a.say("%s", strings.TrimSpace(fmt.Sprintf("job %s ended %s %s", job.ARN, job.Status, job.Message)))
	}
	a.say("%s of output", figure.Count(o.Lines+o.Broken, "line"))
	for _, d := range o.Differs {
		if !slices.Contains(o.Unreadable, d) { // it was said when it was read
			a.say("  %s", d)
		}
	}
	if len(o.Differs) == 0 {
		a.say("lines, manifest and counters agree")
	}
	a.printOutcome(&run.Outcome{Report: *rep}, dir)
	unread := max(out.Missing, o.Broken) // a line that cannot be read is of a record that has none
	if n := rep.Documents.Invalid + rep.Documents.Failed + unread; n > 0 {
		return &quarry.Error{
			Kind: quarry.BadItems, Err: fmt.Errorf("%s without a good answer (%s of them without a line that can be read)",
				figure.Count(n, "record"), figure.Thousands(unread)), Hint: "failed.jsonl names each that has a line, and why",
		}
	}
	return nil
}
