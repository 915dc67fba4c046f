package planner

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/figure"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/prepare"
)

// NearFile names the documents whose text is nearly that of an earlier one.
const NearFile = "near-duplicates.jsonl"

// nearLine is one line of it.
type nearLine struct {
	ID         quarry.DocumentID `json:"id"`
	Of         quarry.DocumentID `json:"of"`
	Similarity float64           `json:"similarity"` // the share of the text that both have, as it is estimated
	Reused     bool              `json:"reused"`     // it is not sent, and gets the other's answer
}

func (p *planning) addNear(order int64, item *prepare.Item) error {
	if p.near == nil || item.Signature == nil {
		return nil
	}
	return p.near.Add(order, string(item.Document.ID), item.Signature)
}

// findNear names the texts that are nearly an earlier one, and adds them to those that are not sent where their answers
// may be reused. A document that is left out or repeats another exactly takes no part.
func (p *planning) findNear(ctx context.Context, again *index.Repeats) error {
	if p.near == nil {
		return nil
	}
	out, err := atomicfile.Create(p.Effects, filepath.Join(p.Dir, NearFile))
	if err != nil {
		return err
	}
	defer out.Abort()
	next, stop := iter.Pull2(again.Sorted())
	defer stop()
	rep, err, more := next()
	repeated := func(order int64) (bool, error) {
		for more && err == nil && rep.Order < order {
			rep, err, more = next()
		}
		return more && rep.Order == order, errors.Join(err, ctx.Err())
	}
	for pair, err := range p.near.Pairs(repeated) {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return fmt.Errorf("look for near duplicates: %w", err)
		}
		p.plan.Near++
		line := nearLine{ID: quarry.DocumentID(pair.Name), Of: quarry.DocumentID(pair.FirstName), Similarity: float64(int64(1000*pair.Similarity)) / 1000, Reused: p.ReuseNear}
		if err := lines.Write(out, line); err != nil {
			return err
		}
		if !p.ReuseNear {
			continue
		}
		stop() // all of them were looked up: the list may grow
		if err := again.AddNear(pair.Pair, int64(1000*pair.Similarity)); err != nil {
			return err
		}
	}
	if err := out.Commit(); err != nil {
		return err
	}
	if n := p.plan.Near; n > 0 {
		what := "they are sent anyway, unless reuse_near_duplicates is set"
		if p.ReuseNear {
			what = "they get the answer of the earlier one"
		}
		p.plan.Notes = append(p.plan.Notes, fmt.Sprintf("%s nearly the same as an earlier one (%s names them); %s", figure.Clause(n, "document", "is", "are"), NearFile, what))
	}
	return nil
}
