package ledger

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"quarry"
	"quarry/internal/base/effect"
)

// In Postgres a database has the ledgers of many runs, in the schema quarry. Its statements are those of SQLite: what they leave out
// is written in them as comments.
//
// Every change locks the row of its run first and compares the run's fence, so a process whose run was taken over saves nothing any
// more, and two changes of a run never wait for each other's rows. The rows of quotas, which runs share, are locked after
// it, in one order.

// server is what a process has of the database.
type server struct {
	run   string
	fence int64 // of the run, since this process took it over
	clock func() time.Time
	ahead atomic.Int64 // milliseconds that the clock of the database is ahead of this process's
}

func newServer(run quarry.RunID) *server { return &server{run: string(run), clock: time.Now} }

// How a transaction holds the row of its run: alone; or with others that claim rows, and against one that takes the run over.
const (
	holdsRun   = `SELECT fence, (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM run WHERE id = $1`
	holdsRow   = holdsRun + ` FOR NO KEY UPDATE`
	sharesRow  = holdsRun + ` FOR KEY SHARE`
	addRun     = `INSERT INTO run (id, fence) VALUES ($1, 0) ON CONFLICT (id) DO NOTHING`
	addFormat  = `INSERT INTO fact (/*run,*/ name, value) VALUES (/*'run',*/ 'format', $1) ON CONFLICT DO NOTHING`
	raiseFence = `UPDATE run SET fence = fence + 1, stop = FALSE WHERE id = $1 RETURNING fence`
)

// claimShard is nextShard for several processes. The row's fence says that it was claimed again.
var claimShard = `UPDATE shard SET fence = fence + 1 FROM (SELECT id AS found FROM shard` + isNext + ` FOR UPDATE SKIP LOCKED) AS first
	WHERE /*run and*/ id = found RETURNING ` + rowColumns + `, sources, fence`

// runName is the form of a run's id, which statements name as text.
var runName = regexp.MustCompile(`^[a-z0-9]{1,40}$`)

// OpenPostgres opens the ledger of a run for writing, in a database whose address is a URL of Postgres, and makes what is not there. The
// process takes the run over: what others have open of it fails with ErrFenced from then on. The password comes from PGPASSWORD or
// ~/.pgpass (https://www.postgresql.org/docs/current/libpq-pgpass.html); one in the address is an error of the kind quarry.BadUsage. A
// database or a run of a newer format fails with ErrNewerFormat.
func OpenPostgres(ctx context.Context, e *effect.Effects, address string, run quarry.RunID) (*Ledger, error) {
	to, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	l, err := to.connect(e, run, false)
	if err != nil {
		return nil, err
	}
	if err := l.takeOver(ctx); err != nil {
		_ = l.Close()
		return nil, to.Fault(err)
	}
	return l, nil
}

// textFor gives statements as Postgres takes them, for one run.
func textFor(run string) func(string) string {
	return strings.NewReplacer(
		"/*run and*/", "run = '"+run+"' AND", "/*run,*/", "run,", "/*'run',*/", "'"+run+"',", "/*for update*/", "FOR UPDATE",
		"SELECT value FROM json_each($1)", "SELECT jsonb_array_elements_text($1::text::jsonb)",
		"SELECT value FROM json_each($2)", "SELECT jsonb_array_elements_text($2::text::jsonb)",
	).Replace
}

// takeOver makes database and run where they are not there, and raises the run's fence.
func (l *Ledger) takeOver(ctx context.Context) error {
	err := l.db.Change(ctx, "ledger: make run", func(tx *effect.Tx) error {
		if err := upgradeServer(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, addRun, l.server.run); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, addFormat, strconv.Itoa(Format))
		return err
	})
	if err == nil {
		_, err = l.format(ctx)
	}
	if err != nil {
		return err
	}
	return l.db.Change(ctx, "ledger: take over run", func(tx *effect.Tx) error {
		var fence, ms int64
		began := l.server.clock()
		if err := tx.QueryRowContext(ctx, holdsRun+` FOR UPDATE`, l.server.run).Scan(&fence, &ms); err != nil { // also against claims
			return err
		}
		l.server.compare(began, ms)
		return tx.QueryRowContext(ctx, raiseFence, l.server.run).Scan(&l.server.fence)
	})
}

// upgrading is the lock under which a process makes or upgrades the tables of a database.
const upgrading = `SELECT pg_advisory_xact_lock(7881702255)`

// upgradeServer brings the tables of a database to the format of this version: all in one transaction, under a lock.
func upgradeServer(ctx context.Context, tx *effect.Tx) error {
	if _, err := tx.ExecContext(ctx, upgrading); err != nil {
		return err
	}
	var made bool
	if err := tx.QueryRowContext(ctx, hasTables).Scan(&made); err != nil {
		return err
	}
	if !made {
		_, err := tx.ExecContext(ctx, serverTables())
		return err
	}
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT number FROM format`).Scan(&n); err != nil {
		return err
	}
	if n > Format {
		return newerFormat(n, "")
	}
	var summed bool
	if err := tx.QueryRowContext(ctx, hasServerSums).Scan(&summed); err != nil || summed {
		return err
	}
	_, err := tx.ExecContext(ctx, dropRowSums+serverSums())
	return err
}

// serverTables are the tables of the newest format.
func serverTables() string {
	return fmt.Sprintf(`
CREATE SCHEMA IF NOT EXISTS quarry;
CREATE TABLE format (number BIGINT NOT NULL);
INSERT INTO format VALUES (%d);
CREATE TABLE run (id TEXT PRIMARY KEY, fence BIGINT NOT NULL, stop BOOLEAN NOT NULL DEFAULT FALSE);
CREATE TABLE fact (run TEXT, name TEXT, value TEXT NOT NULL, PRIMARY KEY (run, name));
CREATE TABLE step (run TEXT, name TEXT, state TEXT NOT NULL, began BIGINT NOT NULL, ended BIGINT NOT NULL,
	taken BIGINT NOT NULL, done BIGINT NOT NULL, failed BIGINT NOT NULL, skipped BIGINT NOT NULL, PRIMARY KEY (run, name));
CREATE TABLE shard (
	run TEXT, id TEXT, seq BIGINT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, mode TEXT NOT NULL, due BIGINT NOT NULL,
	fence BIGINT NOT NULL DEFAULT 0, detail TEXT NOT NULL, sources TEXT NOT NULL DEFAULT '', quota TEXT NOT NULL DEFAULT '',
	pass BIGINT NOT NULL DEFAULT 0, number BIGINT NOT NULL DEFAULT 0, unasked BIGINT NOT NULL DEFAULT 0,
	since BIGINT NOT NULL DEFAULT 0, ended BIGINT NOT NULL DEFAULT 0, took BIGINT NOT NULL DEFAULT 0,
	ratio DOUBLE PRECISION NOT NULL DEFAULT 0, factor DOUBLE PRECISION NOT NULL DEFAULT 0,
	%s BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (run, id));
CREATE INDEX shard_due ON shard (run, due, seq) WHERE state <> 'done';
CREATE INDEX shard_held ON shard (run, kind, seq) WHERE state <> 'done' AND due = `+heldDue+`;
CREATE INDEX shard_unreserved ON shard (run, pass, kind, seq) WHERE state = 'planned' AND unasked = 0 AND output = 0;
CREATE INDEX shard_seq ON shard (run, seq, id);
CREATE INDEX shard_number ON shard (run, kind, number);
CREATE INDEX shard_ratio ON shard (run, pass, ratio);
CREATE INDEX shard_factor ON shard (run, pass, factor);
CREATE INDEX shard_open ON shard (quota, run, id, since) WHERE `+hasSlot+`;
CREATE INDEX shard_queued ON shard (quota, run, id) WHERE `+isQueued+`;
CREATE INDEX shard_took ON shard (quota, ended, took) WHERE took > 0;
CREATE TABLE source (run TEXT, id TEXT, shards TEXT NOT NULL, PRIMARY KEY (run, id));
CREATE TABLE quota (id TEXT PRIMARY KEY, full_until BIGINT NOT NULL);
CREATE TABLE place (run TEXT, region TEXT, model TEXT, bucket TEXT, PRIMARY KEY (run, region, model, bucket));
CREATE TABLE file (run TEXT, name TEXT, object TEXT NOT NULL, bytes BIGINT NOT NULL, PRIMARY KEY (run, name));
CREATE TABLE total (
	run TEXT, pass BIGINT, kind TEXT, state TEXT, mode TEXT, unasked BIGINT, held BIGINT, shards BIGINT NOT NULL,
	%s BIGINT NOT NULL, PRIMARY KEY (run, pass, kind, state, mode, unasked, held));
`, Format, strings.Join(summed, " BIGINT NOT NULL DEFAULT 0, "), strings.Join(summed, " BIGINT NOT NULL, ")) + serverSums()
}

// own makes sure that the run is still this process's, until the transaction ends, and reads the clock of the database.
func (l *Ledger) own(ctx context.Context, tx *effect.Tx, how string) error {
	if l.server == nil {
		return nil
	}
	var fence, ms int64
	began := l.server.clock()
	if err := tx.QueryRowContext(ctx, how, l.server.run).Scan(&fence, &ms); err != nil {
		return fmt.Errorf("run %s: %w", l.server.run, err)
	}
	if fence != l.server.fence {
		return fmt.Errorf("run %s: %w", l.server.run, ErrFenced)
	}
	l.server.compare(began, ms)
	return nil
}

// compare learns how far the clocks differ, from the time of the database since a request began. What the request took is not known to a
// second: clocks that differ by less are taken for equal.
func (s *server) compare(began time.Time, ms int64) {
	if ended := s.clock(); ended.Sub(began) < time.Second {
		s.ahead.Store((ms - ended.UnixMilli()) / 1000 * 1000)
	}
}

// due is a time of this process as rows have it: by the clock of the database.
func (l *Ledger) due(t time.Time) int64 {
	ms := t.UnixMilli()
	if l.server != nil && ms != held.UnixMilli() {
		ms += l.server.ahead.Load()
	}
	return ms
}

// time is a time of a row by the clock of this process.
func (l *Ledger) time(ms int64) time.Time {
	if l.server != nil && ms != held.UnixMilli() {
		ms -= l.server.ahead.Load()
	}
	return time.UnixMilli(ms)
}

// next gives the row that has been due longest, and claims it where other processes may claim rows too.
func (l *Ledger) next(ctx context.Context, now time.Time, except string) (s Shard, err error) {
	if l.server == nil {
		return l.one(ctx, nextShard, l.due(now), except)
	}
	err = l.db.Change(ctx, "ledger: claim", func(tx *effect.Tx) error {
		if err := l.own(ctx, tx, sharesRow); err != nil {
			return err
		}
		rows, err := readRows(tx.QueryContext(ctx, claimShard, l.due(now), except))
		if err == nil && len(rows) == 0 {
			err = ErrNoShard
		}
		if err == nil {
			s = rows[0]
		}
		return err
	})
	if err != nil {
		return s, err
	}
	return s, l.complete(ctx, &s)
}
