// Package book is the memory of a run: what its ledger keeps of the run as a whole and of each of its passes, as typed values.
//
// It owns the names and the formats of the ledger's facts. It owns neither the rows nor what follows from a fact. What always
// holds: a change is one transaction, together with the rows that belong to it; only facts that a change touches are written,
// so what another version keeps stays as it is; a directory of an earlier version is read.
package book

import (
	"context"
	"maps"
	"sync"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/run/cut"
	"quarry/internal/run/plan"
)

// Book reads and changes the facts of a ledger. Safe for concurrent use: the lock of the run's directory makes its process the
// only one that changes them, and the mutex makes each change whole.
type Book struct {
	ledger *ledger.Ledger
	mu     sync.Mutex
}

// Of gives the facts of a ledger.
func Of(l *ledger.Ledger) *Book { return &Book{ledger: l} }

// Head reads what is kept of the run as a whole. A ledger without a run gives a Head whose Run is empty.
func (b *Book) Head(ctx context.Context) (h Head, err error) {
	return h, b.load(ctx, h.facts())
}

// Pass reads what is kept of pass n; its Plan is nil where the pass is not planned. Pass 0 has the plan of the given answers.
func (b *Book) Pass(ctx context.Context, n int) (p Pass, err error) {
	err = b.load(ctx, p.facts(n))
	p.complete(n)
	return p, err
}

// Plan reads the plan of pass n; ok says that it has one.
func (b *Book) Plan(ctx context.Context, n int) (p plan.Plan, ok bool, err error) {
	pass, err := b.Pass(ctx, n)
	if err != nil || pass.Plan == nil {
		return p, false, err
	}
	return *pass.Plan, true, nil
}

// Before is the number of the finished pass that pass n is joined with; 0: none. That of a pass without a plan is the last finished one.
func (b *Book) Before(ctx context.Context, n int) (int, error) {
	pass, err := b.Pass(ctx, n)
	if err != nil {
		return 0, err
	}
	if pass.Before != nil {
		return *pass.Before, nil
	}
	head, err := b.Head(ctx)
	return head.Finished, err
}

// Number gives new rows their ids and their places after the rows that there are. No number is given twice.
func (b *Book) Number(ctx context.Context, rows []ledger.Shard) error {
	seq, numbers, err := b.ledger.Last(ctx)
	if err != nil {
		return err
	}
	head, err := b.Head(ctx)
	for kind, n := range head.Numbered { // of rows that were dropped
		numbers[kind] = max(numbers[kind], n)
	}
	cut.Number(rows, numbers, seq)
	return err
}

// highest adds the numbers of rows to those that are known.
func highest(known map[quarry.ShardKind]int, rows []ledger.Shard) map[quarry.ShardKind]int {
	numbers := map[quarry.ShardKind]int{}
	maps.Copy(numbers, known)
	for i := range rows {
		numbers[rows[i].Kind] = max(numbers[rows[i].Kind], rows[i].ID.Number())
	}
	return numbers
}

// Change changes facts of the run and of pass n.
func (b *Book) Change(ctx context.Context, n int, change func(*Head, *Pass)) error {
	return b.edit(ctx, n, change, func(facts map[string]string) error {
		if len(facts) == 0 {
			return nil
		}
		return b.ledger.SetFacts(ctx, facts)
	})
}

// AddShards changes facts, and adds rows in the same transaction.
func (b *Book) AddShards(ctx context.Context, n int, rows []ledger.Shard, change func(*Head, *Pass)) error {
	return b.edit(ctx, n, change, func(facts map[string]string) error { return b.ledger.AddShards(ctx, rows, facts, nil) })
}

// Drop changes facts, and removes rows in the same transaction. The rows' numbers are not given again: their objects may be in the
// bucket.
func (b *Book) Drop(ctx context.Context, n int, rows []ledger.Shard, change func(*Head, *Pass)) error {
	drop := func(h *Head, p *Pass) {
		if len(rows) > 0 {
			h.Numbered = highest(h.Numbered, rows)
		}
		change(h, p)
	}
	return b.edit(ctx, n, drop, func(facts map[string]string) error { return b.ledger.Drop(ctx, rows, facts) })
}

// edit saves the facts that a change makes different.
func (b *Book) edit(ctx context.Context, n int, change func(*Head, *Pass), save func(map[string]string) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, err := b.Head(ctx)
	if err != nil {
		return err
	}
	p, err := b.Pass(ctx, n)
	if err != nil {
		return err
	}
	all := append(h.facts(), p.facts(n)...)
	before, err := values(all)
	if err != nil {
		return err
	}
	change(&h, &p)
	after, err := values(all)
	if err != nil {
		return err
	}
	for name, value := range after {
		if before[name] == value {
			delete(after, name)
		}
	}
	return save(after)
}

func (b *Book) load(ctx context.Context, facts []fact) error {
	names := make([]string, len(facts))
	for i := range facts {
		names[i] = facts[i].name
	}
	kept, err := b.ledger.Facts(ctx, names...)
	if err != nil {
		return err
	}
	return decode(facts, kept)
}
