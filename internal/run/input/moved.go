package input

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/prepare/source"
	"quarry/internal/run/index"
	"quarry/internal/run/prepare"
	"quarry/internal/run/relocate"
	"quarry/internal/run/shardfile"
)

// Sources may change between the plan and the moment at which a shard is built: hours can pass between them. So every document is
// compared with its entry in the index. If another document is in its place, all sources are read once for their ids, and
// each shard is built from the present places of its documents. A document that is gone, or whose request changed, is not
// sent: it ends this pass failed, of the class source_changed, and the next pass plans it again.

// Places remembers where the documents of a pass are now, from one builder to the next. The zero value knows nothing.
type Places struct {
	found *relocate.Places
	index index.Pass // of the pass
	seen  string     // fingerprint of the sources when they were read for it
}

// Close forgets the places.
func (p *Places) Close() {
	if p.found != nil {
		p.found.Close()
	}
	*p = Places{}
}

// places finds out where the documents of the pass are now, unless that is known and the files of the sources are as they were
// then.
func (b *Builder) places(ctx context.Context) (*relocate.Places, error) {
	p, seen := b.Places, b.Seen()
	if p.found != nil && p.index == b.Index && seen != "" && p.seen == seen {
		return p.found, nil
	}
	p.Close()
	b.Watch.Note("the sources changed after the plan; reading them again to find the planned documents")
	found, err := relocate.Find(ctx, b.Effects, b.Index.SortDir(), b.Index.IDs(), b.Orders, b.ids(ctx))
	if err != nil {
		return nil, unreadable(err)
	}
	*p = Places{found: found, index: b.Index, seen: seen}
	return found, nil
}

// unreadable says of sources that cannot be read again what a person can do.
func unreadable(err error) error {
	var q *quarry.Error
	var path *fs.PathError
	if errors.As(err, &q) || !errors.As(err, &path) {
		return fmt.Errorf("read sources: %w", err)
	}
	return &quarry.Error{
		Kind: quarry.BadItems, Op: "read sources", Subject: path.Path, Err: path.Err,
		Hint: "restore it and rerun the same command, which resumes; or continue without it: name the other sources with --replace-source",
	}
}

// ids reads the ids of all documents of the sources.
func (b *Builder) ids(ctx context.Context) iter.Seq2[relocate.Block, error] {
	return func(yield func(relocate.Block, error) bool) {
		order := int64(0)
		none := func(dedupe.Hash) bool { return false }
		for block, err := range prepare.Blocks(ctx, b.Prepare, source.Blocks(ctx, b.Sources, quarry.Position{}), none) {
			b := relocate.Block{Block: index.Block{Order: order, At: block.First}}
			for i := range block.Items {
				if item := &block.Items[i]; item.IsDocument() {
					b.Hashes = append(b.Hashes, item.Hash)
				}
			}
			order += int64(len(b.Hashes))
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// moved reads the sources where they hold the documents of a shard now, in whatever order, and writes the records in the
// order of the plan. Sources that change while they are read are looked through once more.
func (b *Builder) moved(ctx context.Context, s *ledger.Shard, f *shardfile.InputFile, left *unbuilt) error {
	for again := true; ; again = false {
		all, err := b.awaited(s)
		if err != nil {
			return err
		}
		if err = b.read(ctx, s, all); err == nil {
			err = all.write(f, left)
			all.kept.Abort()
			return err
		}
		all.kept.Abort()
		b.Places.Close()
		if !again || ctx.Err() != nil || errors.Is(err, effect.ErrHook) {
			return err
		}
	}
}

// awaited are the documents that a shard sends.
func (b *Builder) awaited(s *ledger.Shard) (*awaited, error) {
	docs, err := b.open(s)
	if err != nil {
		return nil, err
	}
	defer docs.close()
	all := &awaited{at: map[dedupe.Hash]int{}}
	for {
		p, ok, err := docs.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		all.add(p)
	}
	all.kept, err = atomicfile.Create(b.Effects, b.Files.Input(s.ID)+".moved")
	return all, err
}

// read keeps what the sources hold of the awaited documents.
func (b *Builder) read(ctx context.Context, s *ledger.Shard, all *awaited) error {
	places, err := b.places(ctx)
	if err != nil {
		return err
	}
	stretch, some, err := places.Stretch(all.orders())
	if err != nil || !some {
		return err
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	n := stretch.From.Order
	for block, err := range prepare.Blocks(reading, b.Prepare, source.Blocks(reading, b.Sources, stretch.From.At), all.wants) {
		if err != nil {
			return unreadable(err)
		}
		for i := range block.Items {
			item := &block.Items[i]
			if !item.IsDocument() {
				continue
			}
			if err := all.take(s, item); err != nil {
				return err
			}
			if n++; n > stretch.Last {
				return nil
			}
		}
	}
	return nil
}

// awaited are the documents of one shard: few enough that memory holds where each is kept.
type awaited struct {
	docs  []awaitedDoc
	at    map[dedupe.Hash]int
	kept  *atomicfile.Writer // the records that were found, one after another
	size  int64
	bytes []byte
}

type awaitedDoc struct {
	planned
	found   bool
	id      quarry.DocumentID // set where it was found and differs
	why     string
	doc     quarry.DocumentInfo
	records []keptRecord
}

// keptRecord is where a record is kept: first what its part of the index says, then its modelInput.
type keptRecord struct{ at, part, input int64 }

func (a *awaited) add(p planned) {
	a.at[p.entry.Hash] = len(a.docs)
	a.docs = append(a.docs, awaitedDoc{planned: p})
}

func (a *awaited) wants(h dedupe.Hash) bool {
	_, ok := a.at[h]
	return ok
}

func (a *awaited) orders() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for i := range a.docs {
			if !yield(a.docs[i].order) {
				return
			}
		}
	}
}

// take keeps a document where it is awaited. Of several with its id the first counts.
func (a *awaited) take(s *ledger.Shard, item *prepare.Item) error {
	i, ok := a.at[item.Hash]
	if !ok || a.docs[i].found {
		return nil
	}
	d := &a.docs[i]
	d.found = true
	if d.why = differs(item, &d.planned); d.why != "" {
		d.id, d.doc = item.Document.ID, item.Document.Info()
		d.doc.Fields = slices.Clone(d.doc.Fields)
		return nil
	}
	for part, input := range records(s, item, &d.planned) {
		b, err := json.Marshal(part)
		if err != nil {
			return err
		}
		k := keptRecord{at: a.size, part: int64(len(b)), input: int64(len(input))}
		a.size += k.part + k.input
		_, err = a.kept.Write(b)
		if _, inputErr := a.kept.Write(input); err != nil || inputErr != nil {
			return errors.Join(err, inputErr)
		}
		d.records = append(d.records, k)
	}
	return nil
}

// write puts what was found into the input file, and what was not among the unbuilt, in the order of the plan.
func (a *awaited) write(f *shardfile.InputFile, left *unbuilt) error {
	names, stop := iter.Pull2(left.builder.Index.Names(a.missing()))
	defer stop()
	for i := range a.docs {
		d := &a.docs[i]
		var err error
		switch {
		case !d.found:
			id, nameErr, _ := names()
			err = errors.Join(nameErr, left.add(&d.planned, id, "it is no longer in the sources", quarry.DocumentInfo{}))
		case d.why != "":
			err = left.add(&d.planned, d.id, d.why, d.doc)
		}
		for _, k := range d.records {
			err = errors.Join(err, a.copy(f, k))
		}
		if err != nil {
			return err
		}
	}
	return left.commit()
}

// missing gives the orders of the documents that the sources do not hold.
func (a *awaited) missing() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for i := range a.docs {
			if !a.docs[i].found && !yield(a.docs[i].order) {
				return
			}
		}
	}
}

func (a *awaited) copy(f *shardfile.InputFile, k keptRecord) error {
	a.bytes = slices.Grow(a.bytes[:0], int(k.part+k.input))[:k.part+k.input]
	if _, err := a.kept.ReadAt(a.bytes, k.at); err != nil {
		return fmt.Errorf("read what was kept of a moved document: %w", err)
	}
	var part shardfile.Part
	if err := json.Unmarshal(a.bytes[:k.part], &part); err != nil {
		return err
	}
	return f.Add(part, a.bytes[k.part:])
}
