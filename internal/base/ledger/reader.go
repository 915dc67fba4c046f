package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"quarry"
	"quarry/internal/base/effect"
)

// ErrNoRun says that a database has no such run.
var ErrNoRun = errors.New("the database has no such run")

// ReadPostgres opens the ledger of a run to read it, also while a process works on the run: what that process saves is seen by the next
// read. It fails with ErrNoRun, of the kind quarry.BadUsage, where there is none, and as OpenPostgres does for the address and a newer
// format.
func ReadPostgres(ctx context.Context, e *effect.Effects, address string, run quarry.RunID) (*Ledger, error) {
	to, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	l, err := to.connect(e, run, true)
	if err != nil {
		return nil, err
	}
	if err := l.readRun(ctx); err != nil {
		return nil, to.Fault(errors.Join(err, l.Close()))
	}
	return l, nil
}

const hasTables = `SELECT to_regclass('quarry.format') IS NOT NULL`

// noRun is the error of a run that is not in the database.
func (l *Ledger) noRun() error {
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "open run", Subject: l.server.run, Err: ErrNoRun, Hint: "`quarry runs` lists the runs of a database",
	}
}

// readRun makes sure that there is a run that this version reads, and learns how far the clocks differ.
func (l *Ledger) readRun(ctx context.Context) error {
	var made bool
	if err := l.db.QueryRow(ctx, hasTables, nil, &made); err != nil {
		return err
	}
	if !made {
		return l.noRun()
	}
	var n int
	if err := l.db.QueryRow(ctx, `SELECT number FROM format`, nil, &n); err != nil {
		return err
	}
	if n > Format {
		return newerFormat(n, "")
	}
	began := l.server.clock()
	var fence, ms int64
	if err := l.db.QueryRow(ctx, holdsRun, []any{l.server.run}, &fence, &ms); errors.Is(err, effect.ErrNoRows) {
		return l.noRun()
	} else if err != nil {
		return err
	}
	l.server.compare(began, ms)
	_, err := l.format(ctx)
	return err
}

// endIdle lets the server end a transaction whose process sends nothing more: one that is paused must not keep the row of its run from
// the process that takes the run over (https://www.postgresql.org/docs/current/runtime-config-client.html).
const endIdle = `SET idle_in_transaction_session_timeout = '10s'`

// connect gives the ledger of a run in a database. It sends nothing yet.
func (a *Address) connect(e *effect.Effects, run quarry.RunID, reads bool) (*Ledger, error) {
	if !runName.MatchString(string(run)) {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "open ledger", Subject: fmt.Sprintf("run %q", run), Err: errors.New("not the id of a run"),
			Hint: "`quarry runs` lists the runs of a database",
		}
	}
	cfg := a.Config()
	if reads {
		cfg.RuntimeParams["default_transaction_read_only"] = "on"
	}
	cfg.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		return conn.Exec(ctx, endIdle).Close()
	}
	dsn := stdlib.RegisterConnConfig(cfg)
	db, err := e.OpenServer("pgx", dsn, textFor(string(run)))
	if err != nil {
		stdlib.UnregisterConnConfig(dsn)
		return nil, fmt.Errorf("open ledger %s: %w", a, err)
	}
	return &Ledger{
		db: db, path: a.shown, server: newServer(run),
		drop: func() error { stdlib.UnregisterConnConfig(dsn); return nil },
	}, nil
}

// Runs gives the ids of the runs in a database, sorted; none where no run was ever there.
func Runs(ctx context.Context, e *effect.Effects, address string) (runs []quarry.RunID, err error) {
	to, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	l, err := to.connect(e, "none", true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	var made bool
	if err := l.db.QueryRow(ctx, hasTables, nil, &made); err != nil {
		return nil, to.Fault(err)
	}
	if !made {
		return nil, nil
	}
	ids, err := texts(l.db.Query(ctx, `SELECT id FROM run ORDER BY id`))
	if err != nil {
		return nil, to.Fault(err)
	}
	for _, id := range ids {
		runs = append(runs, quarry.RunID(id))
	}
	return runs, nil
}

// AskToStop notes that the process which works on a run is to stop it. The next process to take the run over is not concerned.
func AskToStop(ctx context.Context, e *effect.Effects, address string, run quarry.RunID) error {
	return changeShared(ctx, e, address, run, "ledger: ask to stop", func(_ *Ledger, tx *effect.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE run SET stop = TRUE WHERE id = $1`, string(run))
		return err
	})
}

// changeShared changes a run on which another process may work.
func changeShared(
	ctx context.Context, e *effect.Effects, address string, run quarry.RunID, what string, change func(*Ledger, *effect.Tx) error,
) (err error) {
	to, err := ParseAddress(address)
	if err != nil {
		return err
	}
	l, err := to.connect(e, run, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := l.db.Change(ctx, what, func(tx *effect.Tx) error { return change(l, tx) }); err != nil {
		return to.Fault(err)
	}
	return nil
}

// AskedToStop reports whether the process that works on the run is asked to stop it.
func (l *Ledger) AskedToStop(ctx context.Context) (stop bool, err error) {
	err = l.db.QueryRow(ctx, `SELECT stop FROM run WHERE id = $1`, []any{l.server.run}, &stop)
	return stop, err
}
