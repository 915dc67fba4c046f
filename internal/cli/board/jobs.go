package board

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"quarry/internal/base/figure"
)

// Job is a shard and its job, or its on-demand calls.
type Job struct {
	Shard, State                               string
	Mood                                       Mood
	Done, Records, OK, Invalid, Failed, Resent int64
	Job, Place                                 string // its id and where it runs
	ARN                                        string // of the job, on a line of its own; empty: not shown
	Waits                                      string // for what; empty: it does not wait
}

// column is one of the table of jobs. A column with a higher rank is left out first where the line is too narrow; one that may be
// absent is, where no job has anything in it.
type column struct {
	name   string
	rank   int
	number bool
	absent bool
	of     func(*Job) string
}

func count(n int64) string { return figure.Thousands(n) }

func some(n int64) string {
	if n == 0 {
		return ""
	}
	return count(n)
}

var columns = []column{
	{name: "shard", of: func(j *Job) string { return j.Shard }},
	{name: "state", of: func(j *Job) string { return j.State }},
	{name: "records", rank: 2, number: true, of: func(j *Job) string { return count(j.Records) }},
	{name: "done", rank: 1, number: true, of: func(j *Job) string { return count(j.Done) }},
	{name: "ok", rank: 3, number: true, of: func(j *Job) string { return some(j.OK) }},
	{name: "invalid", rank: 5, number: true, absent: true, of: func(j *Job) string { return some(j.Invalid) }},
	{name: "failed", rank: 4, number: true, absent: true, of: func(j *Job) string { return some(j.Failed) }},
	{name: "sent again", rank: 6, number: true, absent: true, of: func(j *Job) string { return some(j.Resent) }},
	{name: "job", rank: 8, absent: true, of: func(j *Job) string { return j.Job }},
	{name: "Region", rank: 7, absent: true, of: func(j *Job) string { return j.Place }},
}

// table is at most room lines high, 0: as many as it needs. Jobs for which there is no room are counted by their state.
func table(jobs []Job, room int, s Size) []string {
	if len(jobs) == 0 {
		return nil
	}
	shown, more := jobs, ""
	if need := 1 + len(jobs) + waiting(jobs); room > 0 && need > room {
		n, used := 0, 2 // the head, and the line about the others
		for n < len(jobs) && used+1+waiting(jobs[n:n+1]) <= room {
			used += 1 + waiting(jobs[n:n+1])
			n++
		}
		n = max(n, 1)
		shown, more = jobs[:n], others(jobs[n:])
	}
	columns, widths := fitting(shown, s.Width)
	line := func(text func(*column) string, mood Mood) string {
		return colour(runewidth.Truncate(tableLine(columns, widths, text), s.Width, "…"), mood, s)
	}
	lines := []string{line(func(c *column) string { return c.name }, Faint)}
	for i := range shown {
		j := &shown[i]
		lines = append(lines, line(func(c *column) string { return Plainly(c.of(j)) }, j.Mood))
		lines = append(lines, split(Wrap(Plainly(j.ARN), 2, 4, s.Width))...)
		switch why := Plainly(j.Waits); {
		case why == "":
		case room > 0:
			lines = append(lines, colour(oneLine("waits: "+jobARN.ReplaceAllString(why, ""), 2, s.Width), Warn, s))
		default:
			lines = append(lines, paint(Wrap("waits: "+why, 2, 4, s.Width), Warn, s)...)
		}
	}
	if more != "" {
		lines = append(lines, colour(oneLine(more, 0, s.Width), Faint, s))
	}
	return lines
}

// jobARN is what comes before the id of a job in its ARN, which says nothing that the line of its shard does not say.
var jobARN = regexp.MustCompile(`arn:[a-z-]+:bedrock:[a-z0-9-]*:[0-9]*:model-invocation-job/`)

// waiting counts the lines about what jobs wait for.
func waiting(jobs []Job) (n int) {
	for i := range jobs {
		if jobs[i].Waits != "" {
			n++
		}
	}
	return n
}

// others counts jobs by their state, in the order in which the states come first.
func others(jobs []Job) string {
	if len(jobs) == 0 {
		return ""
	}
	var states []string
	counts := map[string]int{}
	for i := range jobs {
		if counts[jobs[i].State]++; counts[jobs[i].State] == 1 {
			states = append(states, jobs[i].State)
		}
	}
	for i, state := range states {
		states[i] = count(int64(counts[state])) + " " + state
	}
	return fmt.Sprintf("and %s: %s", figure.Count(len(jobs), "more shard"), strings.Join(states, ", "))
}

const gap = 2 // cells between columns

// fitting are the columns that have something to say and fit into the width, and how wide each is.
func fitting(jobs []Job, width int) (fit []column, widths []int) {
	for _, c := range columns {
		w := 0
		for i := range jobs {
			w = max(w, runewidth.StringWidth(Plainly(c.of(&jobs[i]))))
		}
		if w == 0 && c.absent {
			continue
		}
		fit, widths = append(fit, c), append(widths, max(w, runewidth.StringWidth(c.name)))
	}
	for len(fit) > 2 {
		sum, last := -gap, 0
		for i := range fit {
			sum += widths[i] + gap
			if fit[i].rank > fit[last].rank {
				last = i
			}
		}
		if sum <= width {
			break
		}
		fit, widths = slices.Delete(fit, last, last+1), slices.Delete(widths, last, last+1)
	}
	return fit, widths
}

func tableLine(columns []column, widths []int, text func(*column) string) string {
	var b strings.Builder
	for i := range columns {
		cell := text(&columns[i])
		space := strings.Repeat(" ", max(widths[i]-runewidth.StringWidth(cell), 0))
		if i > 0 {
			b.WriteString(strings.Repeat(" ", gap))
		}
		if columns[i].number {
			b.WriteString(space + cell)
		} else {
			b.WriteString(cell + space)
		}
	}
	return strings.TrimRight(b.String(), " ")
}
