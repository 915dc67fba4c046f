// Package previous opens the finished pass that a pass is joined with.
//
// It owns which pass that is, also in a run that was taken over or that an earlier version began. It reads the book and the index of that
// pass and changes nothing. What always holds: a pass without an earlier one is joined with none.
package previous

import (
	"context"
	"fmt"

	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/index"
	"quarry/internal/run/plan"
	"quarry/internal/run/planner"
)

// Pass is a finished pass: its plan, and what its index knows of each document. The zero value is none, whose Known is nil.
type Pass struct {
	*index.Known
	Plan plan.Plan
}

// Close closes the files that were opened.
func (p *Pass) Close() {
	if p.Known != nil {
		p.Known.Close()
	}
}

func open(of index.Pass, planned plan.Plan) Pass {
	return Pass{Known: of.Known(planned.Orders), Plan: planned}
}

// Of opens the pass that pass n is joined with. at gives the index of a pass.
func Of(ctx context.Context, b *book.Book, at func(pass int) index.Pass, n int) (Pass, error) {
	before, err := b.Before(ctx, n)
	if err != nil {
		return Pass{}, err
	}
	if before == planner.ImportedPass {
		return imported(ctx, b, at, n)
	}
	planned, ok, err := b.Plan(ctx, before)
	if err != nil {
		return Pass{}, err
	}
	if !ok {
		return Pass{}, fmt.Errorf("pass %d has no plan", before)
	}
	return open(at(before), planned), nil
}

// imported opens the given answers where an earlier version joined the pass with them as with a pass before.
func imported(ctx context.Context, b *book.Book, at func(int) index.Pass, n int) (Pass, error) {
	if _, planned, err := b.Plan(ctx, n); err != nil || !planned {
		return Pass{}, err
	}
	answers, ok, err := b.Plan(ctx, planner.ImportedPass)
	if _, noted := at(n).Given(); err != nil || noted || !ok {
		return Pass{}, err
	}
	return open(at(planner.ImportedPass), answers), nil
}

// OfAdopted opens the pass before pass n among those that were taken over, which are those with rows.
func OfAdopted(ctx context.Context, b *book.Book, at func(int) index.Pass, rows []ledger.Shard, n int) (Pass, error) {
	earlier := 0
	for i := range rows {
		if pass := rows[i].Pass; pass < n {
			earlier = max(earlier, pass)
		}
	}
	if earlier == 0 {
		return Pass{}, nil
	}
	planned, ok, err := b.Plan(ctx, earlier)
	if err != nil || !ok {
		return Pass{}, err
	}
	return open(at(earlier), planned), nil
}
