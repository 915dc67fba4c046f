package ledger

import (
	"context"
	"fmt"

	"quarry"
)

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
	rows, err := l.db.Query(ctx, `SELECT state, COUNT(*), SUM(CASE WHEN due = $1 THEN 1 ELSE 0 END) FROM shard
		WHERE kind = $2 OR $2 = '' GROUP BY state`, held.UnixMilli(), string(kind))
	if err != nil {
		return c, fmt.Errorf("count shards: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var state string
		var n, waiting int64
		if err := rows.Scan(&state, &n, &waiting); err != nil {
			return c, fmt.Errorf("count shards: %w", err)
		}
		c.States[quarry.ShardState(state)] = n
		if quarry.ShardState(state) != quarry.ShardDone {
			c.Held += waiting
		}
	}
	return c, rows.Err()
}
