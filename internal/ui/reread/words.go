package reread

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"quarry"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/prepare/source"
	"quarry/internal/run/index"
	"quarry/internal/run/parallel"
	"quarry/internal/run/weigh"
	"quarry/internal/ui/words"
)

// again is a document that was read and cleaned again.
type again struct {
	hash dedupe.Hash // of the id
	key  dedupe.Hash // the first half of the document key; zero if no prompt can be made of it
	text []byte      // its words
}

// textWorkers clean documents.
const textWorkers = 2

// texts gives the documents of a pass from a block of the sources on.
func (p *Pass) textsFrom(ctx context.Context, sources []source.Source, from index.Block) iter.Seq2[[]again, error] {
	of := p.Sources.Prepare
	type worker struct {
		cleaner *clean.Cleaner
		key     func(quarry.Document) (quarry.DocumentKey, error)
	}
	var workers [textWorkers]worker
	for i := range workers {
		workers[i] = worker{clean.New(of.Clean), of.Keyer()}
	}
	return parallel.Map(ctx, textWorkers, source.Blocks(ctx, sources, from.At), func(n int, b quarry.Block) (list []again, err error) {
		w := &workers[n]
		for doc, err := range b.Documents {
			if _, ok := errors.AsType[*quarry.ItemError](err); ok || doc.ID == "" && err == nil {
				continue
			}
			if err != nil {
				return nil, err
			}
			a := again{hash: index.HashOf(doc.ID)}
			if key, err := w.key(doc); err == nil {
				a.key = dedupe.Hash(key[:len(a.key)])
				a.text = words.Append([]byte{}, textOf(w.cleaner, &doc))
			}
			list = append(list, a)
		}
		if b.Free != nil {
			b.Free()
		}
		return list, nil
	})
}

// textOf is the cleaned text of a document, or what a model reads of a ready record.
func textOf(cleaner *clean.Cleaner, doc *quarry.Document) string {
	if len(doc.ModelInput) > 0 {
		return string(weigh.Text(nil, doc.ModelInput))
	}
	cleaned, err := cleaner.Clean(doc)
	if err != nil {
		return ""
	}
	return string(cleaned.Text)
}

// Reader gives the words of the texts of documents whose orders rise. Where the sources cannot be read, or hold something else by now, there is no
// text. It reads on as long as the next document is near, and begins again at its block otherwise. One goroutine.
type Reader struct {
	pass    *Pass
	ctx     context.Context
	sources []source.Source
	blocks  []index.Block
	entries *index.EntryColumn

	next  int64 // order of list[0]
	list  []again
	read  func() ([]again, error, bool)
	stop  func()
	fault error // why there are no texts; nil: there are

	sought time.Duration // how long it took to begin at other blocks
}

// seekFor is how long a reader begins at other blocks: in a compressed file each one is reached by reading all before it. Texts that are not
// read for that are read at the end of the pass, one after another.
const seekFor = 3 * time.Second

// Words opens the sources. Why they cannot be read is said by Close.
func (p *Pass) Words(ctx context.Context) *Reader {
	r := &Reader{pass: p, ctx: ctx, stop: func() {}}
	if p.Sources == nil {
		r.fault = errors.New("the sources are not read")
		return r
	}
	if r.sources, r.fault = p.Sources.Open(ctx, p.Number); r.fault != nil {
		return r
	}
	if r.blocks, r.fault = p.blocks(); r.fault != nil {
		return r
	}
	if r.entries, r.fault = p.Index.OpenEntries(); r.fault == nil && (r.entries == nil || len(r.blocks) == 0) {
		r.fault = errors.New("the run does not know where its documents were") // it was taken over
	}
	return r
}

// mostBlocks bounds how many blocks are kept: of more, every second one, every fourth and so on.
const mostBlocks = 1 << 14

func (p *Pass) blocks() (list []index.Block, err error) {
	n, step := 0, 1
	for b, err := range p.Index.Blocks() {
		if err != nil {
			return nil, err
		}
		if n%step == 0 {
			list = append(list, b)
		}
		if n++; len(list) == mostBlocks {
			step *= 2
			for i := range list[:mostBlocks/2] {
				list[i] = list[2*i]
			}
			list = list[:mostBlocks/2]
		}
	}
	return list, nil
}

// Close ends the reading, and says why texts were not read; nil: all were.
func (r *Reader) Close() error {
	r.stop()
	if r.entries != nil {
		_ = r.entries.Close()
	}
	if r.ctx.Err() != nil {
		return nil
	}
	return r.fault
}

// Of gives the words of the text of a document; nil: it is not kept.
func (r *Reader) Of(order int64) ([]byte, error) {
	if r.fault != nil {
		return nil, r.ctx.Err()
	}
	if err := r.reach(order); err != nil {
		if r.ctx.Err() != nil {
			return nil, context.Cause(r.ctx)
		}
		r.fault = err // the rest is not read: a source that fails once may take its time to fail again
		return nil, nil
	}
	if order < r.next || order-r.next >= int64(len(r.list)) {
		return nil, nil
	}
	a := &r.list[order-r.next]
	was, ok, err := r.entries.Of(order)
	if err != nil || !ok || was.Hash != a.hash || !(&index.Entry{Key: a.key}).SameRequest(&was) {
		return nil, err
	}
	return a.text, nil
}

// reach reads up to the block that has a document.
func (r *Reader) reach(order int64) error {
	if order >= r.next && order < r.next+int64(len(r.list)) {
		return nil
	}
	at, found := slices.BinarySearchFunc(r.blocks, order, func(b index.Block, order int64) int { return int(b.Order - order) })
	if !found {
		at--
	}
	from := r.blocks[max(at, 0)]
	if r.read == nil || order < r.next || from.Order > r.next+int64(len(r.list)) {
		if r.sought > seekFor {
			return nil
		}
		began := time.Now()
		defer func() { r.sought += time.Since(began) }()
		r.stop()
		r.read, r.stop = iter.Pull2(r.pass.textsFrom(r.ctx, r.sources, from))
		r.next, r.list = from.Order, nil
	}
	for order >= r.next+int64(len(r.list)) {
		list, err, ok := r.read()
		if err != nil || !ok {
			return err
		}
		r.next, r.list = r.next+int64(len(r.list)), list
	}
	return nil
}
