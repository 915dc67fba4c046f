package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"quarry"
	"quarry/internal/base/effect"
)

// Journal keeps what a run wrote to one target: each write before it is made, with the previous values, and what came of it.
type Journal struct {
	db     *effect.DB
	keeper *keeper // nil: the file is the only place
}

const journalFormat = "1"

const journalTables = `
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS writes (
	seq INTEGER PRIMARY KEY, id TEXT NOT NULL, at TEXT NOT NULL, state TEXT NOT NULL, entry TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS field (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS writes_id ON writes (id, seq);`

// entry is one write of one article.
type entry struct {
	seq  int64
	done bool

	ID     quarry.DocumentID `json:"id"`
	Place  string            `json:"place,omitempty"`
	Title  string            `json:"title,omitempty"`
	Key    string            `json:"key"` // of the text that the answer belongs to, as in a recordId
	Undo   bool              `json:"undo,omitempty"`
	Before map[string]Value  `json:"before"` // of the fields that are written
	Wanted map[string]Value  `json:"wanted"`
	// After holds the values of all fields that were ever written to the article, as they are after this write.
	After map[string]Value `json:"after,omitempty"`
	// Original holds, of the fields that hold a published value, what they held before.
	Original map[string]Value `json:"original,omitempty"`
}

// OpenJournal opens the journal of a target in a directory, which it makes where it is missing.
func OpenJournal(ctx context.Context, e *effect.Effects, dir, target string, run quarry.RunID) (*Journal, error) {
	path := filepath.Join(dir, "journal.db")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		f, err := e.Create(path) // SQLite would make it readable for others
		if err != nil {
			return nil, err
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	db, err := e.OpenDB("sqlite", journalName(path)+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	j := &Journal{db: db}
	err = db.Change(ctx, "publish: open journal", func(tx *effect.Tx) error {
		if _, err := tx.ExecContext(ctx, journalTables); err != nil {
			return err
		}
		for name, want := range map[string]string{"format": journalFormat, "target": target, "run": string(run)} {
			if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO fact (name, value) VALUES (?, ?)`, name, want); err != nil {
				return err
			}
			var got string
			if err := tx.QueryRowContext(ctx, `SELECT value FROM fact WHERE name = ?`, name).Scan(&got); err != nil {
				return err
			}
			if got != want {
				return fmt.Errorf("its %s is %q, not %q", name, got, want)
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(&quarry.Error{
			Kind: quarry.BadUsage, Op: "open journal", Subject: path, Err: err, Hint: "use the version of Quarry that wrote it, or another --dir",
		}, db.Close())
	}
	return j, nil
}

func journalName(path string) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
}

// CopyJournal copies the journal in a directory into another one, also while another process writes it, and leaves the directory as it is.
// Where there is no journal, it does nothing.
func CopyJournal(ctx context.Context, e *effect.Effects, from, to string) error {
	path := filepath.Join(from, "journal.db")
	before, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	options := "?mode=ro&_pragma=busy_timeout(5000)"
	_, err = os.Stat(path + "-wal")
	whole := errors.Is(err, os.ErrNotExist)
	if whole { // otherwise SQLite makes a log, and leaves it
		options += "&immutable=1"
	}
	db, err := e.OpenDB("sqlite", journalName(path)+options)
	if err != nil {
		return err
	}
	rows, err := db.Query(ctx, `VACUUM INTO $1`, filepath.Join(to, "journal.db"))
	if err == nil {
		err = errors.Join(rows.Err(), rows.Close())
	}
	if after, statErr := os.Stat(path); whole && (statErr != nil || !after.ModTime().Equal(before.ModTime())) {
		err = errors.Join(errors.New("another process is writing it; try again in a moment"), statErr)
	}
	if err != nil {
		err = fmt.Errorf("copy %s: %w", path, err)
	}
	return errors.Join(err, db.Close())
}

// Close closes the journal.
func (j *Journal) Close() error { return j.db.Close() }

// Empty reports whether nothing was ever written to the target.
func (j *Journal) Empty(ctx context.Context) (bool, error) {
	n, err := j.last(ctx)
	return n == 0, err
}

// last is the number of the last write; 0: there is none.
func (j *Journal) last(ctx context.Context) (seq int64, err error) {
	err = j.db.QueryRow(ctx, `SELECT COALESCE(MAX(seq), 0) FROM writes`, nil, &seq)
	return seq, err
}

// of gives the last write of an article; nil: there is none.
func (j *Journal) of(ctx context.Context, id quarry.DocumentID) (*entry, error) {
	var n entry
	var state, text string
	err := j.db.QueryRow(ctx, `SELECT seq, state, entry FROM writes WHERE id = ? ORDER BY seq DESC LIMIT 1`, []any{string(id)},
		&n.seq, &state, &text)
	if errors.Is(err, effect.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n.done = state == "done"
	return &n, json.Unmarshal([]byte(text), &n)
}

// page gives the last writes of some articles whose number is between two others, in their order.
func (j *Journal) page(ctx context.Context, after, most int64, n int) (out []*entry, err error) {
	rows, err := j.db.Query(ctx, `SELECT seq, state, entry FROM writes w WHERE seq > ? AND seq <= ?
		AND NOT EXISTS (SELECT 1 FROM writes l WHERE l.id = w.id AND l.seq > w.seq AND l.seq <= ?) ORDER BY seq LIMIT ?`, after, most, most, n)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e entry
		var state, text string
		if err := rows.Scan(&e.seq, &state, &text); err != nil {
			return nil, err
		}
		e.done = state == "done"
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			return nil, err
		}
		out = append(out, &e)
	}
	return out, rows.Err()
}

// intend keeps a write that is about to be made.
func (j *Journal) intend(ctx context.Context, n *entry) error {
	err := j.db.Change(ctx, "publish: intend", func(tx *effect.Tx) (err error) {
		n.seq, err = addWrite(ctx, tx, n, time.Now())
		return err
	})
	if err != nil {
		return err
	}
	return j.keepIntent(ctx, n)
}

// addWrite adds the row of a write, and gives its number.
func addWrite(ctx context.Context, tx *effect.Tx, n *entry, at time.Time) (int64, error) {
	text, err := json.Marshal(n)
	if err != nil {
		return 0, err
	}
	r, err := tx.ExecContext(ctx, `INSERT INTO writes (id, at, state, entry) VALUES (?, ?, 'intended', ?)`,
		string(n.ID), at.UTC().Format(time.RFC3339), string(text))
	if err != nil {
		return 0, err
	}
	for field := range n.Wanted {
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO field (name) VALUES (?)`, field); err != nil {
			return 0, err
		}
	}
	return r.LastInsertId()
}

// fields gives all fields that were ever written.
func (j *Journal) fields(ctx context.Context) (names []string, err error) {
	rows, err := j.db.Query(ctx, `SELECT name FROM field ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// settle keeps what came of a write.
func (j *Journal) settle(ctx context.Context, n *entry) error {
	n.done = true
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	err = j.db.Change(ctx, "publish: settle", func(tx *effect.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE writes SET state = 'done', entry = ? WHERE seq = ?`, string(text), n.seq)
		return err
	})
	if err != nil {
		return err
	}
	return j.keepEnd(ctx, n, "done")
}

// forget removes a write that was not made.
func (j *Journal) forget(ctx context.Context, n *entry) error {
	err := j.db.Change(ctx, "publish: forget", func(tx *effect.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM writes WHERE seq = ?`, n.seq)
		return err
	})
	if err != nil {
		return err
	}
	return j.keepEnd(ctx, n, "forgotten")
}
