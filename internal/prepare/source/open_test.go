package source_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/prepare/source"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/testdata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// database runs statements on a new SQLite file, whose name has no extension.
func database(t *testing.T, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "blog")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%.80s: %v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// write makes a file in a folder of the test's own.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpenRefusesWithAHint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		cfg  source.Config
		want string
	}{
		{"nothing named", nil, source.Config{}, "open sources: none is named"},
		{"a file that is not there", []string{"/no/such/file.jsonl"}, source.Config{}, "open source /no/such/file.jsonl: no such file or folder"},
		{"no standard input", []string{"-"}, source.Config{}, "open source -: there is no standard input"},
		{"bytes of no kind", []string{"-"}, source.Config{Stdin: strings.NewReader("\x00\x01\x02")}, "open source -: its type is not recognized"},
		{"an unknown kind", []string{"-"}, source.Config{From: "xlsx"}, `open sources: type "xlsx": want one of`},
		{"a page of the web", []string{"https://user:secret@example.org/x"}, source.Config{}, "open source https://example.org/x: URL of example.org holds a login, which would appear in logs"},
		{"a page of the web of another kind", []string{"https://example.org/x"}, source.Config{From: "csv"}, "open source https://example.org/x: its type is not recognized"},
		{"a login in an address", []string{"https://user:secret@example.org/"}, source.Config{From: "wordpress"}, "open source https://example.org/: URL of example.org holds a login"},
		{"a file as a site", []string{"open.go"}, source.Config{From: "wordpress"}, "open source open.go: a file is not of type wordpress"},
		{"an unknown field", []string{"-"}, source.Config{Fields: map[string]string{"boody": "x"}}, `open sources: field "boody": want one of`},
		{"a path with a hole", []string{"-"}, source.Config{Fields: map[string]string{"body": "a..b"}}, `open sources: field body: "a..b" is not a path`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := source.Open(t.Context(), c.args, c.cfg)
			var failure *quarry.Error
			if !errors.As(err, &failure) || failure.Kind != quarry.BadUsage || !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("Open(%q) = %v, want bad usage: %s", c.args, err, c.want)
			}
		})
	}
}

func TestOpenTellsJSONLByContent(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"data.txt":     "\ufeff\n" + `{"id":"a","body":"x"}` + "\n" + `{"id":"b","body":"y"}`,
		"data":         `{"id":"a","body":"x"}` + "\n{broken\n" + `{"id":"b","body":"y"}`,
		"broken.jsonl": `{"id":"a` + "\n" + `{"id":"a","body":"x"}` + "\n" + `{"id":"b","body":"y"}`,
	} {
		sources, err := source.Open(t.Context(), []string{write(t, name, in)}, source.Config{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if docs, _ := sourcetest.Documents(t, sources[0]); len(docs) != 2 {
			t.Errorf("%s: %d documents, want 2", name, len(docs))
		}
	}
}

func TestOpenTellsWhatIsInside(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want int
	}{
		"a.json":   {`[{"id":"a","body":"x"},{"id":"b","body":"y"}]`, 2},
		"b.json":   {"{\n \"id\":\"a\",\n \"body\":\"x\"\n}\n{\n \"id\":\"b\",\n \"body\":\"y\"\n}", 2},
		"c.txt":    {"[\n{\"id\":\"a\",\"body\":\"x\"}]", 1},
		"d.md":     {"[a link](https://example.org) begins", 1},
		"e.md":     {"{% include x %}\n{{ more }}", 1},
		"f.html":   {"<p>x", 1},
		"empty.md": {"", 1},
		"g.json":   {`[]`, 0},
	} {
		sources, err := source.Open(t.Context(), []string{write(t, name, c.in)}, source.Config{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if docs, faults := sourcetest.Documents(t, sources[0]); len(docs) != c.want || len(faults) > 0 {
			t.Errorf("%s: %d documents and %q, want %d", name, len(docs), faults, c.want)
		}
	}
}

func TestOpenTellsExports(t *testing.T) {
	t.Parallel()
	path := database(t, `CREATE TABLE posts (id INTEGER PRIMARY KEY, body TEXT)`, `INSERT INTO posts VALUES (1, 'x'), (2, 'x')`)
	for arg, want := range map[string]int{
		path: 2, path + "#posts": 2, "sqlite:" + path: 2,
		testdata.Path(t, "wxr", "small-export.xml"):                                                       9,
		testdata.Path(t, "wordpress", "rest", "posts-view-page-2.json"):                                   100,
		testdata.Path(t, "markdown", "jekyll-swift"):                                                      20,
		write(t, "x.dat", `{"db":[{"meta":{"exported_on":1},"data":{"posts":[{"id":"a","html":"x"}]}}]}`): 1,
		write(t, "y.dat", `{"entries":[{"sys":{"id":"a"},"fields":{"body":{"en-US":"x"}}}]}`):             1,
		write(t, "z.csv", "id,body\n1,x"):                                                                 1,
	} {
		sources, err := source.Open(t.Context(), []string{arg}, source.Config{})
		if err != nil {
			t.Errorf("%s: %v", arg, err)
			continue
		}
		if docs, faults := sourcetest.Documents(t, sources[0]); len(docs) != want || len(faults) > 0 {
			t.Errorf("%s: %d documents and %q, want %d", arg, len(docs), faults, want)
		}
	}
}

func TestOpenNumbersTheSources(t *testing.T) {
	t.Parallel()
	args := []string{write(t, "a.jsonl", `{"id":"a","body":"x"}`), write(t, "b.jsonl", `{"id":"b","body":"x"}`)}
	sources, err := source.Open(t.Context(), args, source.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range sources {
		docs, _ := sourcetest.Documents(t, s)
		if len(docs) != 1 || docs[0].At.Source != i || s.Name() != args[i] || docs[0].At.String() != args[i]+":1" {
			t.Errorf("source %d is %s with %+v", i, s.Name(), docs)
		}
	}
}

func TestStandardInputIsReadOnce(t *testing.T) {
	t.Parallel()
	in := strings.Repeat(`{"id":"a","body":"`+strings.Repeat("x", 1000)+`"}`+"\n", 200)
	sources, err := source.Open(t.Context(), []string{"-"}, source.Config{Stdin: strings.NewReader(in)})
	if err != nil {
		t.Fatal(err)
	}
	if docs, faults := sourcetest.Documents(t, sources[0]); len(docs) != 200 || len(faults) > 0 {
		t.Errorf("%d documents and %v, want 200", len(docs), faults)
	}
	for _, err := range sources[0].Blocks(t.Context(), quarry.Position{}) {
		if err == nil || !strings.Contains(err.Error(), "stdin: it can be read only once") {
			t.Errorf("the second reading: %v, want that it cannot be", err)
		}
	}
}

func TestConditionsKeepWhatMeetsThem(t *testing.T) {
	t.Parallel()
	in := `{"id":1,"body":"x","status":"publish","type":"post","n":{"lang":"ja"}}
{"id":2,"body":"x","status":"draft","type":"post","n":{"lang":"ja"}}
{"id":3,"body":"x","status":"publish","type":"page","n":{"lang":"ja"}}
{"id":4,"body":"x","status":"publish","type":"attachment","n":{"lang":"ja"}}
{"status":"draft"}
{"id":6,"body":"x","status":"publish","type":"post","n":{"lang":"en"}}`
	cfg := source.Config{Stdin: strings.NewReader(in)}
	for _, s := range []string{"status=publish", "type=post", "type=page", "n.lang=ja"} {
		w, err := source.ParseCondition(s)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Where = append(cfg.Where, w)
	}
	sources, err := source.Open(t.Context(), []string{"-"}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	docs, faults := sourcetest.Documents(t, sources[0])
	if len(docs) != 2 || docs[0].ID != "1" || docs[1].ID != "3" || len(faults) > 0 {
		t.Errorf("got %+v and %v, want documents 1 and 3 and no fault", docs, faults)
	}
}

func TestAllRealArticles(t *testing.T) {
	t.Parallel()
	sources, err := source.Open(t.Context(), []string{testdata.Path(t, "articles.jsonl.zst")}, source.Config{})
	if err != nil {
		t.Fatal(err)
	}
	docs, bytes := 0, 0
	for b, err := range sources[0].Blocks(t.Context(), quarry.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		for d, err := range b.Documents {
			if err != nil {
				t.Fatal(err)
			}
			docs++
			bytes += len(d.Body)
		}
	}
	if docs != 14_208 || bytes != 123_383_063 {
		t.Errorf("%d documents of %d bytes, want 14208 of 123383063", docs, bytes)
	}
}
