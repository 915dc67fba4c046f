package planner

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"quarry"
	"quarry/internal/prepare/source"
	"quarry/internal/run/event"
	"quarry/internal/run/index"
	"quarry/internal/run/relocate"
)

// nameRepeats reads the repeated documents once more: an id that comes again is named to people, a text that comes
// again is written down with its document, so that the answer can be given to it as well.
func (p *planning) nameRepeats(ctx context.Context, again *index.Repeats) error {
	out, err := p.index.CreateTwins()
	if err != nil {
		return err
	}
	defer out.Abort()
	column, err := p.index.OpenDispositions()
	if err != nil {
		return err
	}
	defer func() { _ = column.Close() }()
	entries, err := p.index.OpenEntries()
	if err != nil {
		return err
	}
	defer func() { _ = entries.Close() }()
	look := revisit{planning: p}
	defer look.close()
	for rep, err := range again.Sorted() {
		if err != nil {
			return err
		}
		t, err := column.Disposition(rep.Order)
		if err != nil {
			return err
		}
		if t != rep.Disposition { // its id comes again as well, which is said by another entry
			continue
		}
		if t == index.Same && p.Record != nil { // nothing of this plan is answered
			continue
		}
		doc, err := look.document(ctx, rep.Order)
		if err != nil {
			return err
		}
		if e, ok, err := entries.Of(rep.Order); err != nil || !ok || e.Hash != index.HashOf(doc.ID) {
			return errors.Join(err, relocate.SourceChanged(doc.At))
		}
		if rep.Disposition == index.SameID {
			p.Watch.Send(event.Event{Kind: event.ItemLeftOut, Text: (&quarry.ItemError{At: doc.At, ID: doc.ID, Reason: fmt.Sprintf("duplicate id %q", doc.ID)}).Error()})
			continue
		}
		if err := out.Add(&index.Twin{Order: rep.Order, Of: rep.First, Near: float64(rep.Near) / 1000, ID: doc.ID, Document: doc.Info()}); err != nil {
			return err
		}
	}
	return out.Commit()
}

// revisit finds single documents again by their order. In order, it reads each block once.
type revisit struct {
	*planning
	blocks []index.Block // the current one and the next one
	next   func() (index.Block, error, bool)
	stop   func()
	docs   []quarry.Document
}

func (v *revisit) close() {
	if v.stop != nil {
		v.stop()
	}
}

func (v *revisit) document(ctx context.Context, order int64) (quarry.Document, error) {
	if v.blocks == nil {
		v.next, v.stop = iter.Pull2(v.index.Blocks())
		first, err, ok := v.next()
		if err != nil || !ok {
			return quarry.Document{}, errors.Join(err, fmt.Errorf("find document %d again: the index has no blocks", order))
		}
		v.blocks = []index.Block{first}
	}
	for {
		for len(v.blocks) < 2 {
			b, err, ok := v.next()
			if err != nil {
				return quarry.Document{}, err
			}
			if !ok {
				b = index.Block{Order: 1 << 62}
			}
			v.blocks = append(v.blocks, b)
		}
		if order < v.blocks[1].Order {
			break
		}
		v.blocks, v.docs = v.blocks[1:], nil
	}
	if v.docs == nil {
		for block, err := range source.Blocks(ctx, v.Sources, v.blocks[0].At) {
			if err != nil {
				return quarry.Document{}, err
			}
			for doc, err := range block.Documents {
				var item *quarry.ItemError
				if errors.As(err, &item) {
					continue
				}
				if err != nil {
					return quarry.Document{}, err
				}
				doc.Body, doc.ModelInput = nil, nil
				v.docs = append(v.docs, doc)
			}
			break
		}
	}
	i := order - v.blocks[0].Order
	if i < 0 || i >= int64(len(v.docs)) {
		return quarry.Document{}, relocate.SourceChanged(v.blocks[0].At)
	}
	return v.docs[i], nil
}
