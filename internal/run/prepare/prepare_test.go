package prepare_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/prepare/prompt"
	"quarry/internal/prepare/validate"
	"quarry/internal/run/index"
	"quarry/internal/run/prepare"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func renderer(t testing.TB, cfg prompt.Config) *prompt.Renderer {
	t.Helper()
	r, err := prompt.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// config asks whole documents; inParts those of more than 300 characters in parts.
func config(t testing.TB) prepare.Config {
	return prepare.Config{
		Prompt: renderer(t, prompt.Config{}), Workers: 2,
		Ready: validate.Config{Type: quarry.InvokeModel, Model: quarry.DefaultModel},
	}
}

func inParts(t testing.TB) prepare.Config {
	cfg := config(t)
	cfg.Clean = clean.Config{MaxChars: 300, Long: clean.LongMerge}
	cfg.Long = &prepare.Long{Part: renderer(t, prompt.Config{}.ForParts("")), Merge: renderer(t, prompt.Config{}.ForMerge(""))}
	return cfg
}

func html(id, body string) quarry.Document {
	return quarry.Document{ID: quarry.DocumentID(id), Body: []byte(body), Format: quarry.FormatHTML}
}

// blocks puts documents into blocks of so many. An item without id is one that could not be read.
func blocks(per int, docs ...quarry.Document) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		var at int64
		for some := range slices.Chunk(docs, per) {
			at++
			b := quarry.Block{First: quarry.Position{Line: at}, Documents: func(yield func(quarry.Document, error) bool) {
				for _, d := range some {
					var err error
					if d.ID == "" {
						err = &quarry.ItemError{At: d.At, Reason: "no id"}
					}
					if !yield(d, err) {
						return
					}
				}
			}}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// kept is what a test holds on to of an item: its memory is used again.
type kept struct {
	ID, Title, Fields, Left string
	Key                     quarry.DocumentKey
	Records                 []string // recordId, a blank, modelInput
	Source, Text            int64
	Cut, Japanese, Empty    bool
}

func keep(p *prepare.Item) kept {
	k := kept{
		ID: string(p.Document.ID), Title: p.Document.Title, Fields: string(p.Document.Fields), Key: p.Key, Source: p.SourceBytes, Text: p.TextBytes,
		Cut: p.Cut, Japanese: p.Japanese, Empty: p.Empty,
	}
	if p.LeftOut != nil {
		k.Left = p.LeftOut.Reason
		return k
	}
	for id, input := range p.Records(1) {
		k.Records = append(k.Records, string(id)+" "+string(input))
	}
	return k
}

func all(t *testing.T, cfg prepare.Config, in iter.Seq2[quarry.Block, error], want prepare.Wanted) []kept {
	t.Helper()
	var out []kept
	for b, err := range prepare.Blocks(t.Context(), cfg, in, want) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Items {
			out = append(out, keep(&b.Items[i]))
		}
	}
	return out
}

// one prepares a document alone.
func one(t *testing.T, cfg prepare.Config, doc quarry.Document) kept {
	t.Helper()
	got := all(t, cfg, blocks(1, doc), nil)
	if len(got) != 1 {
		t.Fatalf("Blocks of one document gave %d items", len(got))
	}
	return got[0]
}

func TestADocumentIsWhatItsTextSays(t *testing.T) {
	t.Parallel()
	got := one(t, config(t), html("a", "<h1>Stone</h1><p>Stone is cut from the hill.</p><script>alert(1)</script>"))
	if got.Title != "Stone" || got.Empty || got.Left != "" || got.Key == (quarry.DocumentKey{}) || len(got.Records) != 1 {
		t.Fatalf("prepared = %+v, want the title of its heading, a key and one record", got)
	}
	id, input, _ := strings.Cut(got.Records[0], " ")
	if want := quarry.NewRecordID("a", got.Key, 1); id != string(want) {
		t.Errorf("recordId = %s, want %s", id, want)
	}
	if !strings.Contains(input, "Stone is cut from the hill.") || strings.Contains(input, "alert") || strings.Contains(input, "<p>") {
		t.Errorf("modelInput = %s, want the text without markup", input)
	}
	if again := one(t, config(t), html("b", "<p>Stone</p>")); again.Key == got.Key {
		t.Errorf("two texts have the key %x", got.Key)
	}
}

func TestADocumentThatCannotBeSentStopsNoOther(t *testing.T) {
	t.Parallel()
	good := html("good", "<p>Stone is cut from the hill.</p>")
	ready := quarry.Document{ID: "ready", ModelInput: []byte(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`)}
	unready := quarry.Document{ID: "unready", ModelInput: []byte(`{"modelId":"m","anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`)}
	got := all(t, config(t), blocks(2, html("empty", "<script>x()</script>"), quarry.Document{}, html("broken", "<p>\xff\xfe</p>"), good, ready, unready), nil)
	type short struct {
		ID, Left string
		Empty    bool
		Records  int
	}
	want := []short{
		{ID: "empty", Empty: true, Records: 1},
		{Left: "no id"},
		{ID: "broken", Left: "invalid UTF-8 at byte 3"},
		{ID: "good", Records: 1},
		{ID: "ready", Records: 1},
		{ID: "unready", Left: "modelInput: modelId: Extra inputs are not permitted (fix: remove it: the job or the call names the model)"},
	}
	var is []short
	for _, k := range got {
		is = append(is, short{k.ID, k.Left, k.Empty, len(k.Records)})
	}
	if diff := cmp.Diff(want, is); diff != "" {
		t.Errorf("prepared (-want +got):\n%s", diff)
	}
	if _, input, _ := strings.Cut(got[4].Records[0], " "); input != string(ready.ModelInput) {
		t.Errorf("a ready record became %s, want it unchanged", input)
	}
}

func TestALongDocumentIsAskedInParts(t *testing.T) {
	t.Parallel()
	var body strings.Builder
	for i := range 3 {
		fmt.Fprintf(&body, "<h2>Section %d</h2><p>%s</p>", i, strings.Repeat("Stone is cut from the hill, block by block. ", 6))
	}
	long := html("long", body.String())
	long.Title = "Of stone"
	cfg := inParts(t)
	for b, err := range prepare.Blocks(t.Context(), cfg, blocks(1, long), nil) {
		if err != nil {
			t.Fatal(err)
		}
		p := &b.Items[0]
		if p.Parts() != 3 {
			t.Fatalf("Parts() = %d, want 3", p.Parts())
		}
		part := 0
		for id, input := range p.Records(2) {
			part++
			if id.PartNumber() != part || id.Attempt() != 2 || !strings.Contains(string(input), fmt.Sprintf("Section %d", part-1)) {
				t.Errorf("record %d is %s with %s", part, id, input)
			}
			s := p.Sample(part)
			if want := fmt.Sprintf("## Section %d", part-1); s.Head != want || s.Classes.Letters == 0 {
				t.Errorf("Sample(%d) = %+v, want the head %q and its letters", part, s, want)
			}
		}
		if whole := p.Sample(0).Classes; whole.Letters <= p.Sample(1).Classes.Letters {
			t.Errorf("the whole has %d letters, its first part %d", whole.Letters, p.Sample(1).Classes.Letters)
		}
	}
	key := one(t, cfg, long).Key
	other := cfg
	other.Long = &prepare.Long{Part: cfg.Long.Part, Merge: renderer(t, prompt.Config{}.ForMerge("Merge them otherwise: {{.Text}}"))}
	if one(t, other, long).Key == key {
		t.Error("another merge prompt left the document's key as it was")
	}
	short := html("short", "<p>Stone.</p>")
	if got, want := one(t, cfg, short), one(t, config(t), short); got.Key != want.Key {
		t.Error("a document that fits is asked otherwise where long ones are asked in parts")
	}
}

func TestOnlyTheWantedAreCleaned(t *testing.T) {
	t.Parallel()
	want := index.HashOf("b")
	got := all(t, config(t), blocks(2, html("a", "<p>one</p>"), html("b", "<p>two</p>"), html("c", "<p>three</p>")), func(h dedupe.Hash) bool { return h == want })
	for _, k := range got {
		_, input, _ := strings.Cut(k.Records[0], " ")
		if (input != "") != (k.ID == "b") {
			t.Errorf("modelInput of %s = %q", k.ID, input)
		}
	}
	if len(got) != 3 {
		t.Errorf("%d items, want all 3", len(got))
	}
}

func TestSignaturesAreMadeOnlyWhereNeeded(t *testing.T) {
	t.Parallel()
	doc := html("a", "<p>"+strings.Repeat("Stone is cut from the hill, block by block, all through the year. ", 20)+"</p>")
	for _, sign := range []bool{false, true} {
		cfg := config(t)
		cfg.Sign = sign
		for b, err := range prepare.Blocks(t.Context(), cfg, blocks(1, doc), nil) {
			if err != nil {
				t.Fatal(err)
			}
			if got := b.Items[0].Signature != nil; got != sign {
				t.Errorf("Sign = %v: signed = %v", sign, got)
			}
		}
	}
}

// The memory of a block is used for later ones: what one document leaves in it must not show in another.
func TestTheSameBytesInWhateverBlockAndOnHoweverManyWorkers(t *testing.T) {
	t.Parallel()
	var docs []quarry.Document
	for i := range 200 {
		d := html(fmt.Sprint("doc-", i), fmt.Sprintf("<h1>Title %d</h1><p>%s</p>", i, strings.Repeat(fmt.Sprintf("Stone number %d. ", i), i%40)))
		switch i % 7 {
		case 1:
			d.Fields = fmt.Appendf(nil, `{"n":%d}`, i)
		case 2:
			d.ModelInput = []byte("{}")
		case 3:
			d.Body = nil
		}
		docs = append(docs, d)
	}
	cfg := inParts(t)
	var want []kept
	for _, d := range docs {
		want = append(want, one(t, cfg, d))
	}
	for _, workers := range []int{1, 3} {
		for _, per := range []int{1, 13} {
			cfg.Workers = workers
			if diff := cmp.Diff(want, all(t, cfg, blocks(per, docs...), nil)); diff != "" {
				t.Errorf("%d workers, blocks of %d (-alone +together):\n%s", workers, per, diff)
			}
		}
	}
}

func TestAnErrorOfTheSourceEndsTheSequence(t *testing.T) {
	t.Parallel()
	torn := errors.New("torn")
	in := func(yield func(quarry.Block, error) bool) {
		for b, err := range blocks(1, html("a", "<p>one</p>"), html("b", "<p>two</p>")) {
			if !yield(b, err) {
				return
			}
		}
		yield(quarry.Block{}, torn)
	}
	n := 0
	var last error
	for _, err := range prepare.Blocks(t.Context(), config(t), in, nil) {
		if last = err; err == nil {
			n++
		}
	}
	if n != 2 || !errors.Is(last, torn) {
		t.Errorf("%d blocks and then %v, want 2 and %v", n, last, torn)
	}
}

func BenchmarkBlocks(b *testing.B) {
	var docs []quarry.Document
	for i := range 1_000 {
		docs = append(docs, html(fmt.Sprint("doc-", i), fmt.Sprintf("<h1>Title %d</h1><p>%s</p>", i, strings.Repeat("Stone is cut from the <b>hill</b>. ", 50))))
	}
	cfg := config(b)
	b.ReportAllocs()
	for b.Loop() {
		var n int
		for block, err := range prepare.Blocks(b.Context(), cfg, blocks(100, docs...), nil) {
			if err != nil {
				b.Fatal(err)
			}
			for i := range block.Items {
				for _, input := range block.Items[i].Records(1) {
					n += len(input)
				}
			}
		}
		b.SetBytes(int64(n))
	}
}
