package dbserver

import (
	"errors"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
)

// From reports whether a server sent an error.
func From(err error) bool {
	state, number := code(err)
	return state != "" || number != 0
}

// Rejected reports whether a server refused one value: too long, not of the column's type, against a constraint.
func Rejected(err error) bool {
	state, number := code(err)
	// https://www.postgresql.org/docs/current/errcodes-appendix.html: data exception, integrity constraint
	// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
	return strings.HasPrefix(state, "22") || strings.HasPrefix(state, "23") ||
		slices.Contains([]uint16{1048, 1062, 1264, 1265, 1366, 1406, 1451, 1452, 3140, 3819, 4025}, number)
}

// Busy reports whether a server did not execute the statement because of another one, and it may be sent again.
func Busy(err error) bool {
	state, number := code(err)
	// Postgres: serialization failure, deadlock, lock not available. MySQL: lock wait timeout, deadlock.
	return slices.Contains([]string{"40001", "40P01", "55P03"}, state) || number == 1205 || number == 1213
}

// code gives the SQLSTATE of an error of Postgres, or the number of one of MySQL.
func code(err error) (state string, number uint16) {
	var pg *pgconn.PgError
	var my *mysql.MySQLError
	switch {
	case errors.As(err, &pg):
		return pg.Code, 0
	case errors.As(err, &my):
		return "", my.Number
	}
	return "", 0
}
