package index

import (
	"encoding/binary"
	"errors"
	"iter"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/lines"
)

const (
	sameFile = "same.jsonl.zst"
	sortDir  = "sort" // for the temporary files of sorting
)

// SortDir is the directory for the temporary files of sorting.
func (p Pass) SortDir() string { return p.Path(sortDir) }

// Repeat is a document that repeats an earlier one: by its id or by its request.
type Repeat struct {
	dedupe.Pair
	Disposition Disposition // SameID or Same
	Near        int64       // per mille that two texts have in common; 0: their request is the same
}

// Repeats sorts them by their order: the pair takes the place of the hash.
type Repeats struct {
	pass   Pass
	sorter *dedupe.Sorter
}

// FindRepeats sorts by order what repeats an id or the request of an earlier document. ids and keys have the order of each
// document by the hash of its id, and by its key where it may be sent. The repeats are to be closed, after an error too.
func (p Pass) FindRepeats(ids, keys *dedupe.Sorter) (*Repeats, error) {
	out := &Repeats{p, dedupe.NewSorter(p.effects, dedupe.Config{Dir: p.SortDir(), Name: "repeats"})}
	leftOut := false
	for pair, err := range ids.Groups() {
		if err == nil {
			err = out.add(SameID, pair, 0)
		}
		if err != nil {
			return out, err
		}
		leftOut = true
	}
	if !leftOut {
		return out, out.addGroups(keys)
	}
	answered, err := out.withoutLeftOut(keys)
	if err == nil {
		err = out.addGroups(answered)
	}
	return out, errors.Join(err, answered.Close())
}

// add adds a pair with the per mille that both have in common, which is kept above the byte of the disposition.
func (r *Repeats) add(t Disposition, p dedupe.Pair, perMille int64) error {
	return r.sorter.Add(pairEntry(p, perMille<<8|int64(t)))
}

// AddNear adds a document that gets the answer of an earlier one with which it has so many per mille in common. It may be
// called once the repeats found so far have been read.
func (r *Repeats) AddNear(p dedupe.Pair, perMille int64) error { return r.add(Same, p, perMille) }

// Sorted gives all by their order.
func (r *Repeats) Sorted() iter.Seq2[Repeat, error] {
	return func(yield func(Repeat, error) bool) {
		for e, err := range r.sorter.Sorted() {
			if !yield(Repeat{Pair: pairOf(&e), Disposition: Disposition(e.Order & 0xff), Near: e.Order >> 8}, err) || err != nil {
				return
			}
		}
	}
}

func (r *Repeats) addGroups(keys *dedupe.Sorter) error {
	for pair, err := range keys.Groups() {
		if err == nil {
			err = r.add(Same, pair, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// withoutLeftOut gives the keys that occur more than once, without those of documents that are left out for their id: such a
// document is not sent, so no other document can take its answer. They are sorted twice, by order and then by key, since
// neither list fits into memory.
func (r *Repeats) withoutLeftOut(keys *dedupe.Sorter) (*dedupe.Sorter, error) {
	byOrder := dedupe.NewSorter(r.pass.effects, dedupe.Config{Dir: r.pass.SortDir(), Name: "shared"})
	defer func() { _ = byOrder.Close() }()
	out := dedupe.NewSorter(r.pass.effects, dedupe.Config{Dir: r.pass.SortDir(), Name: "asked"})
	add := func(e dedupe.Entry) error { // the order first, then the key's two halves
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
	next, stop := iter.Pull2(r.Sorted())
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

// Among gives those of a few documents that repeat another and so cannot be sent.
func (r *Repeats) Among(few map[int64]bool) (map[int64]bool, error) {
	out := map[int64]bool{}
	for rep, err := range r.Sorted() {
		if err != nil {
			return nil, err
		}
		if few[rep.Order] {
			out[rep.Order] = true
		}
	}
	return out, nil
}

// Close removes what was written.
func (r *Repeats) Close() error { return r.sorter.Close() }

// Twin is a document whose answer is another's.
type Twin struct {
	Order    int64               `json:"order"`
	Of       int64               `json:"of"`             // order of the document that is sent
	Near     float64             `json:"near,omitempty"` // how alike they are, where their requests differ
	ID       quarry.DocumentID   `json:"id"`
	Document quarry.DocumentInfo `json:"document"`
}

// Twins reads the documents of the pass whose answer is another's, by their order.
func (p Pass) Twins() iter.Seq2[Twin, error] { return lines.Read[Twin](p.Path(sameFile)) }

// TwinWriter writes them.
type TwinWriter struct{ *atomicfile.Writer }

// CreateTwins begins the file that Twins reads.
func (p Pass) CreateTwins() (TwinWriter, error) {
	w, err := atomicfile.CreateZstd(p.effects, p.Path(sameFile))
	return TwinWriter{w}, err
}

// Add adds the next one.
func (w TwinWriter) Add(t *Twin) error { return lines.Write(w, t) }
