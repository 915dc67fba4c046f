package answered

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"path/filepath"

	"quarry/internal/base/effect"
	"quarry/internal/base/extsort"
	"quarry/internal/run/index"
)

// AddKnown adds the documents of a pass that have an answer the run was given, and covers the pass. Such an answer is taken at
// its word for whatever the document's request was then, so the key is that of the pass. imported is the index of the answers.
func (n *News) AddKnown(ctx context.Context, e *effect.Effects, run string, number int, pass, imported index.Pass) (err error) {
	if noted, known := pass.Given(); known {
		return n.addGiven(ctx, number, pass, noted)
	}
	byOrder := newSorter(e, filepath.Join(run, "index", "sort"), "known", 2*8, 0)
	defer func() { err = errors.Join(err, byOrder.Close()) }()
	if err := given(ctx, pass, imported, byOrder); err != nil {
		return err
	}
	entries, err := pass.OpenEntries()
	if err != nil || entries == nil {
		return err
	}
	defer func() { _ = entries.Close() }()
	next, stop := iter.Pull2(pass.TakenOver())
	defer stop()
	taken, err, more := next()
	for b, sortErr := range byOrder.Sorted() {
		order, slot := int64(binary.BigEndian.Uint64(b[:])), int64(binary.BigEndian.Uint64(b[8:]))
		for more && err == nil && taken.Order < order {
			taken, err, more = next()
		}
		if err := errors.Join(err, sortErr, ctx.Err()); err != nil {
			return err
		}
		if !more {
			break
		}
		if taken.Order != order || taken.Stale {
			continue
		}
		was, ok, err := entries.Of(order)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := n.Add(&Entry{Key: was.Key, ID: was.Hash, How: OK, Shard: Known, Line: slot}); err != nil {
			return err
		}
	}
	n.CoverKnown(number)
	return err
}

// addGiven adds those of a pass that noted them.
func (n *News) addGiven(ctx context.Context, number int, pass index.Pass, noted iter.Seq2[index.GivenSlot, error]) error {
	entries, err := pass.OpenEntries()
	if err != nil || entries == nil {
		return err
	}
	defer func() { _ = entries.Close() }()
	for g, err := range noted {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		was, ok, err := entries.Of(g.Order)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := n.Add(&Entry{Key: was.Key, ID: was.Hash, How: OK, Shard: Known, Line: g.Slot}); err != nil {
			return err
		}
	}
	n.CoverKnown(number)
	return nil
}

// given notes the order in the pass and the slot among the given answers of each document that both have.
func given(ctx context.Context, pass, imported index.Pass, out *extsort.Sorter[record]) error {
	next, stop := iter.Pull2(imported.Known(0).IDs())
	defer stop()
	was, err, more := next()
	for id, idErr := range pass.Known(0).IDs() {
		if err := errors.Join(err, idErr, ctx.Err()); err != nil {
			return err
		}
		for more && err == nil && bytes.Compare(was.Hash[:], id.Hash[:]) < 0 {
			was, err, more = next()
		}
		if !more || err != nil || was.Hash != id.Hash {
			continue
		}
		var r record
		binary.BigEndian.PutUint64(r[:], uint64(id.Order))
		binary.BigEndian.PutUint64(r[8:], uint64(was.Order))
		if err := out.Add(r); err != nil {
			return err
		}
	}
	return err
}
