package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/life"
)

// A command that was refused, or that a person ended, binds the next one to nothing. A pass that has sent nothing is dropped as
// soon as something is to be done otherwise. A pass that has sent something is given up where the next command has other
// settings: what it has not sent is dropped, what it has sent is followed to its end and collected with the settings it was
// asked with, and its answers stay known. So is a pass that stopped at its gate, where its sources were corrected.

// letGo drops or gives up the pass at hand where this command is not the one that it was planned for.
func (r *Run) letGo(ctx context.Context) error {
	head, err := r.book.Head(ctx)
	if err != nil || head.Ended() || head.WithoutSources() {
		return err
	}
	pass := head.Pass
	kept, err := r.book.Pass(ctx, pass)
	if err != nil || kept.Plan == nil {
		return err
	}
	flags, err := r.current().flags(r.bounds().MayCall(), r.pools.Refs())
	if err != nil {
		return err
	}
	rows, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(s ledger.Shard) bool { return s.Pass != pass })
	other := head.Settings != r.cfg.Settings || !slices.Equal(head.Sources, r.cfg.Sources)
	switch {
	case head.Abandoned == pass:
		return r.giveUp(ctx, pass, rows)
	case !slices.ContainsFunc(rows, func(s ledger.Shard) bool { return sent(&s) }):
		changed := head.Seen != r.seen || (kept.Flags != "" && kept.Flags != flags)
		if other || changed {
			return r.dropPass(ctx, pass, rows)
		}
	default:
		over := other || kept.Unanswered
		if !over {
			if over, err = r.corrected(ctx, kept.Judged, head.Seen); err != nil {
				return err
			}
		}
		if over {
			if err := r.refusal(ctx); err != nil {
				return err
			}
			return r.giveUp(ctx, pass, rows)
		}
	}
	return r.freeUnsent(ctx, rows)
}

// refusal says why this command would be refused before it sends anything: no pass is given up for such a command.
func (r *Run) refusal(ctx context.Context) error {
	for _, check := range []func(context.Context) error{r.deps.AnyDocument, r.deps.Preflight} {
		if check == nil {
			continue
		}
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// sent reports whether a shard may have reached the provider.
func sent(s *ledger.Shard) bool { return s.Sent() }

// freeUnsent lets shards that were not sent go to the places that this command names.
func (r *Run) freeUnsent(ctx context.Context, rows []ledger.Shard) error {
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	moved := head.Region != r.cfg.Region || head.Bucket != r.bucket.Name()
	for i := range rows {
		s := &rows[i]
		if s.State != quarry.ShardBuilt && s.State != quarry.ShardUploaded {
			continue
		}
		elsewhere := moved && s.Pool == (ledger.Pool{})
		if !elsewhere {
			if r.pools.Named(s) != nil {
				continue
			}
		}
		s.Pool, s.Waits, s.Due = ledger.Pool{}, "", time.Now()
		if s.State == quarry.ShardUploaded {
			if err := s.State.Advance(quarry.ShardUploaded, quarry.ShardBuilt); err != nil {
				return err
			}
		}
		if err := r.ledger.Save(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// dropPass removes every trace of a pass that has sent nothing.
func (r *Run) dropPass(ctx context.Context, pass int, rows []ledger.Shard) error {
	if err := r.dropRows(ctx, pass, rows, func(h *book.Head, p *book.Pass) { h.Seen, *p = "", book.Pass{} }); err != nil {
		return err
	}
	if err := r.removeFiles(rows); err != nil {
		return err
	}
	return r.index(pass).Remove()
}

// dropRows drops shards of a pass with a change of its facts. Their numbers are not given again: their objects may be in the
// bucket.
func (r *Run) dropRows(ctx context.Context, pass int, rows []ledger.Shard, change func(*book.Head, *book.Pass)) error {
	return r.book.Drop(ctx, pass, rows, func(h *book.Head, p *book.Pass) {
		if len(rows) > 0 {
			h.Numbered = highest(h.Numbered, rows)
		}
		change(h, p)
	})
}

// removeFiles removes what was written for shards that were dropped.
func (r *Run) removeFiles(rows []ledger.Shard) error {
	for i := range rows {
		id := rows[i].ID
		for _, path := range []string{r.files().Input(id), r.files().Base(id), r.files().Part(id), r.files().Queue(id), r.files().Journal(id), r.files().Unbuilt(id)} {
			if _, err := os.Stat(path); err != nil {
				continue
			}
			if err := r.effects.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// giveUp ends a pass that has sent something, for a command with other settings. Each move can be made again after a crash.
func (r *Run) giveUp(ctx context.Context, pass int, rows []ledger.Shard) error {
	kept, err := r.dropUnsent(ctx, pass, rows)
	if err != nil {
		return err
	}
	open := 0
	for i := range kept {
		if s := kept[i].State; s == quarry.ShardSubmitted || s == quarry.ShardIntended {
			open++
		}
	}
	text := fmt.Sprintf("pass %d is not finished; this command gives it up: what it has not sent is dropped, and its answers are kept", pass)
	if open > 0 {
		text += fmt.Sprintf("; %s open and collected first (`quarry stop` ends jobs early)", figure.Clause(open, "job", "is", "are"))
	}
	r.deps.Watch.Note(text)
	if err := r.drain(ctx, pass, kept); err != nil {
		return err
	}
	r.pass = pass
	if err := r.remember(ctx); err != nil {
		return err
	}
	return r.book.Change(ctx, pass, func(h *book.Head, p *book.Pass) {
		p.Ended = &book.Ended{At: time.Now().UTC()}
		r.begin(h)
		h.Pass, h.Abandoned, h.Seen = pass+1, 0, ""
	})
}

// dropUnsent drops the shards of a pass that the provider never heard of, and gives the others. Of an intent the provider is
// asked, until its list can be relied upon.
func (r *Run) dropUnsent(ctx context.Context, pass int, rows []ledger.Shard) (kept []ledger.Shard, err error) {
	restore, err := r.asPass(ctx, pass)
	if err != nil {
		return nil, err
	}
	defer restore()
	l, err := r.life(ctx, true)
	if err != nil {
		return nil, err
	}
	var gone []ledger.Shard
	for i := range rows {
		s := &rows[i]
		if s.State == quarry.ShardIntended {
			if err := r.resolveIntent(ctx, l, s); err != nil {
				return nil, err
			}
		}
		if s.State == quarry.ShardIntended || !sentNow(s) {
			gone = append(gone, *s)
			continue
		}
		kept = append(kept, *s)
	}
	if err := r.dropRows(ctx, pass, gone, func(h *book.Head, _ *book.Pass) { h.Abandoned = pass }); err != nil {
		return nil, err
	}
	return kept, r.removeFiles(gone)
}

// sentNow reports whether there is something of a shard to be followed or collected. A shard whose job failed before any record
// was answered, and which waits to go out again, has nothing.
func sentNow(s *ledger.Shard) bool {
	switch s.State {
	case quarry.ShardPlanned, quarry.ShardBuilt, quarry.ShardUploaded:
		return false
	}
	return true
}

// resolveIntent asks the provider whether it made a job of an intent. A job may be missing from the list for a while.
func (r *Run) resolveIntent(ctx context.Context, l *life.Life, s *ledger.Shard) error {
	for last := false; ; {
		known, err := l.Find(ctx, s)
		if err != nil {
			return err
		}
		if known {
			return r.ledger.Save(ctx, s)
		}
		left := time.Until(s.Times.Uploaded.Add(r.cfg.ListLag))
		if last || left <= 0 {
			return nil
		}
		last = true
		select {
		case <-time.After(left):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// asPass makes a pass the one at hand until restore is called.
func (r *Run) asPass(ctx context.Context, pass int) (restore func(), err error) {
	kept, err := r.book.Pass(ctx, pass)
	if err != nil {
		return nil, err
	}
	asked := r.cfg.Asked // a ledger of format 1 does not say what the pass was sent with
	if kept.Asked != nil {
		if asked, err = asked.ofPass(kept.Asked); err != nil {
			return nil, err
		}
	}
	at := r.pass
	r.pass, r.asked = pass, asked
	return func() { r.pass, r.asked = at, r.cfg.Asked }, nil
}

// drain follows what a pass has sent to its end and collects it. Calls that were not made are not made any more.
func (r *Run) drain(ctx context.Context, pass int, rows []ledger.Shard) error {
	restore, err := r.asPass(ctx, pass)
	if err != nil {
		return err
	}
	defer restore()
	l, err := r.life(ctx, true)
	if err != nil {
		return err
	}
	var mine []*ledger.Shard
	for i := range rows {
		s := &rows[i]
		if s.State == quarry.ShardCalling {
			if err := r.endCalls(ctx, l, s); err != nil {
				return err
			}
		}
		mine = append(mine, s)
	}
	failed, err := l.Collect(ctx, mine, true)
	if err := errors.Join(append(failed, err)...); err != nil {
		return err
	}
	for _, s := range mine {
		if s.State != quarry.ShardDone {
			return fmt.Errorf("give up pass %d: shard %s is %s", pass, s.ID, s.State)
		}
	}
	return nil
}

// endCalls seals the answers of the calls that were made for a shard.
func (r *Run) endCalls(ctx context.Context, l *life.Life, s *ledger.Shard) error {
	s.Job.Status = quarry.JobStopped
	if err := l.EndCalls(ctx, s); err != nil {
		return err
	}
	return r.ledger.Save(ctx, s)
}
