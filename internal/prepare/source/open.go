package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"quarry"
	"quarry/internal/prepare/source/contentful"
	"quarry/internal/prepare/source/csv"
	"quarry/internal/prepare/source/dir"
	"quarry/internal/prepare/source/ghost"
	"quarry/internal/prepare/source/item"
	sourcejsonl "quarry/internal/prepare/source/jsonl"
	"quarry/internal/prepare/source/parquet"
	"quarry/internal/prepare/source/stream"
	"quarry/internal/prepare/source/wxr"
)

// kind is one kind of file: how it is called and who reads it. The head tells some where in the file their items are.
type kind struct {
	name string
	open func(f stream.File, head []byte, c item.Config, index int) Source
}

// fileKinds lists the kinds of files, in the order in which people see them.
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
		{"parquet", func(f stream.File, _ []byte, c item.Config, n int) Source {
			return &parquet.Source{File: f, Config: c, Index: n}
		}},
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
func Kinds() []string {
	return append(fileKindNames(), sqliteKind, postgresKind, mysqlKind, wordpressKind, s3Kind)
}

// Open finds out what each argument is: a file, a folder, a database, a site, a bucket's prefix, or "-" for the reader in
// the configuration. Nothing is read but the first bytes of files, and no request is made. The error is a *quarry.Error of kind BadUsage for what a person has to name differently.
func Open(ctx context.Context, args []string, cfg Config) ([]Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "open sources", Err: err}
	}
	if len(args) == 0 {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "open sources", Err: errors.New("none is named"), Hint: "name a file, a folder, or - for standard input",
		}
	}
	if err := oneSecret(args, cfg); err != nil {
		return nil, err
	}
	var sources []Source
	for i, arg := range args {
		s, err := open(ctx, arg, cfg, i)
		if err != nil {
			return nil, err
		}
		if cfg.Notes != nil {
			s = noted{s, cfg.Notes}
		}
		sources = append(sources, s)
	}
	return sources, checkUpdated(sources, cfg)
}

func open(ctx context.Context, arg string, cfg Config, index int) (Source, error) {
	if s, err, ok := remote(ctx, arg, cfg, index); ok {
		return s, err
	}
	arg, isDatabase := strings.CutPrefix(arg, "sqlite:")
	bad := func(err error, hint string) (Source, error) { return nil, badSource(arg, err, hint) }
	file, arg, table, err := find(arg, cfg)
	if err != nil || file.Name == "" {
		return folder(arg, cfg, index, err)
	}
	head, err := file.Head(ctx)
	if err != nil {
		return bad(bare(err), "")
	}
	name := cfg.From
	switch {
	case cfg.Records:
		name = "jsonl"
	case isDatabase:
		name = sqliteKind
	case name == "":
		if name = tell(arg, head); name == "" {
			return bad(errors.New("its type is not recognized"), "name it: --from "+kinds())
		}
	}
	if name == sqliteKind {
		if arg == "-" {
			return bad(errors.New("a SQLite database cannot be read from a stream"), "name the file itself")
		}
		return sqlite(arg, table, cfg, index)
	}
	k, ok := findKind(name)
	if ok && table != "" {
		return bad(fmt.Errorf("a file of type %s has no tables", name),
			"leave #"+table+" out; a table is named in a SQLite database: blog.db#posts")
	}
	if !ok {
		return bad(fmt.Errorf("a file is not of type %s", name), "want one of "+kinds())
	}
	if cfg.Query != "" {
		return bad(errors.New("--query needs a database source"), "omit --query, or name a database")
	}
	return k.open(file, head, cfg.items(), index), nil
}

func badSource(arg string, err error, hint string) error {
	return &quarry.Error{Kind: quarry.BadUsage, Op: "open source", Subject: arg, Err: err, Hint: hint}
}

// find finds the file that an argument names, and the table after `#`. A file without a name says that it is a folder.
func find(arg string, cfg Config) (file stream.File, path, table string, err error) {
	if arg == "-" {
		if cfg.Stdin == nil {
			return file, arg, "", badSource(arg, errors.New("there is no standard input"), "name a file")
		}
		return stream.Once("stdin", cfg.Stdin), arg, "", nil
	}
	info, err := os.Stat(arg)
	if name, after, ok := strings.Cut(arg, "#"); err != nil && ok && after != "" {
		if inner, e := os.Stat(name); e == nil { // else the mark is a part of the file's name
			arg, table, info, err = name, after, inner, nil
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return file, arg, "", badSource(arg, errors.New("no such file or folder"), "check the path; a name with spaces needs quotes")
	case err != nil:
		return file, arg, "", badSource(arg, bare(err), unreadableHint(err))
	case info.IsDir():
		return file, arg, "", nil
	}
	if file, err = stream.Local(arg); err != nil {
		return file, arg, "", badSource(arg, bare(err), unreadableHint(err))
	}
	return file, arg, table, nil
}

// unreadableHint is the way out of a file that is there and cannot be opened.
func unreadableHint(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "let this user read it and enter the folders above it (ls -ld shows the permissions)"
	}
	return "check the path, and that the file can be read"
}

// folder opens a folder, where there was no error.
func folder(arg string, cfg Config, index int, err error) (Source, error) {
	switch {
	case err != nil:
		return nil, err
	case cfg.Records:
		return nil, badSource(arg, errors.New("it is a folder"), "name the files of ready records")
	case cfg.From != "":
		return nil, badSource(arg, fmt.Errorf("a folder is not of type %s", cfg.From),
			"omit --from: in a folder, the type of each file follows from its extension")
	case cfg.Query != "":
		return nil, badSource(arg, errors.New("--query needs a database source"), "omit --query, or name a database")
	}
	return &dir.Source{Root: arg, Skip: cfg.Skip, Config: cfg.items(), Index: index}, nil
}

// bare takes "open PATH:" off an error whose subject says the path already.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
