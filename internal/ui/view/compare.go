package view

import (
	"strconv"

	"quarry"
	"quarry/internal/base/shown"
	"quarry/internal/outcome/report"
	"quarry/internal/ui/records"
)

// compareView is the page of two runs, or two passes of one, side by side.
type compareView struct {
	Asked         *Asked
	Address, Hint string
	Again         int
	Others        []choice // passes of this run, and other runs
	All           bool     // also answers that are the same
	A, B          string   // their names; B is empty while none is chosen
	Count         string
	Pairs         []pairView
	Later, None   string
	Passes        []choice
}

type pairView struct {
	ID, Title      string
	A, B           string // addresses; B is empty where the other does not have the document
	StateA, StateB string
	MoodA, MoodB   string
	Same           bool
	Fields         []fieldView
}

type fieldView struct {
	Name, Lang string
	Same       bool
	A, B       []span
}

// Other is what a run is compared with.
type Other struct {
	Run  Run
	Pass int // 0: the last one with answers
}

// Comparable is what the page of a comparison shows.
type Comparable struct {
	Runs   []Run // all of them
	Passes []int // those of this run
	Pass   int   // the one that is shown
	With   *Other
	Found  *records.Comparison // with With
}

// ComparePage shows two runs side by side, or two passes of one. Without With and Found it offers what to choose.
func ComparePage(run *Run, a *Asked, c *Comparable) *Page {
	v := &compareView{Asked: a, Address: run.Address() + "compare", A: shown.Line(run.Name, 300), All: a.All != ""}
	v.others(run, c)
	if c.With != nil {
		v.fill(run, c.With, a, c.Found)
	}
	return run.page("compare", "Compare", v, v.Again)
}

// others offers the other passes of the run, and all other runs.
func (v *compareView) others(run *Run, c *Comparable) {
	if len(c.Passes) > 1 {
		for _, n := range c.Passes {
			number := strconv.Itoa(n)
			v.Passes = append(v.Passes, choice{Value: number, Text: "pass " + number, Chosen: n == c.Pass})
			if n != c.Pass {
				v.offer(run.ID+":"+number, "pass "+number+" of this run")
			}
		}
		v.A += ", pass " + strconv.Itoa(c.Pass)
	}
	for i := range c.Runs {
		if c.Runs[i].ID != run.ID {
			v.offer(c.Runs[i].ID, c.Runs[i].Name)
		}
	}
}

func (v *compareView) offer(value, text string) {
	c := choice{Value: value, Text: shown.Line(text, 300), Chosen: value == v.Asked.With}
	if v.Others = append(v.Others, c); c.Chosen {
		v.B = c.Text
	}
}

func (v *compareView) fill(run *Run, with *Other, a *Asked, found *records.Comparison) {
	if v.B == "" {
		v.B = shown.Line(with.Run.Name, 300)
	}
	for _, p := range found.Progress {
		if !p.Complete {
			v.Hint, v.Again = "Not all records of both are there yet.", 3
		}
	}
	v.Count = countText(found.Count, "record")
	for i := range found.Pairs {
		v.Pairs = append(v.Pairs, newPairView(run, with, a.Pass, &found.Pairs[i]))
	}
	switch n := len(found.Pairs); {
	case found.Continue > 0:
		v.Later = a.Address(v.Address, "after", strconv.FormatInt(found.Continue, 10))
	case found.Later && n > 0:
		v.Later = a.Address(v.Address, "after", strconv.FormatInt(found.Pairs[n-1].A.Place, 10))
	case n == 0:
		v.None = "There is no difference."
		if v.All {
			v.None = "No record meets this selection."
		}
	}
}

func newPairView(run *Run, with *Other, pass int, p *records.Pair) pairView {
	record := func(run *Run, pass int, id quarry.DocumentID) string {
		return (&Asked{Pass: pass}).Address(run.Address()+"record", "id", string(id))
	}
	v := pairView{
		ID: shown.Line(string(p.A.ID), 200), Title: shown.Line(p.A.Title, 300), A: record(run, pass, p.A.ID), Same: p.Same,
		StateA: string(p.A.Status), MoodA: statusMood(string(p.A.Status)),
	}
	if v.Title == "" {
		v.Title = v.ID
	}
	if p.B != nil {
		v.B, v.StateB, v.MoodB = record(&with.Run, with.Pass, p.B.ID), string(p.B.Status), statusMood(string(p.B.Status))
	}
	for i := range p.Fields {
		f := &p.Fields[i]
		if f.Same && !p.Same {
			continue
		}
		name := shown.Line(f.Name, 80)
		v.Fields = append(v.Fields, fieldView{
			Name: name, Lang: report.LangOf(name), Same: f.Same, A: spans(f.A, "removed"), B: spans(f.B, "added"),
		})
	}
	return v
}
