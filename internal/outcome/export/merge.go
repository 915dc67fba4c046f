package export

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"quarry/internal/base/effect"
)

// DefaultTable is the table of a sqlite file where none is named.
const DefaultTable = "results"

// Errors of a database that exists.
var (
	// ErrTable says that the table is not what an earlier export wrote.
	ErrTable = errors.New("the table is not what an earlier export wrote")
	// ErrNoTable says that the name is not, or cannot be, that of a plain table.
	ErrNoTable = errors.New("not a plain table")
)

// IsSQLite reports whether a file begins as a SQLite database does (https://www.sqlite.org/fileformat.html).
func IsSQLite(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 16)
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == "SQLite format 3\x00"
}

// CheckTable refuses names that no table of a user can have.
func CheckTable(name string) error {
	if name == "" || strings.ContainsRune(name, 0) || strings.HasPrefix(strings.ToLower(name), "sqlite_") {
		return fmt.Errorf("table %q: %w", name, ErrNoTable)
	}
	return nil
}

// TableDigest is the SHA-256 of a table in a sqlite file, of the names of its columns and of its rows in their order, in
// hex; ok is false where the file has no such table.
func TableDigest(ctx context.Context, e *effect.Effects, path, table string) (digest string, ok bool, err error) {
	db, err := openFile(e, path, "ro")
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	kind, err := kindOf(ctx, db.Query, table)
	if err != nil || kind == "" {
		return "", false, err
	}
	if kind != "table" {
		return "", false, fmt.Errorf("%s is a %s: %w", table, kind, ErrNoTable)
	}
	digest, err = digestOf(ctx, db.Query, "main", table)
	return digest, true, err
}

// IntoTable puts the table of a draft, a sqlite file that File made, in the place of the table of the same name in the
// database at path, in one transaction: everything else in the file stays, the table's own indexes and triggers included.
// A table that is there must have one of the digests of earlier, unless anyTable is set; else the error is ErrTable.
func IntoTable(ctx context.Context, e *effect.Effects, draft, path, table string, earlier []string, anyTable bool) (err error) {
	if err := CheckTable(table); err != nil {
		return err
	}
	db, err := openFile(e, path, "rw")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// The name is one of ours; a transaction cannot attach.
	attach, err := db.Query(ctx, "ATTACH DATABASE ? AS quarry_draft", draft)
	if err != nil {
		return fmt.Errorf("open the draft: %w", err)
	}
	for attach.Next() { // the statement runs as its rows are read
		continue
	}
	if err := errors.Join(attach.Err(), attach.Close()); err != nil {
		return fmt.Errorf("open the draft: %w", err)
	}
	return db.Change(ctx, "export: replace table "+table, func(tx *effect.Tx) error {
		kind, err := kindOf(ctx, tx.QueryContext, table)
		if err != nil {
			return err
		}
		var keep []string
		switch kind {
		case "":
		case "table":
			if keep, err = replaceable(ctx, tx, table, earlier, anyTable); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s is a %s: %w", table, kind, ErrNoTable)
		}
		return replace(ctx, tx, table, kind != "", keep)
	})
}

// replaceable gives the statements that make a table's indexes and triggers, if the table may be replaced.
func replaceable(ctx context.Context, tx *effect.Tx, table string, earlier []string, anyTable bool) ([]string, error) {
	if !anyTable {
		digest, err := digestOf(ctx, tx.QueryContext, "main", table)
		if err != nil {
			return nil, err
		}
		found := false
		for _, d := range earlier {
			found = found || d == digest
		}
		if !found {
			return nil, ErrTable
		}
	}
	return texts(ctx, tx.QueryContext, `SELECT sql FROM main.sqlite_schema WHERE type IN ('index', 'trigger') AND tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL ORDER BY type, rowid`, table)
}

func replace(ctx context.Context, tx *effect.Tx, table string, exists bool, keep []string) error {
	create, err := texts(ctx, tx.QueryContext, `SELECT sql FROM quarry_draft.sqlite_schema WHERE type = 'table' AND name = ?`, table)
	if err != nil {
		return err
	}
	if len(create) != 1 {
		return fmt.Errorf("the draft has no table %s", table)
	}
	var steps []string
	if exists {
		steps = append(steps, "DROP TABLE main."+quoted(table))
	}
	steps = append(steps, create[0], "INSERT INTO main."+quoted(table)+" SELECT * FROM quarry_draft."+quoted(table)+" ORDER BY rowid")
	for _, step := range append(steps, keep...) {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
	}
	return nil
}

func openFile(e *effect.Effects, path, mode string) (*effect.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	name := (&url.URL{Path: filepath.ToSlash(abs)}).EscapedPath()
	return e.OpenDB("sqlite", "file:"+name+"?mode="+mode+"&_pragma=busy_timeout(5000)&_txlock=immediate")
}

type query func(ctx context.Context, query string, args ...any) (*effect.Rows, error)

// kindOf says what a name is in a database: table, view, index, trigger, virtual table, or nothing.
func kindOf(ctx context.Context, q query, name string) (string, error) {
	found, err := texts(ctx, q, `SELECT CASE WHEN type = 'table' AND sql LIKE 'CREATE VIRTUAL%' THEN 'virtual table' ELSE type END
		FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE`, name)
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}

func texts(ctx context.Context, q query, sql string, args ...any) (out []string, err error) {
	rows, err := q(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// digestOf reads a whole table. Each value is hashed with its type and length, so that no two tables are hashed alike.
func digestOf(ctx context.Context, q query, schema, table string) (digest string, err error) {
	rows, err := q(ctx, "SELECT * FROM "+schema+"."+quoted(table)+" ORDER BY rowid")
	if err != nil { // a table WITHOUT ROWID is none of ours; its order is that of its key
		if rows, err = q(ctx, "SELECT * FROM "+schema+"."+quoted(table)); err != nil {
			return "", err
		}
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	names, err := rows.Columns()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	var line []byte
	for _, name := range names {
		line = appendValue(line, 'c', name)
	}
	sum.Write(line)
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return "", err
		}
		line = append(line[:0], 'r')
		for _, v := range values {
			switch v := v.(type) {
			case nil:
				line = append(line, 'n')
			case int64:
				line = binary.BigEndian.AppendUint64(append(line, 'i'), uint64(v))
			case float64:
				line = binary.BigEndian.AppendUint64(append(line, 'f'), math.Float64bits(v))
			case []byte:
				line = appendValue(line, 'b', string(v))
			case string:
				line = appendValue(line, 's', v)
			case time.Time:
				line = appendValue(line, 't', v.UTC().Format(time.RFC3339Nano))
			default:
				line = appendValue(line, 'o', fmt.Sprint(v))
			}
		}
		sum.Write(line)
	}
	return hex.EncodeToString(sum.Sum(nil)), rows.Err()
}

func appendValue(line []byte, kind byte, s string) []byte {
	return append(binary.BigEndian.AppendUint64(append(line, kind), uint64(len(s))), s...)
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
