// Package cut makes the rows of shards: which stretch of the sources, or which places of the retry queue, each of them sends.
//
// It joins pack's arithmetic with the index of a pass, and owns what becomes of records that no job can take. The rows it makes
// are of package ledger, and are in no ledger yet: numbering and storing them is for the caller. What always holds: every
// record that is to be sent is in exactly one row, and each row fits all quotas.
package cut

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/pack"
	"quarry/internal/run/index"
	"quarry/internal/run/plan"
)

// Bounds are what a shard has to fit.
type Bounds struct {
	Quotas quarry.Quotas // the tightest of all places where its job may be made
	Below  BelowMinimum  // what becomes of records that no job takes; empty: Stop
}

// MayCall reports whether records that no job takes may be sent by on-demand calls: they cost twice as much, and nothing on a
// stand-in.
func (b Bounds) MayCall() bool { return b.Below == OnDemand }

// UnsentKind is the error kind of records that no job takes and that are not sent.
func (b Bounds) UnsentKind() string {
	if b.Below == Hold {
		return quarry.KindWaiting
	}
	return quarry.KindBelowMinimum
}

// MaxLine is how long a record's line may be to fit into an input file at all, in bytes; 0 where no limit is known.
func (b Bounds) MaxLine() int64 { return pack.Config{Quotas: b.Quotas}.MaxBytes() }

// callQuotas cuts what is sent by on-demand calls: no job binds it, but a shard is what is built, sent and sealed at a
// time, so its size bounds what a crash has to read again.
var callQuotas = quarry.Quotas{RecordsPerFile: 10_000, FileBytes: 256 << 20}

// of gives the bounds of shards that are sent in a mode.
func (b Bounds) of(mode quarry.Mode) pack.Config {
	if mode != quarry.ModeJob {
		return pack.Config{Quotas: callQuotas}
	}
	return pack.Config{Quotas: b.Quotas}
}

// Plan cuts what a plan sends: the pilot, drawn from all of the source, and stretches of the rest. What people should know of
// it is noted in the plan. The rows have no ids and no places after others yet.
func Plan(ctx context.Context, p *plan.Plan, pass index.Pass, bounds Bounds) ([]ledger.Shard, error) {
	tooLarge, err := pilotTooLarge(ctx, p, pass, bounds)
	if err != nil {
		return nil, err
	}
	if tooLarge {
		p.Notes = append(p.Notes, fmt.Sprintf("no pilot: its %s may not fit into one file", figure.Count(p.Pilot, "record")))
		p.NoPilot()
	}
	noPilot := tooLarge || p.Held
	if p.Held {
		p.NoPilot()
	}
	rest := p.Records() - p.PilotRecords()
	whole := p.Pilot > 0 && rest > 0 && rest < bounds.Quotas.MinRecords && p.Mode == quarry.ModeJob
	switch {
	case whole:
		p.AllPilot()
		p.Notes = append(p.Notes, fmt.Sprintf("the pilot is the whole run, because the rest would be %s, below the minimum of a batch job", figure.Count(rest, "record")))
	case p.Pilot > 0 && rest == 0:
		whole = true
	}
	var rows []ledger.Shard
	if p.Pilot > 0 && !whole {
		var err error
		if rows, err = spans(ctx, p, pass, bounds, quarry.PilotShard, string(index.Pilot)); err != nil {
			return nil, err
		}
	}
	pilots := len(rows)
	kind, marks := quarry.MainShard, string(index.Main)
	if whole {
		kind, marks = quarry.PilotShard, marks+string(index.Pilot)
	}
	if noPilot {
		marks += string(index.Pilot)
	}
	main, err := spans(ctx, p, pass, bounds, kind, marks)
	if err != nil {
		return nil, err
	}
	rows = append(rows, main...)
	return rows, errors.Join(placeStretches(pass, rows[:pilots]), placeStretches(pass, rows[pilots:]))
}

// Number gives new rows their ids and their places after the rows that there are: numbers has the highest number of each kind,
// seq the highest place.
func Number(rows []ledger.Shard, numbers map[quarry.ShardKind]int, seq int64) {
	for i := range rows {
		s := &rows[i]
		numbers[s.Kind]++
		s.ID, s.Seq = quarry.NewShardID(s.Kind, numbers[s.Kind]), seq+int64(i)+1
	}
}

// spans packs the records of those documents that have one of the marks into shards.
func spans(ctx context.Context, p *plan.Plan, pass index.Pass, bounds Bounds, kind quarry.ShardKind, marks string) ([]ledger.Shard, error) {
	column, err := pass.OpenDispositions()
	if err != nil {
		return nil, err
	}
	defer func() { _ = column.Close() }()
	var rows []ledger.Shard
	for span, err := range pack.Spans(ctx, items(pass, column, marks), bounds.of(p.Mode)) {
		if err != nil {
			return nil, fmt.Errorf("cut shards: %w", err)
		}
		first, last := index.RecordPos(span.First), index.RecordPos(span.Last)
		rows = append(rows, ledger.Shard{
			Kind: kind, State: quarry.ShardPlanned, Mode: p.Mode,
			Detail: ledger.Detail{
				Pass: p.Pass, First: first.Order(), FirstPart: first.Part(), Last: last.Order(), LastPart: last.Part(),
				Marks: marks, Records: span.Records, Bytes: span.Bytes, Attempt: 1,
			},
		})
	}
	if note := tooFew(rows, bounds); note != "" && !p.Held { // of a held plan it is said already, for all
		p.Notes = append(p.Notes, note)
	}
	return rows, nil
}

// items gives the records that are sent first of those documents that have one of the marks, by their positions.
func items(pass index.Pass, column *index.Column, marks string) iter.Seq2[pack.Item, error] {
	return func(yield func(pack.Item, error) bool) {
		for f, err := range pass.FirstRecords() {
			if err != nil {
				yield(pack.Item{}, err)
				return
			}
			t, err := column.Disposition(f.Pos.Order())
			if err != nil {
				yield(pack.Item{}, err)
				return
			}
			if t.Among(marks) && !yield(pack.Item{Order: int64(f.Pos), Bytes: f.Bytes}, nil) {
				return
			}
		}
	}
}

// placeStretches notes for each shard from where the sources are read for it.
func placeStretches(pass index.Pass, rows []ledger.Shard) error {
	i := 0
	var last index.Block
	for block, err := range pass.Blocks() {
		if err != nil {
			return err
		}
		for i < len(rows) && rows[i].First < block.Order {
			rows[i].Start, rows[i].StartOrder = last.At, last.Order
			i++
		}
		last = block
	}
	for ; i < len(rows); i++ {
		rows[i].Start, rows[i].StartOrder = last.At, last.Order
	}
	return nil
}

// Positions gives the first and the last position of a shard that is a stretch. It may begin and end inside a document.
func Positions(s *ledger.Shard) (first, last index.RecordPos) {
	return index.PosOf(s.First, s.FirstPart), index.PosOf(s.Last, s.LastPart)
}
