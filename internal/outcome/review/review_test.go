package review_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/outcome/review"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key, otherKey = "0123456789ab", "ba9876543210"

func setup(t *testing.T) *review.Dir {
	t.Helper()
	return &review.Dir{Path: t.TempDir(), Effects: effect.New(nil), Check: onlyTitles}
}

// onlyTitles is a schema: an object with a title.
func onlyTitles(output json.RawMessage) error {
	var o map[string]string
	if err := json.Unmarshal(output, &o); err != nil || o["title"] == "" || len(o) != 1 {
		return errors.New("want an object with a title")
	}
	return nil
}

func ref(id string) review.Ref { return review.Ref{ID: quarry.DocumentID(id), Key: key} }

func write(t *testing.T, d *review.Dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.Path, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func mark(t *testing.T, d *review.Dir, m review.Mark) {
	t.Helper()
	m.Who = "ann"
	if _, err := d.Mark(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

func marks(t *testing.T, d *review.Dir) review.Marks {
	t.Helper()
	m, err := d.Marks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheLastMarkOfAnAnswerCounts(t *testing.T) {
	t.Parallel()
	d := setup(t)
	if all := marks(t, d); len(all.All()) != 0 || all.Agreement(nil).Rate != nil {
		t.Errorf("a directory without marks has %v", all.All())
	}
	mark(t, d, review.Mark{Ref: ref("a"), Verdict: review.Right})
	mark(t, d, review.Mark{Ref: ref("b"), Verdict: review.Wrong, Note: "=cmd()"})
	mark(t, d, review.Mark{Ref: ref("a"), Verdict: review.Wrong})
	mark(t, d, review.Mark{Ref: ref("c"), Verdict: review.Right})
	mark(t, d, review.Mark{Ref: ref("d"), Verdict: review.Right})
	mark(t, d, review.Mark{Ref: ref("d")})
	mark(t, d, review.Mark{Ref: review.Ref{ID: "a", Key: otherKey}, Verdict: review.Right})
	all := marks(t, d)
	if got, _ := all.Of(ref("a"), "", false); got.Verdict != review.Wrong || got.Who != "ann" || got.At.IsZero() {
		t.Errorf("the mark of a is %+v, want wrong", got)
	}
	if _, ok := all.Of(ref("d"), "", false); ok {
		t.Error("a mark that was taken back counts")
	}
	a := all.Agreement(nil)
	if a.Right != 2 || a.Wrong != 2 || a.Notes != 1 || *a.Rate != 0.5 {
		t.Errorf("Agreement = %+v", a)
	}
	if a := all.Agreement(func(r review.Ref) bool { return r.Key == key }); a.Right != 1 || a.Wrong != 2 {
		t.Errorf("Agreement of today's articles = %+v", a)
	}
	var csv strings.Builder
	if err := all.WriteNotes(&csv); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(csv.String(), "\n"); len(lines) != 6 || !strings.HasPrefix(lines[1], "b,"+key+",wrong,'=cmd(),ann,2") {
		t.Errorf("WriteNotes =\n%s", csv.String())
	}
}

func TestWhatCannotBeKeptIsRefused(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for _, m := range []review.Mark{
		{Ref: review.Ref{Key: key}, Verdict: review.Right, Who: "ann"},
		{Ref: review.Ref{ID: "a"}, Verdict: review.Right, Who: "ann"},
		{Ref: review.Ref{ID: "a", Key: strings.ToUpper(key)}, Verdict: review.Right, Who: "ann"},
		{Ref: ref("a"), Verdict: "fine", Who: "ann"},
		{Ref: ref("a"), Verdict: review.Right, Who: " "},
		{Ref: ref("a"), Note: strings.Repeat("x", review.MaxNote+1), Who: "ann"},
		{Ref: ref("a"), Note: "\xff", Who: "ann"},
	} {
		if _, err := d.Mark(t.Context(), m); kind(err) != quarry.BadUsage {
			t.Errorf("Mark(%.60v) = %v, want a refusal", m, err)
		}
	}
	for _, o := range []review.Override{
		{Ref: ref("a"), Who: "ann"},
		{Ref: ref("a"), Who: "ann", Text: "x"},
		{Ref: ref("a"), Who: "ann", Output: json.RawMessage(`{"title":""}`)},
		{Ref: ref("a"), Who: "ann", Output: json.RawMessage(`{"title":"x","title":"y"}`)},
		{Ref: ref("a"), Output: json.RawMessage(`{"title":"x"}`)},
		{Ref: review.Ref{ID: "a", Key: "short"}, Who: "ann", Output: json.RawMessage(`{"title":"x"}`)},
	} {
		if _, err := d.Override(t.Context(), o); kind(err) != quarry.BadUsage {
			t.Errorf("Override(%+v) = %v, want a refusal", o, err)
		}
	}
	texts := review.Dir{Path: d.Path, Effects: d.Effects}
	if _, err := texts.Override(t.Context(), review.Override{Ref: ref("a"), Who: "ann", Output: json.RawMessage(`{}`)}); kind(err) != quarry.BadUsage {
		t.Errorf("JSON for a text = %v, want a refusal", err)
	}
	if entries, err := os.ReadDir(d.Path); err != nil || len(entries) != 0 {
		t.Errorf("refusals leave %v (%v)", entries, err)
	}
}

func kind(err error) quarry.ErrorKind {
	var q *quarry.Error
	if errors.As(err, &q) {
		return q.Kind
	}
	return -1
}

func TestOverridesAreReplacedAndRemoved(t *testing.T) {
	t.Parallel()
	d := setup(t)
	put := func(r review.Ref, title string) {
		t.Helper()
		if _, err := d.Override(t.Context(), review.Override{Ref: r, Who: "ann", Output: json.RawMessage(`{ "title": "` + title + `" }`)}); err != nil {
			t.Fatal(err)
		}
	}
	put(ref("a"), "one")
	put(ref("a"), "two")
	put(ref("b"), "three")
	if err := d.RemoveOverride(t.Context(), ref("b"), "ben"); err != nil {
		t.Fatal(err)
	}
	before := read(t, d, review.OverridesFile)
	if err := d.RemoveOverride(t.Context(), ref("c"), "ben"); err != nil || read(t, d, review.OverridesFile) != before {
		t.Errorf("removing what is not there: %v", err)
	}
	all, err := d.Overrides(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = all.Close() }()
	if o, ok, err := all.Of(ref("a")); err != nil || !ok || string(o.Output) != `{"title":"two"}` || o.Who != "ann" {
		t.Errorf("Of(a) = %+v, %t, %v", o, ok, err)
	}
	for _, r := range []review.Ref{ref("b"), {ID: "a", Key: otherKey}} {
		if _, ok, err := all.Of(r); ok || err != nil {
			t.Errorf("Of(%v) = %t, %v, want none", r, ok, err)
		}
	}
	if all.Len() != 1 {
		t.Errorf("Len = %d, want 1", all.Len())
	}
}

func read(t *testing.T, d *review.Dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(d.Path, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestATornLastLineIsCutAndABrokenOneIsNamed(t *testing.T) {
	t.Parallel()
	whole := `{"id":"a","key":"` + key + `","mark":"right","who":"ann","at":"2026-12-01T08:00:00Z"}` + "\n"
	for _, torn := range []string{`{"id":"b","ke`, strings.Repeat("x", 200_000)} {
		d := setup(t)
		write(t, d, review.MarksFile, whole+torn)
		if all := marks(t, d); len(all.All()) != 1 {
			t.Errorf("%d marks next to a torn line, want 1", len(all.All()))
		}
		mark(t, d, review.Mark{Ref: ref("c"), Verdict: review.Wrong})
		if got := read(t, d, review.MarksFile); !strings.HasPrefix(got, whole+`{"id":"c"`) || strings.Count(got, "\n") != 2 {
			t.Errorf("the file holds %.200q", got)
		}
	}
	d := setup(t)
	write(t, d, review.MarksFile, `{"id":`)
	mark(t, d, review.Mark{Ref: ref("c"), Verdict: review.Wrong})
	if got := read(t, d, review.MarksFile); strings.Count(got, "\n") != 1 {
		t.Errorf("the file holds %.200q", got)
	}
	write(t, d, review.MarksFile, whole+"\n{}}\n"+whole)
	if _, err := d.Marks(t.Context()); err == nil || !strings.Contains(err.Error(), review.MarksFile+":3") {
		t.Errorf("Marks = %v, want line 3 named", err)
	}
}

func TestOnlyAnAnswerToAKnownTextHasAName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		r  quarry.Result
		ok bool
	}{
		{quarry.Result{ID: "a", RecordID: "a-" + key + "-a2"}, true},
		{quarry.Result{ID: "b", SameAs: "a", RecordID: "a-" + key + "-a1"}, true},
		{quarry.Result{ID: "a"}, false},
		{quarry.Result{ID: "a", RecordID: "another program's"}, false},
		{quarry.Result{ID: "b", SameAs: "a", Similarity: 0.9, RecordID: "a-" + key + "-a1"}, false},
	} {
		got, ok := review.RefOf(&c.r)
		if ok != c.ok || ok && got != (review.Ref{ID: c.r.ID, Key: key}) {
			t.Errorf("RefOf(%+v) = %v, %t, want %t", c.r, got, ok, c.ok)
		}
	}
}

func TestManyWritersLoseNothing(t *testing.T) {
	t.Parallel()
	d := setup(t)
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			other := &review.Dir{Path: d.Path, Effects: effect.New(nil), Check: onlyTitles}
			for i := range 10 {
				r := ref(fmt.Sprintf("%d-%d", w, i))
				if _, err := other.Mark(context.Background(), review.Mark{Ref: r, Verdict: review.Right, Who: "ann"}); err != nil {
					t.Error(err)
				}
				if _, err := other.Override(context.Background(), review.Override{Ref: r, Who: "ann", Output: json.RawMessage(`{"title":"x"}`)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	over, err := d.Overrides(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = over.Close() }()
	m := marks(t, d)
	if n := m.Agreement(nil).Right; n != 40 || over.Len() != 40 {
		t.Errorf("%d marks and %d overrides are kept, want 40 of each", n, over.Len())
	}
}

// A process that dies while it writes leaves what was there; the next one writes.
func TestACrashAtEveryEffectKeepsWhatWasWritten(t *testing.T) {
	t.Parallel()
	died := errors.New("died")
	for n := int64(1); ; n++ {
		if n > 50 {
			t.Fatal("the write never came to its end")
		}
		for _, when := range []effect.When{effect.Before, effect.After} {
			d := setup(t)
			mark(t, d, review.Mark{Ref: ref("a"), Verdict: review.Right})
			d.Effects = effect.New(func(p effect.Point) error {
				if p.N == n && p.When == when {
					return died
				}
				return nil
			})
			_, err := d.Mark(t.Context(), review.Mark{Ref: ref("a"), Verdict: review.Wrong, Who: "ann"})
			if err == nil {
				if when == effect.Before {
					return
				}
				continue
			}
			d.Effects = effect.New(nil)
			mark(t, d, review.Mark{Ref: ref("b"), Verdict: review.Wrong})
			all := marks(t, d)
			if a, ok := all.Of(ref("a"), "", false); !ok || a.Verdict == "" {
				t.Errorf("%s effect %d: the mark of a is %+v", when, n, a)
			}
			if b, _ := all.Of(ref("b"), "", false); b.Verdict != review.Wrong {
				t.Errorf("%s effect %d: the mark of b is %+v", when, n, b)
			}
		}
	}
}

const results = `{"id":"a","status":"ok","output":{"title":"model"},"attempts":1,"usage":{"input_tokens":1,"output_tokens":1},"cost_usd":0,"record_id":"a-` + key + `-a1","document":{"title":"A"}}
{"id":"b","status":"invalid","text":"?","attempts":4,"usage":{"input_tokens":1,"output_tokens":1},"cost_usd":0,"record_id":"b-` + key + `-a4","document":{},"error":{"kind":"not_json","message":"x"}}
{"id":"c","status":"ok","output":{"title":"model"},"attempts":0,"usage":{"input_tokens":0,"output_tokens":0},"cost_usd":0,"document":{}}
{"id":"d","status":"ok","output":{"title":"model"},"attempts":0,"usage":{"input_tokens":0,"output_tokens":0},"cost_usd":0,"record_id":"a-` + key + `-a1","same_as":"a","similarity":0.9,"document":{}}
{"id":"e","status":"ok","output":{"title":"model"},"attempts":1,"usage":{"input_tokens":1,"output_tokens":1},"cost_usd":0,"record_id":"e-` + otherKey + `-a1","document":{}}
`

func TestAViewShowsCorrectionsOfTheAnswersThatTheyBelongTo(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		if _, err := d.Override(t.Context(), review.Override{Ref: ref(id), Who: "ann", Output: json.RawMessage(`{"title":"` + id + `"}`)}); err != nil {
			t.Fatal(err)
		}
	}
	over, err := d.Overrides(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = over.Close() }()
	v := &review.View{Results: strings.NewReader(results), Overrides: over}
	all := func() string {
		t.Helper()
		b, err := io.ReadAll(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	first := all()
	got, was := strings.Split(first, "\n"), strings.Split(results, "\n")
	for i, corrected := range []bool{true, true, false, false, false} {
		if !corrected && got[i] != was[i] {
			t.Errorf("line %d is %s\nwant    %s", i+1, got[i], was[i])
		}
		if corrected && (!strings.Contains(got[i], `"output":{"title":"`+string("abcde"[i])+`"}`) || !strings.Contains(got[i], `"status":"ok"`) ||
			strings.Contains(got[i], `"error"`) || !strings.Contains(got[i], `"corrected_by":"ann","corrected_at":"2`)) {
			t.Errorf("line %d is %s", i+1, got[i])
		}
	}
	if at, err := v.Seek(0, io.SeekCurrent); err != nil || at != int64(len(first)) {
		t.Errorf("the position is %d, %v, want %d", at, err, len(first))
	}
	if _, err := v.Seek(0, io.SeekStart); err != nil || all() != first {
		t.Errorf("a second reading differs (%v)", err)
	}
	if _, err := v.Seek(5, io.SeekStart); err == nil {
		t.Error("a place inside was found")
	}
	mark(t, d, review.Mark{Ref: review.Ref{ID: "e", Key: otherKey}, Verdict: review.Right})
	mark(t, d, review.Mark{Ref: ref("d"), Verdict: review.Right})
	if err := d.RemoveOverride(t.Context(), ref("a"), "ann"); err != nil {
		t.Fatal(err)
	}
	fewer, err := d.Overrides(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = fewer.Close() }()
	v = &review.View{Results: strings.NewReader(results), Overrides: fewer, Only: true, Marks: marks(t, d)}
	if got := all(); strings.Count(got, "\n") != 2 || !strings.Contains(got, `"id":"b"`) || !strings.Contains(got, `"id":"e"`) {
		t.Errorf("reviewed are\n%s\nwant b (corrected) and e (right)", got)
	}
}

// A verdict counts for the attempt and for the answer, corrected or the model's, that the person saw.
func TestAMarkCountsForTheAnswerThatWasSeen(t *testing.T) {
	t.Parallel()
	const first, second = quarry.RecordID("a-" + key + "-a1"), quarry.RecordID("a-" + key + "-a2")
	for _, c := range []struct {
		mark                     review.Mark
		first, second, corrected bool // it counts for the model's answers of the attempts, and for the correction of the first one
	}{
		{review.Mark{}, true, true, true}, // a line without the new fields
		{review.Mark{RecordID: first}, true, false, true},
		{review.Mark{RecordID: second}, false, true, false},
		{review.Mark{RecordID: first, Corrected: true}, false, false, true},
	} {
		d := setup(t)
		c.mark.Ref, c.mark.Verdict = ref("a"), review.Right
		mark(t, d, c.mark)
		all := marks(t, d)
		_, one := all.Of(ref("a"), first, false)
		_, two := all.Of(ref("a"), second, false)
		_, corrected := all.Of(ref("a"), first, true)
		if one != c.first || two != c.second || corrected != c.corrected {
			t.Errorf("%+v counts for the first, the second and the corrected answer: %t, %t, %t", c.mark, one, two, corrected)
		}
		over, err := d.Overrides(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		v := &review.View{Results: strings.NewReader(results), Overrides: over, Only: true, Marks: all}
		if got, err := io.ReadAll(v); err != nil || (len(got) > 0) != c.first {
			t.Errorf("%+v: reviewed is %s (%v)", c.mark, got, err)
		}
	}
}

// Whatever the files hold, reading them ends with values or with the line that is wrong, and a mark that is added is found unless a whole line is
// wrong.
func FuzzFiles(f *testing.F) {
	f.Add([]byte(`{"id":"a","key":"0123456789ab","mark":"right","who":"ann","at":"2026-12-01T08:00:00Z"}` + "\n" + `{"id":"b","output":{"x":1},"who":"ann"}` + "\n{"))
	f.Add([]byte("\n\n{}\n[]\nnull\n{\"at\":7}\n\xff\n"))
	f.Add([]byte(`{"digest":"x","question":"rest","forecast":{"cost_usd":"x"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &review.Dir{Path: t.TempDir(), Effects: effect.New(nil)}
		for _, name := range []string{review.MarksFile, review.OverridesFile, review.ApprovalsFile, review.QuestionFile} {
			write(t, d, name, string(b))
		}
		if all, err := d.Overrides(t.Context()); err == nil {
			for r := range all.Refs() {
				if _, ok, err := all.Of(r); !ok || err != nil {
					t.Errorf("Of(%v) = %t, %v", r, ok, err)
				}
			}
			if err := all.Close(); err != nil {
				t.Fatal(err)
			}
		}
		_, _, _ = d.Pending(t.Context())
		_, before := d.Marks(t.Context())
		mark(t, d, review.Mark{Ref: ref("new"), Verdict: review.Right})
		m, err := d.Marks(t.Context())
		if (err == nil) != (before == nil) {
			t.Fatalf("Marks = %v, and %v before one was added", err, before)
		}
		if _, ok := m.Of(ref("new"), "", false); err == nil && !ok {
			t.Error("the mark that was added is not found")
		}
	})
}
