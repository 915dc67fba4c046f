package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/base/effect"
)

// Shard is one row: the state of one shard, and all that must be known to continue with it.
type Shard struct {
	ID    quarry.ShardID
	Seq   int64 // the order in which shards are built
	Kind  quarry.ShardKind
	State quarry.ShardState
	Mode  quarry.Mode
	Due   time.Time // when to look at it next; Held rows wait to be released

	Money  Money   // what it takes of the cap of its pass
	Factor float64 // what it cost, as a multiple of its forecast; 0: not settled, or it says nothing about others

	Detail

	list  string // the key of Sources in table source; empty: it has none
	fence int64  // of the claim under which it was read
}

// Sent reports whether the shard may have reached the provider, now or as an earlier job attempt.
func (s *Shard) Sent() bool {
	switch s.State {
	case quarry.ShardPlanned, quarry.ShardBuilt, quarry.ShardUploaded:
		return len(s.Past) > 0
	}
	return true
}

// held is the due time of a row that waits until there is room for it.
var held = time.UnixMilli(math.MaxInt64)

// Sentinels of reading and saving.
var (
	// ErrNothingDue says that no row wants attention now.
	ErrNothingDue = errors.New("nothing due")
	// ErrNoShard says that there is no such row.
	ErrNoShard = errors.New("no such shard")
	// ErrFenced says that another process has taken over the run, or claimed the row, since this one did.
	ErrFenced = errors.New("another process has taken it over")
)

// derived are the columns that a row's state and detail decide, without those of its money.
var derived = append(slices.Clone(derived4), "quota", "since", "ended", "took")

// derived4 are those of format 4.
var derived4 = []string{"pass", "number", "unasked", "records", "answered", "ratio"}

// columns are the values of derived.
func (s *Shard) columns() []any {
	return append(s.columns4(), s.Pool.Quota(), milliseconds(s.Job.Submitted), milliseconds(s.Job.Ended), s.Job.took().Milliseconds())
}

func (s *Shard) columns4() []any {
	unasked := 0
	if s.Unasked != "" {
		unasked = 1
	}
	return []any{s.Pass, s.ID.Number(), unasked, s.Records, s.answered(), s.Output.TokensPerByte}
}

// milliseconds is a time as rows have it; 0: it is not known.
func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// answered counts the records that need no call any more, as far as the row knows: those that ended, those that an open job has
// answered, and those that are not sent at all.
func (s *Shard) answered() int64 {
	switch {
	case s.Unasked != "":
		return s.Records
	case s.State == quarry.ShardCollected || s.State == quarry.ShardDone:
		return s.Tally.OK + s.Tally.Invalid + s.Tally.Failed
	case s.State.Open() || s.State == quarry.ShardEnded:
		return min(s.Job.Counts.Success, s.Records)
	}
	return 0
}

// setTo sets columns to the arguments from $n on.
func setTo(n int, columns []string) string {
	var set []string
	for i, column := range columns {
		set = append(set, fmt.Sprintf("%s = $%d", column, n+i))
	}
	return strings.Join(set, ", ")
}

// rowColumns are those of a row since format 4.
const rowColumns = `id, seq, kind, state, mode, due, settled, forecast, input, output, unpriced, factor, detail`

// The statements of a step. None of them reads the rows of all shards; the conditions repeat those of the indexes.
var (
	selectShard = `SELECT ` + rowColumns + `, sources, fence FROM shard`
	allShards   = selectShard + ` WHERE /*run and*/ TRUE ORDER BY seq, id`
	oneShard    = selectShard + ` WHERE /*run and*/ id = $1`
	isNext      = ` WHERE /*run and*/ state <> 'done' AND due <= $1 AND id NOT IN (SELECT value FROM json_each($2)) ORDER BY due, seq LIMIT 1`
	nextShard   = selectShard + isNext
	nextDue     = `SELECT due FROM shard WHERE /*run and*/ state <> 'done' AND due < ` + heldDue + ` AND id NOT IN (SELECT value FROM json_each($1))
		ORDER BY due LIMIT 1`
	lateShards = `/*run and*/ state <> 'done' AND due > $1 AND due < ` + heldDue
	countLate  = `SELECT COUNT(*) FROM shard WHERE ` + lateShards
	hasten     = `UPDATE shard SET due = $2 WHERE ` + lateShards
	release    = `UPDATE shard SET due = $1 WHERE /*run and*/ id IN (
		SELECT id FROM shard WHERE /*run and*/ state <> 'done' AND due = ` + heldDue + ` ORDER BY seq LIMIT $2)`
	releaseKind = `UPDATE shard SET due = $1 WHERE /*run and*/ id IN (
		SELECT id FROM shard WHERE /*run and*/ state <> 'done' AND due = ` + heldDue + ` AND kind = $3 ORDER BY seq LIMIT $2)`
	insertShard = `INSERT INTO shard (/*run,*/ id, seq, kind, state, mode, due, detail, sources) VALUES (/*'run',*/ $1, $2, $3, $4, $5, $6, '{}', $7)`
	saveShard   = `UPDATE shard SET state = $2, mode = $3, due = $4, detail = $5, settled = $6, forecast = $7, input = $8, output = $9, unpriced = $10,
		factor = $11, ` + setTo(13, derived) + ` WHERE /*run and*/ id = $1 AND fence = $12`
	dropShards = `DELETE FROM shard WHERE /*run and*/ id IN (SELECT value FROM json_each($1))`
	hasShard   = `SELECT COUNT(*) FROM shard WHERE /*run and*/ id = $1`
	lastSeq    = `SELECT COALESCE(MAX(seq), 0) FROM shard WHERE /*run and*/ TRUE`
	lastNumber = `SELECT COALESCE(MAX(number), 0) FROM shard WHERE /*run and*/ kind = $1`
)

// AddShards adds rows that wait to be released, and sets facts, all in one transaction: a plan is stored whole or not at all.
// Rows of takes are marked as handing what is left of them to the given shard.
func (l *Ledger) AddShards(ctx context.Context, rows []Shard, facts map[string]string, takes map[quarry.ShardID]quarry.ShardID) error {
	return l.change(ctx, "ledger: add shards", func(tx *effect.Tx) error {
		if err := l.insertAll(ctx, tx, rows); err != nil {
			return err
		}
		for from, to := range takes {
			var text string
			if err := tx.QueryRowContext(ctx, `SELECT detail FROM shard WHERE /*run and*/ id = $1`, string(from)).Scan(&text); err != nil {
				return fmt.Errorf("read shard %s: %w", from, err)
			}
			var d Detail
			if err := json.Unmarshal([]byte(text), &d); err != nil {
				return fmt.Errorf("read shard %s: %w", from, err)
			}
			d.HandsTo = to
			b, err := json.Marshal(d)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `UPDATE shard SET detail = $1 WHERE /*run and*/ id = $2`, string(b), string(from)); err != nil {
				return fmt.Errorf("hand on shard %s: %w", from, err)
			}
		}
		return setFacts(ctx, tx, facts)
	})
}

// Split stores a row whose stretch became smaller, and adds rows for the rest of it, in one transaction.
func (l *Ledger) Split(ctx context.Context, s *Shard, rest []Shard) error {
	return l.change(ctx, "ledger: split "+string(s.ID), func(tx *effect.Tx) error {
		if err := l.save(ctx, tx, s); err != nil {
			return err
		}
		return l.insertAll(ctx, tx, rest)
	})
}

// Drop removes rows and sets facts, in one transaction. An empty value removes a fact.
func (l *Ledger) Drop(ctx context.Context, rows []Shard, facts map[string]string) error {
	return l.change(ctx, "ledger: drop shards", func(tx *effect.Tx) error {
		ids := make([]quarry.ShardID, len(rows))
		for i := range rows {
			ids[i] = rows[i].ID
		}
		list, err := json.Marshal(ids)
		if err == nil {
			_, err = tx.ExecContext(ctx, dropShards, string(list))
		}
		if err != nil {
			return fmt.Errorf("drop shards: %w", err)
		}
		return setFacts(ctx, tx, facts)
	})
}

func (l *Ledger) insert(ctx context.Context, tx *effect.Tx, s *Shard) error {
	list, err := addSources(ctx, tx, s.Sources)
	if err != nil {
		return fmt.Errorf("add shard %s: %w", s.ID, err)
	}
	if _, err := tx.ExecContext(ctx, insertShard,
		string(s.ID), s.Seq, string(s.Kind), string(s.State), string(s.Mode), held.UnixMilli(), list); err != nil {
		return fmt.Errorf("add shard %s: %w", s.ID, err)
	}
	fresh := *s
	fresh.Due, fresh.fence = held, 0 // it may be a copy of a row that was claimed
	return l.save(ctx, tx, &fresh)
}

// Release lets at most n held rows go, in the order of their Seq; kind narrows it where it is not empty.
func (l *Ledger) Release(ctx context.Context, now time.Time, n int64, kind quarry.ShardKind) error {
	if n <= 0 {
		return nil
	}
	statement, args := release, []any{l.due(now), n}
	if kind != "" {
		statement, args = releaseKind, append(args, string(kind))
	}
	return l.change(ctx, "ledger: release shards", func(tx *effect.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
}

// Next gives the row that has been due longest, and ErrNothingDue when there is none. It leaves out the rows of except, whose
// steps are under way.
func (l *Ledger) Next(ctx context.Context, now time.Time, except ...quarry.ShardID) (Shard, error) {
	ids, err := json.Marshal(append([]quarry.ShardID{}, except...))
	if err != nil {
		return Shard{}, err
	}
	s, err := l.next(ctx, now, string(ids))
	if errors.Is(err, ErrNoShard) {
		return s, ErrNothingDue
	}
	if err != nil {
		return s, fmt.Errorf("look for a due shard: %w", err)
	}
	return s, nil
}

// Save stores a row. It fails with ErrNoShard where there is none.
func (l *Ledger) Save(ctx context.Context, s *Shard) error {
	return l.change(ctx, "ledger: save "+string(s.ID)+" "+string(s.State), func(tx *effect.Tx) error { return l.save(ctx, tx, s) })
}

func (l *Ledger) save(ctx context.Context, tx *effect.Tx, s *Shard) error {
	b, err := s.detail()
	if err != nil {
		return fmt.Errorf("save shard %s: %w", s.ID, err)
	}
	if err := addPlaceOf(ctx, tx, s); err != nil {
		return err
	}
	args := []any{string(s.ID), string(s.State), string(s.Mode), l.due(s.Due), b}
	args = append(append(append(args, s.money()[1:]...), s.fence), s.columns()...)
	return update(ctx, tx, s, saveShard, args...)
}

// addPlaceOf notes the pool in which a shard has a job, if it names one.
func addPlaceOf(ctx context.Context, tx *effect.Tx, s *Shard) error {
	if s.Job.ARN == "" || s.Pool == (Pool{}) {
		return nil
	}
	if _, err := tx.ExecContext(ctx, addPlace, s.Pool.Region, s.Pool.Model, s.Pool.Bucket); err != nil {
		return fmt.Errorf("save the pool of shard %s: %w", s.ID, err)
	}
	return nil
}

// detail is what column detail has of a row. Sources are in a table of their own: they never change, and each row of a round has all of
// them.
func (s *Shard) detail() (string, error) {
	d := s.Detail
	d.Sources = nil
	b, err := json.Marshal(d)
	return string(b), err
}

// update changes the row of a shard.
func update(ctx context.Context, tx *effect.Tx, s *Shard, query string, args ...any) error {
	res, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("save shard %s: %w", s.ID, err)
	}
	n, err := res.RowsAffected()
	if err == nil && n != 1 {
		if err = tx.QueryRowContext(ctx, hasShard, string(s.ID)).Scan(&n); err == nil && n == 0 {
			err = ErrNoShard
		} else if err == nil {
			err = ErrFenced
		}
	}
	if err != nil {
		return fmt.Errorf("save shard %s: %w", s.ID, err)
	}
	return nil
}

// Resume makes every row due that is not held or done: a process that begins looks at each of them at once.
func (l *Ledger) Resume(ctx context.Context, now time.Time) error {
	return l.change(ctx, "ledger: resume", func(tx *effect.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE shard SET due = $1 WHERE /*run and*/ state <> 'done' AND due < `+heldDue, l.due(now))
		return err
	})
}

// Hasten makes rows due now that are due later than latest, and reports how many. No step waits that long: the clock was
// set back since they were saved.
func (l *Ledger) Hasten(ctx context.Context, now, latest time.Time) (n int64, err error) {
	err = l.db.QueryRow(ctx, countLate, []any{l.due(latest)}, &n)
	if err != nil || n == 0 {
		return 0, err
	}
	return n, l.change(ctx, "ledger: hasten shards", func(tx *effect.Tx) error {
		_, err := tx.ExecContext(ctx, hasten, l.due(latest), l.due(now))
		return err
	})
}

// NextDue gives the time at which the next row wants attention; ok is false when all are done, held or among except.
func (l *Ledger) NextDue(ctx context.Context, except ...quarry.ShardID) (due time.Time, ok bool, err error) {
	ids, err := json.Marshal(append([]quarry.ShardID{}, except...))
	if err != nil {
		return time.Time{}, false, err
	}
	var ms int64
	err = l.db.QueryRow(ctx, nextDue, []any{string(ids)}, &ms)
	if errors.Is(err, effect.ErrNoRows) {
		return time.Time{}, false, nil
	}
	if err != nil {
		return time.Time{}, false, fmt.Errorf("look for the next due shard: %w", err)
	}
	return l.time(ms), true, nil
}

// Last gives the highest Seq of all rows, and the highest number in the ids of each kind; 0: there is none.
func (l *Ledger) Last(ctx context.Context) (seq int64, numbers map[quarry.ShardKind]int, err error) {
	if err := l.db.QueryRow(ctx, lastSeq, nil, &seq); err != nil {
		return 0, nil, fmt.Errorf("read the last shard: %w", err)
	}
	numbers = map[quarry.ShardKind]int{}
	for _, kind := range []quarry.ShardKind{quarry.PilotShard, quarry.MainShard, quarry.RetryShard} {
		var n int
		if err := l.db.QueryRow(ctx, lastNumber, []any{string(kind)}, &n); err != nil {
			return 0, nil, fmt.Errorf("read the last %s shard: %w", kind, err)
		}
		numbers[kind] = n
	}
	return seq, numbers, nil
}

// Shards gives all rows in the order of their Seq. There are O(shards) of them, so no step of a shard asks for them.
func (l *Ledger) Shards(ctx context.Context) ([]Shard, error) {
	all, err := readRows(l.db.Query(ctx, allShards))
	for i := range all {
		if err == nil {
			err = l.complete(ctx, &all[i])
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read shards: %w", err)
	}
	return all, nil
}

func readRows(rows *effect.Rows, err error) (all []Shard, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s Shard
		if err := scan(rows, &s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// Shard gives one row; ErrNoShard where there is none.
func (l *Ledger) Shard(ctx context.Context, id quarry.ShardID) (Shard, error) {
	s, err := l.one(ctx, oneShard, string(id))
	if err != nil {
		return s, fmt.Errorf("read shard %s: %w", id, err)
	}
	return s, nil
}

// one gives the first row of a query; ErrNoShard where there is none.
func (l *Ledger) one(ctx context.Context, query string, args ...any) (s Shard, err error) {
	rows, err := l.db.Query(ctx, query, args...)
	if err != nil {
		return s, err
	}
	if rows.Next() {
		err = scan(rows, &s)
	} else {
		err = errors.Join(rows.Err(), ErrNoShard)
	}
	if err = errors.Join(err, rows.Close()); err != nil {
		return s, err
	}
	return s, l.complete(ctx, &s)
}

func scan(rows *effect.Rows, s *Shard) error {
	var id, kind, state, mode, detail string
	var due int64
	if err := rows.Scan(&id, &s.Seq, &kind, &state, &mode, &due,
		&s.Money.Settled, &s.Money.Forecast, &s.Money.Input, &s.Money.Output, &s.Money.Unpriced, &s.Factor, &detail, &s.list, &s.fence); err != nil {
		return err
	}
	s.ID, s.Kind, s.State, s.Mode = quarry.ShardID(id), quarry.ShardKind(kind), quarry.ShardState(state), quarry.Mode(mode)
	s.Due = time.UnixMilli(due)
	if err := json.Unmarshal([]byte(detail), &s.Detail); err != nil {
		return fmt.Errorf("shard %s: %w", id, err)
	}
	return nil
}
