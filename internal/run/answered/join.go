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
	"quarry/internal/prepare/dedupe"
)

// Hits are the earlier attempts at the requests of a pass's documents, by the documents' order.
type Hits struct {
	found *extsort.Sorter[record]
	next  func() (record, error, bool)
	stop  func()
	order int64 // of the record at hand
	at    Entry
	more  bool
	hits  []Entry
	alike int // the highest number of an attempt at another key that begins like the one at hand
}

const hitBytes = 8 + entryBytes

// Join finds the earlier attempts at documents' requests. keys gives the documents' orders by their keys. What is sorted is
// written below dir meanwhile. The hits are to be closed, after an error too.
func (f *File) Join(ctx context.Context, e *effect.Effects, dir string, keys iter.Seq2[dedupe.Entry, error]) (*Hits, error) {
	h := &Hits{found: newSorter(e, filepath.Clean(dir), "answered", hitBytes, 0), stop: func() {}}
	if f.Empty() {
		return h, nil
	}
	entries, stop := iter.Pull2(f.Entries())
	defer stop()
	head, err, more := entries()
	var group []Entry // those whose keys begin alike
	prefix := func(e *Entry) []byte { return e.Key[:prefixBytes] }
	for q, keyErr := range keys {
		if err := errors.Join(err, keyErr, ctx.Err()); err != nil {
			return h, err
		}
		wanted := q.Hash[:prefixBytes]
		if len(group) > 0 && !bytes.Equal(prefix(&group[0]), wanted) {
			group = group[:0]
		}
		for ; more && err == nil && bytes.Compare(prefix(&head), wanted) <= 0; head, err, more = entries() {
			if bytes.Equal(prefix(&head), wanted) {
				group = append(group, head)
			}
		}
		for i := range group {
			var r record
			group[i].append(binary.BigEndian.AppendUint64(r[:0], uint64(q.Order)))
			if err := h.found.Add(r); err != nil {
				return h, err
			}
		}
	}
	return h, err
}

// Of gives the earlier attempts at a document's request, by document, part and attempt. It is read in order; the slice holds
// until the next call.
func (h *Hits) Of(order int64, key, id dedupe.Hash) ([]Entry, error) {
	h.hits, h.alike = h.hits[:0], 0
	if h.next == nil {
		h.next, h.stop = iter.Pull2(h.found.Sorted())
		if err := h.advance(); err != nil {
			return nil, err
		}
	}
	for h.more && h.order <= order {
		switch {
		case h.order != order:
		case h.at.speaksOf(key, id):
			h.hits = append(h.hits, h.at)
		default:
			h.alike = max(h.alike, h.at.Attempt)
		}
		if err := h.advance(); err != nil {
			return nil, err
		}
	}
	return h.hits, nil
}

// Alike is the highest number of an earlier attempt at something else whose recordId may begin like that of the document which Of
// was looked up last: a recordId has the beginnings of id and key alone. The next attempt needs a higher number.
func (h *Hits) Alike() int { return h.alike }

func (h *Hits) advance() error {
	r, err, more := h.next()
	if h.more = more && err == nil; h.more {
		h.order = int64(binary.BigEndian.Uint64(r[:]))
		h.at.read(r[8:])
	}
	return err
}

// Close removes what was written for it.
func (h *Hits) Close() error {
	h.stop()
	return h.found.Close()
}
