package run

import (
	"context"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// unbuilt are the records of a shard that were planned and cannot be built, because their documents are not in the sources as
// they were. Each has an outcome, in a file of its own beside the shard's journal. The file is made with the first of them.
type unbuilt struct {
	run     *Run
	shard   *ledger.Shard
	out     *atomicfile.Writer
	records int64
	first   []string // of the documents, for people
	docs    int64
}

// add notes why a document is not built. id is empty where nobody knows it any more.
func (u *unbuilt) add(p *planned, id quarry.DocumentID, why string, doc quarry.DocumentInfo) (err error) {
	if u.out == nil {
		path := u.run.files().Unbuilt(u.shard.ID)
		if err := u.run.effects.MkdirAll(filepath.Dir(path)); err != nil {
			return err
		}
		if u.out, err = atomicfile.CreateZstd(u.run.effects, path); err != nil {
			return err
		}
	}
	if id == "" { // planned by a version that did not keep the ids
		id = quarry.DocumentID("sha256:" + hex.EncodeToString(p.entry.Hash[:]))
	}
	if u.docs++; len(u.first) < 3 {
		u.first = append(u.first, string(id))
	}
	o := shardfile.Outcome{Order: p.order, Class: quarry.ClassSourceChanged, Result: quarry.Result{
		ID: id, Status: quarry.StatusFailed, RequestedModel: u.run.asked.Model, Attempts: p.tried, CostUSD: new(quarry.USD), Document: doc,
		Error: &quarry.ResultError{Kind: string(quarry.ClassSourceChanged), Message: why + "; it was not sent, and the next run plans it again"},
	}}
	if len(p.parts) == 0 {
		u.records++
		return lines.Write(u.out, &o)
	}
	var key quarry.DocumentKey
	copy(key[:], p.entry.Key[:])
	o.Parts = len(p.parts)
	for i := range p.parts {
		if !p.asks(u.shard, i+1) {
			continue
		}
		u.records++
		o.RecordID = quarry.NewRecordID(id, key, p.tried+1).Part(i + 1)
		o.Result.RecordID = o.RecordID
		if err := lines.Write(u.out, &o); err != nil {
			return err
		}
	}
	return nil
}

// commit makes the file appear. Where there are none, one that an earlier build left counts for nothing: the shard's row says
// how many there are.
func (u *unbuilt) commit() error {
	if u.out == nil {
		return nil
	}
	return u.out.Commit()
}

func (u *unbuilt) abort() {
	if u.out != nil {
		u.out.Abort()
	}
}

// sayUnbuilt tells of them.
func (r *Run) sayUnbuilt(s *ledger.Shard, u *unbuilt) {
	names := strings.Join(u.first, ", ")
	if u.docs > int64(len(u.first)) {
		names += fmt.Sprintf(" and %d more", u.docs-int64(len(u.first)))
	}
	r.watch(Event{Kind: Note, Shard: s.ID, Text: fmt.Sprintf("shard %s: %s changed in the sources after they were planned and are not sent (%s): they end failed, class %s; run the same command again to plan and ask them",
		s.ID, figure.Count(u.docs, "document"), names, quarry.ClassSourceChanged)})
}

// pilotIsStale reports whether a pilot's shard holds too few records now to be asked, and nothing of its pass was sent: then the
// pass is better planned again than its gate left without answers to judge.
func (r *Run) pilotIsStale(ctx context.Context, s *ledger.Shard, records, unbuilt int64) (bool, error) {
	few := records == 0 || (s.Mode == quarry.ModeJob && records < r.cfg.Quotas.MinRecords && !r.mayCall())
	if s.Kind != quarry.PilotShard || unbuilt == 0 || !few {
		return false, nil
	}
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(shards, func(o ledger.Shard) bool {
		return o.Pass == s.Pass && o.State != quarry.ShardPlanned && o.State != quarry.ShardBuilt
	}), nil
}

// settleSmaller decides what becomes of a shard that holds fewer records than were planned: too few are no job.
func (r *Run) settleSmaller(s *ledger.Shard) {
	switch few := s.Mode == quarry.ModeJob && s.Records < r.cfg.Quotas.MinRecords; {
	case s.Records == 0:
		s.Unasked = string(quarry.ClassSourceChanged)
	case few && r.mayCall():
		s.Mode = quarry.ModeOnDemand
		r.watch(Event{Kind: Note, Shard: s.ID, Text: fmt.Sprintf("shard %s: %s left, below the minimum of a batch job: answered by on-demand calls", s.ID, figure.Clause(s.Records, "record", "is", "are"))})
	case few:
		s.Unasked = quarry.KindBelowMinimum
		r.watch(Event{Kind: Note, Shard: s.ID, Text: fmt.Sprintf("shard %s: %s left, below the minimum of %s of a batch job: not sent, the next run asks them",
			s.ID, figure.Clause(s.Records, "record", "is", "are"), figure.Thousands(r.cfg.Quotas.MinRecords))})
	}
}
