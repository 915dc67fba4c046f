package figure_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"quarry/internal/base/figure"
)

func TestClause(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 jobs are", 1: "1 job is", 2: "2 jobs are", 14208: "14,208 jobs are"} {
		if got := figure.Clause(n, "job", "is", "are"); got != want {
			t.Errorf("Clause(%d) = %q, want %q", n, got, want)
		}
	}
}

// counted finds a bare number before a noun in the plural: "%d records" is wrong of one record and of ten thousand.
var counted = regexp.MustCompile(`%d (more |other |further )?` +
	`(shard|file|record|document|job|item|price|check|fault|answer|call|part|row|change|pool|attempt|line|text|token|byte|character|setting|request|error)s\b`)

// TestMessagesCountWithFigure reads every message of the program. The stand-in is left out, since it speaks AWS's words, and so
// is the table of what models refuse, for the same reason.
func TestMessagesCountWithFigure(t *testing.T) {
	t.Parallel()
	read := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "standin" || d.Name() == "rules" || d.Name() == "testdata" || strings.HasSuffix(d.Name(), "test")):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		read++
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && counted.MatchString(text.Value) {
				t.Errorf("%s: %s: write the number with figure.Count or figure.Clause", files.Position(text.Pos()), text.Value)
			}
			return true
		})
		return nil
	})
	if err != nil || read < 100 {
		t.Errorf("%d files read: %v", read, err)
	}
}
