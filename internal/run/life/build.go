package life

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/run/event"
	"quarry/internal/run/input"
	"quarry/internal/run/relocate"
)

func build(ctx context.Context, l *Life, s *ledger.Shard) error {
	return l.exclusive(ctx, func() error { return l.build(ctx, s) })
}

// build writes a shard's input file and its part of the index. Doing it again writes the same bytes, or fewer records if the sources
// changed in between.
func (l *Life) build(ctx context.Context, s *ledger.Shard) error {
	began := time.Now()
	b, err := l.Build(ctx, s)
	if err != nil {
		return fmt.Errorf("build shard %s: %w", s.ID, err)
	}
	if b.Records+b.Changed.Records != s.Records {
		return fmt.Errorf("build shard %s: %s and %s that changed, of %s planned",
			s.ID, figure.Count(b.Records, "record"), figure.Thousands(b.Changed.Records), figure.Thousands(s.Records))
	}
	if stale, err := l.pilotIsStale(ctx, s, &b); err != nil || stale {
		return errors.Join(err, fmt.Errorf("build shard %s: %s left of the pilot's %s: %w",
			s.ID, figure.Clause(b.Records, "record", "is", "are"), figure.Thousands(s.Records), relocate.SourceChanged(s.Start)))
	}
	s.Digest, s.Records, s.Bytes, s.AnswerTokens, s.Parted, s.Unbuilt = b.Digest, b.Records, b.Bytes, b.Tokens, b.Parted, b.Changed.Records
	if b.Changed.Records > 0 {
		l.shrink(s, &b.Changed)
	}
	s.Times.Built, s.Times.Build = time.Now(), time.Since(began)
	return s.State.Advance(quarry.ShardPlanned, quarry.ShardBuilt)
}

// pilotIsStale reports whether a pilot's shard holds too few records now to be sent, and nothing of its pass was sent: then the
// pass is better planned again than its gate left without answers to judge.
func (l *Life) pilotIsStale(ctx context.Context, s *ledger.Shard, b *input.Built) (bool, error) {
	few := b.Records == 0 || (l.tooFew(s.Mode, b.Records) && !l.MayCall)
	if s.Kind != quarry.PilotShard || b.Changed.Records == 0 || !few {
		return false, nil
	}
	groups, err := l.Ledger.Groups(ctx, s.Pass)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(groups, func(g ledger.Group) bool {
		return g.State != quarry.ShardPlanned && g.State != quarry.ShardBuilt
	}), nil
}

// tooFew reports whether no job takes so few records.
func (l *Life) tooFew(mode quarry.Mode, records int64) bool {
	return mode == quarry.ModeJob && records < l.Costs.MinRecords
}

// shrink decides what becomes of a shard that holds fewer records than were planned.
func (l *Life) shrink(s *ledger.Shard, c *input.Changed) {
	note := func(format string, args ...any) {
		l.Watch.Send(event.Event{Kind: event.Note, Shard: s.ID, Text: "shard " + string(s.ID) + ": " + fmt.Sprintf(format, args...)})
	}
	names := strings.Join(c.First, ", ")
	if c.Documents > int64(len(c.First)) {
		names += fmt.Sprintf(" and %d more", c.Documents-int64(len(c.First)))
	}
	note("%s changed in the sources after they were planned and are not sent (%s): they end failed, class %s; "+
		"rerun the same command to plan and send them",
		figure.Count(c.Documents, "document"), names, quarry.ClassSourceChanged)
	left := figure.Clause(s.Records, "record", "is", "are")
	switch few := l.tooFew(s.Mode, s.Records); {
	case s.Records == 0:
		s.Unasked = string(quarry.ClassSourceChanged)
	case few && l.MayCall:
		s.Mode = quarry.ModeOnDemand
		note("%s left, below the minimum of a batch job: sent as on-demand calls", left)
	case few:
		s.Unasked = quarry.KindBelowMinimum
		note("%s left, below the minimum of %s of a batch job: not sent, the next run sends them", left, figure.Thousands(l.Costs.MinRecords))
	}
}
