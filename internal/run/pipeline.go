package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"quarry"
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
	p, err := r.askPilot(ctx)
	if err != nil {
		return count{}, err
	}
	switch {
	case p.records > 0 && p.judged <= 0:
		return count{}, &quarry.Error{
			Kind: quarry.OverLimit, Op: "pass the pilot", Subject: fmt.Sprintf("of %d documents", p.records),
			Err:  fmt.Errorf("none was answered in %d attempts (%s)", r.cfg.Attempts, classesText(p.classes)),
			Hint: "`quarry status` shows what became of its jobs, " + r.cfg.Dir + "/journal what was said of each record; mend the cause and start with another --dir",
		}
	case float64(p.ok) < r.cfg.PilotMinValid*float64(p.judged):
		return count{}, &quarry.Error{
			Kind: quarry.OverLimit, Op: "pass the pilot", Subject: fmt.Sprintf("of %d documents", p.records),
			Err:  fmt.Errorf("%d of %d answers are good (%s), the gate asks for %.0f %%", p.ok, p.judged, classesText(p.classes), 100*r.cfg.PilotMinValid),
			Hint: "look at " + r.cfg.Dir + "/journal for the answers, change the prompt, the schema or the model and start with another --dir, or lower --pilot-min-valid",
		}
	}
	r.watch(Event{Kind: PilotRead, Done: p.ok, Total: p.records, Usage: p.usage, Text: classesText(p.classes)})
	return count{taken: p.records, done: p.ok, failed: p.records - p.ok}, nil
}

// askPilot lives the lives of the pilot's shards. What the provider did not answer, because a job expired or was stopped,
// is asked again until half of the sample is read or nothing of it may be asked any more: a gate that judges no answers
// would stay shut for good.
func (r *Run) askPilot(ctx context.Context) (pilotRead, error) {
	for _, kind := range []quarry.ShardKind{quarry.PilotShard, quarry.RetryShard} {
		if err := r.reconcile(ctx, kind); err != nil {
			return pilotRead{}, err
		}
	}
	for {
		p, err := r.readPilot(ctx)
		if err != nil || 2*p.judged >= p.records {
			return p, err
		}
		if more, err := r.planRetries(ctx, p.shards); err != nil || !more {
			return p, err
		}
		if err := r.reconcile(ctx, quarry.RetryShard); err != nil {
			return p, err
		}
	}
}

// pilotRead is what the pilot's answers came to.
type pilotRead struct {
	shards     map[quarry.ShardID]bool // its own, and those that asked nothing but its records again
	records    int64
	judged, ok int64 // what the provider could not answer for a moment says nothing about the prompt
	classes    map[quarry.Class]int64
	usage      quarry.Usage
}

func (r *Run) readPilot(ctx context.Context) (pilotRead, error) {
	p := pilotRead{shards: map[quarry.ShardID]bool{}, classes: map[quarry.Class]int64{}}
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return p, err
	}
	for i := range shards { // in the order in which they were planned
		s := &shards[i]
		again := len(s.Sources) > 0
		for _, from := range s.Sources {
			again = again && p.shards[from]
		}
		if s.Pass != r.planned.Pass || (s.Kind != quarry.PilotShard && !again) {
			continue
		}
		p.shards[s.ID] = true
		if !again {
			p.records += s.Records
		}
		p.ok += s.Tally.OK
		p.judged += s.Records - s.Tally.Classes[quarry.ClassThrottled] - s.Tally.Classes[quarry.ClassMissing]
		p.usage.Add(s.Tally.Usage)
		for c, n := range s.Tally.Classes {
			p.classes[c] += n
		}
	}
	return p, nil
}

// shards lives the lives of all shards, then asks again what they left, until nothing is left that may be asked.
func (r *Run) shards(ctx context.Context) (count, error) {
	for {
		if err := r.reconcile(ctx, ""); err != nil {
			return count{}, err
		}
		more, err := r.planRetries(ctx, nil)
		if err != nil {
			return count{}, err
		}
		if !more {
			break
		}
	}
	if err := r.countUnasked(ctx); err != nil {
		return count{}, err
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
