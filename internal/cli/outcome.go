package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"quarry/internal/aws/cost"
	"quarry/internal/base/figure"
	"quarry/internal/run"
	"quarry/internal/run/failures"
	"quarry/internal/run/index"
)

// printOutcome is the table at the end of a run.
func (a *App) printOutcome(out *run.Outcome, dir string) {
	rep := &out.Report
	d := rep.Documents
	row := func(name, format string, args ...any) { a.say("  %-12s %s", name, fmt.Sprintf(format, args...)) }
	a.say("")
	if rep.NothingNew {
		a.say("  nothing new: nothing was sent")
	}
	documents := fmt.Sprintf("%s: %s answered, %s failed, %s skipped", figure.Thousands(d.Total), figure.Thousands(d.OK+d.Invalid),
		figure.Thousands(d.Failed), figure.Thousands(d.Skipped))
	if d.Invalid > 0 {
		documents += fmt.Sprintf(" (%s of the answers invalid)", figure.Thousands(d.Invalid))
	}
	if d.Waiting > 0 {
		documents += fmt.Sprintf("; %s waiting for enough records for a batch job", figure.Thousands(d.Waiting))
	}
	if d.Duplicate > 0 {
		documents += fmt.Sprintf("; %s share the answer of another", figure.Thousands(d.Duplicate))
	}
	row("documents", "%s", documents)
	if dup := rep.Duplicates; dup != nil && dup.Spared.InputTokens+dup.Spared.OutputTokens > 0 {
		saved := "at a price that is not known (" + cost.UnknownHelp + ")"
		if dup.Saved != nil {
			saved = dup.Saved.String() + " at the model's price"
		}
		row("spared", "%s by sharing answers, %s; %s of %s exact duplicates, %s near", figure.Count(dup.Spared.InputTokens+dup.Spared.OutputTokens, "token"), saved,
			figure.Thousands(dup.Exact), figure.Clause(dup.Exact+dup.Near, "text", "is", "are"), figure.Thousands(dup.Near))
	}
	if d.Unchanged > 0 || d.Gone > 0 {
		text := figure.Agree(d.Unchanged, "of them keeps its earlier answer", "of them keep their earlier answers")
		if d.Gone > 0 {
			text += "; " + figure.Agree(d.Gone, "is no longer in the sources", "are no longer in the sources")
		}
		row("unchanged", "%s", text)
	}
	if k := rep.Known; k != nil && (k.Documents > 0 || rep.LastPass != nil && rep.LastPass.Number == 1) {
		row("known", "%s: %s answered, %s without a document", k.File, figure.Count(k.Documents, "document"), figure.Count(k.Unmatched, "answer"))
	}
	if rep.Unreadable > 0 {
		row("left out", "%s could not be read; %s names each", figure.Count(rep.Unreadable, "item"),
			filepath.Join(dir, "index", "*", index.LeftOutFile))
	}
	a.printTook(rep, row)
	if len(rep.AnsweredBy) > 0 {
		row("answered by", "%s", strings.Join(rep.AnsweredBy, ", "))
	}
	for i := range rep.Failures[:min(len(rep.Failures), shownFailures)] {
		row("failures", "%s", failures.Text(&rep.Failures[i]))
		row("", "%s", rep.Failures[i].Hint)
	}
	row("results", "%s", filepath.Join(dir, "results.jsonl"))
	if d.Invalid+d.Failed > 0 {
		row("failed", "%s", filepath.Join(dir, "failed.jsonl"))
	}
	row("report", "%s", filepath.Join(dir, "report.html"))
}
