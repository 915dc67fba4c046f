// Package rounds plans further attempts: which records are sent again in a round, in which shards, and with which body.
//
// It owns the retry queue of a pass, which is the files of records that shards left for another attempt and of the merges of
// long documents. It stores no rows, and does not decide whether a round may be sent as a job. What always holds: the queue of a
// round is read in the order of the documents, the same after a crash, so a place in it names one record; and each of them is in
// one row.
package rounds

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/pack"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run/cut"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// Queue is the retry queue.
type Queue struct {
	Effects *effect.Effects
	Files   shardfile.Dir
	First   func(quarry.ShardID) (int64, error) // a lower bound of the orders of a shard's documents
	Plain   bool                                // requests carry no answer schema
	MaxLine int64                               // bytes of a record's line; 0: no limit is known
}

// Waiting gives the shards of a pass whose queued records no round has taken, and how many records these are. among, if not nil,
// narrows it to some shards.
func Waiting(rows []ledger.Shard, pass int, among []quarry.ShardID) (from []quarry.ShardID, records int64) {
	for i := range rows {
		s := &rows[i]
		if s.Pass == pass && s.State == quarry.ShardDone && s.Tally.Left > 0 && s.HandsTo == "" && s.Unasked == "" &&
			(among == nil || slices.Contains(among, s.ID)) {
			from = append(from, s.ID)
			records += s.Tally.Left
		}
	}
	return from, records
}

// Unsent counts the records of a pass's shards that are not sent because a file cannot hold a job's minimum of them.
func Unsent(rows []ledger.Shard, pass int) (records int64) {
	for i := range rows {
		if s := &rows[i]; s.Pass == pass && s.Unasked != "" {
			records += s.Records
		}
	}
	return records
}

// CutOff counts the answers of shards that were cut off: records of a round that may have longer ones.
func CutOff(rows []ledger.Shard, from []quarry.ShardID) (answers int64) {
	queued := map[quarry.ShardID]bool{}
	for _, id := range from {
		queued[id] = true
	}
	for i := range rows {
		if queued[rows[i].ID] {
			answers += rows[i].Tally.Classes[quarry.ClassTruncated]
		}
	}
	return answers
}

// Takes names the first row of a round as the one that takes the queued records of each shard. Files of merges belong to no shard.
func Takes(from []quarry.ShardID, first quarry.ShardID) map[quarry.ShardID]quarry.ShardID {
	takes := map[quarry.ShardID]quarry.ShardID{}
	for _, id := range from {
		if !IsMerges(id) {
			takes[id] = first
		}
	}
	return takes
}

// Records gives the queued records of shards, and merges, in the order of the documents: the journal of a retry shard is in that
// order too.
func (q *Queue) Records(from []quarry.ShardID) iter.Seq2[shardfile.Queued, error] {
	return func(yield func(shardfile.Queued, error) bool) {
		files := make([]lines.Sorted, len(from))
		for i, id := range from {
			files[i] = lines.Sorted{Path: q.Files.Queue(id), Rank: i}
			if IsMerges(id) {
				continue
			}
			var err error
			if files[i].From, err = q.First(id); err != nil {
				yield(shardfile.Queued{}, err)
				return
			}
		}
		lines.Merge(files, func(l *shardfile.Queued) int64 { return l.Order })(yield)
	}
}

// Items gives the queued records by their places in the queue, with the size of their next attempts.
func (q *Queue) Items(from []quarry.ShardID) iter.Seq2[pack.Item, error] {
	return func(yield func(pack.Item, error) bool) {
		place := int64(0)
		for l, err := range q.Records(from) {
			var input []byte
			if err == nil {
				input, err = q.Input(&l)
			}
			if err != nil {
				yield(pack.Item{}, err)
				return
			}
			if !yield(pack.Item{Order: place, Bytes: shardfile.LineBytes(l.RecordID.Again(l.Attempt), input)}, nil) {
				return
			}
			place++
		}
	}
}

// Cut cuts the queued records into the rows of shards, which have no ids yet. note says what a person should know of them; it may
// be empty.
func (q *Queue) Cut(
	ctx context.Context, from []quarry.ShardID, pass int, mode quarry.Mode, bounds cut.Bounds,
) (rows []ledger.Shard, note string, err error) {
	return cut.Retries(ctx, q.Items(from), from, pass, mode, bounds)
}

// Input is the body of a record's next attempt: with a higher token limit if the answer was cut off, with the complaint if it did not
// pass its checks, and otherwise the same again. A body of unknown shape is sent again unchanged, and so is one that would not fit
// into an input file any more.
func (q *Queue) Input(l *shardfile.Queued) ([]byte, error) {
	input, err := q.input(l)
	if err != nil {
		return nil, fmt.Errorf("attempt %d at record %s: %w", l.Attempt, l.RecordID, err)
	}
	return input, nil
}

func (q *Queue) input(l *shardfile.Queued) ([]byte, error) {
	base, err := q.base(l)
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
	tooLong := err == nil && q.MaxLine > 0 && shardfile.LineBytes(l.RecordID.Again(l.Attempt), input) > q.MaxLine
	if tooLong || errors.Is(err, prompt.ErrShape) {
		return base, nil
	}
	return input, err
}

// base is the body of a record's first attempt, without the answer schema if that is refused.
func (q *Queue) base(l *shardfile.Queued) ([]byte, error) {
	if !l.Plain && !q.Plain {
		return l.Base, nil
	}
	b, err := prompt.WithoutStructured(l.Base)
	if errors.Is(err, prompt.ErrShape) {
		return l.Base, nil
	}
	return b, err
}
