package run

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"iter"
	"strings"

	"quarry"
	"quarry/internal/dedupe"
	"quarry/internal/ledger"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/plan"
	"quarry/internal/run/shardfile"
)

// closeAdopted makes a pass of the records that were taken over, and its results. Once all of them are here the pass is
// finished, and the next one begins when sources are named.
func (r *Run) closeAdopted(ctx context.Context, h *Home, rows []ledger.Shard, pass int) error {
	before, err := r.adoptedBefore(ctx, pass)
	if err != nil {
		return err
	}
	if before != nil {
		defer before.Close()
	}
	if err := r.planAdopted(ctx, rows, pass, before); err != nil {
		return err
	}
	r.partial = true // documents that were never sent are not known here
	if _, err := r.export(ctx); err != nil {
		return err
	}
	if err := errors.Join(r.keepAnswers(), r.writeReportFiles(ctx)); err != nil {
		return err
	}
	last := passesOf(rows, pass)
	if len(h.Running) > 0 || len(h.Errors) > 0 || pass != last[len(last)-1] {
		return nil
	}
	h.Done = true
	if err := r.finished(ctx); err != nil {
		return err
	}
	passed, err := r.pilotPassed(ctx)
	if err != nil || passed {
		return err
	}
	return r.ledger.SetFacts(ctx, map[string]string{"settings.finished": ""}) // the next pass asks a pilot of its own
}

// pilotPassed reports whether the rest was asked after the pilot, or may be.
func (r *Run) pilotPassed(ctx context.Context) (bool, error) {
	rows, err := r.ledger.Shards(ctx)
	if err != nil {
		return false, err
	}
	for i := range rows {
		if rows[i].Pass == r.planned.Pass && rows[i].Kind == quarry.MainShard {
			return true, nil
		}
	}
	p, err := r.readPilot(ctx)
	return err == nil && p.judged > 0 && float64(p.ok) >= r.cfg.PilotMinValid*float64(p.judged), err
}

// adoptedBefore opens the pass before among those that asked something; nil for the first of them.
func (r *Run) adoptedBefore(ctx context.Context, pass int) (*known, error) {
	rows, err := r.ledger.Shards(ctx)
	if err != nil {
		return nil, err
	}
	earlier := 0
	for i := range rows {
		if p := rows[i].Pass; p < pass {
			earlier = max(earlier, p)
		}
	}
	planned, ok, err := r.plannedPass(ctx, earlier)
	if earlier == 0 || err != nil || !ok {
		return nil, err
	}
	return r.openKnown(earlier, planned), nil
}

// planAdopted writes the index of a pass as its parts have it: the documents that were asked, each at its order, and between
// and behind them those that only earlier passes asked, whose answers are taken over. What else the sources held nobody knows.
func (r *Run) planAdopted(ctx context.Context, rows []ledger.Shard, pass int, before *known) (err error) {
	r.planned = plan.Plan{Pass: pass, Mode: quarry.ModeJob}
	ix := r.index(pass)
	out, err := ix.Create()
	if err != nil {
		return err
	}
	defer out.Abort()
	column, err := ix.CreateColumns()
	if err != nil {
		return err
	}
	defer column.Abort()
	own := dedupe.NewSorter(r.effects, dedupe.Config{Dir: ix.SortDir(), Name: "own"})
	all := dedupe.NewSorter(r.effects, dedupe.Config{Dir: ix.SortDir(), Name: "all"})
	old := dedupe.NewSorter(r.effects, dedupe.Config{Dir: ix.SortDir(), Name: "old"})
	defer func() { err = errors.Join(err, own.Close(), all.Close(), old.Close()) }()
	p := &r.planned
	add := func(e *index.Entry, t index.Take, tries int, slot int64) error {
		if t != index.Broken {
			p.Documents++
			if err := all.Add(dedupe.Entry{Hash: e.Hash, Order: p.Orders}); err != nil {
				return err
			}
		}
		p.Orders++
		return errors.Join(out.Add(e), column.Add(t, tries, p.Orders-1, slot))
	}
	parts := func() iter.Seq2[shardfile.Part, error] {
		return lines.Merge(r.partFiles(rows, pass), func(l *shardfile.Part) int64 { return l.Order })
	}
	if before != nil {
		if err := onlyBefore(ctx, parts(), own, before, old); err != nil {
			return err
		}
	}
	nextOld, stop := iter.Pull2(old.Sorted())
	defer stop()
	slot, more, err := nextSlot(nextOld)
	take := func() error { // the answer of a document that this pass did not ask
		e, entryErr := before.Entry(slot)
		p.Unchanged++
		if err := errors.Join(entryErr, ctx.Err()); err != nil {
			return err
		}
		err := add(&e, index.Unchanged, 0, slot)
		if err == nil {
			slot, more, err = nextSlot(nextOld)
		}
		return err
	}
	for l, partErr := range parts() {
		if err := errors.Join(err, partErr, ctx.Err()); err != nil {
			return err
		}
		if l.Order < p.Orders { // one more attempt at the document before
			continue
		}
		for p.Orders < l.Order {
			if more && slot <= p.Orders { // where it stood, if documents were only added
				err = take()
			} else {
				err = add(&index.Entry{Bytes: index.BrokenBytes}, index.Broken, 0, -1)
			}
			if err != nil {
				return err
			}
		}
		e := entryOf(&l)
		p.Asked++
		for range l.Parts {
			if err := out.AddPart(l.Order, index.AdoptedBytes); err != nil {
				return err
			}
		}
		p.Long, p.Parts = p.Long+int64(min(l.Parts, 1)), p.Parts+int64(l.Parts)
		if err := add(&e, index.Main, l.Tried, -1); err != nil {
			return err
		}
	}
	for err == nil && more {
		err = take()
	}
	if err != nil {
		return err
	}
	p.Items = p.Documents
	twins, err := ix.CreateTwins() // they were not asked, so they are not known
	if err != nil {
		return err
	}
	if err := twins.Commit(); err != nil {
		return err
	}
	if err := ix.WriteIDs(all); err != nil {
		return err
	}
	if err := errors.Join(column.Commit(), out.Commit()); err != nil {
		return err
	}
	fact, err := marshalled(p)
	if err != nil {
		return err
	}
	return r.ledger.SetFacts(ctx, map[string]string{plannedFact(pass): fact, "planned": fact})
}

// partFiles are the parts of the index of a pass. Those of first attempts come before those of later ones.
func (r *Run) partFiles(rows []ledger.Shard, pass int) []lines.Sorted {
	var files []lines.Sorted
	for i := range rows {
		if s := &rows[i]; s.Pass == pass {
			from := s.First
			if s.Kind == quarry.RetryShard {
				from = 0
			}
			files = append(files, lines.Sorted{Path: r.files().Part(s.ID), From: from, Rank: int(s.Seq)})
		}
	}
	return files
}

// entryOf makes an entry of what a part says. Of the key only what stands in the recordId is known.
func entryOf(l *shardfile.Part) index.Entry {
	e := index.Entry{Hash: index.HashOf(l.ID), Bytes: index.AdoptedBytes}
	if stem, _, ok := cutLast(string(l.RecordID.Whole()), "-a"); ok {
		if _, key, ok := cutLast(stem, "-"); ok && len(key) == 12 {
			_, _ = hex.Decode(e.Key[:], []byte(key)) // one that is none matches nothing: the document is asked again
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
	return int64(binary.BigEndian.Uint64(e.Hash[:])), more && err == nil, err
}

// onlyBefore gathers the slots of the pass before that have a result and whose documents this pass did not ask.
func onlyBefore(ctx context.Context, parts iter.Seq2[shardfile.Part, error], own *dedupe.Sorter, before *known, old *dedupe.Sorter) error {
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
		var slot dedupe.Hash
		binary.BigEndian.PutUint64(slot[:], uint64(was.Order))
		if err := old.Add(dedupe.Entry{Hash: slot}); err != nil {
			return err
		}
	}
	return err
}
