package ledger

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"quarry"
	"quarry/internal/base/dbserver"
)

// Address is the address of a database that has ledgers.
type Address struct {
	cfg   *pgx.ConnConfig
	shown string
}

// ParseAddress reads postgres://USER@HOST/DATABASE. An address of another form, or with a password, is an error of the kind quarry.BadUsage,
// which does not repeat it.
func ParseAddress(address string) (*Address, error) {
	fault := func(why, hint string) error {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "open ledger", Subject: "its address", Err: errors.New(why), Hint: hint}
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, fault("not an address of Postgres", "write postgres://USER@HOST/DATABASE")
	}
	if _, has := u.User.Password(); has || u.Query().Has("password") || u.Query().Has("sslpassword") {
		return nil, fault("it holds a password, which lists of processes show", "set PGPASSWORD or write ~/.pgpass instead")
	}
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fault(err.Error(), "write postgres://USER@HOST/DATABASE")
	}
	cfg.RuntimeParams["search_path"], cfg.RuntimeParams["application_name"] = "quarry", "quarry"
	return &Address{cfg, u.Redacted()}, nil
}

// String is the address as messages name it.
func (a *Address) String() string { return a.shown }

// Config gives what a connection is made with; the caller may change it.
func (a *Address) Config() *pgx.ConnConfig { return a.cfg.Copy() }

// Fault sorts an error of the server, or of the way to it, by what a person has to do.
func (a *Address) Fault(err error) error {
	var sorted *quarry.Error
	if errors.As(err, &sorted) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("open ledger %s: %w", a, err)
	}
	fault := (&dbserver.Server{Name: a.shown}).Fault("open ledger", err, "name a database that is there, and a user who may make a schema in it")
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && refused.Code == "42501": // https://www.postgresql.org/docs/current/errcodes-appendix.html
		fault.Kind, fault.Hint = quarry.Denied, "this user may not change the ledger: name one that may; docs/machines.md has the statements that let it"
	case fault.Kind == quarry.Denied:
		fault.Hint = "name the user in the address; the password comes from PGPASSWORD or ~/.pgpass"
	case errors.As(err, &refused) && refused.Code == "08P01": // PgBouncer's word for a parameter that it does not pass on
		fault.Kind, fault.Hint = quarry.BadUsage, "name the server itself in the address of the ledger, not a proxy that pools connections"
	}
	return fault
}
