package cli

import (
	"fmt"
	"slices"
	"strings"

	"quarry/internal/aws/cost"
	"quarry/internal/base/figure"
	"quarry/internal/config"
	"quarry/internal/run/forecast"
	"quarry/internal/run/offline"
	"quarry/internal/run/planner"
)

func (a *App) printForecast(s *config.Settings, f *offline.Forecast) {
	p := &f.Planned
	row := func(name, format string, args ...any) { a.row(name, len("documents")+1, fmt.Sprintf(format, args...)) }
	row("documents", "%s: %s to send, %s empty, %s identical to another",
		figure.Thousands(p.Documents), figure.Thousands(p.Asked), figure.Thousands(p.Empty), figure.Thousands(p.Same))
	if n := p.Unreadable + p.SameID; n > 0 {
		row("left out", "%s could not be read", figure.Count(n, "item"))
	}
	printKnown(row, f.Known, s.Dir)
	if g := p.Given; g != nil {
		row("given", "%s", planner.GivenText(g))
	}
	row("text", "%s MiB in the sources, %s MiB cleaned, %s MiB of records", mib(p.SourceBytes), mib(p.CleanedBytes), mib(p.LineBytes))
	if p.Cut > 0 {
		row("cut", "%s at the cap", figure.Count(p.Cut, "text"))
	}
	row("model", "%s", s.Model)
	basis := f.Basis
	if p.Asked == 0 {
		basis = "nothing to send"
	}
	row("tokens", "about %s in (%s to %s), %s out (%s to %s): %s", figure.Thousands(f.Tokens.Estimate), figure.Thousands(f.Tokens.Low), figure.Thousands(f.Tokens.High),
		figure.Thousands(f.Output.Estimate), figure.Thousands(f.Output.Low), figure.Thousands(f.Output.High), basis)
	for _, left := range f.LeftOut {
		row("not sent", "%s, which the model rejects", left)
	}
	q := f.Quotas
	if q.MinRecords == 0 && q.RecordsPerJob == 0 {
		row("quotas", "jobs: not known; calls: %s requests and %s tokens per minute", orUnknown(q.RPM), orUnknown(q.TPM))
	} else {
		row("quotas", "%s to %s per job, %s MiB per file, %s at once; calls: %s requests and %s tokens per minute (%s)", figure.Thousands(q.MinRecords), figure.Count(q.RecordsPerJob, "record"),
			mib(q.FileBytes), figure.Count(q.OpenJobs, "job"), orUnknown(q.RPM), orUnknown(q.TPM), q.Source)
	}
	for i := range f.Modes {
		m := &f.Modes[i]
		row(string(m.Mode), "%s", modeText(m))
		if m.Cached != nil {
			row("  cached", "about %s if the start of the prompt is read from the cache", m.Cached)
		}
	}
	unknown := func(m forecast.ModePlan) bool { return m.Possible && m.Cost == nil }
	if slices.ContainsFunc(f.Modes, unknown) && !strings.Contains(f.Why, cost.UnknownHelp) {
		row("price", "not all are known: %s", cost.UnknownHelp)
	}
	row("cache", "%s", f.Cache.Note)
	row("best", "%s: %s", f.Recommended, f.Why)
	for _, note := range p.Notes {
		row("note", "%s", note)
	}
}

// modeText says what one way to buy the answers costs and takes.
func modeText(m *forecast.ModePlan) string {
	if !m.Possible {
		return "not possible: " + m.Note
	}
	text := "price unknown"
	if m.Cost != nil {
		text = fmt.Sprintf("about %s (%s to %s)", m.Cost, m.CostLow, m.CostHigh)
	}
	if m.Jobs == 1 {
		text += ", 1 job"
	} else if m.Jobs > 0 {
		text += fmt.Sprintf(", %s", figure.Count(m.Jobs, "job"))
	}
	if m.Seconds != nil {
		text += ", at least " + seconds(*m.Seconds)
	} else {
		text += ", time unknown"
	}
	return text + " (" + m.TimeBasis + ")"
}

func orUnknown(n int64) string {
	if n == 0 {
		return "an unknown number of"
	}
	return figure.Thousands(n)
}

func mib(n int64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }

// printKnown is the line that says what is new.
func printKnown(row func(name, format string, args ...any), k *offline.Known, dir string) {
	if k == nil {
		return
	}
	text := figure.Thousands(k.New) + " new, " + figure.Thousands(k.Changed) + " changed, " + figure.Thousands(k.Same) + " the same"
	if k.Again > 0 {
		text += ", " + figure.Thousands(k.Again) + " without an answer yet"
	}
	row("known", "%s, %s gone, compared with the run in %s", text, figure.Thousands(k.Gone), dir)
}
