package effect

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"syscall"
)

// DB is a SQL database whose every change is one counted transaction. It compiles each text of a query once, which for the short queries
// of a ledger costs more than the query itself: callers have few texts, with places for what differs. A statement of a transaction is
// compiled once it comes again, before the next transaction begins; the driver of a server does that itself.
type DB struct {
	e    *Effects
	db   *sql.DB
	text func(string) string // of a statement, as this database takes it

	mu       sync.Mutex
	compiled map[string]*sql.Stmt
	executed map[string]int // how often transactions executed a text that is not compiled; nil: the database is a server's

	committed func([]Statement) // receives what each transaction executed; nil: it is not noted
}

// Statement is a statement that a transaction executed, with its arguments as the driver has them.
type Statement struct {
	Text string
	Args []any
}

// OnCommit lets a function receive the statements of each transaction that was committed, in their order, before Change returns; none where it
// is not known whether one was. It is called before the first change.
func (d *DB) OnCommit(f func([]Statement)) { d.committed = f }

// OpenDB opens a database with one connection: SQLite has one writer, and a second one only waits for it.
func (e *Effects) OpenDB(name, dsn string) (*DB, error) {
	db, err := sql.Open(name, dsn)
	if err != nil {
		return nil, err
	}
	d := e.single(db)
	d.executed = map[string]int{}
	return d, nil
}

// single gives a database one connection.
func (e *Effects) single(db *sql.DB) *DB {
	db.SetMaxOpenConns(1)
	return &DB{e: e, db: db, text: func(s string) string { return s }, compiled: map[string]*sql.Stmt{}}
}

// OpenServer opens a database of a server with several connections. text gives each statement as the server takes it: those of a caller
// that uses different databases are written once.
func (e *Effects) OpenServer(driver, dsn string, text func(string) string) (*DB, error) {
	db, err := e.OpenDB(driver, dsn)
	if err == nil {
		db.db.SetMaxOpenConns(8) // a run has four workers, and its other steps
		db.db.SetMaxIdleConns(8)
		db.text, db.executed = text, nil
	}
	return db, err
}

// OpenDatabase opens a database of someone else to change it.
func (e *Effects) OpenDatabase(d Database) (*DB, error) {
	db, err := d.open()
	if err != nil {
		return nil, err
	}
	return e.single(db), nil
}

// Rows is what a query gives.
type Rows struct {
	*sql.Rows
	ctx context.Context // the query's, which ends the rows too
}

// Scan reads the row at hand.
func (r *Rows) Scan(dest ...any) error { return cause(r.ctx, r.Rows.Scan(dest...)) }

// Err says why there was no next row; nil: there are no more.
func (r *Rows) Err() error { return cause(r.ctx, r.Rows.Err()) }

// Each gives the rows with the names and types of their columns, as Database.Rows does.
func (r *Rows) Each() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		if _, err := eachRow(r.Rows, yield); err != nil {
			yield(Row{}, cause(r.ctx, err))
		}
	}
}

// cause is why a context ended, in the place of what the driver or database/sql says then: that its query was interrupted, or
// that the transaction has been rolled back.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s, ok := errors.AsType[interface {
		error
		Code() int
	}](err); ok && noRoom(s.Code()) && !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: %w", err, syscall.ENOSPC)
	}
	return err
}

// noRoom reports whether a result code of SQLite says that the disk is full: SQLITE_FULL, or the file that its processes share could not
// grow, SQLITE_IOERR_SHMSIZE (https://www.sqlite.org/rescode.html).
func noRoom(code int) bool { return code&0xff == 13 || code == 4874 }

// ErrNoRows says that a query for one row found none.
var ErrNoRows = sql.ErrNoRows

// Tx is a transaction under way.
type Tx struct {
	*sql.Tx
	db   *DB
	done []Statement // if the database notes them
}

// note keeps a statement for OnCommit.
func (t *Tx) note(query string, args []any) error {
	if t.db.committed == nil {
		return nil
	}
	values := make([]any, len(args))
	for i, arg := range args {
		v, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
		values[i] = v
	}
	t.done = append(t.done, Statement{query, values})
	return nil
}

// ExecContext makes a change.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := t.note(query, args); err != nil {
		return nil, err
	}
	if stmt := t.db.again(query); stmt != nil {
		return t.StmtContext(ctx, stmt).ExecContext(ctx, args...)
	}
	return t.Tx.ExecContext(ctx, t.db.text(query), args...)
}

// QueryRowContext reads one row. It is not for a statement that changes something.
func (t *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := t.db.again(query); stmt != nil {
		return t.StmtContext(ctx, stmt).QueryRowContext(ctx, args...)
	}
	return t.Tx.QueryRowContext(ctx, t.db.text(query), args...)
}

// QueryContext reads.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*Rows, error) {
	rows, err := t.query(ctx, query, args...)
	return &Rows{Rows: rows, ctx: ctx}, cause(ctx, err)
}

func (t *Tx) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if !strings.HasPrefix(query, "SELECT") { // it may return rows of a change
		if err := t.note(query, args); err != nil {
			return nil, err
		}
	}
	if stmt := t.db.again(query); stmt != nil {
		return t.StmtContext(ctx, stmt).QueryContext(ctx, args...)
	}
	return t.Tx.QueryContext(ctx, t.db.text(query), args...)
}

// again is the compiled text of a statement in a transaction; nil: it is not compiled yet.
func (d *DB) again(query string) *sql.Stmt {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.executed == nil {
		return nil
	}
	stmt := d.compiled[query]
	if stmt == nil {
		d.executed[query]++
	}
	return stmt
}

// compileRepeated compiles what transactions executed more than once.
func (d *DB) compileRepeated(ctx context.Context) error {
	var texts []string
	d.mu.Lock()
	for text, n := range d.executed {
		if n > 1 {
			texts = append(texts, text)
			delete(d.executed, text)
		}
	}
	d.mu.Unlock()
	for _, text := range texts {
		if _, err := d.compile(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// Query reads.
func (d *DB) Query(ctx context.Context, query string, args ...any) (*Rows, error) {
	stmt, err := d.compile(ctx, query)
	if err != nil {
		return nil, cause(ctx, err)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	return &Rows{Rows: rows, ctx: ctx}, cause(ctx, err)
}

// QueryRow reads one row into dest; ErrNoRows when there is none.
func (d *DB) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	stmt, err := d.compile(ctx, query)
	if err != nil {
		return cause(ctx, err)
	}
	return cause(ctx, stmt.QueryRowContext(ctx, args...).Scan(dest...))
}

// compile compiles a query when it is first met. Close ends the statements.
func (d *DB) compile(ctx context.Context, query string) (*sql.Stmt, error) {
	d.mu.Lock()
	stmt := d.compiled[query]
	d.mu.Unlock()
	if stmt != nil {
		return stmt, nil
	}
	stmt, err := d.db.PrepareContext(ctx, d.text(query)) // not under the lock: it waits for the connection
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if first := d.compiled[query]; first != nil {
		return first, stmt.Close()
	}
	d.compiled[query] = stmt
	return stmt, nil
}

// Change runs fn in a transaction and commits it: one effect. An error from fn rolls it back.
func (d *DB) Change(ctx context.Context, what string, fn func(*Tx) error) error {
	return d.e.do(SQL, what, func() error { return cause(ctx, d.change(ctx, what, fn)) })
}

func (d *DB) change(ctx context.Context, what string, fn func(*Tx) error) error {
	if err := d.compileRepeated(ctx); err != nil {
		return fmt.Errorf("%s: compile: %w", what, err)
	}
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%s: begin: %w", what, err)
	}
	t := &Tx{Tx: tx, db: d}
	if err := fn(t); err != nil {
		_ = tx.Rollback()
		return err
	}
	err = tx.Commit()
	if err != nil {
		err = fmt.Errorf("%s: commit: %w", what, err)
		t.done = nil
	}
	if d.committed != nil && (err != nil || len(t.done) > 0) {
		d.committed(t.done)
	}
	return err
}

// Close closes the database.
func (d *DB) Close() error { return d.db.Close() }
