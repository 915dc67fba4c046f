package view

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/shown"
)

// runsView is the page of all runs.
type runsView struct {
	Rows []RunRow
	More string // how many runs are not listed
}

// RunRow is a run in the list.
type RunRow struct {
	Name, Address, Run, State, Mood, Documents, Good, Bad, Skipped, Cost, Changed, Machine string
	Width                                                                                  string // of what came back, in percent; empty: nothing is under way
	Fault, Hint                                                                            string // why it cannot be read
	changed                                                                                time.Time
}

// RunsPage lists runs, the last changed first. More is how many were found in addition.
func RunsPage(rows []RunRow, more int) *Page {
	slices.SortStableFunc(rows, func(a, b RunRow) int { return b.changed.Compare(a.changed) })
	v := &runsView{Rows: rows}
	if more > 0 {
		v.More = figure.Count(more, "run")
	}
	p := &Page{template: "runs", Title: "Runs", Body: v}
	if slices.ContainsFunc(rows, func(row RunRow) bool { return row.Width != "" }) {
		p.Every = 30
	}
	return p
}

// NewRunRow gives a run in the list, with err where its state cannot be read: it does not hide the others.
func NewRunRow(run *Run, state *State, err error) RunRow {
	row := RunRow{Name: shown.Line(run.Name, 300), Address: run.Address()}
	if err != nil {
		row.State, row.Mood, row.Fault = "Cannot be read", "bad", shown.Line(err.Error(), maxMessage)
		if q := (*quarry.Error)(nil); errors.As(err, &q) {
			row.Hint = shown.Line(q.Hint, maxMessage)
		}
		return row
	}
	row.Run, row.changed, row.Cost = shown.Line(state.Run, 40), state.Changed, shown.Line(state.Cost, 200)
	row.Changed, row.Machine = moment(state.Changed)
	row.State, row.Mood = state.words()
	if !state.Ended && state.Records > 0 {
		row.Width = width(state.Processed, state.Records)
		row.Documents = figure.Thousands(state.Processed) + " of " + figure.Count(state.Records, "record")
	}
	if rep := state.Report; rep != nil && state.Ended {
		d := &rep.Documents
		row.Documents = figure.Count(d.Total, "document")
		row.Good, row.Bad, row.Skipped = figure.Thousands(d.OK), figure.Thousands(d.Invalid+d.Failed), figure.Thousands(d.Skipped)
	}
	return row
}

// words say in which state a run is, and how that is to be taken.
func (st *State) words() (text, mood string) {
	switch {
	case !st.Planned:
		return "Nothing is planned", "other"
	case st.Waits != nil:
		return "Waits for an approval", "warn"
	case !st.Ended:
		return "Not finished", "other"
	case st.Report != nil && st.Report.Documents.Invalid+st.Report.Documents.Failed > 0:
		return "Finished, with failures", "warn"
	}
	return "Finished", "good"
}

// width is a part of a whole for a bar.
func width(n, of int64) string {
	return cmp.Or(percent(n, of), "0%")
}

func percent(n, of int64) string {
	if of <= 0 || n <= 0 {
		return ""
	}
	return figure.Thousands(min(n*100/of, 100)) + "%"
}

// moment gives a time for people, local with its offset, and for programs. Both are empty where it is not known.
func moment(t time.Time) (people, machine string) {
	if t.IsZero() {
		return "", ""
	}
	return t.Local().Format("2006-01-02 15:04:05 -07:00"), t.UTC().Format(time.RFC3339)
}
