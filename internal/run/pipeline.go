package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"quarry"
	"quarry/internal/ledger"
	"quarry/internal/reconcile"
)

// steps is the whole product, in order. Each asks the ledger what is left and does only that.
// Between pilot and export lies the life of one shard (shard.go), ticked by reconcile.
func (r *Run) steps() []step {
	return []step{
		{"plan", r.plan},           // read, clean, count, cut into shards; refuse what cannot be asked
		{"preflight", r.preflight}, // free checks before paid work; stops, never warns
		{"pilot", r.pilot},         // a small sample; read the answers, then go on
		{"shards", r.shards},       // each: build → submit → watch → collect → retry
		{"export", r.export},       // every document once, in the order of the sources
		{"report", r.writeReport},  // what it cost, how long it took
	}
}

// preflight does for nothing whatever could fail after money was spent, and asks before any is.
func (r *Run) preflight(ctx context.Context) (count, error) {
	if r.planned.Asked == 0 {
		return count{}, nil
	}
	counts, err := r.ledger.Count(ctx, "")
	if err != nil {
		return count{}, err
	}
	if counts.States[quarry.ShardDone] == counts.Total() { // nothing will be sent any more
		return count{}, nil
	}
	if r.deps.Preflight != nil {
		if err := r.deps.Preflight(ctx); err != nil {
			return count{}, err
		}
	}
	begun := counts.Total() - counts.States[quarry.ShardPlanned]
	if r.deps.Confirm != nil && begun == 0 {
		if err := r.deps.Confirm(ctx, r.question()); err != nil {
			return count{}, err
		}
	}
	return count{taken: 1, done: 1}, nil
}

// pilot asks the sample and stands in the way of the rest when its answers are bad.
func (r *Run) pilot(ctx context.Context) (count, error) {
	if r.planned.Pilot == 0 {
		return count{}, nil
	}
	if err := r.reconcile(ctx, quarry.PilotShard); err != nil {
		return count{}, err
	}
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return count{}, err
	}
	var t ledger.Tally
	classes := map[quarry.Class]int64{}
	var records int64
	for i := range shards {
		s := &shards[i]
		if s.Kind != quarry.PilotShard || s.Pass != r.planned.Pass {
			continue
		}
		records += s.Records
		t.OK += s.Tally.OK
		t.Usage.Add(s.Tally.Usage)
		for c, n := range s.Tally.Classes {
			classes[c] += n
		}
	}
	// What the provider could not answer for a moment says nothing about the prompt; that it answered nothing at all does.
	judged := records - classes[quarry.ClassThrottled] - classes[quarry.ClassMissing]
	if records > 0 && (judged <= 0 || float64(t.OK) < r.cfg.PilotMinValid*float64(judged)) {
		return count{}, &quarry.Error{
			Kind: quarry.OverLimit, Op: "pass the pilot", Subject: fmt.Sprintf("of %d documents", records),
			Err:  fmt.Errorf("%d of %d answers are good (%s), the gate asks for %.0f %%", t.OK, max(judged, 0), classesText(classes), 100*r.cfg.PilotMinValid),
			Hint: "look at " + r.cfg.Dir + "/journal for the answers, change the prompt, the schema or the model and start with another --dir, or lower --pilot-min-valid",
		}
	}
	r.watch(Event{Kind: PilotRead, Done: t.OK, Total: records, Usage: t.Usage, Text: classesText(classes)})
	return count{taken: records, done: t.OK, failed: records - t.OK}, nil
}

// shards lives the lives of all shards, then asks again what they left, until nothing is left that may be asked.
func (r *Run) shards(ctx context.Context) (count, error) {
	for {
		if err := r.reconcile(ctx, ""); err != nil {
			return count{}, err
		}
		more, err := r.planRetries(ctx)
		if err != nil {
			return count{}, err
		}
		if !more {
			break
		}
	}
	counts, err := r.ledger.Count(ctx, "")
	if err != nil {
		return count{}, err
	}
	done := counts.States[quarry.ShardDone]
	return count{taken: counts.Total(), done: done, failed: counts.Total() - done}, nil
}

// reconcile ticks all shards of a kind, or all there are, to their end. At most the free slots + 2 are under way between
// planned and ended, so that the disk does not fill with files that cannot be sent yet.
func (r *Run) reconcile(ctx context.Context, kind quarry.ShardKind) error {
	ahead := r.cfg.Quotas.OpenJobs
	if ahead == 0 {
		ahead = math.MaxInt32
	}
	ahead += 2
	refill := func(ctx context.Context) error {
		all, err := r.ledger.Count(ctx, "")
		if err != nil {
			return err
		}
		if all.Held == 0 {
			return nil
		}
		underway := all.Unfinished() - all.States[quarry.ShardEnded] - all.States[quarry.ShardCollected]
		return r.ledger.Release(ctx, time.Now(), ahead-underway, kind)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	err = reconcile.Run(ctx, reconcile.Config{
		Ledger: r.ledger, Step: r.step, Refill: refill, Owner: fmt.Sprintf("%s:%d", host, os.Getpid()),
	})
	if err != nil {
		return err
	}
	counts, err := r.ledger.Count(ctx, kind)
	if err != nil {
		return err
	}
	if done := counts.States[quarry.ShardDone]; done != counts.Total() {
		return fmt.Errorf("%d of %d shards are done and none is due: %w", done, counts.Total(), errors.ErrUnsupported)
	}
	return nil
}
