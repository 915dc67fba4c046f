package source

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"quarry"
	"quarry/internal/base/dbserver"
	"quarry/internal/prepare/source/database"
	"quarry/internal/prepare/source/ghost"
	"quarry/internal/prepare/source/pages"
	"quarry/internal/prepare/source/s3"
	"quarry/internal/prepare/source/sqlrows"
	"quarry/internal/prepare/source/stream"
	"quarry/internal/prepare/source/wordpress"
)

// Remote reports whether an argument names something that is not on this machine's disk.
func Remote(arg string) bool {
	return isWeb(arg) || dbserver.Is(arg) || strings.HasPrefix(arg, s3.Scheme)
}

// Changing reports whether an argument names something that gives other items when it is read again, or cannot be read
// again: a caller that needs it twice keeps what it gave the first time. A path may lead to a database.
func Changing(ctx context.Context, arg string, cfg Config) bool {
	if Remote(arg) || strings.HasPrefix(arg, "sqlite:") || cfg.From == sqliteKind {
		return true
	}
	if arg == "-" {
		return false // its bytes are kept, not its items
	}
	file, arg, _, err := find(arg, Config{})
	if err != nil || file.Name == "" || file.At == nil {
		return false
	}
	head, err := file.Head(ctx)
	return err == nil && cfg.From == "" && !cfg.Records && tell(arg, head) == sqliteKind
}

func isWeb(arg string) bool {
	return strings.HasPrefix(arg, "https://") || strings.HasPrefix(arg, "http://")
}

// oneSecret refuses to send one secret to several hosts: a host would learn what opens another.
func oneSecret(args []string, cfg Config) error {
	hosts := map[string]bool{}
	for i, arg := range args {
		u, err := url.Parse(arg)
		switch {
		case dbserver.Is(arg), isWeb(arg) && err != nil:
			hosts[fmt.Sprint(i)] = true
		case isWeb(arg):
			hosts[u.Scheme+"://"+u.Host] = true
		}
	}
	n := len(hosts)
	if cfg.Secret == "" || n < 2 {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "open sources",
		Err:  fmt.Errorf("one secret for %d servers: each server would get the secret of the others", n),
		Hint: "read them in separate runs, or keep Postgres passwords in ~/.pgpass",
	}
}

// remote opens what is not on the disk; ok is false where the argument names no such thing.
func remote(ctx context.Context, arg string, cfg Config, index int) (s Source, err error, ok bool) { //nolint:revive,staticcheck // ok says whether the others count
	bad := func(err error, hint string) (Source, error, bool) {
		return nil, badSource(withoutLogin(arg), err, hint), true
	}
	if !Remote(arg) {
		if cfg.From == postgresKind || cfg.From == mysqlKind || cfg.From == s3Kind {
			return bad(fmt.Errorf("it is not of type %s", cfg.From), "want an address that begins with "+cfg.From+"://")
		}
		return nil, nil, false
	}
	isBucket := strings.HasPrefix(arg, s3.Scheme)
	switch {
	case cfg.Records && !isBucket:
		return bad(errors.New("ready records are read from files"), "name the files of ready records")
	case cfg.Query != "" && !dbserver.Is(arg):
		return bad(errors.New("--query needs a database source"), "omit --query, or name a database")
	case isWeb(arg):
		s, err = web(ctx, arg, cfg, index)
	case isBucket:
		s, err = bucket(ctx, arg, cfg, index)
	default:
		s, err = server(arg, cfg, index)
	}
	return s, err, true
}

func web(ctx context.Context, arg string, cfg Config, index int) (Source, error) {
	if ghost.IsSite(arg) || cfg.From == ghostKind {
		return ghostSite(arg, cfg, index)
	}
	unknown := func() (Source, error) {
		return nil, badSource(withoutLogin(arg), errors.New("its type is not recognized"),
			"a WordPress site: --from wordpress; a Ghost site: --from ghost; a file: download it first")
	}
	if cfg.From != "" && cfg.From != wordpressKind {
		return unknown()
	}
	address, announced, err := wordpress.Find(ctx, cfg.HTTP, arg)
	noAnswer := (*quarry.Error)(nil)
	switch {
	case ctx.Err() != nil || errors.As(err, &noAnswer):
		return nil, err
	case err != nil:
		return nil, badSource(withoutLogin(arg), err, "want https://HOST; put the login into an environment variable and name that with --source-key-env")
	case !announced && cfg.From == "":
		return unknown()
	}
	return &wordpress.Source{URL: address, Client: cfg.HTTP, Authorization: Authorization(cfg.Secret), Config: cfg.items(), Index: index}, nil
}

func ghostSite(arg string, cfg Config, index int) (Source, error) {
	address, err := ghost.Collection(arg)
	var s *pages.Source
	if err == nil {
		s, err = ghost.NewSite(address, cfg.Secret, cfg.HTTP, cfg.items(), index)
	}
	if err != nil {
		return nil, badSource(withoutLogin(arg), err,
			"put the Admin API key of a custom integration, ID:SECRET, into an environment variable and name that with --source-key-env")
	}
	return s, nil
}

// Authorization makes the header's value of a secret. An application password has spaces, a header's scheme has one after
// it: what has a colon before any space is USER:PASSWORD.
func Authorization(secret string) string {
	scheme, _, spaced := strings.Cut(secret, " ")
	if secret == "" || (spaced && !strings.Contains(scheme, ":")) {
		return secret
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(secret))
}

func server(arg string, cfg Config, index int) (Source, error) {
	if cfg.From != "" && !strings.HasPrefix(arg, cfg.From) {
		return nil, badSource(withoutLogin(arg), fmt.Errorf("it is not of type %s", cfg.From), "omit --from: the type follows from the address")
	}
	d, err := database.Open(arg, cfg.Secret)
	if err != nil {
		return nil, badSource(withoutLogin(arg), err, "postgres://USER@HOST:5432/NAME or mysql://USER@HOST:3306/NAME; put the password into an environment variable and name that with --source-key-env")
	}
	if d.Table != "" && cfg.Query != "" {
		return nil, errBoth(d.Name)
	}
	return &sqlrows.Query{
		Label: d.Name, Select: d.Select, Dialect: d.Dialect, Statement: cfg.Query, Table: d.Table, Config: cfg.items(), Index: index,
	}, nil
}

func errBoth(name string) error {
	return badSource(name, errors.New("it names both a table and a query"), "omit #TABLE or --query")
}

func sqlite(path, table string, cfg Config, index int) (Source, error) {
	d := database.SQLite(path)
	if cfg.Query == "" {
		return &sqlrows.Source{Label: path, Select: d.Select, Table: table, Config: cfg.items(), Index: index}, nil
	}
	if table != "" {
		return nil, errBoth(path)
	}
	return &sqlrows.Query{Label: path, Select: d.Select, Statement: cfg.Query, Config: cfg.items(), Index: index}, nil
}

func bucket(ctx context.Context, arg string, cfg Config, index int) (Source, error) {
	name, prefix, err := s3.Parse(arg)
	if err != nil {
		return nil, badSource(arg, err, "want s3://BUCKET or s3://BUCKET/PREFIX")
	}
	if cfg.Store == nil {
		return nil, badSource(arg, errors.New("buckets cannot be read here"), "")
	}
	store, err := cfg.Store(ctx, name)
	if err != nil {
		return nil, err
	}
	return &s3.Source{
		Bucket: name, Prefix: prefix, Store: store, Index: index,
		Kind: func(file stream.File, head []byte) (s3.Reader, error) {
			name := cfg.From
			switch {
			case cfg.Records:
				name = "jsonl"
			case name == "" || name == s3Kind:
				name = tell(file.Name, head)
			}
			k, ok := findKind(name)
			if !ok {
				return nil, errors.New("its type is not recognized")
			}
			return k.open(file, head, cfg.items(), index), nil
		},
	}, nil
}

// withoutLogin gives an address fit for a message: without what may be a login, and without its options.
func withoutLogin(address string) string {
	if scheme, rest, ok := strings.Cut(address, "://"); ok {
		rest, _, _ = strings.Cut(rest, "?")
		host, path, _ := strings.Cut(rest, "/")
		return scheme + "://" + host[strings.LastIndexByte(host, '@')+1:] + "/" + path
	}
	return address
}
