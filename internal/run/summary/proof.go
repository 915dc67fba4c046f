package summary

import (
	"fmt"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
)

// proof puts side by side what was counted apart: documents by the plan and by the export, records by the plan and by the
// shards, and lines and tokens by the provider and by the journals.
func (p *Pass) proof() *report.Proof {
	if p.Plan.Pass == 0 || p.Adopted { // nothing was planned here
		return nil
	}
	pl, t := p.Plan, p.Totals
	sums := &report.Proof{}
	sums.Add("documents_ended", "all documents, and those that ended ok, invalid, failed or skipped", t.Total, t.OK+t.Invalid+t.Failed+t.Skipped)
	sums.Add("documents_planned", "documents of the plan, and those of the results", pl.Documents, t.Total)
	var firsts, records, ended, classes, lines, manifests, came, counted int64
	for i := range p.Rows {
		s := &p.Rows[i]
		if s.Pass != pl.Pass {
			continue
		}
		if s.Kind != quarry.RetryShard {
			firsts += s.Records + s.Unbuilt
		}
		records += s.Records
		ended += s.Tally.OK + s.Tally.Invalid + s.Tally.Failed + s.Tally.Left
		for c, n := range s.Tally.Classes {
			if c != quarry.ClassDuplicate {
				classes += n
			}
		}
		if m := s.Output.Manifest; m != nil {
			lines += s.Output.Lines + s.Output.Foreign + s.Output.Broken
			manifests += m.ProcessedRecordCount
			if s.Tally.Usage.Known() { // what the answers do not say cannot be compared
				came += s.Tally.Usage.InputTokens + s.Tally.Usage.OutputTokens
				counted += m.InputTokenCount + m.OutputTokenCount
			}
		}
	}
	sums.Add("records_asked", "records of the plan, and those of the first shards plus those not sent because their documents changed", pl.Records(), firsts)
	sums.Add("records_ended", "records of all attempts, and those that ended ok, invalid, failed or were sent again", records, ended)
	sums.Add("records_classed", "records of all attempts, and those of all classes", records, classes)
	if manifests > 0 {
		sums.Add("lines", "lines of output, and records that the jobs' manifests count", lines, manifests)
		sums.Add("tokens", "tokens of the answers, and those that the manifests count", came, counted)
	}
	return sums
}

// Differences says what does not add up between what was sent, what came, the manifest and the job's counters.
func Differences(s *ledger.Shard) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	o := s.Output
	switch st := s.Job.Status; {
	case st == quarry.JobCompleted || st == "":
	case s.Job.Message != "":
		say("the job ended %s: %s", st, s.Job.Message)
	default:
		say("the job ended %s", st)
	}
	if missing := s.Records - (o.Lines - o.Doubled); missing > 0 && s.Unasked == "" {
		say("%s of %s no line in the output", figure.Thousands(missing), figure.Clause(s.Records, "record", "has", "have"))
	}
	if o.Doubled > 0 {
		say("%s doubled", figure.Clause(o.Doubled, "line", "is", "are"))
	}
	if o.Foreign > 0 {
		say("%s of records that were not sent", figure.Clause(o.Foreign, "line", "is", "are"))
	}
	if o.Broken > 0 {
		say("%s cannot be read", figure.Count(o.Broken, "line"))
	}
	for _, u := range o.Unreadable {
		say("%s", u)
	}
	if more := o.Broken - int64(len(o.Unreadable)); more > 0 && len(o.Unreadable) > 0 {
		say("and %s that cannot be read", figure.Count(more, "more line"))
	}
	if o.Exchanged > 0 {
		say("%s a modelInput that was not sent with its recordId; the answers are not used", figure.Clause(o.Exchanged, "line", "echoes", "echo"))
	}
	if o.Repaired > 0 {
		say("%s damaged characters, read as U+FFFD", figure.Clause(o.Repaired, "line", "has", "have"))
	}
	if o.Unread != "" {
		say("%s", o.Unread)
	}
	if m := o.Manifest; m != nil && m.ProcessedRecordCount != o.Lines+o.Foreign+o.Broken {
		say("the manifest counts %s processed records, the output has %s", figure.Thousands(m.ProcessedRecordCount), figure.Count(o.Lines+o.Foreign+o.Broken, "line"))
	}
	if c := s.Job.Counts; o.Manifest != nil && c.Processed > 0 && c.Processed != o.Manifest.ProcessedRecordCount {
		say("the job counts %d processed records, its manifest %d", c.Processed, o.Manifest.ProcessedRecordCount)
	}
	return out
}
