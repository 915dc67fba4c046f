package compose

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"quarry"
	"quarry/internal/base/dbserver"
	"quarry/internal/config"
	"quarry/internal/run/book"
)

// Server reads the address of a database server that an export goes to. The rules of passwords are those of sources.
func (pr *Program) Server(s *config.Settings, address string) (*dbserver.Server, error) {
	secret := ""
	if s.SourceKey != "" {
		var ok bool
		if secret, ok = pr.Env(s.SourceKey); !ok || secret == "" {
			return nil, BadSetting("source-key-env", fmt.Errorf("the variable %s is not set", s.SourceKey))
		}
	}
	server, err := dbserver.Open(address, secret)
	if err != nil {
		scheme, _, _ := strings.Cut(address, "://") // the rest may hold a password
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "write", Subject: scheme + "://…", Err: err,
			Hint: "postgres://USER@HOST:5432/NAME or mysql://USER@HOST:3306/NAME; put the password into an environment variable and name that with --source-key-env",
		}
	}
	return server, nil
}

// TableUse says what the run in a directory does with a table.
type TableUse int

// The uses.
const (
	NotSource   TableUse = iota
	MayBeSource          // the run reads a table of the same database, and its address does not say which
	IsSource
)

// SourceTable says whether a table of a server is a source of the run in a directory.
func SourceTable(ctx context.Context, s *config.Settings, dir string, server *dbserver.Server, table string) (TableUse, error) {
	l, err := readLedger(ctx, s, dir)
	if errors.Is(err, os.ErrNotExist) { // a directory of collected output has no ledger
		return NotSource, nil
	}
	if err != nil {
		return NotSource, err
	}
	head, err := book.Of(l).Head(ctx)
	if err := errors.Join(err, l.Close()); err != nil {
		return NotSource, err
	}
	use := NotSource
	for _, source := range head.Sources {
		read, err := url.Parse(source)
		if err != nil || !dbserver.Is(source) || !sameDatabase(read, server.Name) {
			continue
		}
		switch {
		case read.Fragment == "":
			use = max(use, MayBeSource)
		case strings.EqualFold(bareTable(read.Fragment), bareTable(table)):
			return IsSource, nil
		}
	}
	return use, nil
}

// bareTable is a table's name without its schema: one with another schema may be the same table.
func bareTable(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// sameDatabase reports whether two addresses may be of one database. All names of this machine are one host.
func sameDatabase(a *url.URL, address string) bool {
	b, err := url.Parse(address)
	if err != nil || (a.Scheme == "mysql") != (b.Scheme == "mysql") || a.Path != b.Path {
		return false
	}
	return strings.EqualFold(host(a), host(b))
}

func host(u *url.URL) string {
	name := u.Hostname()
	if ip := net.ParseIP(name); name == "" || ip.IsLoopback() {
		return "localhost"
	}
	return name
}
