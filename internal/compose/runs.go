package compose

import (
	"context"
	"errors"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/base/ledger/runner"
	"quarry/internal/config"
	"quarry/internal/run/book"
	"quarry/internal/run/history"
)

// RunRow is one run of a ledger in Postgres, as `quarry runs --json` prints it.
type RunRow struct {
	Run       quarry.RunID `json:"run"`
	State     book.State   `json:"state"`
	Halted    book.Halt    `json:"halted"`    // why it is halted or stopped; empty: it is neither
	Documents *int64       `json:"documents"` // of its last plan; null: it has none
	Spent     *quarry.USD  `json:"spent_usd"` // null: unknown
	Cap       *quarry.USD  `json:"cap_usd"`   // null: none
	Owner     string       `json:"owner"`     // the process that works on it; empty: none
	Created   string       `json:"created"`   // RFC 3339
	Bucket    string       `json:"bucket"`    // that has its files

	last string // when its last pass ended, else when it began
}

// Runs gives the runs of the ledger that the settings name, sorted by id. An id that a refused command left, and that no run has, is left out.
func Runs(ctx context.Context, s *config.Settings) ([]RunRow, error) {
	prices, err := Prices(s)
	if err != nil {
		return nil, err
	}
	e := effect.New(nil)
	ids, err := ledger.Runs(ctx, e, s.Ledger)
	if err != nil {
		return nil, err
	}
	holders, err := runner.Holders(ctx, s.Ledger, ids...)
	if err != nil {
		return nil, err
	}
	rows := []RunRow{}
	for _, id := range ids {
		row, err := runRow(ctx, e, s.Ledger, id, prices)
		if err != nil {
			return nil, err
		}
		if row == nil {
			continue
		}
		if row.Owner = holders[id]; row.Owner != "" {
			row.State, row.Halted = book.Running, ""
		}
		rows = append(rows, *row)
	}
	return rows, nil
}

// runRow reads one run; nil: it has not begun.
func runRow(ctx context.Context, e *effect.Effects, address string, id quarry.RunID, prices *cost.Table) (row *RunRow, err error) {
	l, err := ledger.ReadPostgres(ctx, e, address, id)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	kept := book.Of(l)
	head, err := kept.Head(ctx)
	if err != nil || head.Run == "" {
		return nil, err
	}
	row = &RunRow{Run: id, State: head.State(false), Halted: head.Why(), Cap: head.Cap, Created: head.Created, Bucket: head.Bucket}
	row.last = head.Created
	p, err := kept.Pass(ctx, head.Pass)
	if err != nil {
		return nil, err
	}
	if p.Ended != nil {
		row.last = quarry.Timestamp(p.Ended.At)
	}
	if p.Plan != nil {
		row.Documents = &p.Plan.Documents
	}
	h, err := history.Now(ctx, l, prices)
	row.Spent = h.Whole.Cost.Actual
	return row, err
}
