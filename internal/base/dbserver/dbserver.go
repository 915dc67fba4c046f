// Package dbserver opens Postgres and MySQL servers by their addresses.
//
// It owns the form of an address, the rule that it holds no password, and what the errors of the servers mean to a person. It sends no
// statement.
//
// What always holds: no address holds a password, and no message; nothing is opened before the first statement.
package dbserver

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"quarry"
)

// Server is one database on a server, not yet opened.
type Server struct {
	// Name is the address without login, options and table.
	Name      string
	Table     string // what was after `#`
	MySQL     bool   // or MariaDB; else Postgres
	Connector driver.Connector
}

// Is reports whether an argument is the address of a database server.
func Is(arg string) bool {
	scheme, _, ok := strings.Cut(arg, "://")
	return ok && (scheme == "postgres" || scheme == "postgresql" || scheme == "mysql")
}

// Open reads an address: postgres://USER@HOST:PORT/NAME?sslmode=…#TABLE or mysql://USER@HOST:PORT/NAME?tls=…#TABLE. The
// password, where it is not empty, goes before what PGPASSWORD and ~/.pgpass say, which pgx reads
// (https://pkg.go.dev/github.com/jackc/pgx/v5/pgconn#ParseConfig).
func Open(address, password string) (*Server, error) {
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
	s := &Server{Table: u.Fragment}
	s.Name = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	u.Fragment = ""
	if u.Scheme == "mysql" {
		return s, s.mysql(u, password)
	}
	return s, s.postgres(u, password)
}

// ErrPassword says that an address holds what must not be in an argument: other users of a machine see those.
var ErrPassword = errors.New("its address holds a password, which other users of this machine can see and which would appear in logs")

func (s *Server) postgres(u *url.URL, password string) error {
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
	s.Connector = stdlib.GetConnector(*cfg)
	return nil
}

const connectTimeout = 15 * time.Second

func (s *Server) mysql(u *url.URL, password string) error {
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
	s.MySQL, s.Connector = true, connector
	return nil
}

// silent is a log that no one reads: every fault is an error as well.
type silent struct{}

// Print drops it.
func (silent) Print(...any) {}

// Fault sorts an error of a server by what a person has to do. misuse is the hint where the statement is at fault.
func (s *Server) Fault(op string, err error, misuse string) *quarry.Error {
	failure := &quarry.Error{Kind: quarry.Provider, Op: op, Subject: s.Name, Err: err, Hint: "run the same command again"}
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
		case strings.HasPrefix(pg.Code, "42"), strings.HasPrefix(pg.Code, "3D"), pg.Code == "25006",
			strings.HasPrefix(pg.Code, "22"), strings.HasPrefix(pg.Code, "23"): // a value that a column does not take
			failure.Kind, failure.Hint = quarry.BadUsage, misuse
		}
	case errors.As(err, &my):
		// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
		failure.Err = fmt.Errorf("%s (error %d)", my.Message, my.Number)
		switch my.Number {
		case 1044, 1045, 1142, 1143, 1698:
			failure.Kind, failure.Hint = quarry.Denied, loginHint
		case 1049, 1054, 1064, 1146, 1792,
			1048, 1062, 1264, 1265, 1364, 1366, 1406: // a value that a column does not take
			failure.Kind, failure.Hint = quarry.BadUsage, misuse
		}
	case errors.As(err, &network):
		failure.Err, failure.Hint = network, "check the host and the port, and that the server can be reached from here"
	}
	return failure
}

const loginHint = "name the user in the address, and the variable that holds the password with --source-key-env VAR; for Postgres, PGPASSWORD and ~/.pgpass work too"
