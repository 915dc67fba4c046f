package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/run/answers"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// A long document is asked in parts: the index has one entry for all of them, and a file next to the entries says how
// long the line of each is. So the index has one entry a document however it is asked.
//
// The second stage of long documents: when every part of one has a good answer, one more record asks to merge them. Such
// records are found by a walk over the journals, in the order of the documents, and are written as leftovers are: a retry
// shard takes them together with whatever else is left, under the same rules. Answers of earlier passes count: a part that has one
// is not asked again.

// mergesPrefix begins the name of a round's file of merges, where those of leftovers have a shard's id.
const mergesPrefix = "m"

func isMerges(id quarry.ShardID) bool { return strings.HasPrefix(string(id), mergesPrefix) }

// planMerges writes the merges that can be asked now, and gives the name of their file and how many they are. Written
// again after a crash, the file is the same. It is asked when no shard of the pass is under way.
func (r *Run) planMerges(ctx context.Context, shards []ledger.Shard) (quarry.ShardID, int64, error) {
	if r.planned.Long == 0 || r.cfg.Long == nil {
		return "", 0, nil
	}
	var parted []ledger.Shard
	rounds := map[quarry.ShardID]bool{}
	for i := range shards {
		if shards[i].Parted > 0 {
			parted = append(parted, shards[i])
		}
		for _, id := range shards[i].Sources {
			if isMerges(id) {
				rounds[id] = true
			}
		}
	}
	id := quarry.ShardID(fmt.Sprintf("%s%05d", mergesPrefix, len(rounds)+1))
	files := r.journals(parted)
	files = append(files, r.carriedParts()...)
	wholes, err := r.openWholes()
	if err != nil {
		return "", 0, err
	}
	defer wholes.close()
	if err := r.effects.MkdirAll(filepath.Dir(r.files().Left(id))); err != nil {
		return "", 0, err
	}
	out, err := atomicfile.CreateZstd(r.effects, r.files().Left(id))
	if err != nil {
		return "", 0, err
	}
	defer out.Abort()
	var n int64
	var attempts []shardfile.Outcome
	give := func() error {
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
		merge, err := answers.Merge(attempts, first, bad, r.cfg.Long.Merge, r.maxLine())
		if merge == nil || err != nil {
			return err
		}
		n++
		return lines.Write(out, merge)
	}
	for o, err := range lines.Merge(files, func(o *shardfile.Outcome) int64 { return o.Order }) {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return "", 0, err
		}
		if o.Parts == 0 {
			continue
		}
		if len(attempts) > 0 && attempts[0].Order != o.Order {
			if err := give(); err != nil {
				return "", 0, err
			}
			attempts = attempts[:0]
		}
		attempts = append(attempts, o)
	}
	if err := give(); err != nil || n == 0 {
		return "", 0, err
	}
	return id, n, out.Commit()
}

// wholes knows the recordIds of documents as a whole.
type wholes struct {
	tried   index.TriedColumn
	entries *index.EntryColumn
}

func (r *Run) openWholes() (*wholes, error) {
	pass := r.index(r.planned.Pass)
	tried, err := pass.OpenTried()
	if err != nil {
		return nil, err
	}
	entries, err := pass.OpenEntries()
	if err == nil && entries == nil {
		err = fmt.Errorf("pass %d has no entries", r.planned.Pass)
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

// checkSecondStage refuses, before a cent is spent, a run whose long documents are too few for a job of their own: their
// parts would be paid for, and their answers never be merged.
func (r *Run) checkSecondStage() error {
	p := &r.planned
	if p.Long == 0 {
		return nil
	}
	asked := "asked in " + figure.Count(p.Parts, "part")
	if p.KnownParts > 0 {
		asked = fmt.Sprintf("%s already answered, %s asked", figure.Clause(p.KnownParts, "part", "is", "are"), figure.Clause(p.Parts, "other", "is", "are"))
	}
	p.Notes = append(p.Notes, fmt.Sprintf("%s longer than the limit: %s, and the answers are merged in a second stage of %s",
		figure.Clause(p.Long, "document", "is", "are"), asked, figure.Count(p.Long, "record")))
	if r.buildDir != "" || r.mayCall() || p.Mode != quarry.ModeJob || p.Long >= r.cfg.Quotas.MinRecords || r.belowMinimum() == Hold {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.OverLimit, Op: "plan", Subject: "the second stage of --long merge",
		Err:  errors.New(tooFewText(p.Long, r.cfg.Quotas.MinRecords)),
		Hint: "--below-minimum ondemand sends them on demand, at twice the price of a batch job; --long cut or --long headtail ask each of these documents once, and not about all of it",
	}
}
