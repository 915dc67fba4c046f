package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/ledger"
	"quarry/internal/run/answers"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// A long document is asked in parts: its entry of the index stands for all of them, and a file beside the entries says how
// long the line of each is. So the index has one entry a document however it is asked.
//
// The second stage of long documents: when every part of one has a good answer, one more record asks to merge them. Such
// records are found by a walk over the journals, in the order of the documents, and are written as leftovers are: a retry
// shard takes them together with whatever else is left, under the same rules.

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
		merge, err := answers.Merge(attempts, r.cfg.Long.Merge, r.maxLine())
		if merge == nil || err != nil {
			return err
		}
		n++
		return lines.Write(out, merge)
	}
	for o, err := range lines.Merge(r.journals(parted), func(o *shardfile.Outcome) int64 { return o.Order }) {
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

// checkSecondStage refuses, before a cent is spent, a run whose long documents are too few for a job of their own: their
// parts would be paid for, and then nobody would be asked to make one answer of them.
func (r *Run) checkSecondStage() error {
	p := &r.planned
	if p.Long == 0 {
		return nil
	}
	p.Notes = append(p.Notes, fmt.Sprintf("%d documents are longer than the limit: they are asked in %d parts, and the answers about them are merged in a second stage of %d records",
		p.Long, p.Parts, p.Long))
	if r.buildDir != "" || r.mayCall() || p.Mode != quarry.ModeJob || p.Long >= r.cfg.Quotas.MinRecords || r.belowMinimum() == Hold {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.OverLimit, Op: "plan", Subject: "the second stage of --long merge",
		Err:  fmt.Errorf("%d records are below the minimum of %d of a batch job", p.Long, r.cfg.Quotas.MinRecords),
		Hint: "--below-minimum ondemand sends them on demand, at twice the price of a batch job; --long cut or --long headtail ask each of these documents once, and not about all of it",
	}
}
