package report

import (
	"fmt"
	"slices"

	"quarry"
	"quarry/internal/base/shown"
)

// Way is one way in which this run's own calls could have been bought, or were: what it takes and what it costs. What is
// not known is null.
type Way struct {
	Way     string      `json:"way"` // one of the Way constants
	Seconds *float64    `json:"time_s"`
	Cost    *quarry.USD `json:"cost_usd"` // at list price
	Basis   Basis       `json:"basis"`    // of the time
	From    string      `json:"from"`     // what the time is made from, in words
}

// The ways that are compared.
const (
	WayOneByOne = "ondemand_one_at_a_time"
	WayAtQuota  = "ondemand_at_quota"
	WayBatch    = "batch"
)

// Basis says how far a time can be believed.
type Basis string

// The bases.
const (
	Measured Basis = "measured" // by this run
	Computed Basis = "computed" // from what was measured, or from quotas
	Assumed  Basis = "assumed"  // nothing of the kind was measured
	NoBasis  Basis = "unknown"
)

// wayView is one row of the comparison.
type wayView struct{ Name, Time, Cost, Basis, From, Width, Class string }

// ways says the comparison for people, and in one sentence what it comes to.
func ways(r *Report) (rows []wayView, sentence string) {
	if r.Target == "local" || r.Cost.StandIn { // a stand-in's speed says nothing about the provider's
		return nil, ""
	}
	seconds := map[string]float64{}
	var longest float64
	for i := range r.Ways {
		if s := r.Ways[i].Seconds; s != nil {
			seconds[r.Ways[i].Way] = *s
			longest = max(longest, *s)
		}
	}
	for i := range r.Ways {
		w := &r.Ways[i]
		row := wayView{
			Name: wayName(w.Way), Time: unknown, Cost: money(w.Cost), Basis: shown.Line(string(w.Basis), 20), From: shown.Line(w.From, maxLine),
			Class: "plain",
		}
		if w.Seconds != nil {
			row.Time, row.Width = span(*w.Seconds), barWidth(*w.Seconds, longest)
		}
		if w.Basis == Measured {
			row.Class = "good"
		}
		rows = append(rows, row)
	}
	return rows, waysSentence(r, seconds)
}

func wayName(way string) string {
	switch way {
	case WayOneByOne:
		return "On demand, one call at a time"
	case WayAtQuota:
		return "On demand, as fast as the quota allows"
	case WayBatch:
		return "Batch jobs"
	}
	return shown.Line(way, 40)
}

// waysSentence holds the two comparisons next to each other: the flattering one and the fair one.
func waysSentence(r *Report, seconds map[string]float64) string {
	assumed := slices.ContainsFunc(r.Ways, func(w Way) bool { return w.Basis == Assumed })
	if assumed { // a guess says nothing about the provider's speed
		return ""
	}
	way, of := WayBatch, "The batch jobs were"
	if _, ok := seconds[WayBatch]; !ok || r.Mode != quarry.ModeJob {
		way, of = WayAtQuota, "On demand at the quota is"
	}
	mine, ok := seconds[way]
	if !ok || mine <= 0 {
		return ""
	}
	one, ok := seconds[WayOneByOne]
	if !ok {
		return ""
	}
	text := fmt.Sprintf("%s %s as one call after the other", of, times(one/mine))
	if quota, ok := seconds[WayAtQuota]; ok && way == WayBatch && quota > 0 {
		text += fmt.Sprintf(", and %s as calls at the pace that the quota allows", times(quota/mine))
	}
	return text + "."
}

func times(x float64) string {
	switch {
	case x >= 10:
		return fmt.Sprintf("%.0f times as fast", x)
	case x >= 1.05:
		return fmt.Sprintf("%.1f times as fast", x)
	case x > 0.95:
		return "as fast"
	}
	return fmt.Sprintf("%.2f times as fast", x)
}
