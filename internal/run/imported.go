package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"

	"quarry"
	"quarry/internal/dedupe"
	"quarry/internal/figure"
	"quarry/internal/run/answers"
	"quarry/internal/run/given"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/plan"
)

// Existing answers (--known) are an index of their own, number 0. Documents that a pass sees for the first time take
// them by their ids, and any document takes one that was an answer to what it asks.

const importedPass = 0

// KnownFact is the name under which a run's ledger keeps which file they were read from: its name, size and time.
const KnownFact = "known"

// givenAnswers opens the answers that the run was given; nil where there are none. They are read when the first pass is planned, or
// by the first command that names them.
func (r *Run) givenAnswers(ctx context.Context) (*known, error) {
	if r.beside != nil && r.beside.given != nil {
		r.sayOtherKnown(r.beside.read, r.beside.given.planned.Given)
		return r.beside.given, nil
	}
	p, imported, err := r.plannedPass(ctx, importedPass)
	if err != nil {
		return nil, err
	}
	switch first := r.pass == 1; {
	case imported && (!first || r.cfg.Known == ""):
		if first { // the command that read them was refused, and this one does not name them
			return nil, r.ledger.Drop(ctx, nil, nil, []string{plannedFact(importedPass), KnownFact})
		}
		read, _, err := r.ledger.Fact(ctx, KnownFact)
		r.sayOtherKnown(read, p.Given)
		return r.openKnown(importedPass, p), err
	case r.cfg.Known == "":
		return nil, nil
	}
	r.readKnown = true
	if p, err = r.importKnown(ctx); err != nil {
		return nil, err
	}
	fact, err := marshalled(p)
	if err != nil {
		return nil, err
	}
	err = r.ledger.SetFacts(ctx, map[string]string{plannedFact(importedPass): fact, KnownFact: stamp(r.cfg.Known)})
	return r.openKnown(importedPass, p), err
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

// importKnown writes the index of the given answers. Lines that are none are named, and end it: answers that were paid for must not be
// paid again because of a typo.
func (r *Run) importKnown(ctx context.Context) (p plan.Plan, err error) {
	var counts given.Counts
	var doubled int64
	p.Orders, doubled, err = r.index(importedPass).Import(r.knownLines(ctx, &counts))
	p.Given = &plan.Given{File: r.cfg.Known, Answers: p.Orders, Doubled: doubled, Bad: counts.Bad, Parts: counts.Parts, Names: []quarry.DocumentID{}}
	return p, err
}

// knownLines gives the answers of the file as lines of results.
func (r *Run) knownLines(ctx context.Context, counts *given.Counts) iter.Seq2[index.Answer, error] {
	return func(yield func(index.Answer, error) bool) {
		var line bytes.Buffer
		bad := 0
		for a, err := range given.Read(ctx, r.givenConfig(), counts) {
			var item *quarry.ItemError
			if errors.As(err, &item) {
				bad++
				r.watch(Event{Kind: ItemLeftOut, Text: item.Error()})
				continue
			}
			if err == nil {
				line.Reset()
				res := quarry.Result{
					ID: a.ID, Status: quarry.StatusOK, Output: a.Output, Text: a.Text, RecordID: a.Record, CostUSD: new(quarry.USD),
				}
				if a.ID == "" {
					res.ID = quarry.DocumentID(a.Record)
				}
				err = lines.Write(&line, &res)
			}
			if !yield(index.Answer{ID: a.ID, Record: a.Record, Line: line.Bytes()}, err) || err != nil {
				return
			}
		}
		if bad > 0 {
			yield(index.Answer{}, &quarry.Error{
				Kind: quarry.BadItems, Op: "read known answers", Subject: r.cfg.Known,
				Err: fmt.Errorf("no answer in %s", figure.Count(int64(bad), "line")),
				Hint: "each was named above; correct or remove them: nothing was sent. " +
					"A line is an object with id and output, or a row of a CSV with these columns",
			})
		}
	}
}

// givenConfig holds Bedrock's output against what is asked now, in the body of either invocation type.
func (r *Run) givenConfig() given.Config {
	judge := *r.judge()
	other := judge
	if other.Type = quarry.Converse; judge.Type == quarry.Converse {
		other.Type = quarry.InvokeModel
	}
	return given.Config{Path: r.cfg.Known, Judges: []answers.Judge{judge, other}, Schema: r.schema()}
}

// matchGiven joins the documents of the pass with the given answers; nil where there are none.
func (r *Run) matchGiven(ctx context.Context, ids, keys *dedupe.Sorter, from *known) (*index.Given, error) {
	if from == nil {
		return nil, nil
	}
	g, err := r.index(r.pass).MatchGiven(ctx, ids, keys, from.Known)
	if err != nil {
		return g, err
	}
	r.planned.Given = &plan.Given{File: r.cfg.Known, Answers: from.planned.Orders, Names: []quarry.DocumentID{}}
	if was := from.planned.Given; was != nil {
		g := r.planned.Given
		g.File, g.Doubled, g.Bad, g.Parts = was.File, was.Doubled, was.Bad, was.Parts
	}
	r.planned.Given.Unmatched = g.Unmatched
	for _, slot := range g.First {
		line, err := from.Line(slot)
		if err != nil {
			return g, err
		}
		var res struct {
			ID quarry.DocumentID `json:"id"`
		}
		if err := json.Unmarshal(line, &res); err != nil {
			return g, fmt.Errorf("read given answer %d: %w", slot+1, err)
		}
		r.planned.Given.Names = append(r.planned.Given.Names, res.ID)
	}
	return g, nil
}

// sayGiven says what became of the given answers, before anything is sent.
func (r *Run) sayGiven() {
	if g := r.planned.Given; g != nil && r.bucket != nil && (g.Documents > 0 || r.readKnown) { // a plan that sends nothing prints it
		r.watch(Event{Kind: Note, Text: fmt.Sprintf("%-10s ", "known") + GivenText(g)})
	}
}

// GivenText says in words what became of the answers that a run was given.
func GivenText(g *plan.Given) string {
	text := fmt.Sprintf("%s of %s to %s", figure.Count(g.Answers, "answer"), g.File, figure.Count(g.Documents, "document"))
	if g.Unmatched > 0 {
		text += fmt.Sprintf("; to no document of the sources: %s (%s", figure.Thousands(g.Unmatched), strings.Join(texts(g.Names), ", "))
		if g.Unmatched > int64(len(g.Names)) {
			text += ", …"
		}
		text += ")"
	}
	if g.Doubled > 0 {
		text += "; to what an earlier one answers: " + figure.Thousands(g.Doubled)
	}
	if g.Bad > 0 {
		text += "; without a good answer: " + figure.Count(g.Bad, "line")
	}
	if g.Parts > 0 {
		text += "; about parts of long documents, and not taken: " + figure.Thousands(g.Parts)
	}
	return text
}

func texts(ids []quarry.DocumentID) []string {
	var out []string
	for _, id := range ids {
		out = append(out, string(id))
	}
	return out
}
