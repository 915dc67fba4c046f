package view

import (
	"slices"
	"strconv"
	"strings"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/shown"
	"quarry/internal/ui/records"
)

// recordsView is the page of the records of a run.
type recordsView struct {
	Asked            *Asked
	Address          string // of this page
	Indexing, Hint   string // what is not in the list yet, or not searched
	Again            int    // seconds after which there is more to show; 0: there is not
	Count            string
	Statuses         []choice // links
	Filters          []filter
	Ins              []choice
	Filtered         bool
	Rows             []recordRow
	Earlier, Later   string // addresses
	Continue         string // address of the rest of a search that took too long
	Passes           []choice
	Clear, None, Run string
}

// choice is a value that may be chosen.
type choice struct {
	Value, Text, Address, Mood string
	Chosen                     bool
}

// filter is a list of values of which one may be chosen.
type filter struct {
	Name, Label string
	Choices     []choice
}

type recordRow struct {
	Place, ID, Title, Address, Status, Mood, Class, Language, Cost, Answer, Mark string
	Corrected                                                                    bool
}

// RecordsPage shows a page of the records of a run that meet a selection. Passes are those of the run.
func RecordsPage(run *Run, a *Asked, found *records.Page, passes []int, of *Said) *Page {
	v := newRecordsView(run, a, found, of)
	v.passes(passes, found.Progress.Pass)
	return run.page("records", "Records", v, v.Again)
}

func newRecordsView(run *Run, a *Asked, found *records.Page, of *Said) *recordsView {
	here := run.Address() + "records"
	v := &recordsView{
		Asked: a, Address: here, Count: countText(found.Count, "record"), Clear: (&Asked{Pass: a.Pass}).Address(here), Run: run.Address(),
	}
	v.progress(&found.Progress)
	v.Filtered = a.Address(here) != v.Clear
	if len(found.Ignored) > 0 {
		v.Hint = "Not searched, since one character alone is too little: " + shown.Line(strings.Join(found.Ignored, " "), 100)
	}
	v.Statuses = []choice{{Text: "all", Address: a.Address(here, "status", ""), Chosen: a.Status == ""}}
	for _, f := range statusesOf(found.Facets.Status, a.Status) {
		v.Statuses = append(v.Statuses, choice{
			Text: shown.Line(f.Value, 40) + " " + number(f.Count), Address: a.Address(here, "status", f.Value), Mood: statusMood(f.Value),
			Chosen: f.Value == a.Status,
		})
	}
	v.Filters = []filter{
		newFilter("class", "Class", found.Facets.Class, a.Class), newFilter("language", "Language", found.Facets.Language, a.Language),
		newFilter("pool", "Region and model", found.Facets.Pool, a.Pool),
	}
	for _, in := range []choice{
		{Text: "title, text and answer"}, {Value: "title", Text: "title"}, {Value: "text", Text: "text"}, {Value: "answer", Text: "answer"},
	} {
		in.Chosen = in.Value == a.In
		v.Ins = append(v.Ins, in)
	}
	for i := range found.Rows {
		row := newRecordRow(run, a, &found.Rows[i])
		of.mark(&row, &found.Rows[i])
		v.Rows = append(v.Rows, row)
	}
	v.turn(a, found)
	return v
}

// statusesOf gives the statuses in their own order, with the chosen one, of which there may be none.
func statusesOf(facets []records.Facet, chosen string) (list []records.Facet) {
	for _, status := range []quarry.Status{quarry.StatusOK, quarry.StatusInvalid, quarry.StatusFailed, quarry.StatusSkipped} {
		i := slices.IndexFunc(facets, func(f records.Facet) bool { return f.Value == string(status) })
		if i >= 0 {
			list = append(list, facets[i])
		} else if chosen == string(status) {
			list = append(list, records.Facet{Value: chosen})
		}
	}
	return list
}

// turn sets the addresses of the pages before and after this one.
func (v *recordsView) turn(a *Asked, found *records.Page) {
	place := func(i int) string { return strconv.FormatInt(found.Rows[i].Place, 10) }
	if n := len(found.Rows); n > 0 {
		if found.Earlier {
			v.Earlier = a.Address(v.Address, "before", place(0))
		}
		if found.Later {
			v.Later = a.Address(v.Address, "after", place(n-1))
		}
	}
	if found.Continue > 0 {
		name := "after"
		if a.Before > 0 {
			name = "before"
		}
		v.Continue = a.Address(v.Address, name, strconv.FormatInt(found.Continue, 10))
	}
	switch {
	case len(v.Rows) > 0 || v.Continue != "":
	case v.Filtered:
		v.None = "No record meets this selection."
	default:
		v.None = "There is no record yet."
	}
}

// progress says how much of the run the list has.
func (v *recordsView) progress(p *records.Progress) {
	switch {
	case p.Pass == 0:
		v.Indexing, v.Again = "The run has no answers yet.", 5
	case p.Live:
		v.Indexing, v.Again = "The run is under way: "+figure.Thousands(p.Done)+" of "+figure.Count(p.Total, "document")+" so far.", 5
	case !p.Complete:
		v.Indexing, v.Again = "Indexing "+figure.Thousands(p.Done)+" of "+figure.Thousands(p.Total)+".", 2
	}
	if p.Pass > 0 && p.Texts == 0 {
		v.Hint = "The texts of the documents are not searched, only titles and answers: the sources cannot be read with the settings of this command."
	}
}

func (v *recordsView) passes(passes []int, shown int) {
	if len(passes) < 2 {
		return
	}
	for _, n := range passes {
		text := strconv.Itoa(n)
		v.Passes = append(v.Passes, choice{Value: text, Text: "pass " + text, Chosen: n == shown})
	}
}

func newFilter(name, label string, facets []records.Facet, chosen string) filter {
	f := filter{Name: name, Label: label, Choices: []choice{{Text: "all"}}}
	there := chosen == ""
	for _, facet := range facets {
		text := facet.Value
		if text == records.NotGiven {
			text = "not given"
		}
		there = there || facet.Value == chosen
		f.Choices = append(f.Choices, choice{
			Value: facet.Value, Text: shown.Line(text, 100) + " (" + number(facet.Count) + ")", Chosen: facet.Value == chosen,
		})
	}
	if !there {
		f.Choices = append(f.Choices, choice{Value: chosen, Text: shown.Line(chosen, 100) + " (0)", Chosen: true})
	}
	return f
}

func newRecordRow(run *Run, a *Asked, row *records.Row) recordRow {
	v := recordRow{
		Place: figure.Thousands(row.Place), ID: shown.Line(string(row.ID), 200), Title: shown.Line(row.Title, 300), Status: string(row.Status),
		Mood: statusMood(string(row.Status)), Language: shown.Line(row.Language, 40), Answer: shown.Line(row.Answer, 140), Corrected: row.Corrected,
		Address: a.Address(run.Address()+"record", "id", string(row.ID)),
	}
	if row.Class != string(row.Status) {
		v.Class = shown.Line(row.Class, 80)
	}
	if v.Title == "" {
		v.Title = v.ID
	}
	if row.Cost != nil {
		v.Cost = row.Cost.String()
	}
	return v
}

// number writes a count that may be of more.
func number(c records.Count) string {
	text := figure.Thousands(c.N)
	if c.More {
		text += "+"
	}
	return text
}

func countText(c records.Count, noun string) string {
	if c.More {
		return number(c) + " " + noun + "s"
	}
	return figure.Count(c.N, noun)
}

func statusMood(status string) string {
	switch quarry.Status(status) {
	case quarry.StatusOK:
		return "good"
	case quarry.StatusInvalid:
		return "warn"
	case quarry.StatusFailed:
		return "bad"
	}
	return "other"
}
