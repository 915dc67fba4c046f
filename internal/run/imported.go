package run

import (
	"context"
	"fmt"
	"os"

	"quarry"
	"quarry/internal/run/answers"
	"quarry/internal/run/book"
	"quarry/internal/run/given"
	"quarry/internal/run/plan"
	"quarry/internal/run/planner"
)

// givenAnswers opens the answers that the run was given; nil where there are none. They are read when the first pass is planned, or
// by the first command that names them.
func (r *Run) givenAnswers(ctx context.Context) (*known, error) {
	if r.beside != nil && r.beside.given != nil {
		r.sayOtherKnown(r.beside.read, r.beside.given.planned.Given)
		return r.beside.given, nil
	}
	p, imported, err := r.plannedPass(ctx, planner.ImportedPass)
	if err != nil {
		return nil, err
	}
	switch first := r.pass == 1; {
	case imported && (!first || r.cfg.Known == ""):
		if first { // the command that read them was refused, and this one does not name them
			return nil, r.book.Change(ctx, planner.ImportedPass, func(h *book.Head, p *book.Pass) { p.Plan, h.Known = nil, "" })
		}
		head, err := r.book.Head(ctx)
		r.sayOtherKnown(head.Known, p.Given)
		return r.openKnown(planner.ImportedPass, p), err
	case r.cfg.Known == "":
		return nil, nil
	}
	r.readKnown = true
	if p, err = planner.Import(ctx, r.effects, r.cfg.Dir, r.givenConfig(), r.deps.Watch); err != nil {
		return nil, err
	}
	err = r.book.Change(ctx, planner.ImportedPass, func(h *book.Head, kept *book.Pass) { kept.Plan, h.Known = &p, stamp(r.cfg.Known) })
	return r.openKnown(planner.ImportedPass, p), err
}

// stamp tells a file from what it was: its name, size and time. Empty: no file.
func stamp(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return path
	}
	return fmt.Sprintf("%s %d %d", path, info.Size(), info.ModTime().UnixNano())
}

// sayOtherKnown says that a file of answers is not read because the run has those of another, or of what it was. read is the stamp of
// the one that was read; empty: an earlier version read it.
func (r *Run) sayOtherKnown(read string, was *plan.Given) {
	if read == "" || was == nil || r.cfg.Known == "" || read == stamp(r.cfg.Known) {
		return
	}
	r.watch(Event{Kind: Note, Text: fmt.Sprintf("--known %s is not read: the run keeps the answers of %s as it was when they were read; "+
		"name another --dir for other answers", r.cfg.Known, was.File)})
}

// givenConfig holds Bedrock's output against what is asked now, in the body of either invocation type.
func (r *Run) givenConfig() given.Config {
	judge := *r.judge()
	other := judge
	if other.Type = quarry.Converse; judge.Type == quarry.Converse {
		other.Type = quarry.InvokeModel
	}
	return given.Config{Path: r.cfg.Known, Judges: []answers.Judge{judge, other}, Schema: r.asked.schema()}
}

// sayGiven says what became of the given answers, before anything is sent.
func (r *Run) sayGiven() {
	if g := r.planned.Given; g != nil && r.bucket != nil && (g.Documents > 0 || r.readKnown) { // a plan that sends nothing prints it
		r.watch(Event{Kind: Note, Text: fmt.Sprintf("%-10s ", "known") + planner.GivenText(g)})
	}
}
