// Package find is the index of the records of runs: which records there are, and which have a word or a value.
//
// It owns ui.db: its format, how records are taken in, and how they are found, as orders of documents. It does not know the files of a run
// and gives no text of a record. What always holds: orders rise; a search ends within a fixed time and says where to continue; memory does
// not grow with the number of records but for a bounded cache; an index that is damaged is never trusted, see Damaged.
package find

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"quarry/internal/base/effect"
	"quarry/internal/ui/words"
)

// File is the name of the index in the run's directory.
const File = "ui.db"

// Format is the number of its format. An index of any other format is made again.
const Format = 2

// The tables. Those with a number at their end are of one pass, so that the index of a pass is removed at once: text_N is contentless,
// since what it finds is in files of the run anyway; attempt_N has the attempts of a pass under way, packed, since only journals
// without places have them, and is removed when the pass ends. A block has the columns of so many documents in their order.
const tables = `
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pass (n INTEGER PRIMARY KEY, stamp TEXT NOT NULL, texts TEXT NOT NULL, next INTEGER NOT NULL, done INTEGER NOT NULL,
	kept INTEGER NOT NULL, complete INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS word (pass INTEGER NOT NULL, kind INTEGER NOT NULL, n INTEGER NOT NULL, word TEXT NOT NULL, PRIMARY KEY (pass, kind, n));
CREATE TABLE IF NOT EXISTS block (pass INTEGER NOT NULL, n INTEGER NOT NULL, columns BLOB NOT NULL, digests BLOB NOT NULL, PRIMARY KEY (pass, n));
CREATE TABLE IF NOT EXISTS journal (pass INTEGER NOT NULL, shard TEXT NOT NULL, upto INTEGER NOT NULL, PRIMARY KEY (pass, shard));
`

// textTable is contentless. Positions are kept (detail=full), since a word of Japanese is several pairs of characters that have to follow
// one another: without positions the index has a quarter of the size, and finds texts in which they do not.
func textTable(pass int) string {
	const create = `CREATE VIRTUAL TABLE text_%d USING fts5(title, text, answer, content='', contentless_delete=1, tokenize='%s')`
	return fmt.Sprintf(create, pass, words.Tokenizer)
}

// Index is an open index: one connection that changes it, and one that reads what was committed last. Safe for concurrent use, also by
// several processes.
type Index struct {
	write, read *effect.DB
	path        string
	opened      os.FileInfo
	closed      bool
	drop        func() error // removes an index that is for this process alone; nil: it stays
	within      time.Duration

	mu    sync.Mutex
	cache blockCache
}

// Open opens the index in a directory, and makes it again if it is damaged or of another format. Where the directory cannot be written, the
// index is in a temporary one. within is how long a search looks for records, and then again how long it counts; 0: 40 ms.
func Open(ctx context.Context, e *effect.Effects, dir string, within time.Duration) (*Index, error) {
	x, err := openOrTemporary(ctx, e, dir)
	if err == nil {
		x.within = within
	}
	return x, err
}

func openOrTemporary(ctx context.Context, e *effect.Effects, dir string) (*Index, error) {
	path := filepath.Join(dir, File)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) { // what was removed without them would be read from them
		if err := removeIndex(e, path); err != nil && !unwritable(err) {
			return nil, err
		}
	}
	x, err := openAt(ctx, e, path)
	if Damaged(err) {
		if err = removeIndex(e, path); err == nil {
			x, err = openAt(ctx, e, path)
		}
	}
	if unwritable(err) {
		return openTemporary(ctx, e)
	}
	return x, err
}

func openTemporary(ctx context.Context, e *effect.Effects) (*Index, error) {
	dir, err := e.TempDir("")
	if err != nil {
		return nil, err
	}
	x, err := openAt(ctx, e, filepath.Join(dir, File))
	if err != nil {
		return nil, errors.Join(err, e.RemoveAll(dir))
	}
	x.drop = func() error { return e.RemoveAll(dir) }
	return x, nil
}

func openAt(ctx context.Context, e *effect.Effects, path string) (*Index, error) {
	f, err := e.Append(path) // SQLite would make it readable for others
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	x := &Index{path: path}
	if err := x.open(ctx, e); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, errors.Join(err, x.close()))
	}
	return x, nil
}

func (x *Index) open(ctx context.Context, e *effect.Effects) (err error) {
	name := "file:" + (&url.URL{Path: filepath.ToSlash(x.path)}).EscapedPath()
	const options = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=cache_size(-8192)&_txlock=immediate"
	if x.write, err = e.OpenDB("sqlite", name+options); err != nil {
		return err
	}
	if err := x.write.Change(ctx, "ui: open", func(tx *effect.Tx) error { return prepareTables(ctx, tx) }); err != nil {
		return err
	}
	if x.read, err = e.OpenDB("sqlite", name+"?mode=ro&_pragma=busy_timeout(10000)&_pragma=cache_size(-16384)"); err != nil {
		return err
	}
	x.opened, err = os.Stat(x.path)
	return err
}

// prepareTables makes the tables where there are none. An index of another format is as good as a damaged one.
func prepareTables(ctx context.Context, tx *effect.Tx) error {
	var format string
	err := tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'format'`).Scan(&format)
	switch {
	case err == nil && format == strconv.Itoa(Format):
		return nil
	case err == nil || errors.Is(err, effect.ErrNoRows):
		return fmt.Errorf("format %q: %w", format, ErrDamaged)
	case !noTable(err):
		return err
	}
	_, err = tx.ExecContext(ctx, tables+`INSERT INTO meta VALUES ('format', '`+strconv.Itoa(Format)+`')`)
	return err
}

// Replaced reports whether the file at the path is another one now, or gone, or closed.
func (x *Index) Replaced() bool {
	now, err := os.Stat(x.path)
	return err != nil || x.closed || !os.SameFile(now, x.opened)
}

// Close closes the index.
func (x *Index) Close() error {
	if x.closed {
		return nil
	}
	return x.close()
}

// Discard closes the index and removes its files.
func (x *Index) Discard(e *effect.Effects) error {
	_ = x.Close() // what is in it is lost
	return removeIndex(e, x.path)
}

func (x *Index) close() (err error) {
	x.closed = true
	for _, db := range []*effect.DB{x.read, x.write} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	if x.drop != nil {
		err = errors.Join(err, x.drop())
	}
	return err
}

// removeIndex removes the database last: a process that finds none finds nothing of the old one either.
func removeIndex(e *effect.Effects, path string) (err error) {
	for _, end := range []string{"-shm", "-wal", ""} {
		err = errors.Join(err, e.Remove(path+end))
	}
	return err
}

// code is SQLite's primary result code of an error (https://www.sqlite.org/rescode.html); 0: it is none of SQLite's.
func code(err error) int {
	if s, ok := errors.AsType[interface {
		error
		Code() int
	}](err); ok {
		return s.Code() & 0xff
	}
	return 0
}

// ErrDamaged says that an index holds what it cannot hold.
var ErrDamaged = errors.New("the index is damaged")

// Damaged reports whether an error says that the file is no index any more: SQLITE_CORRUPT, SQLITE_NOTADB, or a table that every index has is
// missing.
func Damaged(err error) bool {
	return code(err) == 11 || code(err) == 26 || errors.Is(err, ErrDamaged) || noTable(err) && !ofPass.MatchString(err.Error())
}

// ofPass finds the name of a table of one pass in an error.
var ofPass = regexp.MustCompile(`no such table: (text|attempt)_\d+`)

// Busy reports whether an error says that another process changed the index for too long: SQLITE_BUSY.
func Busy(err error) bool { return code(err) == 5 }

// noTable reports whether an error says that a table of a pass is not there: nothing of the pass was taken in yet, or it has ended. SQLite
// has no code for it.
func noTable(err error) bool { return code(err) == 1 && strings.Contains(err.Error(), "no such table") }

// unwritable reports whether an error says that this user may not write the file, also for SQLite: SQLITE_READONLY, SQLITE_CANTOPEN.
func unwritable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) || code(err) == 8 || code(err) == 14
}
