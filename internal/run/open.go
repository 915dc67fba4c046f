package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"quarry"
	"quarry/internal/ledger"
	"quarry/internal/run/index"
	"quarry/internal/source"
)

// open finds out whether the directory holds a run already, and whether it is this one.
func (r *Run) open(ctx context.Context) error {
	id, known, err := r.ledger.Fact(ctx, "run")
	if err != nil {
		return err
	}
	if !known {
		r.id = quarry.NewRunID()
		sources, err := json.Marshal(r.cfg.Sources)
		if err != nil {
			return err
		}
		r.pass = 1
		pools, err := marshalled(r.poolRefs())
		if err != nil {
			return err
		}
		facts := map[string]string{
			"pools": pools, "pass": "1", "seen": r.fingerprint(), "run": string(r.id), "sources": string(sources), "settings": r.cfg.Settings, "model": r.cfg.Model,
			"created": quarry.Timestamp(r.began), "version": r.cfg.Version, "target": r.target(), "region": r.cfg.Region, "bucket": r.bucket.Name(),
			standInFact: r.standIn(),
		}
		if err := r.ledger.SetFacts(ctx, facts); err != nil {
			return err
		}
		r.watch(Event{Kind: RunOpened, Text: string(r.id)})
		return nil
	}
	r.id = quarry.RunID(id)
	if err := r.sameRun(ctx); err != nil {
		return err
	}
	if err := r.letGo(ctx); err != nil {
		return err
	}
	if err := r.samePlace(ctx); err != nil {
		return err
	}
	if err := r.ledger.SetFacts(ctx, map[string]string{"version": r.cfg.Version, standInFact: r.standIn()}); err != nil { // which writes it now
		return err
	}
	// Whoever holds the lock is alone: no lease of a process that died has to run out.
	if err := r.ledger.Resume(ctx, time.Now()); err != nil {
		return err
	}
	if err := r.samePools(ctx); err != nil {
		return err
	}
	if err := r.homeFirst(ctx); err != nil {
		return err
	}
	if err := r.choosePass(ctx); err != nil {
		return err
	}
	if err := r.recallWork(ctx); err != nil {
		return err
	}
	r.watch(Event{Kind: RunOpened, Text: string(r.id), Done: 1})
	return nil
}

func (r *Run) target() string {
	if r.cfg.Local {
		return "local"
	}
	return "aws"
}

// standIn says whether a stand-in answers, so that nothing is paid.
func (r *Run) standIn() string { return strconv.FormatBool(r.cfg.Local || r.cfg.Free) }

// sameRun refuses to go on with other sources, another target or other settings than the run was begun with.
func (r *Run) sameRun(ctx context.Context) error {
	text, _, err := r.ledger.Fact(ctx, "sources")
	if err != nil {
		return err
	}
	var before []string
	if err := json.Unmarshal([]byte(text), &before); err != nil {
		return fmt.Errorf("read the run's sources: %w", err)
	}
	fresh, err := r.withoutSources(ctx)
	if err != nil {
		return err
	}
	if fresh {
		b, err := json.Marshal(r.cfg.Sources)
		if err != nil {
			return err
		}
		if err := r.ledger.SetFacts(ctx, map[string]string{"sources": string(b)}); err != nil {
			return err
		}
	} else if !slices.Equal(before, r.cfg.Sources) {
		empty, err := r.nothingSent(ctx)
		if err != nil {
			return err
		}
		if r.cfg.ReplaceSource || empty {
			r.mayReplace()
			return r.sameTarget(ctx)
		}
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "resume", Subject: r.cfg.Dir, Err: fmt.Errorf("it is a run over %s, not over %s", strings.Join(before, " "), strings.Join(r.cfg.Sources, " ")),
			Hint: "name another directory with --dir, or the same sources; --replace-source takes these for the run's sources from now on",
		}
	}
	return r.sameTarget(ctx)
}

// nothingSent reports whether the run has sent nothing yet and no pass of it is finished: a command that was refused, as after a
// slip in the sources or the target, binds the next one to nothing.
func (r *Run) nothingSent(ctx context.Context) (bool, error) {
	facts, err := r.facts(ctx, "finished", adoptedFact)
	if err != nil || facts["finished"] != "" || facts[adoptedFact] != "" {
		return false, err
	}
	rows, err := r.ledger.Shards(ctx)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(rows, func(s ledger.Shard) bool { return sent(&s) }), nil
}

func (r *Run) sameTarget(ctx context.Context) error {
	was, _, err := r.ledger.Fact(ctx, "target")
	if err != nil {
		return err
	}
	if was != r.target() {
		if unsent, err := r.nothingSent(ctx); err != nil || unsent {
			return errors.Join(err, r.ledger.SetFacts(ctx, map[string]string{"target": r.target()}))
		}
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "resume", Subject: r.cfg.Dir, Err: fmt.Errorf("it was begun with --target %s", was), Hint: "name another directory with --dir, or that target",
		}
	}
	return nil
}

// samePlace refuses another Region or bucket while shards lie at the one before: their jobs would not be found there, and
// what they answered would be asked and paid again.
func (r *Run) samePlace(ctx context.Context) error {
	now := map[string]string{"region": r.cfg.Region, "bucket": r.bucket.Name()}
	for _, name := range []string{"region", "bucket"} {
		was, known, err := r.ledger.Fact(ctx, name)
		if err != nil {
			return err
		}
		if !known || was == now[name] {
			continue
		}
		shards, err := r.ledger.Shards(ctx)
		if err != nil {
			return err
		}
		for i := range shards {
			s := &shards[i]
			if s.Pool == (ledger.Pool{}) && s.Mode == quarry.ModeJob && (s.State == quarry.ShardUploaded || s.State.Open() || s.State == quarry.ShardEnded) {
				return &quarry.Error{
					Kind: quarry.BadUsage, Op: "resume", Subject: r.cfg.Dir, Err: fmt.Errorf("shard %s was sent in %s %s, not %s", s.ID, name, was, now[name]),
					Hint: fmt.Sprintf("use --%s %s; elsewhere the job would not be found, and its records would be billed again", name, was),
				}
			}
		}
	}
	return r.ledger.SetFacts(ctx, now)
}

// choosePass finds out whether the pass at hand has to be brought to its end, or whether it is finished and something has
// changed since: then a new pass begins, which asks only for what is new or changed.
func (r *Run) choosePass(ctx context.Context) error {
	facts := map[string]string{}
	for _, name := range []string{"pass", "finished", "seen", "settings", "settings.finished", "open"} {
		value, _, err := r.ledger.Fact(ctx, name)
		if err != nil {
			return err
		}
		facts[name] = value
	}
	pass, err := strconv.Atoi(facts["pass"])
	if err != nil {
		return fmt.Errorf("read the run's pass: %w", err)
	}
	r.pass = pass
	r.sameAsBefore = pass > 1 && facts["settings"] == facts["settings.finished"]
	same := facts["settings"] == r.cfg.Settings
	if facts["finished"] != facts["pass"] {
		if _, planned, err := r.plannedPass(ctx, pass); err != nil {
			return err
		} else if planned && same {
			return nil
		} else if !planned { // nothing was asked with the old ones; a refusal of the plan says which to change
			r.sameAsBefore = pass > 1 && r.cfg.Settings == facts["settings.finished"]
			return r.ledger.SetFacts(ctx, map[string]string{"seen": r.fingerprint(), "settings": r.cfg.Settings, "model": r.cfg.Model})
		}
		return fmt.Errorf("pass %d was planned with other settings and is still there", pass)
	}
	seen := r.fingerprint()
	if same && seen != "" && seen == facts["seen"] && facts["open"] == "" {
		r.done = true
		return nil // nothing is new: the files are made anew from what is there
	}
	r.pass++
	r.sameAsBefore = facts["settings.finished"] == r.cfg.Settings
	return r.ledger.SetFacts(ctx, map[string]string{"pass": strconv.Itoa(r.pass), "seen": seen, "settings": r.cfg.Settings, "model": r.cfg.Model})
}

// fingerprint tells whether files may have changed. Empty: it cannot be told.
func (r *Run) fingerprint() string { return source.Seen(r.cfg.Sources) }

// finished notes that the pass came to its end, and whether documents of it want to be asked again.
func (r *Run) finished(ctx context.Context) error {
	open := ""
	if n := r.totals.Again + r.planned.Stale; n > 0 {
		open = strconv.FormatInt(n, 10)
	}
	if err := r.remember(ctx); err != nil {
		return err
	}
	facts, err := endFacts(r.pass, r.ending)
	if err != nil {
		return err
	}
	facts["finished"], facts["settings.finished"], facts["open"] = strconv.Itoa(r.pass), r.cfg.Settings, open
	if err := r.ledger.SetFacts(ctx, facts); err != nil {
		return err
	}
	before, err := r.numberBefore(ctx)
	if err != nil {
		return err
	}
	return index.Forget(r.effects, r.cfg.Dir, r.pass, before)
}

// Close notes how long this process worked on the run.
func (r *Run) Close(ctx context.Context) error {
	if r.id == "" {
		return nil
	}
	took := time.Since(r.began)
	facts := map[string]string{"active": (r.active + took).Round(time.Millisecond).String()}
	if r.pass > 0 && !r.done && r.ending == nil {
		facts[workedFact(r.pass)] = (r.worked + took).Round(time.Millisecond).String()
	}
	return r.ledger.SetFacts(ctx, facts)
}

// StopRequest is the file by which another process asks a running one to stop spending.
const StopRequest = "stop"

// stopped obeys a request to stop: what was not sent stays unsent, open jobs are stopped, and what they finished is
// collected. It reports whether the shard has to stay as it is.
func (r *Run) stopped(ctx context.Context, s *ledger.Shard) (bool, error) {
	if !r.stopRequested() {
		return false, nil
	}
	switch s.State {
	case quarry.ShardSubmitted:
		if s.Job.Status == quarry.JobStopping || s.Job.Status.Terminal() {
			return false, nil
		}
		pool, err := r.pools.Of(s)
		if err != nil {
			return true, err
		}
		if err := pool.Bedrock.Stop(ctx, s.Job.ARN); err != nil {
			return true, r.waitOr(s, err)
		}
		s.Job.Status = quarry.JobStopping
		r.watch(Event{Kind: JobStatus, Shard: s.ID, Text: string(quarry.JobStopping)})
		return true, nil
	case quarry.ShardIntended, quarry.ShardEnded, quarry.ShardCollected:
		return false, nil // what may be at the provider is followed to its end
	}
	// What is open goes on to its end first; then this row is the only one due, and the run ends.
	counts, err := r.ledger.Count(ctx, "")
	if err != nil {
		return true, err
	}
	open := counts.States[quarry.ShardIntended] + counts.States[quarry.ShardSubmitted] + counts.States[quarry.ShardEnded] + counts.States[quarry.ShardCollected]
	if open > 0 {
		return true, r.wait(s, "a request to stop", time.Second)
	}
	return true, r.stopError()
}

func (r *Run) stopRequested() bool {
	_, err := os.Stat(filepath.Join(r.cfg.Dir, StopRequest))
	return err == nil
}

func (r *Run) stopError() error {
	return &quarry.Error{
		Kind: quarry.OverLimit, Op: "stop", Subject: "run " + string(r.id), Err: ErrStopRequested,
		Hint: "rerun the same command to continue",
	}
}

// ErrStopRequested says that another process asked this one to stop.
var ErrStopRequested = errors.New("asked to stop; what was finished is kept")
