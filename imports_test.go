package quarry_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Which package may import which: the arrows of docs/design.md. A package that is not listed may import the vocabulary
// and the leaves only. Tests may import what they need.
var arrows = map[string][]string{
	"cmd/quarry": {"internal/cli", "internal/config"},
	"internal/cli": {
		"internal/run", "internal/config", "internal/standin", "internal/account", "internal/audit", "internal/bedrock", "internal/bucket", "internal/clean",
		"internal/cost", "internal/export", "internal/ledger", "internal/parse", "internal/preflight", "internal/prompt", "internal/report", "internal/setup",
		"internal/quotas", "internal/source", "internal/validate",
	},
	"internal/run": {
		"internal/bedrock", "internal/bucket", "internal/clean", "internal/collect", "internal/cost", "internal/dedupe", "internal/ledger", "internal/pack",
		"internal/parse", "internal/prompt", "internal/reconcile", "internal/report", "internal/source", "internal/tokens", "internal/validate",
	},
	"internal/reconcile": {"internal/ledger"},
	"internal/audit":     {"internal/ledger"},
	"internal/standin":   {},
}

// Leaves have one job each and may be imported by anybody.
var leaves = []string{"internal/jsonl", "internal/atomicfile", "internal/effect", "internal/catalog", "internal/testdata"}

// Heavy dependencies have one importing package, so that replacing one is the work of one package.
var owners = map[string][]string{
	"github.com/aws/aws-sdk-go-v2/service/bedrock":        {"internal/bedrock"},
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime": {"internal/bedrock"},
	"github.com/aws/aws-sdk-go-v2/service/s3":             {"internal/bucket", "internal/standin"},
	"github.com/aws/aws-sdk-go-v2/feature/s3":             {"internal/bucket"},
	"github.com/aws/aws-sdk-go-v2/service/iam":            {"internal/setup", "internal/preflight"},
	"github.com/aws/aws-sdk-go-v2/service/servicequotas":  {"internal/quotas"},
	"github.com/aws/aws-sdk-go-v2/service/sts":            {"internal/account"},
	"github.com/aws/aws-sdk-go-v2/config":                 {"internal/account"},
	"github.com/santhosh-tekuri/jsonschema":               {"internal/parse"},
	"github.com/versity/versitygw":                        {"internal/standin"},
	"github.com/gofiber/fiber":                            {"internal/standin"},
	"github.com/valyala/fasthttp":                         {"internal/standin"},
	"go.etcd.io/bbolt":                                    {"internal/standin"},
	"modernc.org/sqlite":                                  {"internal/ledger", "internal/export", "internal/source"},
	"github.com/parquet-go":                               {"internal/export", "internal/source"},
	"github.com/spf13/cobra":                              {"internal/cli"},
	"github.com/spf13/pflag":                              {"internal/cli"},
	"github.com/gofrs/flock":                              {"internal/effect"},
	"codeberg.org/readeck":                                {"internal/clean"},
	"github.com/yuin/goldmark":                            {},
	"go.yaml.in/yaml":                                     {"internal/config", "internal/cli", "internal/clean"},
	// What a run does to the world goes through package effect, where it is counted.
	"database/sql": {"internal/effect"},
	"net/http":     {"internal/effect", "internal/standin", "internal/source"},
}

func TestArrowsRunOneWay(t *testing.T) {
	t.Parallel()
	for pkg, imports := range importsByPackage(t) {
		for imported, file := range imports {
			inside, ok := strings.CutPrefix(imported, "quarry/")
			if !ok || within(inside, pkg) || within(pkg, inside) || slices.ContainsFunc(leaves, func(l string) bool { return within(inside, l) }) {
				continue
			}
			top := topOf(pkg)
			if slices.Contains(leaves, top) {
				t.Errorf("%s: leaf %s imports %s", file, top, inside)
				continue
			}
			if allowed, listed := arrows[top]; listed && slices.Contains(allowed, topOf(inside)) {
				continue
			}
			if topOf(inside) == "internal/catalog" || topOf(inside) == top {
				continue
			}
			t.Errorf("%s: %s imports %s: a step never imports another step; packages are joined in internal/run and internal/cli", file, pkg, inside)
		}
	}
}

func TestHeavyDependenciesHaveOneOwner(t *testing.T) {
	t.Parallel()
	for pkg, imports := range importsByPackage(t) {
		for imported, file := range imports {
			for dependency, owned := range owners {
				if (imported == dependency || strings.HasPrefix(imported, dependency+"/")) && !slices.Contains(owned, topOf(pkg)) {
					t.Errorf("%s: %s imports %s, which belongs to %v", file, pkg, imported, owned)
				}
			}
		}
	}
}

func TestTheVocabularyDoesNoInputOrOutput(t *testing.T) {
	t.Parallel()
	for imported, file := range importsByPackage(t)["."] {
		if slices.Contains([]string{"os", "net", "net/http", "io/fs", "path/filepath", "database/sql", "log", "log/slog"}, imported) || strings.HasPrefix(imported, "quarry/") {
			t.Errorf("%s: the vocabulary imports %s", file, imported)
		}
	}
}

// A run writes through package effect, where every write is counted and can be made to fail; the stand-in is another
// program that happens to live in the same binary.
func TestOnlyEffectWritesFiles(t *testing.T) {
	t.Parallel()
	writes := []string{"Create", "CreateTemp", "WriteFile", "OpenFile", "Rename", "Remove", "RemoveAll", "Mkdir", "MkdirAll", "MkdirTemp", "Truncate", "Chmod", "Symlink", "Link"}
	err := eachSource(func(file string) error {
		top := topOf(filepath.ToSlash(filepath.Dir(file)))
		if top == "internal/effect" || top == "internal/standin" || top == "internal/testdata" {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "os" && slices.Contains(writes, sel.Sel.Name) {
					t.Errorf("%s: os.%s: files are written through package effect", file, sel.Sel.Name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// topOf gives the package under internal that a package belongs to.
func topOf(pkg string) string {
	parts := strings.Split(pkg, "/")
	if len(parts) > 2 && parts[0] == "internal" {
		return path.Join(parts[:2]...)
	}
	return pkg
}

func within(pkg, parent string) bool { return pkg == parent || strings.HasPrefix(pkg, parent+"/") }

// importsByPackage reads the imports of all files that are not tests: package directory → import path → one file.
func importsByPackage(t *testing.T) map[string]map[string]string {
	t.Helper()
	out := map[string]map[string]string{}
	err := eachSource(func(file string) error {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(file))
		if out[pkg] == nil {
			out[pkg] = map[string]string{}
		}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			out[pkg][imported] = file
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// eachSource visits the project's Go files that are not tests.
func eachSource(visit func(file string) error) error {
	return filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && file != "." && (strings.HasPrefix(name, ".") || name == "testdata" && file != "internal/testdata" || name == "tools" || name == "compat" || name == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		return visit(file)
	})
}
