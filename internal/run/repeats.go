package run

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/dedupe"
	"quarry/internal/effect"
	"quarry/internal/run/lines"
)

// repeat is a document that repeats an earlier one: by its id or by what it asks.
type repeat struct {
	dedupe.Pair
	take take
	near int64 // per mille that two texts have in common; 0: they ask the same
}

// repeats sorts them by their order: the pair stands where the sorter expects a hash.
type repeats struct{ sorter *dedupe.Sorter }

func newRepeats(e *effect.Effects, dir string) *repeats {
	return &repeats{dedupe.NewSorter(e, dedupe.Config{Dir: dir, Name: "repeats"})}
}

func (r *repeats) add(t take, p dedupe.Pair) error { return r.addNear(t, p, 0) }

// addNear adds a pair with the per mille that both have in common, which stands above the take's byte.
func (r *repeats) addNear(t take, p dedupe.Pair, perMille int64) error {
	var h dedupe.Hash
	binary.BigEndian.PutUint64(h[:], uint64(p.Order))
	binary.BigEndian.PutUint64(h[8:], uint64(p.First))
	return r.sorter.Add(dedupe.Entry{Hash: h, Order: perMille<<8 | int64(t)})
}

func (r *repeats) sorted() iter.Seq2[repeat, error] {
	return func(yield func(repeat, error) bool) {
		for e, err := range r.sorter.Sorted() {
			p := dedupe.Pair{Order: int64(binary.BigEndian.Uint64(e.Hash[:])), First: int64(binary.BigEndian.Uint64(e.Hash[8:]))}
			if !yield(repeat{Pair: p, take: take(e.Order & 0xff), near: e.Order >> 8}, err) || err != nil {
				return
			}
		}
	}
}

// findRepeats sorts by order what repeats an id or asks the same as an earlier document.
func (r *Run) findRepeats(ids, keys *dedupe.Sorter) (*repeats, error) {
	out := newRepeats(r.effects, r.indexPath(r.planned.Pass, "sort"))
	leftOut := false
	for pair, err := range ids.Groups() {
		if err == nil {
			err = out.add(takeSameID, pair)
		}
		if err != nil {
			return out, err
		}
		leftOut = true
	}
	if !leftOut {
		return out, out.addGroups(keys)
	}
	answered, err := r.withoutLeftOut(out, keys)
	if err == nil {
		err = out.addGroups(answered)
	}
	return out, errors.Join(err, answered.Close())
}

func (r *repeats) addGroups(keys *dedupe.Sorter) error {
	for pair, err := range keys.Groups() {
		if err == nil {
			err = r.add(takeSame, pair)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// withoutLeftOut gives the keys that stand more than once, without those of documents that are left out for their id:
// such a document is not asked, so it can give its answer to nobody. Sorted twice, by order and by key again, since
// neither list fits into memory.
func (r *Run) withoutLeftOut(leftOut *repeats, keys *dedupe.Sorter) (*dedupe.Sorter, error) {
	dir := r.indexPath(r.planned.Pass, "sort")
	byOrder := dedupe.NewSorter(r.effects, dedupe.Config{Dir: dir, Name: "shared"})
	defer func() { _ = byOrder.Close() }()
	out := dedupe.NewSorter(r.effects, dedupe.Config{Dir: dir, Name: "asked"})
	add := func(e dedupe.Entry) error { // the order first, the key's two halves behind it
		var h dedupe.Hash
		binary.BigEndian.PutUint64(h[:], uint64(e.Order))
		copy(h[8:], e.Hash[:8])
		return byOrder.Add(dedupe.Entry{Hash: h, Order: int64(binary.BigEndian.Uint64(e.Hash[8:]))})
	}
	var before dedupe.Entry
	known, shared := false, false
	for e, err := range keys.Sorted() {
		if err != nil {
			return out, err
		}
		if known && e.Hash == before.Hash {
			if !shared {
				err = add(before)
			}
			shared = true
			err = errors.Join(err, add(e))
		} else {
			shared = false
		}
		if err != nil {
			return out, err
		}
		before, known = e, true
	}
	next, stop := iter.Pull2(leftOut.sorted())
	defer stop()
	skip, err, more := next()
	for e, sortErr := range byOrder.Sorted() {
		if err := errors.Join(err, sortErr); err != nil {
			return out, err
		}
		order := int64(binary.BigEndian.Uint64(e.Hash[:]))
		for more && skip.Order < order {
			if skip, err, more = next(); err != nil {
				return out, err
			}
		}
		if more && skip.Order == order {
			continue
		}
		var key dedupe.Hash
		copy(key[:8], e.Hash[8:])
		binary.BigEndian.PutUint64(key[8:], uint64(e.Order))
		if err := out.Add(dedupe.Entry{Hash: key, Order: order}); err != nil {
			return out, err
		}
	}
	return out, err
}

// among gives those documents of a sample that repeat another and so cannot be asked.
func (r *repeats) among(s *sample) (map[int64]bool, error) {
	drawn := map[int64]bool{}
	for _, d := range s.strata {
		for _, e := range d.kept {
			drawn[e.Order] = true
		}
	}
	out := map[int64]bool{}
	for rep, err := range r.sorted() {
		if err != nil {
			return nil, err
		}
		if drawn[rep.Order] {
			out[rep.Order] = true
		}
	}
	return out, nil
}

// Close removes what was written.
func (r *repeats) Close() error { return r.sorter.Close() }

// nameRepeats reads the repeated documents once more: an id that comes again is named to people, a text that comes
// again is written down with its document, so that the answer can be given to it as well.
func (r *Run) nameRepeats(ctx context.Context, again *repeats) error {
	out, err := atomicfile.CreateZstd(r.effects, r.indexPath(r.planned.Pass, sameFile))
	if err != nil {
		return err
	}
	defer out.Abort()
	column, err := r.openTakes(r.planned.Pass)
	if err != nil {
		return err
	}
	defer func() { _ = column.close() }()
	look := newRevisit(r)
	defer look.close()
	for rep, err := range again.sorted() {
		if err != nil {
			return err
		}
		t, err := column.of(rep.Order)
		if err != nil {
			return err
		}
		if t != rep.take { // its id comes again as well, which is said by another entry
			continue
		}
		if t == takeSame && r.spool != nil { // a build has no answers to hand on
			continue
		}
		doc, err := look.document(ctx, rep.Order)
		if err != nil {
			return err
		}
		if rep.take == takeSameID {
			r.watch(Event{Kind: ItemLeftOut, Text: (&quarry.ItemError{At: doc.At, ID: doc.ID, Reason: fmt.Sprintf("duplicate id %q", doc.ID)}).Error()})
			continue
		}
		if err := lines.Write(out, same{Order: rep.Order, Of: rep.First, Near: float64(rep.near) / 1000, ID: doc.ID, Document: info(&doc)}); err != nil {
			return err
		}
	}
	return out.Commit()
}

// revisit finds single documents again by their order. Asked in order, it reads each block once.
type revisit struct {
	run    *Run
	blocks []blockStart // the current one and the next one
	next   func() (blockStart, error, bool)
	stop   func()
	docs   []quarry.Document
}

func newRevisit(r *Run) *revisit { return &revisit{run: r, stop: func() {}} }

func (v *revisit) close() { v.stop() }

func (v *revisit) document(ctx context.Context, order int64) (quarry.Document, error) {
	if v.blocks == nil {
		v.next, v.stop = iter.Pull2(lines.Read[blockStart](v.run.indexPath(v.run.planned.Pass, "blocks.jsonl")))
		first, err, ok := v.next()
		if err != nil || !ok {
			return quarry.Document{}, errors.Join(err, fmt.Errorf("find document %d again: the index has no blocks", order))
		}
		v.blocks = []blockStart{first}
	}
	for {
		for len(v.blocks) < 2 {
			b, err, ok := v.next()
			if err != nil {
				return quarry.Document{}, err
			}
			if !ok {
				b = blockStart{Order: 1 << 62}
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

func errSourceChanged(at quarry.Position) error {
	return &quarry.Error{
		Kind: quarry.BadItems, Op: "read again", Subject: at.String(), Err: errors.New("the source changed since it was planned"),
		Hint: "let the source be as it was and run the same command again, or start anew with another --dir",
	}
}
