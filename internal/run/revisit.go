package run

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"quarry"
	"quarry/internal/run/index"
)

// nameRepeats reads the repeated documents once more: an id that comes again is named to people, a text that comes
// again is written down with its document, so that the answer can be given to it as well.
func (r *Run) nameRepeats(ctx context.Context, again *index.Repeats) error {
	pass := r.index(r.planned.Pass)
	out, err := pass.CreateTwins()
	if err != nil {
		return err
	}
	defer out.Abort()
	column, err := pass.OpenTakes()
	if err != nil {
		return err
	}
	defer func() { _ = column.Close() }()
	entries, err := pass.OpenEntries()
	if err != nil {
		return err
	}
	defer func() { _ = entries.Close() }()
	look := newRevisit(r)
	defer look.close()
	for rep, err := range again.Sorted() {
		if err != nil {
			return err
		}
		t, err := column.Take(rep.Order)
		if err != nil {
			return err
		}
		if t != rep.Take { // its id comes again as well, which is said by another entry
			continue
		}
		if t == index.Same && r.spool != nil { // a build has no answers to hand on
			continue
		}
		doc, err := look.document(ctx, rep.Order)
		if err != nil {
			return err
		}
		if e, ok, err := entries.Of(rep.Order); err != nil || !ok || e.Hash != index.HashOf(doc.ID) {
			return errors.Join(err, errSourceChanged(doc.At))
		}
		if rep.Take == index.SameID {
			r.watch(Event{Kind: ItemLeftOut, Text: (&quarry.ItemError{At: doc.At, ID: doc.ID, Reason: fmt.Sprintf("duplicate id %q", doc.ID)}).Error()})
			continue
		}
		if err := out.Add(&index.Twin{Order: rep.Order, Of: rep.First, Near: float64(rep.Near) / 1000, ID: doc.ID, Document: info(&doc)}); err != nil {
			return err
		}
	}
	return out.Commit()
}

// revisit finds single documents again by their order. Asked in order, it reads each block once.
type revisit struct {
	run    *Run
	blocks []index.Block // the current one and the next one
	next   func() (index.Block, error, bool)
	stop   func()
	docs   []quarry.Document
}

func newRevisit(r *Run) *revisit { return &revisit{run: r, stop: func() {}} }

func (v *revisit) close() { v.stop() }

func (v *revisit) document(ctx context.Context, order int64) (quarry.Document, error) {
	if v.blocks == nil {
		v.next, v.stop = iter.Pull2(v.run.index(v.run.planned.Pass).Blocks())
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
		for block, err := range v.run.blocks(ctx, v.blocks[0].At) {
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
		return quarry.Document{}, errSourceChanged(v.blocks[0].At)
	}
	return v.docs[i], nil
}

// errSourceChanged says that the sources are not what they were when they were read a moment ago. Nothing was sent of what was
// planned, and the next command plans it again.
func errSourceChanged(at quarry.Position) error {
	return &quarry.Error{
		Kind: quarry.BadItems, Op: "read again", Subject: at.String(), Err: errMoved,
		Hint: "nothing of this plan was sent: run the same command again, which plans the sources as they are then",
	}
}
