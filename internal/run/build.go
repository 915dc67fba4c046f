package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/dedupe"
	"quarry/internal/ledger"
	"quarry/internal/prompt"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
)

// part is one line of a shard's part of the index: which document a record stands for. It lies in the bucket before the
// shard's job exists, so that another machine can take the job over.
type part struct {
	ID       quarry.DocumentID `json:"id"`
	Order    int64             `json:"order"`
	RecordID quarry.RecordID   `json:"record_id"`
	Tried    int               `json:"tried,omitempty"` // attempts made in earlier passes
	// Unreached counts attempts whose job was stopped or expired before it looked at the record.
	Unreached int `json:"unreached,omitempty"`
	// Plain: an attempt was refused for the answer schema it carried, so the next ones go without; the refused one counts
	// as none.
	Plain    bool                `json:"plain,omitempty"`
	Parts    int                 `json:"parts,omitempty"` // of a long document: in how many it is asked
	Document quarry.DocumentInfo `json:"document"`
	Cleaned  *cleaned            `json:"cleaned,omitempty"` // what cleaning left out
	Sample   *sampled            `json:"sample,omitempty"`  // of the pilot's documents
}

func (r *Run) shardPath(id quarry.ShardID) string {
	if r.buildDir != "" {
		return filepath.Join(r.buildDir, string(id)+".jsonl")
	}
	return filepath.Join(r.cfg.Dir, "shards", string(id)+".jsonl")
}

// basePath holds, for a shard of further attempts, the modelInput of the first one.
func (r *Run) basePath(id quarry.ShardID) string {
	return filepath.Join(r.cfg.Dir, "shards", string(id)+".base.jsonl.zst")
}

func (r *Run) partPath(id quarry.ShardID) string {
	return filepath.Join(r.cfg.Dir, "index", "parts", string(id)+".jsonl.zst")
}

// shardFile is an input file in the making, with its part of the index.
type shardFile struct {
	records, index *atomicfile.Writer
	digest         interface {
		io.Writer
		Sum([]byte) []byte
	}
	n, bytes int64
	parted   int64
	room     func(modelInput []byte) int64 // nil where nobody asks
	tokens   int64
	line     []byte
}

func (r *Run) createShard(id quarry.ShardID) (*shardFile, error) {
	for _, dir := range []string{filepath.Dir(r.shardPath(id)), filepath.Dir(r.partPath(id))} {
		if err := r.effects.MkdirAll(dir); err != nil {
			return nil, err
		}
	}
	records, err := atomicfile.Create(r.effects, r.shardPath(id))
	if err != nil {
		return nil, err
	}
	index, err := atomicfile.CreateZstd(r.effects, r.partPath(id))
	if err != nil {
		records.Abort()
		return nil, err
	}
	return &shardFile{records: records, index: index, digest: sha256.New()}, nil
}

func (f *shardFile) add(p part, modelInput []byte) error {
	f.line = appendRecord(f.line[:0], p.RecordID, modelInput)
	if _, err := f.records.Write(f.line); err != nil {
		return err
	}
	_, _ = f.digest.Write(f.line) // a hash does not fail
	if f.room != nil {
		f.tokens += f.room(modelInput)
	}
	f.n++
	f.parted += int64(min(p.Parts, 1))
	f.bytes += int64(len(f.line))
	return lines.Write(f.index, p)
}

// appendRecord appends a record's line in an input file.
func appendRecord(line []byte, id quarry.RecordID, modelInput []byte) []byte {
	line = append(line, `{"recordId":"`...)
	line = append(line, id...) // of [A-Za-z0-9_-], so nothing in it needs an escape
	line = append(line, `","modelInput":`...)
	line = append(line, modelInput...)
	return append(line, '}', '\n')
}

func (f *shardFile) abort() {
	f.records.Abort()
	f.index.Abort()
}

// commit makes both files appear, the index first: an input file is complete when it is there.
func (f *shardFile) commit(s *ledger.Shard) error {
	if err := f.index.Commit(); err != nil {
		return err
	}
	if err := f.records.Commit(); err != nil {
		return err
	}
	s.Digest = hex.EncodeToString(f.digest.Sum(nil))
	s.Records, s.Bytes, s.AnswerTokens, s.Parted = f.n, f.bytes, f.tokens, f.parted
	return nil
}

// build writes a shard's input file and its part of the index. Doing it again writes the same bytes.
func (r *Run) build(ctx context.Context, s *ledger.Shard) error {
	began := time.Now()
	f, err := r.createShard(s.ID)
	if err != nil {
		return err
	}
	defer f.abort()
	if r.cfg.MaxUSD != nil { // to look into each body takes time
		f.room = r.answerRoom
	}
	planned := s.Records
	if s.Kind == quarry.RetryShard {
		err = r.buildRetry(ctx, s, f)
	} else {
		err = r.buildStretch(ctx, s, f)
	}
	if err != nil {
		return fmt.Errorf("build shard %s: %w", s.ID, err)
	}
	if f.n != planned {
		return fmt.Errorf("build shard %s: %d records instead of %d: %w", s.ID, f.n, planned, errSourceChanged(s.Start))
	}
	if err := f.commit(s); err != nil {
		return err
	}
	s.Times.Built, s.Times.Build = time.Now(), time.Since(began)
	return s.State.Advance(quarry.ShardPlanned, quarry.ShardBuilt)
}

// buildStretch reads a stretch of the sources and takes those documents that are the shard's.
func (r *Run) buildStretch(ctx context.Context, s *ledger.Shard, f *shardFile) error {
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
	first, last := turnsOf(s)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for block, err := range r.prepareBlocks(ctx, r.blocks(ctx, s.Start), want) {
		if err != nil {
			return fmt.Errorf("read sources: %w", err)
		}
		for i := range block.items {
			item := &block.items[i]
			if !item.counted() {
				continue
			}
			if order > s.Last {
				return nil
			}
			if order >= s.First {
				t, err := column.Take(order)
				if err != nil {
					return errors.Join(err, errSourceChanged(item.doc.At))
				}
				if t.Among(s.Takes) {
					if len(item.input) == 0 {
						return errSourceChanged(item.doc.At)
					}
					tried, err := tries.Of(order)
					if err != nil {
						return err
					}
					p := part{ID: item.doc.ID, Order: order, Tried: int(tried), Parts: len(item.parts), Document: info(&item.doc), Cleaned: item.cleanedOf()}
					for id, input := range item.records(int(tried) + 1) {
						if at := index.TurnOf(order, id.PartNumber()); at < first || at > last {
							continue
						}
						p.RecordID = id
						if s.Kind == quarry.PilotShard {
							p.Sample = item.sample(id.PartNumber())
						}
						if err := f.add(p, input); err != nil {
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
func (r *Run) wantedBy(s *ledger.Shard) (wanted, error) {
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

// left is one record that needs another attempt, with what the next attempt changes.
type left struct {
	part
	Attempt   int          `json:"attempt"` // of the next attempt
	Base      rawJSON      `json:"base"`    // modelInput of the first attempt
	Class     quarry.Class `json:"class"`
	MaxTokens int          `json:"max_tokens,omitempty"`
	Answer    string       `json:"answer,omitempty"` // the bad one
	Complaint string       `json:"complaint,omitempty"`
}

// buildRetry writes the records that other shards left, each as its next attempt.
func (r *Run) buildRetry(ctx context.Context, s *ledger.Shard, f *shardFile) error {
	bases, err := atomicfile.CreateZstd(r.effects, r.basePath(s.ID))
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
		p := l.part
		p.RecordID = p.RecordID.Again(l.Attempt)
		if l.Complaint != "" {
			p.Sample = nil // what it asks besides its text would count as text
		}
		if err := f.add(p, input); err != nil {
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
func (r *Run) nextInput(l *left) ([]byte, error) {
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
	tooLong := err == nil && r.maxLine() > 0 && lineBytes(l.RecordID.Again(l.Attempt), input) > r.maxLine()
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
