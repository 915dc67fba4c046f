package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/effect"
)

// A plan of 20,000 shards is stored, and accounted for, in one transaction. A server gets many rows in one statement, as a JSON text:
// a statement of its own for each row waits for the network each time, and changes the sums each time.

// manyRows is how many rows are in one statement.
const manyRows = 1000

// moneyColumns are the columns of a row's money, in the order of Shard.money.
var moneyColumns = []string{"settled", "forecast", "input", "output", "unpriced", "factor"}

// addedColumns are those of a new row, in the order of Shard.added.
var addedColumns = slices.Concat([]string{"id", "seq", "kind", "state", "mode", "due", "detail", "sources"}, moneyColumns, derived)

var (
	insertMany = `INSERT INTO shard (/*run,*/ ` + strings.Join(addedColumns, ", ") + `) SELECT /*'run',*/ ` + strings.Join(addedColumns, ", ") +
		` FROM jsonb_to_recordset($1::text::jsonb) AS added (` + typed(addedColumns) + `)`
	saveMoneyMany = `UPDATE shard SET ` + setFrom("given", moneyColumns) + ` FROM jsonb_to_recordset($1::text::jsonb) AS given (id TEXT, ` +
		typed(moneyColumns) + `) WHERE /*run and*/ shard.id = given.id`
)

// typed are columns with their types, as a list of columns of a recordset has them.
func typed(columns []string) string {
	types := map[string]string{
		"id": "TEXT", "kind": "TEXT", "state": "TEXT", "mode": "TEXT", "detail": "TEXT", "sources": "TEXT", "quota": "TEXT",
		"ratio": "DOUBLE PRECISION", "factor": "DOUBLE PRECISION",
	}
	list := make([]string, len(columns))
	for i, column := range columns {
		kind := types[column]
		if kind == "" {
			kind = "BIGINT"
		}
		list[i] = column + " " + kind
	}
	return strings.Join(list, ", ")
}

// setFrom sets columns to those of a table.
func setFrom(table string, columns []string) string {
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = column + " = " + table + "." + column
	}
	return strings.Join(list, ", ")
}

// recordset is rows as a JSON text, of which each has values for the columns.
func recordset(columns []string, rows []Shard, values func(*Shard) ([]any, error)) (string, error) {
	all := make([]map[string]any, len(rows))
	for i := range rows {
		of, err := values(&rows[i])
		if err != nil {
			return "", err
		}
		all[i] = make(map[string]any, len(columns))
		for j, column := range columns {
			all[i][column] = of[j]
		}
	}
	b, err := json.Marshal(all)
	return string(b), err
}

// insertAll adds rows.
func (l *Ledger) insertAll(ctx context.Context, tx *effect.Tx, rows []Shard) error {
	if l.server == nil {
		for i := range rows {
			if err := l.insert(ctx, tx, &rows[i]); err != nil {
				return err
			}
		}
		return nil
	}
	var before []quarry.ShardID // most rows of a round have the same sources
	list := ""
	for some := range slices.Chunk(rows, manyRows) {
		text, err := recordset(addedColumns, some, func(s *Shard) ([]any, error) {
			if !slices.Equal(s.Sources, before) {
				var err error
				if list, err = addSources(ctx, tx, s.Sources); err != nil {
					return nil, err
				}
				before = s.Sources
			}
			if err := addPlaceOf(ctx, tx, s); err != nil {
				return nil, err
			}
			detail, err := s.detail()
			of := []any{string(s.ID), s.Seq, string(s.Kind), string(s.State), string(s.Mode), held.UnixMilli(), detail, list}
			return slices.Concat(of, s.money()[1:], s.columns()), err
		})
		if err == nil {
			_, err = tx.ExecContext(ctx, insertMany, text)
		}
		if err != nil {
			return fmt.Errorf("add shards %s to %s: %w", some[0].ID, some[len(some)-1].ID, err)
		}
	}
	return nil
}

// accountAll stores the money of rows.
func (l *Ledger) accountAll(ctx context.Context, tx *effect.Tx, rows []Shard) error {
	if l.server == nil {
		for i := range rows {
			if err := update(ctx, tx, &rows[i], saveMoney, rows[i].money()...); err != nil {
				return err
			}
		}
		return nil
	}
	for some := range slices.Chunk(rows, manyRows) {
		text, err := recordset(append([]string{"id"}, moneyColumns...), some, func(s *Shard) ([]any, error) { return s.money(), nil })
		if err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, saveMoneyMany, text)
		if err != nil {
			return fmt.Errorf("save shards %s to %s: %w", some[0].ID, some[len(some)-1].ID, err)
		}
		if n, err := done.RowsAffected(); err != nil || n != int64(len(some)) {
			return fmt.Errorf("save shards %s to %s: %d of %d: %w", some[0].ID, some[len(some)-1].ID, n, len(some), ErrNoShard)
		}
	}
	return nil
}
