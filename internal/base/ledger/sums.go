package ledger

import (
	"context"
	"fmt"
	"strings"

	"quarry"
	"quarry/internal/base/effect"
)

// Group is what some rows have in common, and their sums.
type Group struct {
	Pass    int
	Kind    quarry.ShardKind
	State   quarry.ShardState
	Mode    quarry.Mode
	Unasked bool // their records are not sent
	Held    bool // they wait for their release

	Shards   int64
	Records  int64
	Answered int64 // of Records, those that need no call any more; see Shard.answered
	Money
}

// Groups are the sums of rows, in groups. There are a few for each pass.
type Groups []Group

// Counts counts the rows by state; Held counts those of them that wait for their release.
type Counts struct {
	States map[quarry.ShardState]int64
	Held   int64
}

// Total is the number of rows.
func (c Counts) Total() (n int64) {
	for _, k := range c.States {
		n += k
	}
	return n
}

// Unfinished is the number of released rows that are not done.
func (c Counts) Unfinished() int64 { return c.Total() - c.States[quarry.ShardDone] - c.Held }

// Count counts the rows of a kind, or of all where it is empty.
func (l *Ledger) Count(ctx context.Context, kind quarry.ShardKind) (Counts, error) {
	c := Counts{States: map[quarry.ShardState]int64{}}
	groups, err := readGroups(l.db.Query(ctx, allGroups))
	if err != nil {
		return c, fmt.Errorf("count shards: %w", err)
	}
	for i := range groups {
		g := &groups[i]
		if kind != "" && kind != g.Kind {
			continue
		}
		c.States[g.State] += g.Shards
		if g.Held {
			c.Held += g.Shards
		}
	}
	return c, nil
}

// Groups gives the sums of the rows of a pass.
func (l *Ledger) Groups(ctx context.Context, pass int) (Groups, error) {
	groups, err := readGroups(l.db.Query(ctx, passGroups, pass))
	if err != nil {
		return nil, fmt.Errorf("add up the shards of pass %d: %w", pass, err)
	}
	return groups, nil
}

var (
	selectGroups = `SELECT pass, kind, state, mode, unasked, held, shards, ` + strings.Join(summed, ", ") + ` FROM total WHERE /*run and*/ `
	allGroups    = selectGroups + `TRUE`
	passGroups   = selectGroups + `pass = $1`
)

func readGroups(rows *effect.Rows, err error) (all Groups, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var g Group
		var kind, state, mode string
		if err := rows.Scan(&g.Pass, &kind, &state, &mode, &g.Unasked, &g.Held, &g.Shards, &g.Records, &g.Answered,
			&g.Settled, &g.Forecast, &g.Input, &g.Output, &g.Unpriced); err != nil {
			return nil, err
		}
		g.Kind, g.State, g.Mode = quarry.ShardKind(kind), quarry.ShardState(state), quarry.Mode(mode)
		all = append(all, g)
	}
	return all, rows.Err()
}
