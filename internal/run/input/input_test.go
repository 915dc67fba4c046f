package input_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/prompt"
	"quarry/internal/prepare/source"
	"quarry/internal/run/cut"
	"quarry/internal/run/event"
	"quarry/internal/run/index"
	"quarry/internal/run/input"
	"quarry/internal/run/lines"
	"quarry/internal/run/plan"
	"quarry/internal/run/planner"
	"quarry/internal/run/prepare"
	"quarry/internal/run/rounds"
	"quarry/internal/run/shardfile"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// planned is a pass over a file of documents, cut into shards of four records.
type planned struct {
	t    *testing.T
	dir  string
	file string
	plan plan.Plan
	rows []ledger.Shard
	said []string
	*input.Builder
}

func line(id, text string) string {
	return fmt.Sprintf(`{"id":%q,"title":"Article","content":"<p>%s</p>"}`, id, text)
}

func numbered(n int) []string {
	var out []string
	for i := range n {
		out = append(out, line(fmt.Sprintf("doc-%03d", i), fmt.Sprintf("Number %d is about a quarry. Stone is cut from the face of hill %d.", i, 7*i)))
	}
	return out
}

func planOf(t *testing.T, docs []string) *planned {
	t.Helper()
	p := &planned{t: t, dir: t.TempDir()}
	p.file = filepath.Join(p.dir, "docs.jsonl")
	p.change(docs)
	sources, err := source.Open(t.Context(), []string{p.file}, source.Config{})
	must(t, err)
	renderer, err := prompt.New(prompt.Config{})
	must(t, err)
	effects, how := effect.New(nil), prepare.Config{Prompt: renderer, Workers: 2}
	cfg := planner.Config{Effects: effects, Dir: p.dir, Pass: 1, Sources: sources, Names: []string{p.file}, Prepare: how, Model: quarry.DefaultModel, Attempts: 4}
	p.plan, err = cfg.Plan(t.Context(), planner.Earlier{})
	must(t, err)
	p.plan.Mode = quarry.ModeJob
	pass := index.Of(effects, p.dir, 1)
	p.rows, err = cut.Plan(t.Context(), &p.plan, pass, cut.Bounds{Quotas: quarry.Quotas{MinRecords: 1, RecordsPerFile: 4}})
	must(t, err)
	for i := range p.rows {
		p.rows[i].ID = quarry.NewShardID(p.rows[i].Kind, i+1)
	}
	p.Builder = &input.Builder{
		Effects: effects, Index: pass, Orders: p.plan.Orders, Sources: sources, Seen: func() string { return source.Seen([]string{p.file}) }, Prepare: how,
		Places: &input.Places{}, Model: quarry.DefaultModel, Rooms: true, MaxAnswer: 1000,
		Watch: func(e event.Event) { p.said = append(p.said, e.Text) },
	}
	t.Cleanup(p.Places.Close)
	return p
}

// change gives the sources other lines.
func (p *planned) change(docs []string) {
	p.t.Helper()
	must(p.t, os.WriteFile(p.file, []byte(strings.Join(docs, "\n")+"\n"), 0o600))
}

// build builds all shards into a directory, and gives their lines by recordId, and the documents that are not in them.
func (p *planned) build(dir string) (records map[string]string, failed []string) {
	p.t.Helper()
	p.Files = shardfile.In(p.Effects, filepath.Join(p.dir, dir), "")
	records = map[string]string{}
	for i := range p.rows {
		s := &p.rows[i]
		b, err := p.Build(p.t.Context(), s)
		must(p.t, err)
		if b.Records+b.Changed.Records != s.Records {
			p.t.Errorf("shard %s: %d records and %d that changed, of %d", s.ID, b.Records, b.Changed.Records, s.Records)
		}
		order := s.First - 1
		for part, err := range lines.Read[shardfile.Part](p.Files.Part(s.ID)) {
			must(p.t, err)
			if part.Order <= order || part.Order > s.Last {
				p.t.Errorf("shard %s has document %d after %d", s.ID, part.Order, order)
			}
			order = part.Order
		}
		for l, err := range lines.Raw(p.Files.Input(s.ID)) {
			must(p.t, err)
			id := strings.SplitN(string(l), `"`, 5)[3]
			if _, twice := records[id]; twice {
				p.t.Errorf("record %s is in two shards", id)
			}
			records[id] = string(s.ID) + " " + string(l)
		}
		if b.Changed.Records == 0 {
			continue
		}
		for o, err := range lines.Read[shardfile.Outcome](p.Files.Unbuilt(s.ID)) {
			must(p.t, err)
			if o.Class != quarry.ClassSourceChanged || o.Result.Status != quarry.StatusFailed {
				p.t.Errorf("document %s ends %s, %s", o.Result.ID, o.Class, o.Result.Status)
			}
			failed = append(failed, string(o.Result.ID))
		}
	}
	return records, failed
}

// changes are what may happen to a file of 30 documents after it was planned.
func changes() map[string]struct {
	change func(lines []string) []string
	failed []string
} {
	const n = 30
	edited, fresh := line("doc-017", "Another text about number 17."), line("new", "A new text.")
	type change = struct {
		change func(lines []string) []string
		failed []string
	}
	one := []string{"doc-017"}
	return map[string]change{
		"a line is put on top":        {change: func(l []string) []string { return append([]string{fresh}, l...) }},
		"a line is put in the middle": {change: func(l []string) []string { return slices.Insert(l, 14, fresh) }},
		"a line is added":             {change: func(l []string) []string { return append(l, fresh) }},
		"many lines are put on top": {change: func(l []string) []string {
			return append([]string{line("new", strings.Repeat("A new text. ", 9000)), line("new2", "Another.")}, l...)
		}},
		"all lines are reversed":       {change: func(l []string) []string { slices.Reverse(l); return l }},
		"a line is moved to the end":   {change: func(l []string) []string { return append(slices.Delete(slices.Clone(l), 3, 4), l[3]) }},
		"a line is moved to the top":   {change: func(l []string) []string { return append([]string{l[25]}, slices.Delete(slices.Clone(l), 25, 26)...) }},
		"two lines change places":      {change: func(l []string) []string { l[5], l[20] = l[20], l[5]; return l }},
		"a line is edited":             {change: func(l []string) []string { l[17] = edited; return l }, failed: one},
		"a line is edited and moved":   {change: func(l []string) []string { return append([]string{edited}, slices.Delete(l, 17, 18)...) }, failed: one},
		"an edited copy is put on top": {change: func(l []string) []string { return append([]string{edited}, l...) }, failed: one},
		"an edited copy is added":      {change: func(l []string) []string { return append(l, edited) }},
		"a line is taken out":          {change: func(l []string) []string { return slices.Delete(l, 17, 18) }, failed: one},
		"the first line is taken out":  {change: func(l []string) []string { return l[1:] }, failed: []string{"doc-000"}},
		"the last lines are taken out": {change: func(l []string) []string { return l[:n-2] }, failed: []string{"doc-028", "doc-029"}},
		"a line is broken":             {change: func(l []string) []string { l[17] = `{"id":"doc-017","content":`; return l }, failed: one},
		"a line has bad UTF-8":         {change: func(l []string) []string { l[17] = line("doc-017", "x") + "\xff"; return l }, failed: one},
		"a text is emptied":            {change: func(l []string) []string { l[17] = line("doc-017", ""); return l }, failed: one},
		"an id is another":             {change: func(l []string) []string { l[17] = strings.Replace(l[17], "doc-017", "doc-xxx", 1); return l }, failed: one},
		"two ids change places": {change: func(l []string) []string {
			l[5], l[20] = strings.Replace(l[5], "doc-005", "doc-020", 1), strings.Replace(l[20], "doc-020", "doc-005", 1)
			return l
		}, failed: []string{"doc-005", "doc-020"}},
		"blank lines and broken lines are put between": {change: func(l []string) []string {
			return slices.Insert(slices.Insert(l, 20, "", "", "{"), 4, "[]", "", " ")
		}},
		"only blanks are changed": {change: func(l []string) []string {
			for i := range l {
				l[i] = " " + l[i] + "  "
			}
			return l
		}},
		"all texts are edited": {change: func(l []string) []string {
			for i := range l {
				l[i] = strings.Replace(l[i], "Stone", "Marble", 1)
			}
			return l
		}, failed: func() (all []string) {
			for i := range n {
				all = append(all, fmt.Sprintf("doc-%03d", i))
			}
			return all
		}()},
	}
}

func TestWhatIsBuiltIsWhatWasPlanned(t *testing.T) {
	t.Parallel()
	for name, c := range changes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs := numbered(30)
			p := planOf(t, docs)
			want, failed := p.build("before")
			if len(want) != 30 || len(failed) > 0 || len(p.said) > 0 {
				t.Fatalf("%d records, failed %q, said %q before anything changed", len(want), failed, p.said)
			}
			p.change(c.change(slices.Clone(docs)))
			got, failed := p.build("after")
			if slices.Sort(failed); !slices.Equal(failed, c.failed) {
				t.Errorf("failed %q, want %q", failed, c.failed)
			}
			maps.DeleteFunc(want, func(id, _ string) bool {
				return slices.ContainsFunc(c.failed, func(doc string) bool { return strings.HasPrefix(id, strings.ReplaceAll(doc, "-", "_")) })
			})
			if !maps.Equal(got, want) {
				t.Errorf("%d records, want the %d that were planned, with the same bytes", len(got), len(want))
			}
			if len(p.said) > 1 {
				t.Errorf("the sources were read again %d times: %q", len(p.said), p.said)
			}
		})
	}
}

func TestAnotherBuilderKnowsWhereTheDocumentsAre(t *testing.T) {
	t.Parallel()
	docs := numbered(12)
	p := planOf(t, docs)
	p.change(append([]string{line("new", "A new text.")}, docs...))
	_, _ = p.build("a")
	again := *p.Builder
	p.Builder = &again
	if got, failed := p.build("b"); len(got) != 12 || len(failed) > 0 || len(p.said) != 1 {
		t.Errorf("%d records, failed %q, said %q, want 12 after the sources were read again once", len(got), failed, p.said)
	}
	p.change(append([]string{line("new", "A new text."), line("new2", "Another new text.")}, docs...))
	if got, _ := p.build("c"); len(got) != 12 || len(p.said) != 2 {
		t.Errorf("%d records, said %q, want the sources read again, since they changed again", len(got), p.said)
	}
}

func TestARetryShardHasItsPlacesOfTheQueue(t *testing.T) {
	t.Parallel()
	p := planOf(t, numbered(1))
	p.Files = shardfile.In(p.Effects, p.dir, "")
	p.Queue = &rounds.Queue{Effects: p.Effects, Files: p.Files, First: func(quarry.ShardID) (int64, error) { return 0, nil }}
	must(t, os.MkdirAll(filepath.Dir(p.Files.Queue("s00001")), 0o700))
	out, err := atomicfile.CreateZstd(p.Effects, p.Files.Queue("s00001"))
	must(t, err)
	defer out.Abort()
	body := `{"anthropic_version":"bedrock-2023-05-31","max_tokens":100,"messages":[{"role":"user","content":"%d"}]}`
	for i := range 5 {
		q := shardfile.Queued{Attempt: 2, Base: fmt.Appendf(nil, body, i)}
		q.Part = shardfile.Part{ID: "d", Order: int64(i), RecordID: quarry.RecordID(fmt.Sprintf("d-%012d-a1", i))}
		if i == 2 {
			q.MaxTokens = 300
		}
		must(t, lines.Write(out, &q))
	}
	must(t, out.Commit())
	s := ledger.Shard{ID: "r00001", Kind: quarry.RetryShard, Detail: ledger.Detail{Sources: []quarry.ShardID{"s00001"}, First: 1, Last: 3}}
	b, err := p.Build(t.Context(), &s)
	must(t, err)
	var got []string
	for l, err := range lines.Raw(p.Files.Input(s.ID)) {
		must(t, err)
		got = append(got, strings.TrimSpace(string(l)))
	}
	want := []string{
		`{"recordId":"d-000000000001-a2","modelInput":` + fmt.Sprintf(body, 1) + `}`,
		`{"recordId":"d-000000000002-a2","modelInput":` + `{"anthropic_version":"bedrock-2023-05-31","max_tokens":300,"messages":[{"content":"2","role":"user"}]}}`,
		`{"recordId":"d-000000000003-a2","modelInput":` + fmt.Sprintf(body, 3) + `}`,
	}
	if !slices.Equal(got, want) || b.Records != 3 || b.Tokens != 500 {
		t.Errorf("%+v with\n%s\nwant\n%s", b, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
