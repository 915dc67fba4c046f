// Package database opens Postgres, MySQL and SQLite databases to read from them, and for publish to write to them.
//
// It owns addresses, logins and drivers. Package sqlrows owns the queries and the meaning of a row.
//
// What always holds: a source writes nothing, and its transaction that may only read says so to the server; no address holds a
// password, and no message; nothing is opened before the first query.
package database

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/source/sqlrows"
)

// Database is one database, not yet opened.
type Database struct {
	// Name is the address without login, options and table.
	Name    string
	Table   string // what was after `#`
	Dialect sqlrows.Dialect
	db      effect.Database
}

// Is reports whether an argument is the address of a database server.
func Is(arg string) bool {
	scheme, _, ok := strings.Cut(arg, "://")
	return ok && (scheme == "postgres" || scheme == "postgresql" || scheme == "mysql")
}

// Open reads an address: postgres://USER@HOST:PORT/NAME?sslmode=…#TABLE or mysql://USER@HOST:PORT/NAME?tls=…#TABLE. The
// password, where it is not empty, goes before what PGPASSWORD and ~/.pgpass say, which pgx reads
// (https://pkg.go.dev/github.com/jackc/pgx/v5/pgconn#ParseConfig).
func Open(address, password string) (*Database, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("not an address of the form postgres://USER@HOST/NAME") // the parser's words repeat it, login and all
	}
	if _, given := u.User.Password(); given {
		return nil, ErrPassword
	}
	for _, name := range []string{"password", "sslpassword"} {
		if u.Query().Has(name) {
			return nil, ErrPassword
		}
	}
	d := &Database{Table: u.Fragment}
	d.Name = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	u.Fragment = ""
	if u.Scheme == "mysql" {
		return d, d.mysql(u, password)
	}
	return d, d.postgres(u, password)
}

// ErrPassword says that an address holds what must not be in an argument: other users of a machine see those.
var ErrPassword = errors.New("its address holds a password, which other users of this machine can see and which would appear in logs")

func (d *Database) postgres(u *url.URL, password string) error {
	cfg, err := pgx.ParseConfig(u.String())
	if err != nil {
		return fmt.Errorf("read address: %w", err)
	}
	if password != "" {
		cfg.Password = password
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	cfg.RuntimeParams["client_encoding"] = "UTF8"
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "quarry"
	}
	// One statement a connection: nothing to prepare, and poolers in front of a server know no other way for all of them.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	d.Dialect = sqlrows.Postgres
	d.db = effect.Database{Connector: stdlib.GetConnector(*cfg), Snapshot: true}
	return nil
}

const connectTimeout = 15 * time.Second

func (d *Database) mysql(u *url.URL, password string) error {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = u.User.Username(), password, strings.TrimPrefix(u.Path, "/")
	cfg.Net, cfg.Addr = "tcp", u.Host
	if u.Port() == "" {
		cfg.Addr = net.JoinHostPort(u.Hostname(), "3306")
	}
	cfg.Timeout, cfg.ParseTime, cfg.Loc = connectTimeout, true, time.UTC
	cfg.Params = map[string]string{"time_zone": "'+00:00'"}
	cfg.Logger = silent{}
	if err := cfg.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return err
	}
	// The driver's own default sends everything in the clear. "preferred" takes TLS where the server offers it.
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && !ip.IsLoopback() {
		cfg.TLSConfig = "preferred"
	}
	for name, values := range u.Query() {
		value := values[len(values)-1]
		switch name {
		case "tls":
			switch value {
			case "true", "false", "preferred", "skip-verify":
				cfg.TLSConfig = value
			default:
				return fmt.Errorf("tls=%s: want true, false, preferred or skip-verify", value)
			}
		case "socket":
			cfg.Net, cfg.Addr = "unix", value
		default:
			return fmt.Errorf("option %q is not known: want tls or socket", name)
		}
	}
	if cfg.DBName == "" {
		return errors.New("its address names no database: mysql://USER@HOST/NAME")
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return fmt.Errorf("read address: %w", err)
	}
	d.Dialect = sqlrows.MySQL
	d.db = effect.Database{Connector: connector, Snapshot: true}
	return nil
}

// silent is a log that no one reads: every fault is an error as well.
type silent struct{}

// Print drops it.
func (silent) Print(...any) {}

// SQLite names a file. It is opened for reading alone.
func SQLite(path string) *Database {
	name := (&url.URL{Path: filepath.ToSlash(filepath.Clean(path))}).EscapedPath()
	return &Database{
		Name: path, db: effect.Database{Driver: "sqlite", DSN: "file:" + name + "?mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(5000)"},
	}
}

// Select runs a query. What the server refuses is reported as what a person can do about it.
func (d *Database) Select(ctx context.Context, query string) iter.Seq2[sqlrows.Row, error] {
	return func(yield func(sqlrows.Row, error) bool) {
		for r, err := range d.db.Rows(ctx, query) {
			if err != nil && ctx.Err() == nil {
				err = d.fault(err)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// fault sorts the errors of the servers by what a person has to do.
func (d *Database) fault(err error) error {
	failure := &quarry.Error{Kind: quarry.Provider, Op: "read", Subject: d.Name, Err: err, Hint: "run the same command again"}
	var pg *pgconn.PgError
	var my *mysql.MySQLError
	var network *net.OpError
	switch {
	case errors.As(err, &pg):
		// https://www.postgresql.org/docs/current/errcodes-appendix.html
		failure.Err = fmt.Errorf("%s (SQLSTATE %s)", pg.Message, pg.Code)
		switch {
		case strings.HasPrefix(pg.Code, "28"), pg.Code == "42501":
			failure.Kind, failure.Hint = quarry.Denied, loginHint
		case strings.HasPrefix(pg.Code, "42"), strings.HasPrefix(pg.Code, "3D"), pg.Code == "25006":
			failure.Kind, failure.Hint = quarry.BadUsage, "check the address, #TABLE and --query, which may only read"
		}
	case errors.As(err, &my):
		// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
		failure.Err = fmt.Errorf("%s (error %d)", my.Message, my.Number)
		switch my.Number {
		case 1044, 1045, 1142, 1143, 1698:
			failure.Kind, failure.Hint = quarry.Denied, loginHint
		case 1049, 1054, 1064, 1146, 1792:
			failure.Kind, failure.Hint = quarry.BadUsage, "check the address, #TABLE and --query, which may only read"
		}
	case errors.As(err, &network):
		failure.Err, failure.Hint = network, "check the host and the port, and that the server can be reached from here"
	case d.db.Driver == "sqlite":
		failure.Kind, failure.Hint = quarry.BadUsage, "check that the file is complete, and #TABLE and --query, which may only read"
	}
	return failure
}

const loginHint = "name the user in the address, and the variable that holds the password with --source-key-env VAR; for Postgres, PGPASSWORD and ~/.pgpass work too"
