package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/shown"
)

// How much of a list the page shows. report.json has all of it.
const (
	maxJobs    = 300
	maxNotes   = 50
	maxSources = 20
	maxLine    = 1000 // characters of a provider's message
)

// view is the report as the page says it: every text is clean, every number is written out.
type view struct {
	Run, Model, Mode, Region, Target, Version, Generated string

	StandIn     bool // that answered
	AnsweredBy  []string
	Sources     []string
	SourcesLeft string

	Verdict, VerdictClass string
	Total                 string
	Parts                 []part
	NotInBar              []string
	Input, Output         string
	PerDocument           string

	Took       []tookView // the last pass and the whole run
	NothingNew bool

	Cost     costView
	Stages   []stage
	Whole    string
	Rate     string
	Timeline *timeline
	Pace     *chart   // records a minute
	Charts   []*chart // of tokens and lengths
	Request  *requestView

	Ways         []wayView
	WaysSentence string

	Troubles     []trouble
	TroublesLeft int
	Failures     []trouble // the most frequent messages

	Jobs     []jobView
	JobsLeft string
	AllJobs  jobView
	Samples  []answer
	// SampleCount is how many they are, in words.
	SampleCount string
	Notes       []string

	Forecasts  []forecastRow
	Pilot      string
	Checks     []checkView
	Structured string
}

// part is one piece of the bar of documents.
type part struct {
	Name, Class, Count, Share, Meaning string
	X, Width                           string
}

type stage struct{ Name, Meaning, Text, Width string }

type jobView struct {
	Shard, Name, ARN, Mode, Status, Class                   string
	Records, OK, Invalid, Failed, Left, Input, Output, Took string
	Submitted, Message, Classes                             string
	Differs                                                 []string
}

func newView(r *Report) *view {
	v := &view{
		Run: orUnknown(shown.Line(string(r.Run), 40)), Model: orUnknown(shown.Line(r.Model, 200)), Mode: shown.Line(string(r.Mode), 20),
		Region:  shown.Line(r.Region, 40),
		StandIn: r.Cost.StandIn, Target: shown.Line(r.Target, 20), Version: shown.Line(r.Version, 80), Generated: moment(r.Generated),
		AnsweredBy: cleanAll(r.AnsweredBy, maxSources, 200), Sources: cleanAll(r.Sources, maxSources, 300),
		Total: number(r.Documents.Total), Input: number(r.Tokens.Input), Output: number(r.Tokens.Output),
		Took: took(r), NothingNew: r.NothingNew, Cost: newCostView(r), Whole: span(r.PassTime()), Timeline: drawTimeline(r), Pace: drawRate(r), Charts: charts(r.Spreads), Request: newRequestView(r.Request),
		Forecasts: forecasts(r.Forecast), Pilot: pilotText(r.Pilot), Checks: checks(r.Proof), Structured: structuredText(r.Structured),
		Samples: answers(r), Notes: cleanAll(r.Notes, maxNotes, maxLine),
	}
	v.Verdict, v.VerdictClass = verdict(r)
	v.Parts, v.NotInBar = parts(&r.Documents), notInBar(r)
	if asked := r.Documents.OK + r.Documents.Invalid - r.Documents.Duplicate - r.Documents.Unchanged; asked > 0 {
		v.PerDocument = fmt.Sprintf("%s in and %s out for each answered document", number(r.Tokens.Input/asked), number(r.Tokens.Output/asked))
	}
	v.Stages = stages(&r.Time)
	v.Ways, v.WaysSentence = ways(r)
	if r.ThroughputPerMin > 0 && r.ThroughputPerMin < 1e12 {
		v.Rate = number(int64(math.Round(r.ThroughputPerMin)))
	}
	v.Troubles, v.TroublesLeft = troubles(r)
	for i := range r.Failures {
		f := &r.Failures[i]
		v.Failures = append(v.Failures,
			trouble{
				Kind: shown.Line(f.Kind, 80), Count: number(f.Count), Meaning: shown.Line(f.Message, maxLine), Advice: shown.Line(f.Hint, maxLine),
				Examples: idTexts(f.Examples),
			})
	}
	v.jobs(r.Jobs)
	v.SampleCount = plural(int64(len(v.Samples)), "answer", "answers")
	v.SourcesLeft = more(len(r.Sources), maxSources)
	if n := more(len(r.Notes), maxNotes); n != "" {
		v.Notes = append(v.Notes, n+" more notes are in report.json.")
	}
	return v
}

// verdict is the report in one sentence.
func verdict(r *Report) (text, class string) {
	d := r.Documents
	bad := d.Invalid + d.Failed
	switch {
	case d.Total != d.OK+d.Invalid+d.Failed+d.Skipped:
		return fmt.Sprintf("The counts do not add up: %s documents, but %s ended. Run quarry audit.", number(d.Total),
			number(d.OK+d.Invalid+d.Failed+d.Skipped)), "bad"
	case d.Total == 0:
		return "There were no documents, so nothing was sent.", "warn"
	case bad == 0 && d.Waiting > 0:
		return number(d.Waiting) + " documents wait until there are enough records for a batch job; all others have an answer.", "warn"
	case bad == 0 && d.Partial > 0:
		return number(d.Partial) + " of " + number(d.OK) + " answers have at least one null field; they passed the checks but are not complete.", "warn"
	case bad == 0 && d.Skipped == 0:
		return "Every document has an answer that passed all checks.", "good"
	case bad == 0:
		return "Every document that had a text has an answer that passed all checks.", "good"
	case d.OK == 0:
		return "No document has an answer that passed all checks.", "bad"
	case bad == 1:
		return "1 document has no good answer; failed.jsonl names it and the reason.", "warn"
	}
	return number(bad) + " documents have no good answer; failed.jsonl names each and the reason.", "warn"
}

// parts are the pieces of the bar. A piece that is there is seen, however small its share.
func parts(d *Documents) []part {
	counts := []int64{d.OK, d.Invalid, d.Failed, d.Skipped}
	list := []part{
		{Name: "ok", Class: "good", Meaning: "answered, and the answer passed every check"},
		{Name: "invalid", Class: "warn", Meaning: "answered, but no answer passed the checks"},
		{Name: "failed", Class: "bad", Meaning: "not answered"},
		{Name: "skipped", Class: "other", Meaning: "not sent: nothing was left after cleaning"},
	}
	var whole float64
	widths := make([]float64, len(list))
	for i, n := range counts {
		if n > 0 && d.Total > 0 {
			widths[i] = max(float64(n)/float64(d.Total), 0.006)
			whole += widths[i]
		}
	}
	at := 0.0
	for i := range list {
		p := &list[i]
		p.Count, p.Share = number(counts[i]), share(counts[i], d.Total)
		if widths[i] > 0 {
			width := 100 * widths[i] / whole
			p.X, p.Width = percent(at), percent(width)
			at += width
		}
	}
	return list
}

// notInBar lists the counts that the bar does not show.
func notInBar(r *Report) []string {
	var list []string
	add := func(n int64, one, many string) {
		if n > 0 {
			list = append(list, plural(n, one, many))
		}
	}
	add(r.Documents.Duplicate, "document is identical to another one and has its answer",
		"documents are identical to another one and have its answer")
	if d := r.Duplicates; d != nil {
		add(d.Near, "of them is nearly identical to another one", "of them are nearly identical to another one")
		if spared := d.Spared.InputTokens + d.Spared.OutputTokens; spared > 0 {
			text := number(spared) + " tokens were saved by sharing answers"
			if d.Saved != nil {
				text += ", " + d.Saved.String() + " at the model's price"
			}
			list = append(list, text)
		}
		if d.Reported > d.Near {
			list = append(list, plural(d.Reported-d.Near, "document is nearly identical to an earlier one and was sent anyway",
				"documents are nearly identical to an earlier one and were sent anyway")+" (near-duplicates.jsonl)")
		}
	}
	add(r.Documents.Unchanged, "document is unchanged and kept its answer", "documents are unchanged and kept their answers")
	if k := r.Known; k != nil {
		from := " of " + shown.Line(k.File, 300)
		add(k.Documents, "document has an answer"+from, "documents have answers"+from)
		add(k.Unmatched, "answer"+from+" is to no document", "answers"+from+" are to no document")
	}
	add(r.Documents.Gone, "document of an earlier run is no longer in the source", "documents of earlier runs are no longer in the source")
	add(r.Unreadable, "item of the source could not be read and was left out", "items of the source could not be read and were left out")
	return list
}

func stages(t *Time) []stage {
	list := []stage{
		{Name: "Prepare", Meaning: "read, clean, cut into shards, build"},
		{Name: "Upload", Meaning: "of all shards"},
		{Name: "Provider", Meaning: "in which a job or calls were under way"},
		{Name: "Collect", Meaning: "download, parse, check, export"},
	}
	times := []float64{t.Prep, t.Upload, t.Provider, t.Collect}
	longest := max(t.Total, slices.Max(times))
	for i := range list {
		list[i].Text, list[i].Width = span(times[i]), barWidth(times[i], longest)
	}
	return list
}

// barWidth gives the length of a bar in percent; what is there is seen.
func barWidth(n, longest float64) string {
	p := 100 * n / longest
	if !(p > 0) || p > 100.001 { // also what is no number
		return ""
	}
	return percent(max(p, 0.4))
}

// jobs fills the table. Where it has to be cut, jobs with something to say come before those without.
func (v *view) jobs(all []Job) {
	left := max(0, len(all)-maxJobs)
	quiet := left // how many jobs without news may still be left out
	var sum quarry.Usage
	var total Job
	for i := range all {
		j := &all[i]
		total.Records += j.Records
		total.OK += j.OK
		total.Invalid += j.Invalid
		total.Failed += j.Failed
		total.Left += j.Left
		sum.Add(j.Usage)
		if quiet > 0 && j.Message == "" && len(j.Differs) == 0 && statusClass(j.Status) != "bad" {
			quiet--
			continue
		}
		if len(v.Jobs) < maxJobs {
			v.Jobs = append(v.Jobs, newJobView(j))
		}
	}
	total.Usage = sum
	v.AllJobs = newJobView(&total)
	v.AllJobs.Shard = plural(int64(len(all)), "job", "jobs")
	if left > 0 {
		v.JobsLeft = plural(int64(left), "job", "jobs")
	}
}

func newJobView(j *Job) jobView {
	v := jobView{
		Shard: shown.Line(string(j.Shard), 40), Name: shown.Line(j.Name, 100), ARN: shown.Line(string(j.ARN), 300),
		Mode:   shown.Line(string(j.Mode), 20),
		Status: statusText(j.Status), Class: statusClass(j.Status), Records: number(j.Records), OK: number(j.OK), Invalid: number(j.Invalid),
		Failed: number(j.Failed), Left: number(j.Left), Input: number(j.Usage.InputTokens), Output: number(j.Usage.OutputTokens),
		Message: shown.Line(j.Message, maxLine), Differs: cleanAll(j.Differs, maxSources, maxLine), Classes: classes(j.Classes),
	}
	if !j.Submitted.IsZero() {
		v.Submitted = moment(j.Submitted)
		if !j.Ended.IsZero() {
			v.Took = span(j.Ended.Sub(j.Submitted).Seconds())
		}
	}
	if n := more(len(j.Differs), maxSources); n != "" {
		v.Differs = append(v.Differs, n+" more in report.json")
	}
	return v
}

// classes says what became of a job's records, where it is more than a good answer.
func classes(counts map[quarry.Class]int64) string {
	var names []string
	for class, n := range counts {
		if class != quarry.ClassOK && n > 0 {
			names = append(names, shown.Line(string(class), 40)+" "+number(n))
		}
	}
	slices.Sort(names)
	return strings.Join(names[:min(len(names), maxSources)], ", ")
}

func cleanAll(list []string, most, limit int) []string {
	var out []string
	for _, s := range list[:min(len(list), most)] {
		if s = shown.Line(s, limit); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// more says how many of n are beyond the most that are shown, or nothing.
func more(n, most int) string {
	if n <= most {
		return ""
	}
	return number(int64(n - most))
}

// idTexts are ids of documents for people.
func idTexts(ids []quarry.DocumentID) string {
	var list []string
	for _, id := range ids[:min(len(ids), 3)] {
		list = append(list, shown.Line(string(id), 80))
	}
	return strings.Join(list, ", ")
}

func orUnknown(s string) string {
	if s == "" {
		return unknown
	}
	return s
}
