package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"quarry/internal/base/effect"
)

// Transaction is what one change of a ledger executed. An empty one says that it is not known whether a change was committed.
type Transaction []effect.Statement

// CanReplay reports whether Replay executes a transaction: each of its statements changes rows and does nothing else.
func (t Transaction) CanReplay() bool {
	return !slices.ContainsFunc(t, func(s effect.Statement) bool { return !changesRows(s.Text) })
}

// Log keeps the changes of a ledger that is a file where another machine finds them.
type Log interface {
	Files
	// Keep makes transactions durable, in their order. After an error it gets them again, before those that came since.
	Keep(ctx context.Context, done []Transaction) error
}

// fileTable says in a ledger that is a file which objects hold the files of the run. Only a run whose files are in its bucket has it.
const fileTable = `CREATE TABLE IF NOT EXISTS file (name TEXT PRIMARY KEY, object TEXT NOT NULL, bytes BIGINT NOT NULL)`

// AttachLog does for a ledger that is a file what Attach does for one in Postgres: each change is followed by Keep, and has not happened before
// that ends without an error. It is called before the first change.
func (l *Ledger) AttachLog(ctx context.Context, log Log) error {
	err := l.db.Change(ctx, "ledger: keep the names of files", func(tx *effect.Tx) error {
		_, err := tx.ExecContext(ctx, fileTable)
		return err
	})
	if err != nil {
		return err
	}
	l.attached = &attached{files: log, log: log}
	l.db.OnCommit(func(done []effect.Statement) { l.attached.unkept = append(l.attached.unkept, done) })
	return nil
}

// Snapshot writes a whole copy of a ledger that is a file to a path where nothing is.
func (l *Ledger) Snapshot(ctx context.Context, path string) error { return l.vacuumInto(ctx, path) }

// errNoChange says that a log holds something else than what a ledger's changes execute.
var errNoChange = errors.New("not a statement of a ledger's change")

// Replay executes transactions on a copy of a ledger, which no other process uses. They come from a bucket, so a statement that can do
// something outside of the copy is refused.
func Replay(ctx context.Context, e *effect.Effects, path string, done iter.Seq2[Transaction, error]) (err error) {
	l, err := open(e, path, "_pragma=journal_mode(MEMORY)&_pragma=synchronous(OFF)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for t, err := range done {
		if err != nil {
			return err
		}
		err = l.db.Change(ctx, "ledger: replay", func(tx *effect.Tx) error {
			for _, s := range t {
				if !changesRows(s.Text) {
					return fmt.Errorf("replay %q: %w", s.Text, errNoChange)
				}
				if _, err := tx.ExecContext(ctx, s.Text, s.Args...); err != nil {
					return fmt.Errorf("replay: %w", err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// changesRows reports whether a text is one statement that changes rows.
func changesRows(text string) bool {
	if strings.Contains(text, ";") {
		return false
	}
	for _, verb := range []string{"INSERT INTO ", "UPDATE ", "DELETE FROM ", "INSERT OR "} {
		if strings.HasPrefix(strings.TrimSpace(text), verb) {
			return true
		}
	}
	return false
}
