package view

import (
	"cmp"

	"quarry/internal/base/figure"
	"quarry/internal/base/shown"
	"quarry/internal/cli/board"
	"quarry/internal/outcome/report"
)

// runView is the page of a run.
type runView struct {
	Name, Dir string
	Live      string // the address that sends the state again while it changes; empty: the run has ended
	State     *stateView
}

// stateView is the part of the page that changes.
type stateView struct {
	Title, State, Mood, Changed, Machine string
	Address                              string // of the run's page
	HasReport                            bool
	Ended                                bool
	Waits                                *waitsView
	Stages                               []stageView
	Sum                                  string // how far it is, or how it ended
	Progress, Width                      string // empty: nothing is planned
	Parts                                []partView
	Rows                                 []rowView
	Failures                             []failureView
	Jobs                                 []jobView
	JobsLeft                             string
	Resent, Places                       bool // columns of the jobs
}

type stageView struct{ Name, Class, Says string }

// partView is a count of documents.
type partView struct{ Name, Mood, Count, Meaning, Address string }

type rowView struct{ Name, Text, Mood string }

type failureView struct {
	Kind, Count, Message, Hint, Address string
	Examples                            []Link
}

type jobView struct {
	Shard, State, Mood, Done, Records, OK, Invalid, Failed, Resent, ARN, Place, Waits string
}

// maxJobs is how many jobs a page shows: those to see first come first.
const maxJobs = 200

// RunPage shows the state of a run, which follows the run while it has not ended.
func RunPage(run *Run, st *State, forms *Forms) *Page {
	v := &runView{Name: shown.Line(run.Name, 300), Dir: shown.Line(cmp.Or(run.Flag, run.Dir), 1000), State: newStateView(run, st, forms)}
	every := 0
	if !st.Ended {
		v.Live, every = run.Address()+"live", 10
	}
	return run.page("run", v.Name, v, every)
}

// Live renders the part of a run's page that changes.
func Live(run *Run, st *State, forms *Forms) ([]byte, error) {
	return render("state", newStateView(run, st, forms))
}

func newStateView(run *Run, st *State, forms *Forms) *stateView {
	b := st.Board
	v := &stateView{Title: shown.Line(b.Title, 400), Ended: st.Ended, Address: run.Address(), HasReport: st.Report != nil}
	v.State, v.Mood = st.words()
	v.Waits = newWaitsView(run, st, forms)
	v.Changed, v.Machine = moment(st.Changed)
	if st.Records > 0 {
		v.Width = width(st.Processed, st.Records)
		v.Progress = figure.Thousands(st.Processed) + " of " + figure.Count(st.Records, "record") + " came back (" + v.Width + ")"
		v.Sum = v.Progress
	}
	if st.Ended && st.Report != nil {
		d := &st.Report.Documents
		v.Sum = figure.Thousands(d.OK) + " of " + figure.Clause(d.Total, "document", "has", "have") + " a good answer"
	}
	for _, stage := range b.Stages {
		view := stageView{Name: stage.Name, Says: "to come"}
		switch {
		case stage.AtIt:
			view.Class, view.Says = "now", "under way"
		case stage.Done:
			view.Class, view.Says = "done", "done"
		}
		v.Stages = append(v.Stages, view)
	}
	for i := range b.Rows {
		row := &b.Rows[i]
		v.Rows = append(v.Rows, rowView{shown.Line(row.Name, 40), shown.Line(row.Text, maxMessage), moodOf(row.Mood)})
	}
	if st.Report != nil {
		v.Parts = run.counts(&st.Report.Documents)
	}
	failures, noun := st.Failures, "attempt"
	if st.Ended && st.Report != nil {
		failures, noun = st.Report.Failures, "document"
	}
	for i := range failures {
		f := &failures[i]
		view := failureView{
			Kind: shown.Line(f.Kind, 80), Count: figure.Count(f.Count, noun), Message: shown.Lines(f.Message, maxMessage),
			Hint:    shown.Line(f.Hint, maxMessage),
			Address: (&Asked{Class: f.Kind}).Address(run.Address() + "records"),
		}
		for _, id := range f.Examples {
			address := (&Asked{Class: f.Kind}).Address(run.Address()+"record", "id", string(id))
			view.Examples = append(view.Examples, Link{shown.Line(string(id), 200), address})
		}
		v.Failures = append(v.Failures, view)
	}
	v.addJobs(b.Jobs)
	return v
}

func (v *stateView) addJobs(jobs []board.Job) {
	if more := len(jobs) - maxJobs; more > 0 {
		v.JobsLeft = figure.Count(more, "shard")
	}
	for i := range jobs[:min(len(jobs), maxJobs)] {
		j := &jobs[i]
		v.Resent, v.Places = v.Resent || j.Resent > 0, v.Places || j.Place != ""
		v.Jobs = append(v.Jobs, jobView{
			Shard: shown.Line(j.Shard, 60), State: shown.Line(j.State, 60), Mood: moodOf(j.Mood), Done: figure.Thousands(j.Done),
			Records: figure.Thousands(j.Records), OK: figure.Thousands(j.OK), Invalid: figure.Thousands(j.Invalid), Failed: figure.Thousands(j.Failed),
			Resent: figure.Thousands(j.Resent), ARN: shown.Line(j.ARN, 300), Place: shown.Line(j.Place, 60), Waits: shown.Line(j.Waits, maxMessage),
		})
	}
}

// counts are those of a report; those of a trouble that there is not are left out.
func (r *Run) counts(d *report.Documents) []partView {
	all := []partView{
		{Name: "ok", Mood: "good", Meaning: "answered, and the answer passed every check"},
		{Name: "invalid", Mood: "warn", Meaning: "answered, but no answer passed the checks"},
		{Name: "failed", Mood: "bad", Meaning: "not answered"},
		{Name: "skipped", Mood: "other", Meaning: "not sent"},
	}
	var some []partView
	for i, n := range []int64{d.OK, d.Invalid, d.Failed, d.Skipped} {
		if n > 0 || i == 0 {
			all[i].Count = figure.Thousands(n)
			all[i].Address = (&Asked{Status: all[i].Name}).Address(r.Address() + "records")
			some = append(some, all[i])
		}
	}
	return some
}

// moodOf is the class of a mood in the style.
func moodOf(m board.Mood) string {
	switch m {
	case board.Good:
		return "good"
	case board.Warn:
		return "warn"
	case board.Bad:
		return "bad"
	}
	return ""
}
