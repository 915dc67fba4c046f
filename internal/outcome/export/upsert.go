package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"quarry"
	"quarry/internal/base/dbserver"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
)

// What one statement sends: the servers take 65,535 parameters, MariaDB a packet of 16 MiB by default.
const (
	upsertParameters = 30_000
	upsertRows       = 500
	upsertBytes      = 1 << 20
)

// Longest names and ids (https://www.postgresql.org/docs/current/limits.html, in bytes;
// https://dev.mysql.com/doc/refman/8.4/en/identifier-length.html; an index of InnoDB holds 3,072 bytes, 768 characters of utf8mb4).
const (
	postgresName = 63
	mysqlName    = 64
	mysqlID      = 700
)

// Upsert writes results into one table of a server, in one transaction: a row with the same id is updated, others are added, none is
// removed. It is for one goroutine.
type Upsert struct {
	server  *dbserver.Server
	db      *effect.DB
	table   string
	columns *Columns
	key     int // column of the id
}

// Table is what a server has under the name of a table.
type Table struct {
	Exists bool
	Rows   int64
}

// OpenUpsert finds the columns of the results and connects to the server. The table may begin with its schema and a dot. Errors of
// kind BadUsage say what cannot be written.
func OpenUpsert(ctx context.Context, e *effect.Effects, s *dbserver.Server, table string, results io.Reader, cfg Config) (*Upsert, error) {
	columns, err := Find(ctx, results, cfg)
	if err != nil {
		return nil, err
	}
	u := &Upsert{server: s, table: table, columns: columns}
	if u.key = slices.IndexFunc(columns.all, func(c column) bool { return c.id }); u.key < 0 {
		return nil, u.refuse(errors.New("no column has the id, by which rows are updated"), "add id to --columns")
	}
	longest := postgresName
	if s.MySQL {
		longest = mysqlName
	}
	for _, name := range append(columns.Names(), strings.Split(table, ".")...) {
		if n := u.length(name); n == 0 || n > longest || strings.ContainsRune(name, 0) {
			return nil, u.refuse(fmt.Errorf("the name %q has %s; the server takes at most %d", name, figure.Count(int64(n), "character"), longest), "name the columns with --columns, the table with --table")
		}
	}
	if u.db, err = e.OpenDatabase(effect.Database{Connector: s.Connector}); err != nil {
		return nil, err
	}
	return u, nil
}

func (u *Upsert) length(name string) int {
	if u.server.MySQL {
		return utf8.RuneCountInString(name)
	}
	return len(name)
}

// Close closes the connection.
func (u *Upsert) Close() error { return u.db.Close() }

func (u *Upsert) refuse(err error, hint string) error {
	return &quarry.Error{Kind: quarry.BadUsage, Op: "write", Subject: "table " + u.table + " in " + u.server.Name, Err: err, Hint: hint}
}

// Inspect reads what the table is now. It refuses one that the results do not fit: a view, a table without one of the columns, or one in
// which the id does not identify a row exactly.
func (u *Upsert) Inspect(ctx context.Context) (t Table, err error) {
	kinds, err := u.strings(ctx, `SELECT table_type FROM information_schema.tables WHERE `+u.named(), u.names()...)
	if err != nil || len(kinds) == 0 {
		return t, err
	}
	if kinds[0] != "BASE TABLE" {
		return t, u.refuse(fmt.Errorf("it is a %s", strings.ToLower(kinds[0])), "name another table with --table")
	}
	t.Exists = true
	if err := u.checkColumns(ctx); err != nil {
		return t, err
	}
	if err := u.checkKey(ctx); err != nil {
		return t, err
	}
	err = u.db.QueryRow(ctx, "SELECT COUNT(*) FROM "+u.quotedTable(), nil, &t.Rows)
	return t, u.fault(err)
}

func (u *Upsert) checkColumns(ctx context.Context) error {
	found, err := u.strings(ctx, `SELECT column_name FROM information_schema.columns WHERE `+u.named(), u.names()...)
	if err != nil {
		return err
	}
	var missing, add []string
	for i := range u.columns.all {
		name := u.columns.all[i].name
		same := func(s string) bool { return s == name || u.server.MySQL && strings.EqualFold(s, name) }
		if !slices.ContainsFunc(found, same) {
			missing = append(missing, name)
			add = append(add, "ADD COLUMN "+u.quoted(name)+" "+u.kindOf(i))
		}
	}
	if len(missing) > 0 {
		return u.refuse(fmt.Errorf("it has no column %s", strings.Join(missing, ", ")),
			"choose columns with --columns, or add these: ALTER TABLE "+u.quotedTable()+" "+strings.Join(add, ", "))
	}
	return nil
}

// checkKey makes sure that a row with another id is never updated. MySQL updates a row that is equal in any unique index, and ids are
// equal by the collation.
func (u *Upsert) checkKey(ctx context.Context) error {
	name := u.columns.all[u.key].name
	query := `SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL AND i.indexprs IS NULL AND n.nspname = COALESCE($1, current_schema()) AND c.relname = $2`
	if u.server.MySQL {
		query = `SELECT GROUP_CONCAT(column_name) FROM information_schema.statistics WHERE non_unique = 0 AND ` + u.named() + ` GROUP BY index_name`
	}
	unique, err := u.strings(ctx, query, u.names()...)
	if err != nil {
		return err
	}
	isKey := func(s string) bool { return s == name || u.server.MySQL && strings.EqualFold(s, name) }
	if !slices.ContainsFunc(unique, isKey) {
		return u.refuse(fmt.Errorf("its column %s has no unique index of its own, so rows cannot be found by it", name), "CREATE UNIQUE INDEX … ON "+u.quotedTable()+" ("+u.quoted(name)+")")
	}
	if !u.server.MySQL {
		return nil
	}
	if other := slices.IndexFunc(unique, func(s string) bool { return !isKey(s) }); other >= 0 {
		return u.refuse(fmt.Errorf("it has another unique index, on %s, and MySQL would update the row that it finds by that", unique[other]), "name another table with --table")
	}
	collation, err := u.strings(ctx, `SELECT COALESCE(collation_name, data_type) FROM information_schema.columns WHERE `+u.named()+` AND column_name = ?`, append(u.names(), name)...)
	if err == nil && len(collation) == 1 && !strings.HasSuffix(collation[0], "bin") {
		err = u.refuse(fmt.Errorf("its column %s compares by %s, so different ids can be equal", name, collation[0]),
			"ALTER TABLE "+u.quotedTable()+" MODIFY "+u.quoted(name)+" VARCHAR(700) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL")
	}
	return err
}

// Write upserts the results that meet the conditions. The table is made first where it does not exist: MySQL commits that at once, all
// rows are one transaction.
func (u *Upsert) Write(ctx context.Context, exists bool, results io.Reader, cfg Config) (n Counts, err error) {
	create := func(tx *effect.Tx) error { return u.create(ctx, tx) }
	if !exists && u.server.MySQL {
		if err := u.change(ctx, "export: create table", create); err != nil {
			return n, err
		}
	}
	err = u.change(ctx, "export: upsert rows", func(tx *effect.Tx) (err error) {
		if !exists && !u.server.MySQL {
			if err := create(tx); err != nil {
				return err
			}
		}
		if u.server.MySQL { // else a server may cut what does not fit
			if _, err := tx.ExecContext(ctx, `SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')`); err != nil {
				return err
			}
		}
		w := &upsertWriter{rower: rower{columns: u.columns}, u: u, tx: tx}
		if n, err = write(ctx, w, results, "", cfg.Where); err != nil {
			return err
		}
		return w.Close(ctx)
	})
	return n, err
}

func (u *Upsert) change(ctx context.Context, what string, fn func(*effect.Tx) error) error {
	return u.fault(u.db.Change(ctx, what, fn))
}

// fault sorts an error of the server; one of ours stays.
func (u *Upsert) fault(err error) error {
	var own *quarry.Error
	if err == nil || errors.As(err, &own) || errors.Is(err, ErrUnfit) || errors.Is(err, ErrNotOurs) || errors.Is(err, ErrColumns) ||
		errors.Is(err, context.Canceled) || errors.Is(err, effect.ErrHook) {
		return err
	}
	return u.server.Fault("write", err, "check the address and --table, and that the types of the table's columns fit; nothing was written")
}

func (u *Upsert) create(ctx context.Context, tx *effect.Tx) error {
	var list []string
	for i := range u.columns.all {
		list = append(list, u.quoted(u.columns.all[i].name)+" "+u.kindOf(i))
	}
	if u.server.MySQL {
		version, err := texts(ctx, tx.QueryContext, "SELECT VERSION()")
		if err != nil {
			return err
		}
		// Without padding: in other collations an id is equal to the same one with a space at its end.
		collation := "utf8mb4_0900_bin"
		if strings.Contains(version[0], "MariaDB") {
			collation = "utf8mb4_nopad_bin"
		}
		list[u.key] = fmt.Sprintf("%s VARCHAR(%d) CHARACTER SET utf8mb4 COLLATE %s PRIMARY KEY", u.quoted(u.columns.all[u.key].name), mysqlID, collation)
	} else {
		list[u.key] += " PRIMARY KEY"
	}
	_, err := tx.ExecContext(ctx, "CREATE TABLE "+u.quotedTable()+" ("+strings.Join(list, ", ")+")")
	return err
}

// kindOf is a column's type on the server.
func (u *Upsert) kindOf(i int) string {
	switch kind := u.columns.all[i].kind; {
	case kind == integer:
		return "BIGINT"
	case kind == boolean:
		return "BOOLEAN"
	case kind == double && u.server.MySQL:
		return "DOUBLE"
	case kind == double:
		return "DOUBLE PRECISION"
	case u.server.MySQL:
		return "LONGTEXT CHARACTER SET utf8mb4"
	}
	return "TEXT"
}

// named is the condition on a table in information_schema; names are its parameters: the schema or nil, and the table.
func (u *Upsert) named() string {
	if u.server.MySQL {
		return `table_schema = COALESCE(?, DATABASE()) AND table_name = ?`
	}
	return `table_schema = COALESCE($1, current_schema()) AND table_name = $2`
}

func (u *Upsert) names() []any {
	if schema, table, ok := strings.Cut(u.table, "."); ok {
		return []any{schema, table}
	}
	return []any{nil, u.table}
}

func (u *Upsert) quotedTable() string {
	parts := strings.SplitN(u.table, ".", 2)
	for i := range parts {
		parts[i] = u.quoted(parts[i])
	}
	return strings.Join(parts, ".")
}

func (u *Upsert) quoted(name string) string {
	if u.server.MySQL {
		return "`" + strings.ReplaceAll(name, "`", "``") + "`"
	}
	return quoted(name)
}

func (u *Upsert) strings(ctx context.Context, query string, args ...any) ([]string, error) {
	found, err := texts(ctx, u.db.Query, query, args...)
	return found, u.fault(err)
}

// upsertWriter collects rows for statements.
type upsertWriter struct {
	rower
	u      *Upsert
	tx     *effect.Tx
	values []any
	rows   int
	bytes  int
}

// Write adds a row.
func (w *upsertWriter) Write(ctx context.Context, r Row) error {
	cells, err := w.row(r)
	if err != nil {
		return err
	}
	for i := range cells {
		value, err := w.value(i, &cells[i], r.ID)
		if err != nil {
			return err
		}
		w.values = append(w.values, value)
	}
	if w.rows++; w.rows == upsertRows || w.bytes >= upsertBytes || len(w.values)+len(cells) > upsertParameters {
		return w.flush(ctx)
	}
	return nil
}

func (w *upsertWriter) value(i int, c *cell, id quarry.DocumentID) (any, error) {
	col := &w.columns.all[i]
	switch {
	case c.absent() && !col.required:
		return nil, nil
	case col.kind == integer:
		return c.n, nil
	case col.kind == boolean:
		return c.n != 0, nil
	case col.kind == double:
		return c.f, nil
	}
	s := c.asText()
	w.bytes += len(s)
	if !w.u.server.MySQL && strings.IndexByte(s, 0) >= 0 {
		return nil, fmt.Errorf("%s of document %.80q has the character U+0000, which Postgres does not store in a text: %w", col.name, id, ErrUnfit)
	}
	if n := utf8.RuneCountInString(s); col.id && w.u.server.MySQL && n > mysqlID {
		return nil, fmt.Errorf("the id of document %.40q has %s, and MySQL finds rows by at most %d: %w", id, figure.Count(int64(n), "character"), mysqlID, ErrUnfit)
	}
	return s, nil
}

// flush sends the rows that wait.
func (w *upsertWriter) flush(ctx context.Context) error {
	if w.rows == 0 {
		return nil
	}
	_, err := w.tx.ExecContext(ctx, w.u.statement(w.rows), w.values...)
	clear(w.values)
	w.values, w.rows, w.bytes = w.values[:0], 0, 0
	return err
}

// statement upserts that many rows.
func (u *Upsert) statement(rows int) string {
	var s strings.Builder
	names := u.columns.Names()
	for i := range names {
		names[i] = u.quoted(names[i])
	}
	s.WriteString("INSERT INTO " + u.quotedTable() + " (" + strings.Join(names, ", ") + ") VALUES ")
	for n := range rows {
		for i := range names {
			switch {
			case i > 0:
				s.WriteByte(',')
			case n > 0:
				s.WriteString("),(")
			default:
				s.WriteByte('(')
			}
			if u.server.MySQL {
				s.WriteByte('?')
			} else {
				fmt.Fprintf(&s, "$%d", n*len(names)+i+1)
			}
		}
	}
	key, set := names[u.key], make([]string, len(names))
	for i, name := range names { // the id too: there may be no other column
		set[i] = name + " = EXCLUDED." + name
		if u.server.MySQL {
			set[i] = name + " = VALUES(" + name + ")"
		}
	}
	if u.server.MySQL {
		s.WriteString(") ON DUPLICATE KEY UPDATE ")
	} else {
		s.WriteString(") ON CONFLICT (" + key + ") DO UPDATE SET ")
	}
	s.WriteString(strings.Join(set, ", "))
	return s.String()
}

// Close sends the last rows; the transaction's owner commits them.
func (w *upsertWriter) Close(ctx context.Context) error { return w.flush(ctx) }

// Abort does nothing: the transaction's owner rolls back.
func (w *upsertWriter) Abort() {}
