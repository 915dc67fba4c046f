package cli

import (
	"fmt"
	"slices"
	"strings"

	"quarry/internal/base/figure"
	"quarry/internal/outcome/audit"
	"quarry/internal/outcome/report"
)

// printAudit is the proof for people: what was looked at, and what was found.
func (a *App) printAudit(r *audit.Report, dir string) {
	row := func(name, format string, args ...any) {
		a.row("  "+name, len("  raw output"), fmt.Sprintf(format, args...))
	}
	if a.json { // which has stdout
		row = func(name, format string, args ...any) { a.say("  %-10s %s", name, fmt.Sprintf(format, args...)) }
	}
	c := &r.Checked
	state := ""
	if !r.Ended {
		state = ", which is not finished"
	}
	title := fmt.Sprintf("audit of run %s in %s%s", r.Run, dir, state)
	if a.json {
		a.say("%s", title)
	} else {
		a.line(title)
	}
	if r.Ended {
		row("documents", "%s planned; results.jsonl has %s: %s ok, %s invalid, %s failed, %s skipped", figure.Thousands(r.Documents), figure.Thousands(c.ResultLines),
			figure.Thousands(c.OK), figure.Thousands(c.Invalid), figure.Thousands(c.Failed), figure.Thousands(c.Skipped))
	}
	if c.SourcesRead {
		row("sources", "read again: %s", figure.Count(c.SourceIDs, "id"))
	}
	shards := fmt.Sprintf("%s in %s", figure.Count(c.Records, "record"), figure.Count(c.Shards, "shard"))
	if c.Underway > 0 {
		shards += fmt.Sprintf("; %s under way and not checked", figure.Clause(c.Underway, "shard", "is", "are"))
	}
	row("records", "%s", shards)
	row("raw output", "%s read again; %s the journals and results",
		figure.Count(c.RawLines, "line"), figure.Clause(c.Answers, "answer", "matches", "match"))
	if c.Earlier > 0 {
		row("earlier", "%s the journals of earlier passes, from which they were taken over", figure.Clause(c.Earlier, "result", "matches", "match"))
	}
	if c.Corrected > 0 {
		row("corrected", "%s of people, which exports show in the place of the model's", figure.Count(c.Corrected, "answer"))
	}
	if c.Calls > 0 {
		row("calls", "%s, each recorded before it was made", figure.Count(c.Calls, "on-demand call"))
	}
	if c.InputFiles > 0 {
		row("input", "%s unchanged since they were built", figure.Clause(c.InputFiles, "input file", "is", "are"))
	}
	row("tokens", "%s in the raw answers", tokensText(&report.Tokens{Input: c.InputTokens, Output: c.OutputTokens, Unknown: c.Unknown}))
	for _, d := range shorten(r.Differs) {
		row("note", "%s", d)
	}
	for _, f := range shorten(r.Faults) {
		row("FAULT", "%s", f)
	}
	var found []string
	for _, f := range r.Found {
		found = append(found, fmt.Sprintf("%s: %s: %s", strings.ReplaceAll(f.List, "_", " "), f.ID, f.What))
	}
	for _, f := range shorten(found) {
		row("FOUND", "%s", f)
	}
	row("found", "missing %d · answered twice %d · paid twice %d · maybe paid twice %d · altered %d · other faults %d", len(r.Missing), len(r.AnsweredTwice),
		len(r.PaidTwice), len(r.MaybePaidTwice), len(r.Altered), len(r.Faults))
}

// shorten keeps lists readable: the first lines, and how many more there are.
func shorten(texts []string) []string {
	const shown = 20
	if len(texts) <= shown {
		return texts
	}
	return append(slices.Clone(texts[:shown]), fmt.Sprintf("and %d more: --json has them", len(texts)-shown))
}
