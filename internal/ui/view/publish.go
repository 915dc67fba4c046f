package view

import (
	"quarry/internal/base/figure"
	"quarry/internal/base/shown"
	"quarry/internal/outcome/publish"
	"quarry/internal/ui/difference"
)

// Published is what comparing the answers with the articles at the target found, and what was written.
type Published struct {
	Outcome              *publish.Outcome
	Shown                []string // what the target has a person see before the first write
	Digest               string   // of all differences
	Wrote                bool
	Reviewed, Unreviewed bool // only reviewed answers are published, and there is none
}

// Task is the last work of publish for a run. The zero value: there was none.
type Task struct {
	Busy  bool
	Found *Published // nil: it is busy, or failed
	Err   error
}

// publishView is the page of what publish would write, and writes.
type publishView struct {
	Command, Target string // Target is empty if none was named
	Busy            bool
	Again           int
	Fault, Hint     string
	Found           bool
	Sum, Unreviewed string // Unreviewed says how to review; empty: there are reviewed answers, or all are published
	Counts          []fact
	Shown           []string
	Differences     []differenceView
	More            string
	Problems        []fact
	Secret, Digest  string
	Address         string
	Change          string // what the button writes; empty: there is nothing to write
	MayPublish      bool
	MayEdit         bool
}

type differenceView struct {
	ID, Title, Field, Address string
	Before, After             []span
}

// maxDifferences is how many differences and problems a page shows.
const maxDifferences = 200

// PublishPage shows what publish would write to a target, which is empty if none was named, or what it wrote.
func PublishPage(run *Run, target string, t Task, forms *Forms) *Page {
	v := &publishView{
		Target: shown.Line(target, 300), Secret: forms.Secret, Address: run.Address() + "publish", MayPublish: forms.Publish, MayEdit: forms.Edit,
		Command: "quarry ui --to TARGET --map FIELD=TEMPLATE",
	}
	switch {
	case t.Busy:
		v.Busy, v.Again = true, 2
	case t.Err != nil:
		e := newErrorView(t.Err)
		v.Fault, v.Hint = e.What, e.Hint
	}
	if t.Found != nil {
		v.fill(run, t.Found)
	}
	return run.page("publish", "Publish", v, v.Again)
}

func (v *publishView) fill(run *Run, found *Published) {
	out := found.Outcome
	v.Found, v.Digest = true, found.Digest
	v.Sum = figure.Clause(out.ToChange, "article", "would change", "would change")
	if found.Wrote {
		v.Sum = figure.Clause(out.Written, "article", "was written", "were written")
	} else if out.ToChange > 0 {
		v.Change = figure.Count(out.ToChange, "article")
	}
	if found.Unreviewed {
		v.Unreviewed = "No answer has been reviewed. Open the records of the run, and mark answers right or correct them."
		if !v.MayEdit {
			v.Unreviewed += " For that, start quarry ui with --allow edit."
		}
	}
	count := func(name string, n int64) {
		if n > 0 {
			v.Counts = append(v.Counts, fact{Name: name, Text: figure.Thousands(n)})
		}
	}
	what := "with a checked answer"
	if found.Reviewed {
		what = "with a reviewed answer"
	}
	count(what, out.Articles)
	count("same already", out.Same)
	count("without a value", out.NoValue)
	count("changed by someone else, left as they are", out.Changed)
	count("left as they are for another reason", out.Failed)
	for _, line := range found.Shown {
		v.Shown = append(v.Shown, shown.Lines(line, maxMessage))
	}
	for i := range out.Differences[:min(len(out.Differences), maxDifferences)] {
		d := &out.Differences[i]
		before, after := difference.Of(d.Before, d.After)
		one := differenceView{
			ID: shown.Line(string(d.ID), 200), Title: shown.Line(d.Title, 300), Field: shown.Line(d.Field, 80),
			Before: spans(before, "removed"), After: spans(after, "added"),
			Address: (&Asked{}).Address(run.Address()+"record", "id", string(d.ID)),
		}
		if one.Title == "" {
			one.Title = one.ID
		}
		v.Differences = append(v.Differences, one)
	}
	if len(out.Differences) > maxDifferences {
		v.More = "The first " + figure.Thousands(maxDifferences) + " differences are shown; quarry publish --dry-run shows all."
	}
	for _, p := range append(out.Problems, out.Notes...)[:min(len(out.Problems)+len(out.Notes), maxDifferences)] {
		v.Problems = append(v.Problems, fact{Name: shown.Line(string(p.ID), 200), Text: shown.Line(p.Reason, maxMessage)})
	}
}
