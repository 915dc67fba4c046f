package adopt

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"iter"
	"strings"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/plan"
	"quarry/internal/run/shardfile"
)

// Parts are the parts of the index of a pass, in a run's directory. Those of first attempts come before those of later ones.
func Parts(in shardfile.Dir, rows []ledger.Shard, pass int) []lines.Sorted {
	var files []lines.Sorted
	for i := range rows {
		if s := &rows[i]; s.Pass == pass {
			from := s.First
			if s.Kind == quarry.RetryShard {
				from = 0
			}
			files = append(files, lines.Sorted{Path: in.Part(s.ID), From: from, Rank: int(s.Seq)})
		}
	}
	return files
}

// Index writes the index of a pass from its parts: the documents that were sent, each at its order, and in the free orders
// those that only earlier passes sent, whose answers are taken over from the pass before (nil if there is none). It cannot know
// the other documents of the sources. It returns the plan that results.
func Index(ctx context.Context, e *effect.Effects, ix index.Pass, files []lines.Sorted, before *index.Known) (p plan.Plan, err error) {
	p.Mode = quarry.ModeJob
	out, err := ix.Create()
	if err != nil {
		return p, err
	}
	defer out.Abort()
	column, err := ix.CreateColumns()
	if err != nil {
		return p, err
	}
	defer column.Abort()
	own := dedupe.NewSorter(e, dedupe.Config{Dir: ix.SortDir(), Name: "own"})
	all := dedupe.NewSorter(e, dedupe.Config{Dir: ix.SortDir(), Name: "all"})
	old := dedupe.NewSorter(e, dedupe.Config{Dir: ix.SortDir(), Name: "old"})
	defer func() { err = errors.Join(err, own.Close(), all.Close(), old.Close()) }()
	add := func(entry *index.Entry, t index.Disposition, tried index.Tried, slot int64) error {
		if t != index.Broken {
			p.Documents++
			if err := all.Add(dedupe.Entry{Hash: entry.Hash, Order: p.Orders}); err != nil {
				return err
			}
		}
		p.Orders++
		return errors.Join(out.Add(entry), column.Add(t, tried, p.Orders-1, slot))
	}
	parts := func() iter.Seq2[shardfile.Part, error] {
		return lines.Merge(files, func(l *shardfile.Part) int64 { return l.Order })
	}
	if before != nil {
		if err := onlyBefore(ctx, parts(), own, before, old); err != nil {
			return p, err
		}
	}
	nextOld, stop := iter.Pull2(old.Sorted())
	defer stop()
	slot, more, err := nextSlot(nextOld)
	take := func() error { // the answer of a document that this pass did not send
		e, entryErr := before.Entry(slot)
		p.Unchanged++
		if err := errors.Join(entryErr, ctx.Err()); err != nil {
			return err
		}
		err := add(&e, index.Unchanged, index.Tried{}, slot)
		if err == nil {
			slot, more, err = nextSlot(nextOld)
		}
		return err
	}
	for l, partErr := range parts() {
		if err := errors.Join(err, partErr, ctx.Err()); err != nil {
			return p, err
		}
		if l.Order < p.Orders { // one more attempt at the document before
			continue
		}
		for p.Orders < l.Order {
			if more && slot <= p.Orders { // the same place, if documents were only added
				err = take()
			} else {
				err = add(&index.Entry{Bytes: index.BrokenBytes}, index.Broken, index.Tried{}, -1)
			}
			if err != nil {
				return p, err
			}
		}
		e := entryOf(&l)
		p.Asked++
		for range l.Parts {
			if err := out.AddPart(l.Order, index.AdoptedBytes); err != nil {
				return p, err
			}
		}
		p.Long, p.Parts = p.Long+int64(min(l.Parts, 1)), p.Parts+int64(l.Parts)
		if err := add(&e, index.Main, index.Tried{Last: l.Tried, Bad: l.Bad}, -1); err != nil {
			return p, err
		}
	}
	for err == nil && more {
		err = take()
	}
	if err != nil {
		return p, err
	}
	p.Items = p.Documents
	twins, err := ix.CreateTwins() // they were not sent, so they are not known
	if err != nil {
		return p, err
	}
	if err := twins.Commit(); err != nil {
		return p, err
	}
	if err := ix.WriteIDs(all); err != nil {
		return p, err
	}
	if err := errors.Join(column.Commit(), out.Commit()); err != nil {
		return p, err
	}
	return p, nil
}

// entryOf makes an entry from a line of a part. Only those digits of the key are known that the recordId contains.
func entryOf(l *shardfile.Part) index.Entry {
	e := index.Entry{Hash: index.HashOf(l.ID), Bytes: index.AdoptedBytes}
	if stem, _, ok := cutLast(string(l.RecordID.Whole()), "-a"); ok {
		if _, key, ok := cutLast(stem, "-"); ok && len(key) == 12 {
			_, _ = hex.Decode(e.Key[:], []byte(key)) // one that is none matches nothing: the document is sent again
		}
	}
	return e
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func nextSlot(next func() (dedupe.Entry, error, bool)) (slot int64, more bool, err error) {
	e, err, more := next()
	return e.Hash.Number(), more && err == nil, err
}

// onlyBefore gathers the slots of the pass before that have a result and whose documents this pass did not send.
func onlyBefore(ctx context.Context, parts iter.Seq2[shardfile.Part, error], own *dedupe.Sorter, before *index.Known, old *dedupe.Sorter) error {
	for l, err := range parts {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if err := own.Add(dedupe.Entry{Hash: entryOf(&l).Hash}); err != nil {
			return err
		}
	}
	next, stop := iter.Pull2(own.Sorted())
	defer stop()
	id, err, more := next()
	for was, wasErr := range before.IDs() {
		if err := errors.Join(err, wasErr, ctx.Err()); err != nil {
			return err
		}
		for more && err == nil && bytes.Compare(id.Hash[:], was.Hash[:]) < 0 {
			id, err, more = next()
		}
		if more && id.Hash == was.Hash {
			continue
		}
		how, _, err := before.Ended(was.Order)
		if err != nil {
			return err
		}
		if how == index.EndedNone { // not here yet
			continue
		}
		if err := old.Add(dedupe.Entry{Hash: dedupe.NumberHash(was.Order)}); err != nil {
			return err
		}
	}
	return err
}
