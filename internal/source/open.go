package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"strings"

	"quarry"
	"quarry/internal/source/contentful"
	"quarry/internal/source/csv"
	"quarry/internal/source/dir"
	"quarry/internal/source/ghost"
	"quarry/internal/source/item"
	sourcejsonl "quarry/internal/source/jsonl"
	"quarry/internal/source/sqlrows"
	"quarry/internal/source/stream"
	"quarry/internal/source/wordpress"
	"quarry/internal/source/wxr"
)

// kind is one kind of file: how it is called and who reads it. The head tells some where in the file their items are.
type kind struct {
	name string
	open func(f stream.File, head []byte, c item.Config, index int) Source
}

// fileKinds lists the kinds of files, in the order in which people are told of them.
func fileKinds() []kind {
	text := func(name string, format quarry.Format) kind {
		return kind{name, func(f stream.File, _ []byte, c item.Config, n int) Source {
			return &dir.Text{File: f, Format: format, Config: c, Index: n}
		}}
	}
	return []kind{
		{"jsonl", func(f stream.File, _ []byte, c item.Config, n int) Source {
			return &sourcejsonl.Source{File: f, Config: c, Index: n}
		}},
		{"json", func(f stream.File, _ []byte, c item.Config, n int) Source {
			return &sourcejsonl.Objects{File: f, Config: c, Index: n}
		}},
		{"csv", func(f stream.File, _ []byte, c item.Config, n int) Source {
			return &csv.Source{File: f, Config: c, Index: n}
		}},
		{"tsv", func(f stream.File, _ []byte, c item.Config, n int) Source {
			return &csv.Source{File: f, Comma: '\t', Config: c, Index: n}
		}},
		{"wxr", func(f stream.File, _ []byte, c item.Config, n int) Source {
			return &wxr.Source{File: f, Config: c, Index: n}
		}},
		{"ghost", func(f stream.File, head []byte, c item.Config, n int) Source { return ghost.New(f, head, c, n) }},
		{"contentful", func(f stream.File, _ []byte, c item.Config, n int) Source { return contentful.New(f, c, n) }},
		text("markdown", quarry.FormatMarkdown),
		text("html", quarry.FormatHTML),
		text("text", quarry.FormatText),
	}
}

func findKind(name string) (kind, bool) {
	for _, k := range fileKinds() {
		if k.name == name {
			return k, true
		}
	}
	return kind{}, false
}

func known(name string) bool {
	_, ok := findKind(name)
	return ok
}

// kinds gives the names of all kinds of files for a message.
func kinds() string { return strings.Join(fileKindNames(), "|") }

func fileKindNames() []string {
	var names []string
	for _, k := range fileKinds() {
		names = append(names, k.name)
	}
	return names
}

// Kinds gives every value that Config.From can have.
func Kinds() []string { return append(fileKindNames(), sqliteKind, wordpressKind) }

// Open finds out what each argument is: a file, a folder, or "-" for the reader in the configuration. Nothing is read
// but the first bytes. The error is a *quarry.Error of kind BadUsage for what a person has to name differently.
func Open(ctx context.Context, args []string, cfg Config) ([]Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "open sources", Err: err}
	}
	if len(args) == 0 {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "open sources", Err: errors.New("none is named"), Hint: "name a file, a folder, or - for standard input"}
	}
	var sources []Source
	for i, arg := range args {
		s, err := open(ctx, arg, cfg, i)
		if err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	return sources, nil
}

func open(ctx context.Context, arg string, cfg Config, index int) (Source, error) {
	bad := func(err error, hint string) (Source, error) {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "open source", Subject: arg, Err: err, Hint: hint}
	}
	if strings.HasPrefix(arg, "https://") || strings.HasPrefix(arg, "http://") {
		if cfg.From != wordpressKind && !strings.Contains(arg, "/wp-json") && !strings.Contains(arg, "rest_route=") {
			return nil, &quarry.Error{
				Kind: quarry.BadUsage, Op: "open source", Subject: withoutLogin(arg), Err: errors.New("its kind cannot be told"),
				Hint: "a WordPress site: --from wordpress; a file: download it first",
			}
		}
		address, err := wordpress.Posts(arg)
		if err != nil {
			return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "open source", Subject: withoutLogin(arg), Err: err, Hint: "the login goes into the environment, not into the address"}
		}
		return &wordpress.Source{URL: address, Client: cfg.HTTP, Authorization: cfg.Authorization, Config: cfg.items(), Index: index}, nil
	}
	var file stream.File
	table := ""
	if name, after, ok := strings.Cut(arg, "#"); ok && after != "" && cfg.SelectSQLite != nil {
		if _, err := os.Stat(arg); err != nil { // else the mark is a part of the file's name
			arg, table = name, after
		}
	}
	if arg == "-" {
		if cfg.Stdin == nil {
			return bad(errors.New("there is no standard input"), "name a file")
		}
		file = stream.Once("stdin", cfg.Stdin)
	} else {
		info, err := os.Stat(arg)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return bad(errors.New("no such file or folder"), "check the path; a name with spaces needs quotes")
		case err != nil:
			return bad(bare(err), "")
		case info.IsDir() && cfg.Records:
			return bad(errors.New("it is a folder"), "name the files of ready records")
		case info.IsDir() && cfg.From != "":
			return bad(fmt.Errorf("a folder is not of kind %s", cfg.From), "leave --from out: a folder's files are told by their extensions")
		case info.IsDir():
			return &dir.Source{Root: arg, Config: cfg.items(), Index: index}, nil
		}
		if file, err = stream.Local(arg); err != nil {
			return bad(bare(err), "")
		}
	}
	head, err := file.Head(ctx)
	if err != nil {
		return bad(bare(err), "")
	}
	name := cfg.From
	switch {
	case cfg.Records:
		name = "jsonl"
	case name == "":
		if name = tell(arg, head); name == "" {
			return bad(errors.New("its kind cannot be told"), "say it: --from "+kinds())
		}
	}
	if name == sqliteKind {
		if cfg.SelectSQLite == nil || arg == "-" {
			return bad(errors.New("a SQLite database cannot be read here"), "name the file itself, not a stream")
		}
		return &sqlrows.Source{
			Label: arg, Table: table, Config: cfg.items(), Index: index,
			Select: func(ctx context.Context, query string) iter.Seq2[sqlrows.Row, error] {
				return cfg.SelectSQLite(ctx, arg, query)
			},
		}, nil
	}
	k, ok := findKind(name)
	if !ok || table != "" {
		return bad(fmt.Errorf("a file is not of kind %s", name), "want one of "+kinds())
	}
	return k.open(file, head, cfg.items(), index), nil
}

// withoutLogin gives an address fit for a message.
func withoutLogin(address string) string {
	if scheme, rest, ok := strings.Cut(address, "://"); ok {
		host, path, _ := strings.Cut(rest, "/")
		return scheme + "://" + host[strings.LastIndexByte(host, '@')+1:] + "/" + path
	}
	return address
}

// bare takes "open PATH:" off an error whose subject says the path already.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
