package cli

import (
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/figure"
	"quarry/internal/base/jsonl"
	"quarry/internal/outcome/report"
	"quarry/internal/run/event"
)

// pilotSeen is what `quarry run --json` prints where a run ends after its pilot: at the gate, or at the question whether to
// continue.
type pilotSeen struct {
	Pilot    *report.Pilot    `json:"pilot"`
	Expected *report.Expected `json:"expected"` // of all that is sent, the pilot included; null: nothing was answered
}

// pilotLines tells people what the pilot came to: the classes, what the whole will take, and answers next to their sources.
func pilotLines(e *event.Event, width int) []string {
	lines := []string{
		fmt.Sprintf("%-10s %s of %s good (%s)", "pilot", figure.Thousands(e.Done), figure.Clause(e.Total, "answer", "is", "are"), e.Text),
	}
	if e.Expected != nil && e.Pilot != nil && e.Pilot.Rest > 0 {
		lines = append(lines, fmt.Sprintf("%-10s %s", "forecast", expectedText(e.Expected)))
	}
	if e.Pilot == nil {
		return lines
	}
	for i := range e.Pilot.Samples {
		lines = append(lines, sampleLines(&e.Pilot.Samples[i], width)...)
	}
	return lines
}

// expectedText is a forecast in one line, with its error.
func expectedText(e *report.Expected) string {
	text := fmt.Sprintf("%s, %s tokens in, %s out", figure.Count(e.Records, "record"), rangeText(e.Input), rangeText(e.Output))
	if e.Cost == nil {
		text += ", price unknown (" + cost.UnknownHelp + ")"
	} else {
		text += fmt.Sprintf(", about %s", e.Cost)
		if low, high := fmt.Sprint(e.CostLow), fmt.Sprint(e.CostHigh); low != high {
			text += fmt.Sprintf(" (%s to %s)", low, high)
		}
		text += " at list price"
	}
	if e.Samples == 0 {
		return text + "; a rough estimate, before any answer was read"
	}
	return text + fmt.Sprintf("; from %s", figure.Count(e.Samples, "answer"))
}

// rangeText gives an estimate with how far it may be off, in percent of it.
func rangeText(r report.Range) string {
	if r.Estimate <= 0 || r.Low == r.High {
		return figure.Thousands(r.Estimate)
	}
	below, above := 100*float64(r.Estimate-r.Low)/float64(r.Estimate), 100*float64(r.High-r.Estimate)/float64(r.Estimate)
	if d := below - above; d < 0.1 && d > -0.1 {
		return fmt.Sprintf("%s ±%.1f %%", figure.Thousands(r.Estimate), above)
	}
	return fmt.Sprintf("%s −%.0f/+%.0f %%", figure.Thousands(r.Estimate), below, above)
}

// sampleLines shows one answer below its source, each line cut to the width in cells.
func sampleLines(s *report.Sample, width int) []string {
	var lines []string
	add := func(indent, name, text string) {
		// Controls go before anything is cut: what moves the cursor has no width, and what is cut must not hide any.
		line := indent + name + strings.Join(strings.Fields(plain(strings.ReplaceAll(text, "\n", " "))), " ")
		lines = append(lines, runewidth.Truncate(line, max(width-1, 20), "…"))
	}
	head := string(s.ID)
	if s.Title != "" {
		head += "  " + s.Title
	}
	if s.Class != "" && s.Class != quarry.ClassOK {
		head += "  (" + string(s.Class) + ")"
	}
	add("  ", "", head)
	if s.Head != "" {
		add("      ", "", s.Head)
	}
	fields := 0
	for name, value := range jsonl.Members(s.Output) {
		if len(value) > 1 && value[0] == '"' {
			value = jsonl.Unescape(nil, value[1:len(value)-1])
		}
		add("    → ", plain(string(name))+": ", string(value))
		if fields++; fields == maxFields {
			break
		}
	}
	if fields == 0 {
		add("    → ", "", s.Text+string(s.Output))
	}
	return lines
}

// maxFields bounds how many members of one answer are shown.
const maxFields = 12

// forecastRow says how far off the forecasts were, once the run has ended.
func forecastRow(f *report.Forecast) string {
	if f == nil {
		return ""
	}
	var parts []string
	for _, p := range []struct {
		name string
		off  *report.Off
	}{{"before", f.OffBefore}, {"after the pilot", f.OffAfter}} {
		if p.off != nil && p.off.Input != nil && p.off.Output != nil {
			text := fmt.Sprintf("%s: input %+.1f %%, output %+.1f %%", p.name, *p.off.Input, *p.off.Output)
			if p.off.Cost != nil {
				text += fmt.Sprintf(", cost %+.1f %%", *p.off.Cost)
			}
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "was off: " + strings.Join(parts, "; ")
}
