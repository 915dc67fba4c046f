package quarry_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module begins the path of every package of ours. It comes from go.mod, since make rename changes it.
var module = func() string {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		panic(err) // tests run in the folder of their package
	}
	line, _, _ := strings.Cut(string(mod), "\n")
	return strings.TrimPrefix(line, "module ") + "/"
}()

// Which package may import which: the arrows of docs/design.md. A package that is not listed may import the vocabulary
// and the leaves only. Tests may import what they need.
var arrows = map[string][]string{
	// The stand-in for tests of other programs.
	"standin":    {"internal/standin", "internal/config/clientenv"},
	"cmd/quarry": {"internal/cli", "internal/config", "internal/base/firstgc"},
	"internal/cli": {
		"internal/compose", "internal/run", "internal/config", "internal/standin", "internal/aws/account", "internal/outcome/audit", "internal/aws/bedrock", "internal/aws/bucket",
		"internal/prepare/clean", "internal/aws/cost", "internal/prepare/dedupe", "internal/outcome/export", "internal/prepare/inspect", "internal/base/ledger", "internal/aws/preflight", "internal/prepare/prompt", "internal/outcome/report",
		"internal/aws/setup", "internal/prepare/kept", "internal/config/clientenv", "internal/config/trust", "internal/aws/pricelist", "internal/prepare/source", "internal/prepare/validate", "internal/outcome/publish",
		"internal/notify", "internal/metrics", "internal/outcome/review", "internal/ui/records", "internal/ui/view", "internal/ui/web",
	},
	"internal/compose": {
		"internal/run", "internal/config", "internal/standin", "internal/aws/account", "internal/outcome/audit", "internal/aws/bedrock", "internal/aws/bucket", "internal/prepare/clean", "internal/aws/cost",
		"internal/prepare/inspect", "internal/prepare/kept", "internal/base/ledger", "internal/outcome/parse", "internal/aws/preflight", "internal/prepare/prompt", "internal/aws/quotas", "internal/aws/setup", "internal/prepare/source",
		"internal/prepare/tokens", "internal/outcome/publish", "internal/outcome/review",
		"internal/prepare/validate", "internal/ui/records",
	},
	"internal/run": {
		"internal/aws/bedrock", "internal/aws/bucket", "internal/prepare/clean", "internal/outcome/collect", "internal/aws/cost", "internal/prepare/dedupe", "internal/base/ledger", "internal/prepare/pack",
		"internal/outcome/parse", "internal/prepare/prompt", "internal/base/reconcile", "internal/outcome/report", "internal/prepare/source", "internal/prepare/tokens", "internal/prepare/validate",
		"internal/outcome/review",
	},
	"internal/prepare/inspect": {"internal/prepare/clean", "internal/prepare/source"},
	"internal/aws/preflight":   {"internal/aws/iam"},
	"internal/aws/setup":       {"internal/aws/iam"},
	"internal/base/reconcile":  {"internal/base/ledger"},
	"internal/outcome/audit":   {"internal/base/ledger"},
	// An article that is written is read as its source reads it.
	"internal/outcome/publish": {"internal/prepare/source", "internal/prepare/clean"},
	"internal/standin":         {},
	// What pages show is read from the files of a run.
	"internal/ui/records": {
		"internal/run", "internal/base/ledger", "internal/outcome/collect", "internal/ui/difference", "internal/ui/find", "internal/ui/reread", "internal/ui/words",
	},
	"internal/ui/find":   {"internal/ui/words"},
	"internal/ui/reread": {"internal/run", "internal/prepare/clean", "internal/prepare/dedupe", "internal/prepare/source", "internal/ui/difference", "internal/ui/words"},
	// What a page shows of a run is what a terminal shows. Its parts come as values: only web serves, reads and writes.
	"internal/ui/view": {"internal/cli/board", "internal/outcome/publish", "internal/outcome/report", "internal/outcome/review", "internal/ui/difference", "internal/ui/records"},
	"internal/ui/web":  {"internal/outcome/report", "internal/outcome/review", "internal/ui/records", "internal/ui/view"},
	// The extractive model reads HTML and Markdown as a run does.
	"internal/standin/model/extractive": {"internal/prepare/clean"},
}

// What the packages below internal/run may import in addition to the vocabulary and the leaves. None of them knows a run. Only
// life changes a ledger (others make or read its rows, which are plain values), and only calls and life use the provider's clients, which
// pool holds.
var belowRun = map[string][]string{
	"internal/run/adopt": {
		"internal/run/book", "internal/run/event", "internal/run/index", "internal/run/lines", "internal/run/plan", "internal/run/runjson", "internal/run/shardfile", "internal/run/spec",
		"internal/aws/bucket", "internal/outcome/collect", "internal/prepare/dedupe", "internal/base/ledger",
	},
	"internal/run/answered": {"internal/run/answers", "internal/run/index", "internal/run/lines", "internal/run/shardfile", "internal/base/ledger", "internal/prepare/dedupe"},
	"internal/run/answers":  {"internal/run/index", "internal/run/lines", "internal/run/shardfile", "internal/outcome/collect", "internal/outcome/parse", "internal/prepare/prompt"},
	"internal/run/book":     {"internal/run/cut", "internal/run/forecast", "internal/run/limits", "internal/run/plan", "internal/run/runjson", "internal/base/ledger", "internal/outcome/report", "internal/outcome/review"},
	"internal/run/calls": {
		"internal/run/event", "internal/run/lines", "internal/run/shardfile", "internal/aws/bedrock", "internal/outcome/collect", "internal/base/ledger", "internal/outcome/parse", "internal/prepare/prompt",
	},
	"internal/run/cut": {"internal/run/index", "internal/run/plan", "internal/base/ledger", "internal/prepare/pack"},
	"internal/run/deliver": {
		"internal/run/answers", "internal/run/book", "internal/run/index", "internal/run/lines", "internal/run/plan", "internal/run/results", "internal/run/shardfile",
		"internal/outcome/report",
	},
	"internal/run/sample":   {"internal/prepare/dedupe"},
	"internal/run/event":    {"internal/outcome/report"},
	"internal/run/failures": {"internal/run/lines", "internal/run/shardfile", "internal/base/ledger", "internal/outcome/report"},
	"internal/run/foreign": {
		"internal/run/answers", "internal/run/lines", "internal/run/forecast", "internal/run/parallel", "internal/run/plan", "internal/run/results", "internal/run/summary",
		"internal/outcome/collect", "internal/aws/cost", "internal/prepare/dedupe", "internal/base/ledger", "internal/outcome/parse", "internal/outcome/report",
	},
	"internal/run/given":   {"internal/run/answers", "internal/outcome/collect"},
	"internal/run/history": {"internal/run/book", "internal/run/forecast", "internal/run/plan", "internal/aws/cost", "internal/base/ledger", "internal/outcome/report"},
	"internal/run/index":   {"internal/run/lines", "internal/prepare/dedupe"},
	"internal/run/input": {
		"internal/run/cut", "internal/run/event", "internal/run/index", "internal/run/lines", "internal/run/prepare", "internal/run/relocate", "internal/run/rounds",
		"internal/run/shardfile", "internal/prepare/dedupe", "internal/base/ledger", "internal/prepare/prompt", "internal/prepare/source",
	},
	"internal/run/life": {
		"internal/run/book", "internal/run/cut", "internal/run/event", "internal/run/index", "internal/run/input", "internal/run/limits", "internal/run/pool",
		"internal/run/relocate", "internal/run/runjson", "internal/run/settle", "internal/run/shardfile", "internal/run/verdict",
		"internal/aws/bedrock", "internal/aws/bucket", "internal/outcome/collect", "internal/base/ledger", "internal/base/reconcile",
		"internal/prepare/pack", "internal/prepare/validate",
	},
	"internal/run/limits":   {"internal/run/forecast", "internal/run/verdict", "internal/aws/cost", "internal/base/ledger", "internal/outcome/report"},
	"internal/run/lines":    {"internal/outcome/collect"},
	"internal/run/forecast": {"internal/run/weigh", "internal/aws/cost", "internal/outcome/report", "internal/prepare/tokens"},
	"internal/run/parallel": {},
	"internal/run/expected": {
		"internal/run/book", "internal/run/forecast", "internal/run/plan", "internal/run/spec", "internal/aws/cost", "internal/outcome/report", "internal/outcome/review",
	},
	"internal/run/journals": {"internal/run/index", "internal/run/lines", "internal/run/plan", "internal/run/shardfile", "internal/base/ledger"},
	"internal/run/pilot": {
		"internal/run/answers", "internal/run/book", "internal/run/deliver", "internal/run/event", "internal/run/failures", "internal/run/forecast", "internal/run/expected",
		"internal/run/index", "internal/run/journals", "internal/run/limits", "internal/run/lines", "internal/run/plan", "internal/run/results", "internal/run/resume",
		"internal/run/sample", "internal/run/shardfile", "internal/run/spec", "internal/run/weigh", "internal/aws/cost", "internal/base/ledger",
		"internal/outcome/report", "internal/prepare/source", "internal/prepare/tokens", "internal/outcome/review",
	},
	"internal/run/plan": {"internal/run/forecast", "internal/run/sample", "internal/run/index", "internal/run/weigh", "internal/prepare/clean", "internal/prepare/dedupe"},
	"internal/run/offline": {
		"internal/run/book", "internal/run/cut", "internal/run/event", "internal/run/forecast", "internal/run/given", "internal/run/index", "internal/run/limits",
		"internal/run/plan", "internal/run/planner", "internal/run/shardfile", "internal/run/spool", "internal/prepare/clean", "internal/base/ledger", "internal/prepare/pack", "internal/prepare/tokens",
	},
	"internal/run/planner": {
		"internal/run/answered", "internal/run/cut", "internal/run/limits", "internal/base/ledger", "internal/run/event", "internal/run/forecast", "internal/run/given", "internal/run/index", "internal/run/lines", "internal/run/plan",
		"internal/run/prepare", "internal/run/relocate", "internal/run/sample", "internal/run/shardfile", "internal/run/weigh", "internal/prepare/clean", "internal/prepare/dedupe",
		"internal/prepare/source", "internal/prepare/tokens",
	},
	"internal/run/prepare": {
		"internal/run/index", "internal/run/parallel", "internal/run/shardfile", "internal/run/weigh", "internal/prepare/clean", "internal/prepare/dedupe", "internal/prepare/prompt", "internal/prepare/validate",
	},
	"internal/run/previous": {"internal/run/book", "internal/run/index", "internal/run/plan", "internal/run/planner", "internal/base/ledger"},
	"internal/run/relocate": {"internal/run/index", "internal/run/lines", "internal/prepare/dedupe"},
	"internal/run/results":  {"internal/run/answers", "internal/run/failures", "internal/run/index", "internal/run/lines", "internal/outcome/report", "internal/prepare/dedupe"},
	"internal/run/resume":   {"internal/run/book", "internal/base/ledger"},
	"internal/run/rounds": {
		"internal/run/answers", "internal/run/cut", "internal/run/index", "internal/run/lines", "internal/run/shardfile", "internal/base/ledger", "internal/prepare/pack", "internal/prepare/prompt",
	},
	"internal/run/runjson": {"internal/run/plan", "internal/base/ledger"},
	"internal/run/pool":    {"internal/run/verdict", "internal/aws/bedrock", "internal/aws/bucket", "internal/base/ledger"},
	"internal/run/settle": {
		"internal/run/answers", "internal/run/event", "internal/run/limits", "internal/run/lines", "internal/run/parallel", "internal/run/shardfile", "internal/run/summary",
		"internal/outcome/collect", "internal/base/ledger",
	},
	"internal/run/shardfile": {"internal/run/lines", "internal/outcome/collect"},
	"internal/run/spec": {
		"internal/run/answers", "internal/run/book", "internal/run/calls", "internal/run/cut", "internal/run/event", "internal/run/forecast", "internal/run/given",
		"internal/run/limits", "internal/run/offline", "internal/run/plan", "internal/run/planner", "internal/run/prepare", "internal/run/runjson", "internal/aws/cost",
		"internal/base/ledger", "internal/outcome/parse", "internal/outcome/report", "internal/prepare/clean", "internal/prepare/prompt", "internal/prepare/source",
		"internal/prepare/validate",
	},
	"internal/run/spool": {"internal/run/index", "internal/run/shardfile", "internal/prepare/dedupe", "internal/prepare/pack"},
	"internal/run/state": {"internal/run/lines", "internal/run/shardfile", "internal/aws/bucket", "internal/base/ledger"},
	// What people say of a run whose ledger is in Postgres is in that ledger, and next to the run's files.
	"internal/run/remarks": {"internal/run/book", "internal/run/state", "internal/aws/bucket", "internal/base/ledger", "internal/outcome/review"},
	"internal/run/summary": {"internal/run/failures", "internal/run/forecast", "internal/run/plan", "internal/run/results", "internal/aws/cost", "internal/base/ledger", "internal/outcome/report"},
	"internal/run/verdict": {"internal/base/ledger"},
	"internal/run/weigh":   {"internal/prepare/clean", "internal/prepare/tokens"},
}

// Leaves have one job each and may be imported by anybody.
var leaves = []string{"internal/base/jsonl", "internal/base/resultline", "internal/base/atomicfile", "internal/base/effect", "internal/base/catalog", "internal/base/figure", "internal/base/rules", "internal/base/simd", "internal/base/template", "internal/base/nearest", "internal/base/fields", "internal/base/dbserver", "internal/base/outfile", "internal/base/shown", "internal/testdata", "internal/base/inflight", "internal/base/extsort"}

// Dependencies have one importing package, or few, so that replacing one is the work of one package. What is not here is
// imported by no one: a new dependency comes with its owner.
var owners = map[string][]string{
	"github.com/aws/aws-sdk-go-v2/service/bedrock":        {"internal/aws/bedrock"},
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime": {"internal/aws/bedrock"},
	"github.com/aws/aws-sdk-go-v2/service/s3":             {"internal/aws/bucket"},
	"github.com/aws/aws-sdk-go-v2/feature/s3":             {"internal/aws/bucket"},
	"github.com/aws/aws-sdk-go-v2/service/servicequotas":  {"internal/aws/quotas"},
	"github.com/aws/aws-sdk-go-v2/service/sts":            {"internal/aws/account"},
	"github.com/aws/aws-sdk-go-v2/config":                 {"internal/aws/account", "internal/aws/iam"},
	// What all the SDK's clients share: configuration, errors, transport. A step that talks to AWS needs it.
	"github.com/aws/aws-sdk-go-v2/aws": {
		"internal/aws/account", "internal/aws/bedrock", "internal/aws/bucket", "internal/compose", "internal/aws/iam", "internal/aws/preflight", "internal/aws/quotas", "internal/aws/setup",
		"internal/standin",
	},
	"github.com/aws/smithy-go": {"internal/aws/account", "internal/aws/bedrock", "internal/aws/bucket", "internal/aws/iam", "internal/aws/preflight", "internal/aws/quotas", "internal/aws/setup", "internal/standin"},

	// The stand-in's own: a run never needs a server.
	"github.com/google/uuid": {"internal/standin"},
	"go.etcd.io/bbolt":       {"internal/standin"},

	// JSON: names, order and numbers stay as they are written, which encoding/json does not give.
	"github.com/go-json-experiment/json":    {"internal/base/jsonl", "internal/prepare/prompt", "internal/outcome/parse", "internal/outcome/audit", "internal/standin"},
	"github.com/santhosh-tekuri/jsonschema": {"internal/outcome/parse"},
	"go.yaml.in/yaml":                       {"internal/config", "internal/compose", "internal/prepare/clean", "internal/outcome/publish", "internal/standin"},
	"github.com/pelletier/go-toml":          {"internal/prepare/clean", "internal/outcome/publish"},

	// A call of a method by its name makes the linker keep every exported method; package template executes without one.
	"text/template": {"internal/prepare/prompt", "internal/base/template"},
	"html/template": {},

	// Text.
	"codeberg.org/readeck":          {"internal/prepare/clean"},
	"golang.org/x/net/html":         {"internal/prepare/clean", "internal/outcome/publish"},
	"golang.org/x/text/unicode":     {"internal/prepare/clean", "internal/ui/words"},
	"github.com/zeebo/xxh3":         {"internal/prepare/dedupe"},
	"golang.org/x/text/encoding":    {"internal/prepare/source"},
	"golang.org/x/text/transform":   {"internal/prepare/source"},
	"golang.org/x/text/language":    {"internal/outcome/parse"},
	"golang.org/x/text/message":     {"internal/outcome/parse"},
	"github.com/clipperhouse/uax29": {"internal/prepare/clean", "internal/standin"},
	"github.com/yuin/goldmark":      {}, // tests compare with it

	// Files.
	"github.com/klauspost/compress": {"internal/base/atomicfile", "internal/prepare/kept", "internal/prepare/source", "internal/outcome/collect", "internal/outcome/audit"},
	"github.com/parquet-go":         {"internal/outcome/export", "internal/prepare/source"},
	"github.com/jackc/pgx":          {"internal/base/dbserver", "internal/base/ledger"},
	"modernc.org/sqlite":            {"internal/base/ledger", "internal/outcome/export", "internal/outcome/publish", "internal/prepare/source", "internal/ui/find"},
	"github.com/go-sql-driver":      {"internal/base/dbserver"},
	"github.com/gofrs/flock":        {"internal/base/effect"},
	"github.com/minio/crc64nvme":    {"internal/run", "internal/standin"}, // what S3 keeps of every object; hash/crc64 takes as long as SHA-256

	// The terminal.
	"github.com/spf13/cobra":          {"internal/cli"},
	"github.com/spf13/pflag":          {"internal/cli"},
	"github.com/mattn/go-runewidth":   {"internal/cli"},
	"golang.org/x/sys/cpu":            {"internal/base/simd"},
	"golang.org/x/sys/unix":           {"internal/cli"},
	"golang.org/x/sys/windows":        {"internal/cli"},
	"golang.org/x/term":               {"internal/cli"},
	"github.com/google/go-cmp":        {"internal/prepare/source"}, // sourcetest, the suite that every source runs
	"github.com/rogpeppe/go-internal": {},
	"go.uber.org/goleak":              {},
	"pgregory.net/rapid":              {},

	// What a run does to the world goes through package effect, where it is counted.
	"database/sql": {"internal/base/effect", "internal/base/dbserver"}, // which names the type of a connection
	"net/http":     {"internal/base/effect", "internal/compose", "internal/outcome/publish", "internal/notify", "internal/metrics", "internal/standin", "internal/prepare/source", "internal/aws/pricelist", "internal/ui/web"},
}

func TestArrowsRunOneWay(t *testing.T) {
	t.Parallel()
	for pkg, imports := range importsByPackage(t) {
		for imported, file := range imports {
			inside, ok := strings.CutPrefix(imported, module)
			if !ok || within(inside, pkg) || within(pkg, inside) || slices.ContainsFunc(leaves, func(l string) bool { return within(inside, l) }) {
				continue
			}
			top := topOf(pkg)
			if slices.Contains(leaves, top) {
				t.Errorf("%s: leaf %s imports %s", file, top, inside)
				continue
			}
			if slices.Contains(arrows[top], topOf(inside)) || slices.Contains(arrows[top], inside) || slices.Contains(arrows[pkg], topOf(inside)) {
				continue
			}
			if topOf(inside) == "internal/base/catalog" || topOf(inside) == top {
				continue
			}
			t.Errorf("%s: %s imports %s: a step never imports another step; packages are joined in internal/run and internal/compose", file, pkg, inside)
		}
	}
}

func TestPackagesBelowRunDoNotImportIt(t *testing.T) {
	t.Parallel()
	for pkg, imports := range importsByPackage(t) {
		if !strings.HasPrefix(pkg, "internal/run/") {
			continue
		}
		allowed, listed := belowRun[pkg]
		if !listed {
			t.Errorf("%s is not in belowRun: say there what it may import", pkg)
		}
		for imported, file := range imports {
			inside, ok := strings.CutPrefix(imported, module)
			if ok && !slices.Contains(allowed, inside) && !slices.ContainsFunc(leaves, func(l string) bool { return within(inside, l) }) {
				t.Errorf("%s: %s imports %s: it is joined with that in internal/run", file, pkg, inside)
			}
		}
	}
}

// The names and formats of facts have one owner; the ledger itself keeps its format and the version that wrote it.
func TestOnlyTheBookReadsAndWritesFacts(t *testing.T) {
	t.Parallel()
	err := eachSource(func(file string) error {
		if pkg := filepath.ToSlash(filepath.Dir(file)); pkg == "internal/run/book" || within(pkg, "internal/base/ledger") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && (sel.Sel.Name == "Facts" || sel.Sel.Name == "SetFacts") {
				t.Errorf("%s: %s: facts are read and written through package run/book", file, sel.Sel.Name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDependenciesHaveTheirOwners(t *testing.T) {
	t.Parallel()
	for pkg, imports := range importsByPackage(t) {
		for imported, file := range imports {
			named := false
			for dependency, owned := range owners {
				if !within(imported, dependency) {
					continue
				}
				named = true
				if !slices.Contains(owned, topOf(pkg)) {
					t.Errorf("%s: %s imports %s, which belongs to %v", file, pkg, imported, owned)
				}
			}
			if first, _, _ := strings.Cut(imported, "/"); !named && strings.Contains(first, ".") && !strings.HasPrefix(imported+"/", module) {
				t.Errorf("%s: %s imports %s, which has no owner: name one in owners", file, pkg, imported)
			}
		}
	}
}

func TestTheVocabularyDoesNoInputOrOutput(t *testing.T) {
	t.Parallel()
	for imported, file := range importsByPackage(t)["."] {
		if slices.Contains([]string{"os", "net", "net/http", "io/fs", "path/filepath", "database/sql", "log", "log/slog"}, imported) || strings.HasPrefix(imported, module) {
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
		if top == "internal/base/effect" || top == "internal/standin" || top == "standin" || top == "internal/testdata" {
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

// groups are the folders under internal that hold packages of one stage of the flow, and nothing else.
var groups = []string{"internal/base", "internal/prepare", "internal/aws", "internal/outcome", "internal/ui"}

// topOf gives the package under internal, or under one of its groups, that a package belongs to.
func topOf(pkg string) string {
	parts := strings.Split(pkg, "/")
	depth := 2
	if len(parts) > 1 && slices.Contains(groups, path.Join(parts[:2]...)) {
		depth = 3
	}
	if len(parts) > depth && parts[0] == "internal" {
		return path.Join(parts[:depth]...)
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
		if name := d.Name(); d.IsDir() && file != "." && (strings.HasPrefix(name, ".") || name == "testdata" && file != "internal/testdata" || name == "tools" || name == "packages" || name == "compat" || name == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		return visit(file)
	})
}
