package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// The budgets of the source.
const (
	runFields    = 12
	runMethods   = 25
	typeMethods  = 60
	packageLines = 1800
	productLines = 76_000
	lineLength   = 140
)

// source is what the product's Go files add up to; tests and tools are not counted.
type source struct {
	lineCount map[string]int // by package
	methods   map[string]int // by package.Type
	fields    map[string]int // of structs, by package.Type
	longLines int
}

func read(root string) (*source, error) {
	s := &source{lineCount: map[string]int{}, methods: map[string]int{}, fields: map[string]int{}}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "tools" || name == "compat" || name == "examples") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		return s.file(filepath.ToSlash(dir), path)
	})
	return s, err
}

func (s *source) file(pkg, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	s.lineCount[pkg] += bytes.Count(text, []byte("\n"))
	for l := range bytes.Lines(text) {
		if utf8.RuneCount(bytes.ReplaceAll(bytes.TrimRight(l, "\n"), []byte("\t"), []byte("    "))) > lineLength {
			s.longLines++
		}
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv != nil {
				s.methods[pkg+"."+receiver(d.Recv.List[0].Type)]++
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				t, ok := spec.(*ast.TypeSpec)
				if !ok {
					continue
				}
				if st, ok := t.Type.(*ast.StructType); ok {
					s.fields[pkg+"."+t.Name.Name] = countFields(st)
				}
			}
		}
	}
	return nil
}

func countFields(st *ast.StructType) (n int) {
	for _, f := range st.Fields.List {
		n += max(len(f.Names), 1) // an embedded field has no name
	}
	return n
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return "?"
}

func (s *source) lines() []line {
	total := 0
	for _, n := range s.lineCount {
		total += n
	}
	lines := []line{
		{"fields of run.Run", fmt.Sprint(s.fields["internal/run.Run"]), fmt.Sprintf("≤ %d", runFields)},
		{"methods of run.Run", fmt.Sprint(s.methods["internal/run.Run"]), fmt.Sprintf("≤ %d", runMethods)},
		{"product Go, lines", fmt.Sprint(total), fmt.Sprintf("≤ %d", productLines)},
		{fmt.Sprintf("lines of more than %d characters", lineLength), fmt.Sprint(s.longLines), "0"},
	}
	lines = append(lines, above("type with more than %d methods", s.methods, typeMethods)...)
	return append(lines, above("package of more than %d lines", s.lineCount, packageLines)...)
}

// above names what exceeds a limit, the largest first.
func above(what string, counts map[string]int, limit int) []line {
	var names []string
	for name := range maps.Keys(counts) {
		if counts[name] > limit {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	lines := []line{{fmt.Sprintf(what, limit), fmt.Sprint(len(names)), "0"}}
	for _, name := range names {
		lines = append(lines, line{"  " + name, fmt.Sprint(counts[name]), fmt.Sprintf("≤ %d", limit)})
	}
	return lines
}
