package main

import (
	"bytes"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

var modulePath = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+(/[A-Za-z0-9._~-]+)+$`)

// renaming is from one path to another.
type renaming struct {
	from, to string
	module   *regexp.Regexp // the path in a go.mod: a word of its own, or with more after a slash
	named    *regexp.Regexp // a package in other text: the path and one of the folders that have Go files
}

func newRenaming(root, to string) (*renaming, error) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	found := regexp.MustCompile(`(?m)^module (\S+)$`).FindSubmatch(mod)
	if found == nil {
		return nil, fmt.Errorf("%s names no module", filepath.Join(root, "go.mod"))
	}
	from := string(found[1])
	folders, err := packageFolders(root)
	if err != nil {
		return nil, err
	}
	path := regexp.QuoteMeta(from)
	return &renaming{
		from: from, to: to,
		module: regexp.MustCompile(`(?m)(^|[\s"])` + path + `(/|[\s"]|$)`),
		named:  regexp.MustCompile(`(^|[^\w./-])` + path + `/(` + strings.Join(folders, "|") + `)\b`),
	}, nil
}

// packageFolders are the folders of the root below which there is Go, as patterns.
func packageFolders(root string) ([]string, error) {
	files, err := tracked(root)
	if err != nil {
		return nil, err
	}
	var folders []string
	for _, file := range files {
		if top, _, below := strings.Cut(file, "/"); below && strings.HasSuffix(file, ".go") && !slices.Contains(folders, top) {
			folders = append(folders, top)
		}
	}
	for i, folder := range folders {
		folders[i] = regexp.QuoteMeta(folder)
	}
	return folders, nil
}

// tracked lists the files of the repository, with slashes.
func tracked(root string) ([]string, error) {
	cmd := exec.Command("git", "ls-files", "-z")
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the files of %s: %w", root, err)
	}
	return strings.FieldsFunc(string(out), func(c rune) bool { return c == 0 }), nil
}

// file changes one file, and reports whether it did.
func (r *renaming) file(root, name string) (bool, error) {
	path := filepath.Join(root, filepath.FromSlash(name))
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	old, err := os.ReadFile(path)
	if err != nil || bytes.IndexByte(old, 0) >= 0 || !utf8.Valid(old) {
		return false, err
	}
	text := old
	switch {
	case filepath.Base(name) == "go.mod" || filepath.Base(name) == "go.work":
		text = r.module.ReplaceAll(old, []byte("${1}"+r.to+"${2}"))
	case strings.HasSuffix(name, ".go") && !strings.Contains(name, "/testdata/"):
		if text, err = r.imports(old); err != nil {
			return false, err
		}
	}
	text = r.named.ReplaceAll(text, []byte("${1}"+r.to+"/${2}"))
	if bytes.Equal(text, old) {
		return false, nil
	}
	return true, os.WriteFile(path, text, info.Mode().Perm())
}

// imports changes what a Go file imports, and sorts it as gofmt does.
func (r *renaming) imports(source []byte) ([]byte, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var out []byte
	at := 0
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if imported != r.from && !strings.HasPrefix(imported, r.from+"/") {
			continue
		}
		start, end := int(spec.Path.Pos())-1, int(spec.Path.End())-1
		out = append(out, source[at:start]...)
		out = append(out, strconv.Quote(r.to+strings.TrimPrefix(imported, r.from))...)
		at = end
	}
	if at == 0 {
		return source, nil
	}
	return format.Source(append(out, source[at:]...))
}
