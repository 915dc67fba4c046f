package rounds

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run/answers"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// The second stage of long documents: when every part of one has a good answer, one more record merges the answers. Such records
// are found by a walk over the journals, in the order of the documents, and are written into the retry queue: a retry shard sends
// them together with the other records of the queue, under the same rules. Answers of earlier passes count: a part that has one is
// not sent again.

// mergesPrefix begins the name of a round's file of merges, where the other files of the queue have a shard's id.
const mergesPrefix = "m"

// IsMerges reports whether a file of the queue holds merges.
func IsMerges(id quarry.ShardID) bool { return strings.HasPrefix(string(id), mergesPrefix) }

// Parted gives the rows with parts of long documents.
func Parted(rows []ledger.Shard) (parted []ledger.Shard) {
	for i := range rows {
		if rows[i].Parted > 0 {
			parted = append(parted, rows[i])
		}
	}
	return parted
}

// Merges is what the merges of a pass are made from.
type Merges struct {
	Pass     index.Pass
	Journals []lines.Sorted // the outcomes of all parts and merges
	Renderer *prompt.Renderer
}

// AddMerges writes the merges that can be sent now, and gives the name of their file and how many they are. Written again after a
// crash, the file is the same. rows are all of the run; none of the pass may be under way.
func (q *Queue) AddMerges(ctx context.Context, rows []ledger.Shard, m *Merges) (id quarry.ShardID, n int64, err error) {
	rounds := map[quarry.ShardID]bool{}
	for i := range rows {
		for _, id := range rows[i].Sources {
			if IsMerges(id) {
				rounds[id] = true
			}
		}
	}
	id = quarry.ShardID(fmt.Sprintf("%s%05d", mergesPrefix, len(rounds)+1))
	wholes, err := openWholes(m.Pass)
	if err != nil {
		return "", 0, err
	}
	defer wholes.close()
	if err := q.Effects.MkdirAll(filepath.Dir(q.Files.Queue(id))); err != nil {
		return "", 0, err
	}
	out, err := atomicfile.CreateZstd(q.Effects, q.Files.Queue(id))
	if err != nil {
		return "", 0, err
	}
	defer out.Abort()
	var attempts []shardfile.Outcome
	end := func() error {
		if len(attempts) == 0 {
			return nil
		}
		first, tried, err := wholes.of(&attempts[0])
		if err != nil {
			return err
		}
		bad := 0
		if !answers.Paid(attempts) { // all parts were answered before, so the bad answers were the merge's
			bad = tried.Bad
		}
		merge, err := answers.Merge(attempts, first, bad, m.Renderer, q.MaxLine)
		if merge == nil || err != nil {
			return err
		}
		n++
		return lines.Write(out, merge)
	}
	for o, err := range lines.Merge(m.Journals, func(o *shardfile.Outcome) int64 { return o.Order }) {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return "", 0, err
		}
		if o.Parts == 0 {
			continue
		}
		if len(attempts) > 0 && attempts[0].Order != o.Order {
			if err := end(); err != nil {
				return "", 0, err
			}
			attempts = attempts[:0]
		}
		attempts = append(attempts, o)
	}
	if err := end(); err != nil || n == 0 {
		return "", 0, err
	}
	return id, n, out.Commit()
}

// wholes knows the recordIds of documents as a whole.
type wholes struct {
	tried   index.TriedColumn
	entries *index.EntryColumn
}

func openWholes(pass index.Pass) (*wholes, error) {
	tried, err := pass.OpenTried()
	if err != nil {
		return nil, err
	}
	entries, err := pass.OpenEntries()
	if err == nil && entries == nil {
		err = errors.New("the pass has no entries")
	}
	if err != nil {
		return nil, errors.Join(err, tried.Close())
	}
	return &wholes{tried, entries}, nil
}

// of gives the recordId of the pass's first attempt at the document of an outcome as a whole.
func (w *wholes) of(o *shardfile.Outcome) (first quarry.RecordID, tried index.Tried, err error) {
	if tried, err = w.tried.Of(o.Order); err != nil {
		return "", tried, err
	}
	entry, ok, err := w.entries.Of(o.Order)
	if err == nil && !ok {
		err = fmt.Errorf("the index has no entry of document %d", o.Order)
	}
	var key quarry.DocumentKey
	copy(key[:], entry.Key[:])
	return quarry.NewRecordID(o.Result.ID, key, tried.Last+1), tried, err
}

func (w *wholes) close() {
	_ = w.tried.Close()
	_ = w.entries.Close()
}
