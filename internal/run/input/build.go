// Package input writes the input file of a shard and its part of the index.
//
// It reads the sources, or the retry queue, and takes each record whose document is what was planned. It owns what becomes of
// documents that moved or changed since. It does not decide what is sent, changes no row, and knows no provider. What always
// holds: built again from the same sources, a file has the same bytes; a record that was planned is either in the file or has
// an outcome that says why it is not.
package input

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/prepare/prompt"
	"quarry/internal/prepare/source"
	"quarry/internal/run/event"
	"quarry/internal/run/index"
	"quarry/internal/run/prepare"
	"quarry/internal/run/relocate"
	"quarry/internal/run/rounds"
	"quarry/internal/run/shardfile"
)

// Builder builds the shards of one pass. One goroutine at a time.
type Builder struct {
	Effects *effect.Effects
	Files   shardfile.Dir
	Index   index.Pass // of the pass
	Orders  int64      // documents of the pass
	Sources []source.Source
	Seen    func() string // a fingerprint of the sources' files; empty: it is not known
	Prepare prepare.Config
	Queue   *rounds.Queue
	Places  *Places
	Model   string // that is requested
	// Rooms counts the tokens that the answers may have, of which one has MaxAnswer where its body does not say. Looking into each body
	// takes time.
	Rooms     bool
	MaxAnswer int64
	Watch     event.Watch
}

// Built is what a shard's files hold, and what of it could not be built.
type Built struct {
	shardfile.Written
	Changed Changed
}

// Build writes the files of a shard: from where the sources were when they were planned, or, if the documents are not there any
// more, from where they are now.
func (b *Builder) Build(ctx context.Context, s *ledger.Shard) (Built, error) {
	if s.Kind == quarry.RetryShard {
		w, err := b.write(s, func(f *shardfile.InputFile) error { return b.retries(ctx, s, f) })
		return Built{Written: w}, err
	}
	left := &unbuilt{builder: b, shard: s}
	defer func() { left.abort() }()
	w, err := b.write(s, func(f *shardfile.InputFile) error { return b.stretch(ctx, s, f, left) })
	if errors.Is(err, relocate.ErrMoved) {
		left.abort()
		left = &unbuilt{builder: b, shard: s}
		w, err = b.write(s, func(f *shardfile.InputFile) error { return b.moved(ctx, s, f, left) })
	}
	return Built{Written: w, Changed: left.Changed}, err
}

// write commits the files that fill wrote.
func (b *Builder) write(s *ledger.Shard, fill func(*shardfile.InputFile) error) (shardfile.Written, error) {
	var room func([]byte) int64
	if b.Rooms {
		room = b.room
	}
	f, err := b.Files.CreateInput(s.ID, room)
	if err != nil {
		return shardfile.Written{}, err
	}
	defer f.Abort()
	if err := fill(f); err != nil {
		return shardfile.Written{}, err
	}
	return f.Commit()
}

// room is how many tokens an answer may have at most.
func (b *Builder) room(modelInput []byte) int64 {
	if n := prompt.MaxTokens(modelInput); n > 0 {
		return int64(n)
	}
	return b.MaxAnswer
}

// stretch reads a stretch of the sources where it was when it was planned, and takes those documents that are the
// shard's. It gives ErrMoved as soon as another document is in the place of one of them.
func (b *Builder) stretch(ctx context.Context, s *ledger.Shard, f *shardfile.InputFile, left *unbuilt) error {
	docs, err := b.open(s)
	if err != nil {
		return err
	}
	defer docs.close()
	want, err := b.wanted(s)
	if err != nil {
		return err
	}
	next, ok, err := docs.next()
	if err != nil || !ok {
		return err
	}
	order := s.StartOrder
	reading, stop := context.WithCancel(ctx)
	defer stop()
	for block, err := range prepare.Blocks(reading, b.Prepare, source.Blocks(reading, b.Sources, s.Start), want) {
		if err != nil {
			return b.movedOr(ctx, err)
		}
		for i := range block.Items {
			item := &block.Items[i]
			if !item.IsDocument() {
				continue
			}
			if order++; order-1 < next.order {
				continue
			}
			if item.Hash != next.entry.Hash {
				return relocate.ErrMoved
			}
			if err := b.one(s, f, left, item, &next); err != nil {
				return err
			}
			if next, ok, err = docs.next(); err != nil || !ok {
				return errors.Join(err, left.commit())
			}
		}
	}
	return relocate.ErrMoved
}

// movedOr takes an error of the sources for a change of them: they are read once more, from the beginning, before the run
// stops for it.
func (b *Builder) movedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, effect.ErrHook) {
		return fmt.Errorf("read sources: %w", err)
	}
	return relocate.ErrMoved
}

// one adds the records of a document to the input file, if it is the document that was planned. It compares the key and
// not the length of the line: whether the answer schema is sent along may be decided in between, and is not part of the key.
func (b *Builder) one(s *ledger.Shard, f *shardfile.InputFile, left *unbuilt, item *prepare.Item, p *planned) error {
	if why := differs(item, p); why != "" {
		return left.add(p, item.Document.ID, why, item.Document.Info())
	}
	for part, input := range records(s, item, p) {
		if err := f.Add(part, input); err != nil {
			return err
		}
	}
	return nil
}

// records gives the records of a document that are the shard's.
func records(s *ledger.Shard, item *prepare.Item, p *planned) iter.Seq2[shardfile.Part, []byte] {
	return func(yield func(shardfile.Part, []byte) bool) {
		part := shardfile.Part{
			ID: item.Document.ID, Order: p.order, Tried: p.tried, Bad: p.bad, Parts: item.Parts(),
			Document: item.Document.Info(), Cleaned: item.Cleaned(),
		}
		for id, input := range item.Records(p.tried + 1) {
			if !p.sends(s, id.PartNumber()) {
				continue
			}
			part.RecordID = id
			if s.Kind == quarry.PilotShard {
				part.Sample = item.Sample(id.PartNumber())
			}
			if !yield(part, input) {
				return
			}
		}
	}
}

// wanted spares the pilot's shard from cleaning the whole source for a hundred documents. A stretch wants all it reads.
func (b *Builder) wanted(s *ledger.Shard) (prepare.Wanted, error) {
	if s.Marks != string(index.Pilot) {
		return nil, nil
	}
	hashes := map[dedupe.Hash]bool{}
	for d, err := range b.Index.Decided() {
		if err != nil {
			return nil, err
		}
		if d.Disposition == index.Pilot {
			hashes[d.Hash] = true
		}
	}
	return func(h dedupe.Hash) bool { return hashes[h] }, nil
}

// retries writes the records that other shards left, each as its next attempt.
func (b *Builder) retries(ctx context.Context, s *ledger.Shard, f *shardfile.InputFile) error {
	bases, err := atomicfile.CreateZstd(b.Effects, b.Files.Base(s.ID))
	if err != nil {
		return err
	}
	defer bases.Abort()
	queue, place := b.Queue, int64(-1)
	for l, err := range queue.Records(s.Sources) {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if place++; place < s.First || place > s.Last {
			continue // another shard of this round takes it
		}
		input, err := queue.Input(&l)
		if err != nil {
			return err
		}
		p := l.Part
		p.RecordID = p.RecordID.Again(l.Attempt)
		if l.Complaint != "" {
			p.Sample = nil // what it sends besides its text would count as text
		}
		if err := f.Add(p, input); err != nil {
			return err
		}
		if _, err := bases.Write(append(append([]byte(nil), l.Base...), '\n')); err != nil {
			return err
		}
	}
	return bases.Commit()
}
