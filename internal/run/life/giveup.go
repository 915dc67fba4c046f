package life

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/base/ledger"
)

// A pass that is given up sends nothing any more; what it has sent is followed to its end and collected.

// Sent reports whether there is something of a shard to be followed or collected. For an intent it queries the provider, until its list is
// reliable, lag after the upload. A shard whose job failed before any record was answered, and which waits to be sent again, has nothing.
func (l *Life) Sent(ctx context.Context, s *ledger.Shard, lag time.Duration) (bool, error) {
	switch s.State {
	case quarry.ShardPlanned, quarry.ShardBuilt, quarry.ShardUploaded:
		return false, nil
	case quarry.ShardIntended:
	default:
		return true, nil
	}
	for last := false; ; last = true {
		known, err := l.Find(ctx, s)
		if err != nil {
			return false, err
		}
		if known {
			return true, l.Ledger.Save(ctx, s)
		}
		left := time.Until(s.Times.Uploaded.Add(lag))
		if last || left <= 0 {
			return false, nil
		}
		select {
		case <-time.After(left):
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// Unsent tells the shards of a pass of which there is something to be followed or collected from those that the provider never received.
func (l *Life) Unsent(ctx context.Context, rows []ledger.Shard, lag time.Duration) (sent, unsent []ledger.Shard, err error) {
	for i := range rows {
		s := &rows[i]
		was, err := l.Sent(ctx, s, lag)
		if err != nil {
			return nil, nil, err
		}
		if was {
			sent = append(sent, *s)
		} else {
			unsent = append(unsent, *s)
		}
	}
	return sent, unsent, nil
}

// Drain follows what was sent to its end and collects it. Calls that were not made are not made any more.
func (l *Life) Drain(ctx context.Context, rows []ledger.Shard) error {
	var all []*ledger.Shard
	for i := range rows {
		s := &rows[i]
		if s.State == quarry.ShardCalling {
			s.Job.Status = quarry.JobStopped
			if err := l.endCalls(ctx, s); err != nil {
				return err
			}
			if err := l.Ledger.Save(ctx, s); err != nil {
				return err
			}
		}
		all = append(all, s)
	}
	failed, err := l.Collect(ctx, all, true)
	if err := errors.Join(append(failed, err)...); err != nil {
		return err
	}
	for _, s := range all {
		if s.State != quarry.ShardDone {
			return fmt.Errorf("give up pass %d: shard %s is %s", s.Pass, s.ID, s.State)
		}
	}
	return nil
}
