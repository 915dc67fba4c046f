// Package ledger is the memory of a run: O(shards) rows in SQLite.
//
// It owns the file ledger.db: its format and its rows. It does not own what is kept for each record, which is in journals next
// to it, nor what a state means, which quarry.ShardState says. Only the process that has the directory's lock writes it.
// What always holds: every change is one durable transaction. The columns owner, lease and fence have no use here; a version
// that shares its ledger with other machines would need them, and older versions wrote them.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"quarry"
	"quarry/internal/base/effect"
)

// Format is the number of the ledger's format. An older one is upgraded when it is opened: for writing in place, after a copy was
// made, and for reading in a copy of its own; a newer one is refused. Format 2 may hold a run that was taken over, or one of whose records some were given up: a
// version that knows neither would ask them again. Format 3 may hold documents whose answer is that of any earlier pass, and
// passes that were given up. Format 4 keeps the sums of rows, and what each shard takes of the cap. Format 5 keeps which
// job slots are taken, and each list of sources once.
const Format = 5

// ErrNewerFormat says that a newer Quarry wrote the ledger.
var ErrNewerFormat = errors.New("written by a newer version")

// errNoRun says that a file is no ledger: it is empty, or another program's.
var errNoRun = errors.New("it holds no run")

// Ledger is an open ledger. Safe for concurrent use.
type Ledger struct {
	db   *effect.DB
	path string
	drop func() error // removes what Close leaves; nil: nothing

	server   *server   // of a ledger in Postgres; nil: the ledger is a file
	attached *attached // the files that changes take with them; nil: none
	sources  sync.Map  // what table source has, as far as it was read: it never changes
}

// Open opens the ledger at path for writing and makes it where it does not exist. A ledger of a newer format fails with
// ErrNewerFormat, and so does, with an error of its own, a file that holds no run: what the run paid for would be asked again.
func Open(ctx context.Context, e *effect.Effects, path string) (*Ledger, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := create(ctx, e, path); err != nil {
			return nil, fmt.Errorf("make ledger: %w", err)
		}
	}
	// FULL, not NORMAL: a token lost to a power cut is a job paid twice, and a run commits a few times a second at most.
	durably := "_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
	if e.Temporary(path) { // a plan's or a build's, which sends nothing and is thrown away
		durably = "_pragma=journal_mode(MEMORY)&_pragma=synchronous(OFF)"
	}
	l, err := open(e, path, durably+"&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	if err := l.prepare(ctx, e, path); err != nil {
		_ = l.Close()
		return nil, openFault(path, err)
	}
	return l, nil
}

// OpenReadOnly opens a ledger that another process may write, or a copy of one whose directory this user may not write. It fails
// with os.ErrNotExist where there is none.
func OpenReadOnly(ctx context.Context, e *effect.Effects, path string) (*Ledger, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	l, err := open(e, path, "mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	n := Format
	err = l.holdsRun(ctx)
	if err == nil {
		n, err = l.format(ctx)
	}
	switch {
	case unwritable(err): // SQLite reads a log only where it can write an index of it
		l, err = l.readableCopy(ctx, e, func(to string) error { return l.copyFiles(e, to) })
	case err == nil && n < Format:
		l, err = l.readableCopy(ctx, e, func(to string) error { return l.vacuumInto(ctx, to) })
	}
	if err != nil {
		return nil, openFault(path, errors.Join(err, l.Close()))
	}
	return l, nil
}

// create makes a ledger under another name and renames it, so that a ledger that is there is whole: an empty file at the path is
// one that was lost, never one that a process began before it was killed.
func create(ctx context.Context, e *effect.Effects, path string) error {
	fresh := path + ".new"
	f, err := e.Create(fresh) // SQLite would make it readable for others
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	l, err := open(e, fresh, "_pragma=journal_mode(MEMORY)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		return err
	}
	err = l.db.Change(ctx, "ledger: create", func(tx *effect.Tx) error {
		if _, err := tx.ExecContext(ctx, tables+columns4()+totals4()+tables5); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO fact (name, value) VALUES ('format', $1)`, strconv.Itoa(Format))
		return err
	})
	if err := errors.Join(err, l.Close()); err != nil {
		return err
	}
	return e.Rename(fresh, path)
}

// holdsRun fails with errNoRun where the file has not the tables of a ledger.
func (l *Ledger) holdsRun(ctx context.Context) error {
	var tables int
	if err := l.db.QueryRow(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE name = 'fact'`, nil, &tables); err != nil {
		return err
	}
	if tables == 0 {
		return errNoRun
	}
	return nil
}

// openFault is the error of a ledger that cannot be opened: of the kind quarry.BadUsage where the user can help it.
func openFault(path string, err error) error {
	hint := openHint(err)
	if hint == "" {
		return fmt.Errorf("open ledger %s: %w", path, err)
	}
	return &quarry.Error{Kind: quarry.BadUsage, Op: "open ledger", Subject: path, Err: err, Hint: hint}
}

// openHint says what to do about a file that is no ledger, or that this user may not use, by SQLite's result codes
// (https://www.sqlite.org/rescode.html).
func openHint(err error) string {
	if errors.Is(err, errNoRun) {
		return "restore the file from a copy, or name another directory with --dir; `quarry adopt` takes over the jobs of a lost " +
			"ledger; if the directory never held a run, remove the file"
	}
	switch resultCode(err) {
	case 11, 26: // SQLITE_CORRUPT, SQLITE_NOTADB
		return "the file is damaged or belongs to another program: restore it from a copy, or name another directory with --dir; " +
			"`quarry adopt` takes over the jobs of a lost directory"
	case 3, 8, 14, 23: // SQLITE_PERM, SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_AUTH
		return "let this user read and write the directory and its contents, or name another with --dir"
	}
	return ""
}

// resultCode is SQLite's primary result code of an error; 0: it is none of SQLite's.
func resultCode(err error) int {
	s, ok := errors.AsType[interface {
		error
		Code() int
	}](err)
	if !ok {
		return 0
	}
	return s.Code() & 0xff
}

// unwritable reports whether SQLite could not make a file next to the ledger.
func unwritable(err error) bool {
	code := resultCode(err)
	return code == 8 || code == 14 // SQLITE_READONLY, SQLITE_CANTOPEN
}

func open(e *effect.Effects, path, options string) (*Ledger, error) {
	db, err := e.OpenDB("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+options)
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, err)
	}
	return &Ledger{db: db, path: path}, nil
}

func (l *Ledger) prepare(ctx context.Context, e *effect.Effects, path string) error {
	if err := l.holdsRun(ctx); err != nil {
		return err
	}
	n, err := l.format(ctx)
	if err != nil {
		return err
	}
	if n == Format {
		return nil
	}
	return l.upgrade(ctx, e, path, n)
}

// change makes a change, or says what keeps this user from it.
func (l *Ledger) change(ctx context.Context, what string, fn func(*effect.Tx) error) error {
	err := l.withFiles(ctx, func(save func(*effect.Tx) error) error {
		return l.db.Change(ctx, what, func(tx *effect.Tx) error {
			if err := l.own(ctx, tx, holdsRow); err != nil {
				return err
			}
			if err := save(tx); err != nil {
				return err
			}
			return fn(tx)
		})
	})
	if err == nil || openHint(err) == "" {
		return err
	}
	return &quarry.Error{Kind: quarry.BadUsage, Op: "write ledger", Subject: l.path, Err: err, Hint: openHint(err)}
}

// Close closes the ledger.
func (l *Ledger) Close() error {
	err := l.db.Close()
	if l.drop != nil {
		err = errors.Join(err, l.drop())
	}
	return err
}

// Facts reads small facts about the run by their names; one that was never set is not among them.
func (l *Ledger) Facts(ctx context.Context, names ...string) (facts map[string]string, err error) {
	places, args := make([]string, len(names)), make([]any, len(names))
	for i, name := range names {
		places[i], args[i] = "$"+strconv.Itoa(i+1), name
	}
	rows, err := l.db.Query(ctx, `SELECT name, value FROM fact WHERE /*run and*/ name IN (`+strings.Join(places, ", ")+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("read facts: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	facts = map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, fmt.Errorf("read facts: %w", err)
		}
		facts[name] = value
	}
	return facts, rows.Err()
}

// SetFacts sets facts, all or none. An empty value removes a fact.
func (l *Ledger) SetFacts(ctx context.Context, facts map[string]string) error {
	return l.change(ctx, "ledger: set facts", func(tx *effect.Tx) error { return setFacts(ctx, tx, facts) })
}

func setFacts(ctx context.Context, tx *effect.Tx, facts map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(facts)) { // in one order: two processes that set the same ones do not wait for each other
		value := facts[name]
		statement, args := `INSERT INTO fact (/*run,*/ name, value) VALUES (/*'run',*/ $1, $2)
			ON CONFLICT (/*run,*/ name) DO UPDATE SET value = excluded.value`, []any{name, value}
		if value == "" {
			statement, args = `DELETE FROM fact WHERE /*run and*/ name = $1`, args[:1]
		}
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return fmt.Errorf("set fact %s: %w", name, err)
		}
	}
	return nil
}
