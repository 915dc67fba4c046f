package planner_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/outcome/parse"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/prepare/prompt"
	"quarry/internal/prepare/source"
	"quarry/internal/run/answers"
	"quarry/internal/run/event"
	"quarry/internal/run/given"
	"quarry/internal/run/index"
	"quarry/internal/run/plan"
	"quarry/internal/run/planner"
	"quarry/internal/run/prepare"
	"quarry/internal/run/relocate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// memory is a source of documents that are written ID=TEXT. An item without "=" cannot be read.
type memory struct {
	docs  []string
	reads int
	then  []string // what it holds when it is read once more; nil: the same
}

func (m *memory) Name() string { return "memory" }

func (m *memory) Blocks(_ context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	if m.reads++; m.reads > 1 && m.then != nil {
		m.docs = m.then
	}
	return func(yield func(quarry.Block, error) bool) {
		for at := from.Line; at < int64(len(m.docs)); at += 2 {
			some := m.docs[at:min(at+2, int64(len(m.docs)))]
			first := quarry.Position{Line: at}
			if !yield(quarry.Block{First: first, Documents: documents(some, at)}, nil) {
				return
			}
		}
	}
}

func documents(some []string, at int64) iter.Seq2[quarry.Document, error] {
	return func(yield func(quarry.Document, error) bool) {
		for i, text := range some {
			place := quarry.Position{File: "memory", Line: at + int64(i) + 1}
			id, body, ok := strings.Cut(text, "=")
			var err error
			if !ok {
				err = &quarry.ItemError{At: place, Reason: "no id"}
			}
			if !yield(quarry.Document{ID: quarry.DocumentID(id), Title: "T", Body: []byte(body), Format: quarry.FormatHTML, At: place}, err) {
				return
			}
		}
	}
}

// config plans pass 1 of a run over documents.
func config(t *testing.T, docs ...string) (*planner.Config, *[]string) {
	t.Helper()
	renderer, err := prompt.New(prompt.Config{})
	must(t, err)
	said := &[]string{}
	return &planner.Config{
		Effects: effect.New(nil), Dir: t.TempDir(), Pass: 1, Sources: []source.Source{&memory{docs: docs}}, Names: []string{"memory"},
		Prepare: prepare.Config{Prompt: renderer, Workers: 2}, Model: quarry.DefaultModel, Attempts: 4,
		Watch: func(e event.Event) {
			if e.Kind != event.Progress {
				*said = append(*said, string(e.Kind)+" "+e.Text)
			}
		},
	}, said
}

// marks are what becomes of the documents, one letter each.
func marks(t *testing.T, c *planner.Config) string {
	t.Helper()
	b, err := os.ReadFile(index.Of(c.Effects, c.Dir, c.Pass).Path("takes"))
	must(t, err)
	return string(b)
}

// end ends all documents of a pass as the marks say, and gives the pass as the next one sees it.
func end(t *testing.T, c *planner.Config, how string) *index.Known {
	t.Helper()
	pass := index.Of(c.Effects, c.Dir, c.Pass)
	ends, err := pass.CreateEnds()
	must(t, err)
	for i := range how {
		must(t, ends.Add(int64(i), index.Ended(how[i]), 1, 1))
	}
	must(t, ends.Commit(int64(len(how))))
	known := pass.Known(int64(len(how)))
	t.Cleanup(known.Close)
	return known
}

func TestWhatBecomesOfEachItem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		docs []string
		set  func(*planner.Config)
		want plan.Plan
		mark string
		said string
	}{
		"all are sent": {docs: []string{"a=one", "b=two", "c=three"}, want: plan.Plan{Items: 3, Documents: 3, Asked: 3}, mark: "mmm"},
		"the sample is sent first": {
			docs: []string{"a=one", "b=two", "c=three"}, set: func(c *planner.Config) { c.Pilot = 3 },
			want: plan.Plan{Items: 3, Documents: 3, Asked: 3, Pilot: 3}, mark: "ppp",
		},
		"no more than the limit is read": {
			docs: []string{"a=one", "b=two", "c=three"}, set: func(c *planner.Config) { c.Limit = 2 },
			want: plan.Plan{Items: 2, Documents: 2, Asked: 2}, mark: "mm",
		},
		"an item that cannot be read is named": {
			docs: []string{"a=one", "broken", "c=three"}, want: plan.Plan{Items: 3, Unreadable: 1, Documents: 2, Asked: 2}, mark: "mm", said: "left_out memory:2: no id",
		},
		"a document without text is skipped": {
			docs: []string{"a=one", "b=<p> </p>"}, want: plan.Plan{Items: 2, Documents: 2, Empty: 1, Asked: 1}, mark: "me", said: `skipped memory:2: document "b": nothing left after cleaning`,
		},
		"a record larger than an input file is left out": {
			docs: []string{"a=one", "b=" + strings.Repeat("long ", 1000)}, set: func(c *planner.Config) { c.MaxLine = 4000 },
			want: plan.Plan{Items: 2, Documents: 2, TooLarge: 1, Asked: 1}, mark: "ml", said: `left_out memory:2: document "b": `,
		},
		"equal texts are sent once": {docs: []string{"a=one", "b=one", "c=one"}, want: plan.Plan{Items: 3, Documents: 3, Same: 2, Asked: 1}, mark: "mss"},
		"an id that comes again is left out": {
			docs: []string{"a=one", "b=two", "a=three"}, want: plan.Plan{Items: 3, SameID: 1, Documents: 2, Asked: 2}, mark: "mmi", said: `left_out memory:3: duplicate id "a"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, said := config(t, c.docs...)
			if c.set != nil {
				c.set(cfg)
			}
			p, err := cfg.Plan(t.Context(), planner.Earlier{})
			must(t, err)
			got := plan.Plan{
				Items: p.Items, Unreadable: p.Unreadable, SameID: p.SameID, Documents: p.Documents, Empty: p.Empty, Same: p.Same, TooLarge: p.TooLarge, Asked: p.Asked,
				Pilot: p.Pilot,
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(plan.Plan{})); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			if m := marks(t, cfg); m != c.mark {
				t.Errorf("marks = %s, want %s", m, c.mark)
			}
			if text := strings.Join(*said, "; "); (c.said == "") != (text == "") || !strings.HasPrefix(text, c.said) {
				t.Errorf("it says %q, want %q", text, c.said)
			}
		})
	}
}

// A job below the minimum is refused, so a sample that drew mostly equal texts is completed.
func TestThePilotIsLargeEnoughAmongEqualTexts(t *testing.T) {
	t.Parallel()
	var docs []string
	for i := range 200 {
		docs = append(docs, fmt.Sprintf("twin-%d=the same", i))
	}
	for i := range 9 {
		docs = append(docs, fmt.Sprintf("own-%d=text %d", i, i))
	}
	cfg, _ := config(t, docs...)
	cfg.Pilot = 3
	p, err := cfg.Plan(t.Context(), planner.Earlier{})
	must(t, err)
	if p.Pilot != 3 {
		t.Errorf("the pilot has %d documents, want 3", p.Pilot)
	}
}

func TestTheNextPassSendsWhatIsNewOrChanged(t *testing.T) {
	t.Parallel()
	cfg, _ := config(t, "a=one", "b=two", "c=three", "d=four")
	_, err := cfg.Plan(t.Context(), planner.Earlier{})
	must(t, err)
	before := end(t, cfg, "oorf")
	cfg.Pass, cfg.Sources = 2, []source.Source{&memory{docs: []string{"e=five", "a=one", "b=another", "c=three"}}}
	p, err := cfg.Plan(t.Context(), planner.Earlier{Before: before})
	must(t, err)
	if got := marks(t, cfg); got != "mumm" || p.Unchanged != 1 || p.Changed != 1 || p.Again != 1 || p.Gone != 1 {
		t.Errorf("marks = %s, %d unchanged, %d changed, %d again, %d gone; want mumm and 1 each", got, p.Unchanged, p.Changed, p.Again, p.Gone)
	}
}

func TestNearlyEqualTexts(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("Stone is cut from the face of a hill, and blocks go down to the valley by rail. ", 8)
	for _, reuse := range []bool{false, true} {
		cfg, _ := config(t, "a="+text+"One.", "b="+text+"Two.", "c=Nothing of the kind, but a text about the sea and what swims in it.")
		cfg.Near, cfg.ReuseNear = 0.6, reuse
		p, err := cfg.Plan(t.Context(), planner.Earlier{})
		must(t, err)
		want := map[bool]string{false: "mmm", true: "msm"}[reuse]
		if got := marks(t, cfg); got != want || p.Near != 1 || len(p.Notes) != 1 {
			t.Errorf("reuse %v: marks = %s, want %s; %d near, notes %q", reuse, got, want, p.Near, p.Notes)
		}
		b, err := os.ReadFile(filepath.Join(cfg.Dir, planner.NearFile))
		if err != nil || !strings.HasPrefix(string(b), `{"id":"b","of":"a"`) || strings.Count(string(b), "\n") != 1 {
			t.Errorf("reuse %v: %s = %s, %v", reuse, planner.NearFile, b, err)
		}
	}
}

func TestSourcesThatChangeWhileTheyAreRead(t *testing.T) {
	t.Parallel()
	docs := []string{"a=one", "b=one", "c=three"} // b is read again for its title
	changed := []string{"x=nine", "a=one", "b=one", "c=three"}
	for name, c := range map[string]struct {
		record bool
		marks  string
	}{
		"they are read once more":        {marks: "mmsm"},
		"but not where records are gone": {record: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, _ := config(t, docs...)
			m := &memory{docs: append(slices.Clone(docs), "a=again"), then: changed}
			cfg.Sources = []source.Source{m}
			if c.record {
				cfg.Record = func(index.RecordPos, quarry.RecordID, dedupe.Hash, []byte) error { return nil }
			}
			_, err := cfg.Plan(t.Context(), planner.Earlier{})
			if c.record {
				var q *quarry.Error
				if !errors.Is(err, relocate.ErrMoved) || !errors.As(err, &q) || q.Kind != quarry.BadItems {
					t.Errorf("Plan() = %v, want an error that wraps ErrMoved", err)
				}
				return
			}
			must(t, err)
			if got := marks(t, cfg); got != c.marks {
				t.Errorf("marks = %s, want %s, those of the sources as they are now", got, c.marks)
			}
		})
	}
}

func TestRecordsAreGivenInTheOrderOfTheSources(t *testing.T) {
	t.Parallel()
	cfg, _ := config(t, "b=two", "a=one", "e=<p> </p>", "c=one")
	var got []string
	cfg.Record = func(at index.RecordPos, id quarry.RecordID, _ dedupe.Hash, input []byte) error {
		got = append(got, fmt.Sprintf("%d %s %v", at.Order(), id[:1], len(input) > 0))
		return nil
	}
	_, err := cfg.Plan(t.Context(), planner.Earlier{})
	must(t, err)
	if diff := cmp.Diff([]string{"0 b true", "1 a true", "3 c true"}, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestNoDocumentsAtAll(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		docs []string
		hint string
	}{
		"nothing is there":        {hint: "check the path"},
		"and nothing can be read": {docs: []string{"broken"}, hint: "each item was left out for the reason above"},
	} {
		cfg, _ := config(t, c.docs...)
		_, err := cfg.Plan(t.Context(), planner.Earlier{})
		var q *quarry.Error
		if !errors.As(err, &q) || q.Kind != quarry.BadItems || !strings.HasPrefix(q.Hint, c.hint) {
			t.Errorf("%s: Plan() = %v, want the hint %q", name, err, c.hint)
		}
	}
}

// imported imports a file of existing answers for a run.
func imported(t *testing.T, c *planner.Config, text string) (*planner.Given, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "known.jsonl")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	check, err := parse.New(parse.Config{Schema: []byte(`{"type":"object"}`)})
	must(t, err)
	from := given.Config{Path: path, Judges: []answers.Judge{{Type: quarry.InvokeModel, Check: check}}, Schema: []byte(`{"type":"object"}`)}
	p, err := planner.Import(t.Context(), c.Effects, c.Dir, from, c.Watch)
	if err != nil {
		return nil, err
	}
	g := &planner.Given{Known: index.Of(c.Effects, c.Dir, planner.ImportedPass).Known(p.Orders), Plan: p}
	t.Cleanup(g.Close)
	return g, nil
}

func TestExistingAnswersAreNotPaidAgain(t *testing.T) {
	t.Parallel()
	cfg, _ := config(t, "a=one", "b=two", "c=three")
	g, err := imported(t, cfg, `{"id":"b","output":{"n":1}}`+"\n"+`{"id":"z","output":{"n":2}}`+"\n")
	must(t, err)
	journal := func(quarry.ShardID) string { return "" }
	p, err := cfg.Plan(t.Context(), planner.Earlier{Given: g, Journal: journal})
	must(t, err)
	if got := marks(t, cfg); got != "mrm" {
		t.Errorf("marks = %s, want mrm", got)
	}
	want := &plan.Given{File: g.Plan.Given.File, Answers: 2, Documents: 1, Unmatched: 1, Names: []quarry.DocumentID{"z"}}
	if diff := cmp.Diff(want, p.Given); diff != "" {
		t.Errorf("given (-want +got):\n%s", diff)
	}
	if text := planner.GivenText(p.Given); !strings.HasSuffix(text, "to 1 document; without a document in the sources: 1 (z)") {
		t.Errorf("it says %q", text)
	}
	if _, err := os.Stat(index.Of(cfg.Effects, cfg.Dir, 1).Path(index.EarlierFile)); err != nil {
		t.Errorf("the answer is not kept for the results: %v", err)
	}
}

func TestALineThatIsNoAnswerEndsTheImport(t *testing.T) {
	t.Parallel()
	cfg, said := config(t, "a=one")
	_, err := imported(t, cfg, `{"id":"a","output":{"n":1}}`+"\n"+`{"id":"b","outptu":{}}`+"\n")
	var q *quarry.Error
	if !errors.As(err, &q) || q.Kind != quarry.BadItems || len(*said) != 1 {
		t.Errorf("Import() = %v after %q, want an error of kind BadItems after one line that names the fault", err, *said)
	}
}
