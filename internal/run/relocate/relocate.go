// Package relocate finds the documents of a plan again in sources that changed since the plan was made.
//
// It owns the table that says at which place the sources hold each planned document now. The sources are read once for it,
// their ids are sorted, and one walk joins them with the sorted ids of the plan. It does not compare what documents say:
// those who read a document at its new place have to. It knows neither the ledger nor a provider. What always holds: memory
// does not grow with the number of documents; of an id that the sources hold more than once the first document counts, as it
// does when a plan is made.
package relocate

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"

	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
)

// Block is one block of the sources as they are now.
type Block struct {
	index.Block               // its place, and the number of its first document among all, from 0
	Hashes      []dedupe.Hash // of the ids of its documents, in order
}

// Places says where the sources hold the documents of a plan now. Close removes its files. One goroutine at a time.
type Places struct {
	blocks *atomicfile.Writer // where each block begins
	now    *atomicfile.Writer // for each planned document its number in the sources + 1; 0: they do not hold it
	orders int64
	buf    []byte
	at     int64 // order of buf's first document
}

// Find reads the ids of all documents and joins them with the ids of the plan, which has so many orders. Its files are in dir
// until Close.
func Find(ctx context.Context, e *effect.Effects, dir string, planned iter.Seq2[dedupe.Entry, error], orders int64, sources iter.Seq2[Block, error]) (found *Places, err error) {
	ids := dedupe.NewSorter(e, dedupe.Config{Dir: dir, Name: "now-ids"})
	numbers := dedupe.NewSorter(e, dedupe.Config{Dir: dir, Name: "now-found"})
	p := &Places{orders: orders}
	defer func() {
		if err = errors.Join(err, ids.Close(), numbers.Close()); err != nil {
			p.Close()
			found = nil
		}
	}()
	if err := e.MkdirAll(dir); err != nil {
		return nil, err
	}
	if p.blocks, err = atomicfile.Create(e, dir+"/now-blocks"); err != nil {
		return nil, err
	}
	if p.now, err = atomicfile.Create(e, dir+"/now"); err != nil {
		return nil, err
	}
	for b, err := range sources {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		if err := lines.Write(p.blocks, b.Block); err != nil {
			return nil, err
		}
		for i, h := range b.Hashes {
			if err := ids.Add(dedupe.Entry{Hash: h, Order: b.Order + int64(i)}); err != nil {
				return nil, err
			}
		}
	}
	if err := join(ctx, planned, ids, numbers); err != nil {
		return nil, err
	}
	return p, p.write(numbers)
}

// join notes for each planned document that the sources hold its number there, so that they can be sorted by their orders.
func join(ctx context.Context, planned iter.Seq2[dedupe.Entry, error], ids, found *dedupe.Sorter) error {
	next, stop := iter.Pull2(ids.Sorted())
	defer stop()
	now, err, more := next()
	for was, wasErr := range planned {
		if err := errors.Join(wasErr, err, ctx.Err()); err != nil {
			return err
		}
		for more && err == nil && bytes.Compare(now.Hash[:], was.Hash[:]) < 0 {
			now, err, more = next()
		}
		if err != nil {
			return err
		}
		if !more || now.Hash != was.Hash {
			continue
		}
		var key dedupe.Hash // sorted by it
		binary.BigEndian.PutUint64(key[:], uint64(was.Order))
		if err := found.Add(dedupe.Entry{Hash: key, Order: now.Order}); err != nil {
			return err
		}
	}
	return err
}

// write makes the table.
func (p *Places) write(found *dedupe.Sorter) error {
	var b [8]byte
	var next int64
	reach := func(order int64) error {
		binary.BigEndian.PutUint64(b[:], 0)
		for ; next < order; next++ {
			if _, err := p.now.Write(b[:]); err != nil {
				return err
			}
		}
		return nil
	}
	for e, err := range found.Sorted() {
		if err != nil {
			return err
		}
		order := int64(binary.BigEndian.Uint64(e.Hash[:]))
		if order >= p.orders { // known of an earlier pass, and not planned in this one
			break
		}
		if err := reach(order); err != nil {
			return err
		}
		binary.BigEndian.PutUint64(b[:], uint64(e.Order+1))
		if _, err := p.now.Write(b[:]); err != nil {
			return err
		}
		next++
	}
	return reach(p.orders)
}

// Of gives the number that a planned document has in the sources now, from 0. It is fast when it is read in order.
func (p *Places) Of(order int64) (now int64, ok bool, err error) {
	if order < 0 || order >= p.orders {
		return 0, false, fmt.Errorf("find document %d again: %d were planned", order, p.orders)
	}
	if order < p.at || order >= p.at+int64(len(p.buf)/8) {
		if p.buf == nil {
			p.buf = make([]byte, 0, 32<<10)
		}
		n := min(int64(cap(p.buf)), 8*(p.orders-order))
		if _, err := p.now.ReadAt(p.buf[:n], 8*order); err != nil {
			return 0, false, fmt.Errorf("find document %d again: %w", order, err)
		}
		p.buf, p.at = p.buf[:n], order
	}
	now = int64(binary.BigEndian.Uint64(p.buf[8*(order-p.at):]))
	return now - 1, now > 0, nil
}

// Stretch is where the sources have to be read for some documents: from a block on, until after the document of a number.
type Stretch struct {
	From index.Block
	Last int64
}

// Stretch finds it for planned documents. It gives none where the sources hold none of them.
func (p *Places) Stretch(orders iter.Seq[int64]) (s Stretch, ok bool, err error) {
	first := int64(math.MaxInt64)
	s.Last = -1
	for order := range orders {
		now, held, err := p.Of(order)
		if err != nil {
			return s, false, err
		}
		if held {
			first, s.Last = min(first, now), max(s.Last, now)
		}
	}
	if s.Last < 0 {
		return s, false, nil
	}
	in := json.NewDecoder(bufio.NewReaderSize(io.NewSectionReader(p.blocks, 0, math.MaxInt64), 64<<10))
	for {
		var b index.Block
		if err := in.Decode(&b); err != nil {
			if errors.Is(err, io.EOF) {
				return s, true, nil
			}
			return s, false, fmt.Errorf("find where a stretch begins: %w", err)
		}
		if b.Order > first {
			return s, true, nil
		}
		s.From = b
	}
}

// Close removes the files.
func (p *Places) Close() {
	for _, w := range []*atomicfile.Writer{p.blocks, p.now} {
		if w != nil {
			w.Abort()
		}
	}
}
