package planner

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
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/run/event"
	"quarry/internal/run/given"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/plan"
)

// ImportedPass is the number of the index of existing answers (--known). Documents that a pass sees for the first time take
// them by their ids, and any document takes one that was an answer to its request.
const ImportedPass = 0

// Given are existing answers that were imported.
type Given struct {
	*index.Known
	Plan plan.Plan // as Import gave it
}

// OpenGiven opens existing answers that Import read for the run in a directory. file is that of the command.
func OpenGiven(e *effect.Effects, dir string, p plan.Plan, file string) *Given {
	if p.Given == nil { // by a version that did not count them
		p.Given = &plan.Given{File: file}
	}
	return &Given{Known: index.Of(e, dir, ImportedPass).Known(p.Orders), Plan: p}
}

// Stamp is the name, size and time of a file, which differ once it was changed.
func Stamp(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return path
	}
	return fmt.Sprintf("%s %d %d", path, info.Size(), info.ModTime().UnixNano())
}

// OtherKnown says that a file of answers is not read because the run has those of another, or of what it was. read is the
// stamp of the one that was read; empty: an earlier version read it.
func OtherKnown(file, read string, was *plan.Given) string {
	if read == "" || was == nil || file == "" || read == Stamp(file) {
		return ""
	}
	return fmt.Sprintf("--known %s is ignored: the run keeps the answers that it read from %s; for other answers, name another --dir", file, was.File)
}

// Import reads existing answers into an index of their own below the directory of a run. Lines that are none are named, and
// are an error in the end: answers that were paid for must not be paid again because of a typo.
func Import(ctx context.Context, e *effect.Effects, dir string, from given.Config, watch event.Watch) (p plan.Plan, err error) {
	var counts given.Counts
	var doubled int64
	p.Orders, doubled, err = index.Of(e, dir, ImportedPass).Import(results(ctx, from, &counts, watch))
	p.Given = &plan.Given{File: from.Path, Answers: p.Orders, Doubled: doubled, Bad: counts.Bad, Parts: counts.Parts, Names: []quarry.DocumentID{}}
	return p, err
}

// results gives the answers of the file as lines of results.
func results(ctx context.Context, from given.Config, counts *given.Counts, watch event.Watch) iter.Seq2[index.Answer, error] {
	return func(yield func(index.Answer, error) bool) {
		var line bytes.Buffer
		bad := 0
		for a, err := range given.Read(ctx, from, counts) {
			var item *quarry.ItemError
			if errors.As(err, &item) {
				bad++
				watch.Send(event.Event{Kind: event.ItemLeftOut, Text: item.Error()})
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
				Kind: quarry.BadItems, Op: "read known answers", Subject: from.Path,
				Err: fmt.Errorf("no answer in %s", figure.Count(int64(bad), "line")),
				Hint: "each is named above; correct or remove them. Nothing was sent. " +
					"A line is an object with id and output, or a row of a CSV with these columns",
			})
		}
	}
}

// matchGiven joins the documents of the pass with the existing answers; nil where there are none.
func (p *planning) matchGiven(ctx context.Context) (*index.Given, error) {
	from := p.earlier.Given
	if from == nil {
		return nil, nil
	}
	found, err := p.index.MatchGiven(ctx, p.ids, p.keys, from.Known)
	if err != nil {
		return found, err
	}
	g := *from.Plan.Given
	g.Answers, g.Unmatched, g.Names = from.Plan.Orders, found.Unmatched, []quarry.DocumentID{}
	p.plan.Given = &g
	for _, slot := range found.First {
		line, err := from.Line(slot)
		if err != nil {
			return found, err
		}
		var res struct {
			ID quarry.DocumentID `json:"id"`
		}
		if err := json.Unmarshal(line, &res); err != nil {
			return found, fmt.Errorf("read given answer %d: %w", slot+1, err)
		}
		g.Names = append(g.Names, res.ID)
	}
	return found, nil
}

// GivenText says in words what became of existing answers.
func GivenText(g *plan.Given) string {
	text := fmt.Sprintf("%s of %s to %s", figure.Count(g.Answers, "answer"), g.File, figure.Count(g.Documents, "document"))
	if g.Unmatched > 0 {
		names := make([]string, len(g.Names))
		for i, id := range g.Names {
			names[i] = string(id)
		}
		text += fmt.Sprintf("; without a document in the sources: %s (%s", figure.Thousands(g.Unmatched), strings.Join(names, ", "))
		if g.Unmatched > int64(len(g.Names)) {
			text += ", …"
		}
		text += ")"
	}
	if g.Doubled > 0 {
		text += "; repeated: " + figure.Thousands(g.Doubled)
	}
	if g.Bad > 0 {
		text += "; without a good answer: " + figure.Count(g.Bad, "line")
	}
	if g.Parts > 0 {
		text += "; about parts of long documents, not used: " + figure.Thousands(g.Parts)
	}
	return text
}
