package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/dedupe"
	"quarry/internal/ledger"
	"quarry/internal/prompt"
	"quarry/internal/run/cut"
	"quarry/internal/run/index"
	"quarry/internal/run/prepare"
	"quarry/internal/run/shardfile"
)

// build writes a shard's input file and its part of the index. Doing it again writes the same bytes.
func (r *Run) build(ctx context.Context, s *ledger.Shard) error {
	began := time.Now()
	var room func([]byte) int64
	if r.cfg.MaxUSD != nil {
		room = r.answerRoom
	}
	f, err := r.files().CreateInput(s.ID, room)
	if err != nil {
		return err
	}
	defer f.Abort()
	planned := s.Records
	if s.Kind == quarry.RetryShard {
		err = r.buildRetry(ctx, s, f)
	} else {
		err = r.buildStretch(ctx, s, f)
	}
	if err != nil {
		return fmt.Errorf("build shard %s: %w", s.ID, err)
	}
	if f.Count() != planned {
		return fmt.Errorf("build shard %s: %d records instead of %d: %w", s.ID, f.Count(), planned, errSourceChanged(s.Start))
	}
	w, err := f.Commit()
	if err != nil {
		return err
	}
	s.Digest, s.Records, s.Bytes, s.AnswerTokens, s.Parted = w.Digest, w.Records, w.Bytes, w.Tokens, w.Parted
	s.Times.Built, s.Times.Build = time.Now(), time.Since(began)
	return s.State.Advance(quarry.ShardPlanned, quarry.ShardBuilt)
}

// buildStretch reads a stretch of the sources and takes those documents that are the shard's.
func (r *Run) buildStretch(ctx context.Context, s *ledger.Shard, f *shardfile.InputFile) error {
	column, err := r.index(s.Pass).OpenTakes()
	if err != nil {
		return err
	}
	defer func() { _ = column.Close() }()
	tries, err := r.index(s.Pass).OpenTries()
	if err != nil {
		return err
	}
	defer func() { _ = tries.Close() }()
	want, err := r.wantedBy(s)
	if err != nil {
		return err
	}
	order := s.StartOrder
	first, last := cut.Turns(s)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for block, err := range prepare.Blocks(ctx, r.asking(), r.blocks(ctx, s.Start), want) {
		if err != nil {
			return fmt.Errorf("read sources: %w", err)
		}
		for i := range block.Items {
			item := &block.Items[i]
			if !item.IsDocument() {
				continue
			}
			if order > s.Last {
				return nil
			}
			if order >= s.First {
				t, err := column.Take(order)
				if err != nil {
					return errors.Join(err, errSourceChanged(item.Document.At))
				}
				if t.Among(s.Takes) {
					if len(item.Input) == 0 {
						return errSourceChanged(item.Document.At)
					}
					tried, err := tries.Of(order)
					if err != nil {
						return err
					}
					p := shardfile.Part{ID: item.Document.ID, Order: order, Tried: int(tried), Parts: item.Parts(), Document: info(&item.Document), Cleaned: item.Cleaned()}
					for id, input := range item.Records(int(tried) + 1) {
						if at := index.TurnOf(order, id.PartNumber()); at < first || at > last {
							continue
						}
						p.RecordID = id
						if s.Kind == quarry.PilotShard {
							p.Sample = item.Sample(id.PartNumber())
						}
						if err := f.Add(p, input); err != nil {
							return err
						}
					}
				}
			}
			order++
		}
	}
	return nil
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
	place := int64(-1)
	for l, err := range r.leftovers(ctx, s.Sources) {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if place++; place < s.First || place > s.Last {
			continue // another shard of this round takes it
		}
		input, err := r.nextInput(&l)
		if err != nil {
			return fmt.Errorf("attempt %d at record %s: %w", l.Attempt, l.RecordID, err)
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

// nextInput is the body of the next attempt: more room for an answer that was cut off, the complaint for one that did
// not fit, and the same again for the rest. A body of a shape that is not known is asked again as it is, and so is one
// that would not fit into an input file any more.
func (r *Run) nextInput(l *shardfile.Left) ([]byte, error) {
	base, err := r.plainBase(l)
	if err != nil {
		return nil, err
	}
	input := base
	switch {
	case l.MaxTokens > 0:
		input, err = prompt.WithMaxTokens(base, l.MaxTokens)
	case l.Complaint != "":
		input, err = prompt.WithRepair(base, l.Answer, l.Complaint)
	}
	tooLong := err == nil && r.maxLine() > 0 && shardfile.LineBytes(l.RecordID.Again(l.Attempt), input) > r.maxLine()
	if tooLong || errors.Is(err, prompt.ErrShape) {
		return base, nil
	}
	return input, err
}

// answerRoom is how many tokens an answer may have at most.
func (r *Run) answerRoom(modelInput []byte) int64 {
	if n := prompt.MaxTokens(modelInput); n > 0 {
		return int64(n)
	}
	return int64(max(r.cfg.MaxTokens, r.cfg.MaxOutput))
}
