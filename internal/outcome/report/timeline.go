package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"quarry"
	"quarry/internal/base/shown"
)

// The picture of the jobs: one bar a job, packed into lanes, so that its height shows how many ran at once. Places across
// are in percent of the width and need no script to fit a screen; heights are in pixels.
const (
	maxBars  = 4000
	maxLanes = 120
	axisPx   = 26
)

// timeline is the picture of when the jobs ran.
type timeline struct {
	Height  int // of the whole picture
	Bottom  int // where the lanes end and the axis begins
	Bars    []bar
	Ticks   []tick
	Began   string
	Ended   string
	Most    string // how many ran at once, at most
	Left    string // how many jobs are not drawn, or nothing
	Unended bool   // some bars are open: their job had not ended
}

type bar struct {
	X, Width string // percent
	Y, H     int
	Class    string
	Tip      string
	Label    string // inside the bar where it is wide enough
	LabelY   int
}

type tick struct{ X, Text, Anchor string }

type stretch struct {
	job        *Job
	begin, end time.Time
	open       bool
	lane       int
}

// stretches are the jobs that have a time, by their beginning. A clock that ran backwards gives a job no length, never a
// negative one.
func stretches(r *Report) []stretch {
	var all []stretch
	for i := range r.Jobs {
		j := &r.Jobs[i]
		if j.Submitted.IsZero() {
			continue
		}
		s := stretch{job: j, begin: j.Submitted, end: j.Ended}
		if j.Ended.IsZero() {
			s.end, s.open = r.Generated, true
		}
		if s.end.Before(s.begin) {
			s.end = s.begin
		}
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b stretch) int { return a.begin.Compare(b.begin) })
	return all
}

// drawTimeline lays the jobs out; nil when none was submitted.
func drawTimeline(r *Report) *timeline {
	all := stretches(r)
	if len(all) == 0 {
		return nil
	}
	t := &timeline{Most: number(int64(atOnce(all)))}
	first, last := all[0].begin, all[0].end
	for _, s := range all {
		if s.end.After(last) {
			last = s.end
		}
		t.Unended = t.Unended || s.open
	}
	t.Began, t.Ended = moment(first), moment(last)
	whole := max(last.Sub(first).Seconds(), 0.001)
	drawn, lanes := assignLanes(all[:min(len(all), maxBars)])
	if n := len(all) - len(drawn); n > 0 {
		t.Left = plural(int64(n), "job", "jobs")
	}
	pitch := 26 // from one lane to the next
	switch {
	case lanes > 40:
		pitch = 6
	case lanes > 16:
		pitch = 12
	}
	gap := min(4, pitch/3)
	for _, s := range drawn {
		x := 100 * s.begin.Sub(first).Seconds() / whole
		width := min(max(100*s.end.Sub(s.begin).Seconds()/whole, 0.25), 100)
		x = min(x, 100-width)
		b := bar{
			X: percent(x), Width: percent(width), Y: s.lane * pitch, H: pitch - gap, Class: statusClass(s.job.Status), Tip: tip(s),
		}
		if name := shown.Line(string(s.job.Shard), 12); pitch > 20 && width > 2+1.4*float64(len(name)) {
			b.Label, b.LabelY = name, b.Y+b.H/2+4
		}
		t.Bars = append(t.Bars, b)
	}
	t.Bottom = lanes * pitch
	t.Height = t.Bottom + axisPx
	t.Ticks = ticks(whole)
	return t
}

// assignLanes gives each job the first lane that is free when it begins. Jobs for which no lane is left are not drawn.
func assignLanes(all []stretch) (drawn []stretch, lanes int) {
	var free []time.Time // when a lane is free again
	for _, s := range all {
		s.lane = slices.IndexFunc(free, func(at time.Time) bool { return !at.After(s.begin) })
		if s.lane < 0 {
			if len(free) == maxLanes {
				continue
			}
			s.lane = len(free)
			free = append(free, time.Time{})
		}
		free[s.lane] = s.end
		drawn = append(drawn, s)
	}
	return drawn, len(free)
}

// atOnce counts how many jobs overlapped at most. One that ends when another begins does not overlap it.
func atOnce(all []stretch) int {
	type edge struct {
		at   time.Time
		step int
	}
	edges := make([]edge, 0, 2*len(all))
	for _, s := range all {
		if s.end.Equal(s.begin) {
			continue
		}
		edges = append(edges, edge{s.begin, 1}, edge{s.end, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(a.at.Compare(b.at), a.step-b.step) })
	most, now := min(1, len(all)), 0
	for _, e := range edges {
		now += e.step
		most = max(most, now)
	}
	return most
}

// ticks marks the axis at round times since the first submission: three to six of them.
func ticks(whole float64) []tick {
	steps := []float64{
		0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 3 * 3600, 6 * 3600,
		12 * 3600,
		86400, 2 * 86400, 7 * 86400, 14 * 86400, 30 * 86400, 90 * 86400, 365 * 86400,
	}
	step := steps[len(steps)-1]
	for _, s := range steps {
		if whole/s <= 5 {
			step = s
			break
		}
	}
	for whole/step > 5 {
		step *= 10
	}
	out := []tick{{X: "0%", Text: "0", Anchor: "start"}}
	for at := step; at <= whole; at += step {
		x := 100 * at / whole
		anchor := "middle"
		if x > 94 {
			anchor = "end"
		}
		out = append(out, tick{X: percent(x), Text: tickText(at), Anchor: anchor})
	}
	return out
}

func tickText(seconds float64) string {
	if seconds < 1 {
		return fmt.Sprintf("%.0f ms", seconds*1000)
	}
	if seconds < 10 {
		return fmt.Sprintf("%.0f s", seconds)
	}
	return span(seconds)
}

func tip(s stretch) string {
	j := s.job
	text := shown.Line(string(j.Shard), 40) + ": " + statusText(j.Status) + ", " + plural(j.Records, "record", "records")
	if s.open {
		return text + ", not ended"
	}
	return text + ", " + span(s.end.Sub(s.begin).Seconds())
}

func percent(x float64) string { return fmt.Sprintf("%.3f%%", x) }

// statusText is Bedrock's word; on-demand calls have none.
func statusText(s quarry.JobStatus) string {
	if s == "" {
		return "on-demand calls"
	}
	return shown.Line(string(s), 40)
}

// statusClass is the colour of a status.
func statusClass(s quarry.JobStatus) string {
	switch s {
	case quarry.JobCompleted:
		return "good"
	case quarry.JobPartiallyCompleted, quarry.JobStopped, quarry.JobExpired:
		return "warn"
	case quarry.JobFailed:
		return "bad"
	}
	return "other"
}
