package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/jsonl"
	"quarry/internal/source/item"
	sourcejsonl "quarry/internal/source/jsonl"
	"quarry/internal/source/stream"
)

// opener makes a source of a file.
type opener func(stream.File, item.Config, int) Source

// byKind lists the kinds that are files.
func byKind(kind string) (opener, bool) {
	switch kind {
	case "jsonl":
		return func(f stream.File, c item.Config, n int) Source {
			return &sourcejsonl.Source{File: f, Config: c, Index: n}
		}, true
	}
	return nil, false
}

var kindNames = []string{"jsonl"}

func known(kind string) bool { return slices.Contains(kindNames, kind) }

func kinds() string { return strings.Join(kindNames, ", ") }

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
	var file stream.File
	if arg == "-" {
		if cfg.Stdin == nil {
			return bad(errors.New("there is no standard input"), "name a file")
		}
		file = stream.Once("stdin", cfg.Stdin)
	} else {
		_, err := os.Stat(arg)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return bad(errors.New("no such file or folder"), "check the path; a name with spaces needs quotes")
		case err != nil:
			return bad(bare(err), "")
		}
		if file, err = stream.Local(arg); err != nil {
			return bad(bare(err), "")
		}
	}
	head, err := file.Head(ctx)
	if err != nil {
		return bad(bare(err), "")
	}
	kind := cfg.From
	if cfg.Records {
		kind = "jsonl"
	}
	if kind == "" {
		if kind = tell(arg, head); kind == "" {
			return bad(errors.New("its kind cannot be told"), "say it: --from "+strings.Join(kindNames, "|"))
		}
	}
	newSource, ok := byKind(kind)
	if !ok {
		return bad(fmt.Errorf("a file is not of kind %s", kind), "")
	}
	return newSource(file, cfg.items(), index), nil
}

// bare takes "open PATH:" off an error whose subject says the path already.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// tell tells a kind by what the file holds, then by how it is called.
func tell(name string, head []byte) string {
	text := bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff")))
	if len(text) > 0 && text[0] == '{' {
		first, _, _ := bytes.Cut(text, []byte{'\n'})
		if jsonl.Check(first) == nil || len(first) == len(text) {
			return "jsonl"
		}
	}
	switch extension(name) {
	case ".jsonl", ".ndjson":
		return "jsonl"
	}
	return ""
}

// extension is that of the file inside a packed one.
func extension(name string) string {
	name = strings.ToLower(name)
	for _, packed := range []string{".gz", ".zst", ".zstd"} {
		name = strings.TrimSuffix(name, packed)
	}
	return filepath.Ext(name)
}
