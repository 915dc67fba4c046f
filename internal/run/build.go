package run

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/dedupe"
	"quarry/internal/effect"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/prompt"
	"quarry/internal/run/index"
	"quarry/internal/run/prepare"
	"quarry/internal/run/relocate"
	"quarry/internal/run/shardfile"
	"quarry/internal/source"
)

// build writes a shard's input file and its part of the index. Doing it again writes the same bytes, or fewer records where
// the sources changed meanwhile: a record is built only if its document is what was planned.
func (r *Run) build(ctx context.Context, s *ledger.Shard) error {
	began := time.Now()
	w, left, err := r.buildFile(ctx, s)
	if err != nil {
		return fmt.Errorf("build shard %s: %w", s.ID, err)
	}
	if w.Records+left.records != s.Records {
		return fmt.Errorf("build shard %s: %s and %s that changed, of %s planned", s.ID, figure.Count(w.Records, "record"), figure.Thousands(left.records), figure.Thousands(s.Records))
	}
	if stale, err := r.pilotIsStale(ctx, s, w.Records, left.records); err != nil || stale {
		return errors.Join(err, fmt.Errorf("build shard %s: %s left of the pilot's %s: %w", s.ID, figure.Clause(w.Records, "record", "is", "are"), figure.Thousands(s.Records), relocate.SourceChanged(s.Start)))
	}
	s.Digest, s.Records, s.Bytes, s.AnswerTokens, s.Parted = w.Digest, w.Records, w.Bytes, w.Tokens, w.Parted
	s.Unbuilt = left.records
	if left.records > 0 {
		r.sayUnbuilt(s, left)
		r.settleSmaller(s)
	}
	s.Times.Built, s.Times.Build = time.Now(), time.Since(began)
	return s.State.Advance(quarry.ShardPlanned, quarry.ShardBuilt)
}

// buildFile writes the files of a shard: from where the sources were when they were planned, or, where the documents are not
// there any more, from where they are now.
func (r *Run) buildFile(ctx context.Context, s *ledger.Shard) (shardfile.Written, *unbuilt, error) {
	if s.Kind == quarry.RetryShard {
		w, err := r.writeInput(s, func(f *shardfile.InputFile) error { return r.buildRetry(ctx, s, f) })
		return w, &unbuilt{}, err
	}
	left := &unbuilt{run: r, shard: s}
	defer left.abort()
	w, err := r.writeInput(s, func(f *shardfile.InputFile) error { return r.buildStretch(ctx, s, f, left) })
	if errors.Is(err, relocate.ErrMoved) {
		left.abort()
		left = &unbuilt{run: r, shard: s}
		w, err = r.writeInput(s, func(f *shardfile.InputFile) error { return r.buildMoved(ctx, s, f, left) })
	}
	return w, left, err
}

// writeInput commits the files that fill wrote.
func (r *Run) writeInput(s *ledger.Shard, fill func(*shardfile.InputFile) error) (shardfile.Written, error) {
	var room func([]byte) int64
	if r.cfg.MaxUSD != nil {
		room = r.answerRoom
	}
	f, err := r.files().CreateInput(s.ID, room)
	if err != nil {
		return shardfile.Written{}, err
	}
	defer f.Abort()
	if err := fill(f); err != nil {
		return shardfile.Written{}, err
	}
	return f.Commit()
}

// buildStretch reads a stretch of the sources where it was when it was planned, and takes those documents that are the
// shard's. It gives ErrMoved as soon as another document is in the place of one of them.
func (r *Run) buildStretch(ctx context.Context, s *ledger.Shard, f *shardfile.InputFile, left *unbuilt) error {
	asked, err := r.openAsked(s)
	if err != nil {
		return err
	}
	defer asked.close()
	want, err := r.wantedBy(s)
	if err != nil {
		return err
	}
	next, ok, err := asked.next()
	if err != nil || !ok {
		return err
	}
	order := s.StartOrder
	reading, stop := context.WithCancel(ctx)
	defer stop()
	for block, err := range prepare.Blocks(reading, r.preparing(), source.Blocks(reading, r.sources, s.Start), want) {
		if err != nil {
			return r.movedOr(ctx, err)
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
			if err := r.buildOne(s, f, left, item, &next); err != nil {
				return err
			}
			if next, ok, err = asked.next(); err != nil || !ok {
				return errors.Join(err, left.commit())
			}
		}
	}
	return relocate.ErrMoved
}

// movedOr takes an error of the sources for a change of them: they are read once more, from the beginning, before the run
// stops for it.
func (r *Run) movedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, effect.ErrHook) {
		return fmt.Errorf("read sources: %w", err)
	}
	return relocate.ErrMoved
}

// buildOne adds the records of a document to the input file, if it is the document that was planned. It compares the key and
// not the length of the line: whether the answer schema is sent along may be decided in between, and is not part of the key.
func (r *Run) buildOne(s *ledger.Shard, f *shardfile.InputFile, left *unbuilt, item *prepare.Item, p *planned) error {
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
		part := shardfile.Part{ID: item.Document.ID, Order: p.order, Tried: p.tried, Bad: p.bad, Parts: item.Parts(), Document: item.Document.Info(), Cleaned: item.Cleaned()}
		for id, input := range item.Records(p.tried + 1) {
			if !p.asks(s, id.PartNumber()) {
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

// wantedBy spares the pilot's shard from cleaning the whole source for a hundred documents. A stretch wants all it reads.
func (r *Run) wantedBy(s *ledger.Shard) (prepare.Wanted, error) {
	if s.Takes != string(index.Pilot) {
		return nil, nil
	}
	hashes := map[dedupe.Hash]bool{}
	for d, err := range r.index(s.Pass).Taken() {
		if err != nil {
			return nil, err
		}
		if d.Take == index.Pilot {
			hashes[d.Hash] = true
		}
	}
	return func(h dedupe.Hash) bool { return hashes[h] }, nil
}

// buildRetry writes the records that other shards left, each as its next attempt.
func (r *Run) buildRetry(ctx context.Context, s *ledger.Shard, f *shardfile.InputFile) error {
	bases, err := atomicfile.CreateZstd(r.effects, r.files().Base(s.ID))
	if err != nil {
		return err
	}
	defer bases.Abort()
	queue, place := r.queue(ctx), int64(-1)
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
			p.Sample = nil // what it asks besides its text would count as text
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

// answerRoom is how many tokens an answer may have at most.
func (r *Run) answerRoom(modelInput []byte) int64 {
	if n := prompt.MaxTokens(modelInput); n > 0 {
		return int64(n)
	}
	return int64(max(r.asked.MaxTokens, r.asked.MaxOutput))
}
