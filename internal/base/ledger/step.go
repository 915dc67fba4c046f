package ledger

import (
	"context"
	"fmt"
	"time"

	"quarry/internal/base/effect"
)

// Step is how far one step of the run's list came. Taken = Done + Failed + Skipped once it is finished.
type Step struct {
	Name                         string
	Finished                     bool
	Began, Ended                 time.Time
	Taken, Done, Failed, Skipped int64
}

// SaveStep stores a step.
func (l *Ledger) SaveStep(ctx context.Context, s Step) error {
	state := "begun"
	if s.Finished {
		state = "finished"
	}
	return l.change(ctx, "ledger: step "+s.Name+" "+state, func(tx *effect.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO step (/*run,*/ name, state, began, ended, taken, done, failed, skipped) VALUES (/*'run',*/ $1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (/*run,*/ name) DO UPDATE SET state = excluded.state, began = excluded.began, ended = excluded.ended, taken = excluded.taken,
			done = excluded.done, failed = excluded.failed, skipped = excluded.skipped`,
			s.Name, state, s.Began.UnixMilli(), s.Ended.UnixMilli(), s.Taken, s.Done, s.Failed, s.Skipped)
		if err != nil {
			return fmt.Errorf("save step %s: %w", s.Name, err)
		}
		return nil
	})
}

// Steps gives the steps that were begun, by name.
func (l *Ledger) Steps(ctx context.Context) (map[string]Step, error) {
	rows, err := l.db.Query(ctx, `SELECT name, state, began, ended, taken, done, failed, skipped FROM step WHERE /*run and*/ TRUE`)
	if err != nil {
		return nil, fmt.Errorf("read steps: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := map[string]Step{}
	for rows.Next() {
		var s Step
		var state string
		var began, ended int64
		if err := rows.Scan(&s.Name, &state, &began, &ended, &s.Taken, &s.Done, &s.Failed, &s.Skipped); err != nil {
			return nil, fmt.Errorf("read steps: %w", err)
		}
		s.Finished = state == "finished"
		s.Began, s.Ended = time.UnixMilli(began), time.UnixMilli(ended)
		all[s.Name] = s
	}
	return all, rows.Err()
}
