package publish_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/outcome/publish"
	"quarry/internal/outcome/publish/frontmatter"
)

// memory is a target that holds articles, and can fail as content systems do.
type memory struct {
	bodies, fields map[quarry.DocumentID]string
	before         func(id quarry.DocumentID) // runs immediately before the condition of a write is checked
	fail           func(id quarry.DocumentID) (done bool, err error)
	writes         int
}

func (m *memory) Name() string            { return "memory:test" }
func (m *memory) Shown([]string) []string { return nil }
func (m *memory) AtOnce() int             { return 2 }
func (m *memory) Close() error            { return nil }

func (m *memory) Text(_, text string, _ bool) (string, error) { return text, nil }

func (m *memory) Read(_ context.Context, refs []publish.Ref, fields []string) ([]*publish.Article, error) {
	var out []*publish.Article
	for _, ref := range refs {
		if body, ok := m.bodies[ref.ID]; ok {
			a := &publish.Article{ID: ref.ID, State: body + "\x00" + m.fields[ref.ID], Values: map[string]publish.Value{}}
			for _, f := range fields {
				if a.Values[f] = publish.TextValue(m.fields[ref.ID]); m.fields[ref.ID] == "" {
					a.Values[f] = publish.Value{}
				}
			}
			out = append(out, a)
		}
	}
	return out, nil
}

func (m *memory) Documents(_ context.Context, a *publish.Article, _ map[string]publish.Value) ([]quarry.Document, error) {
	body, _, _ := strings.Cut(a.State.(string), "\x00")
	return []quarry.Document{{ID: a.ID, Body: []byte(body)}}, nil
}

func (m *memory) Write(_ context.Context, a *publish.Article, values map[string]publish.Value) (string, error) {
	if m.before != nil {
		m.before(a.ID)
	}
	if m.bodies[a.ID]+"\x00"+m.fields[a.ID] != a.State {
		return "", publish.ErrChanged
	}
	done, err := true, error(nil)
	if m.fail != nil {
		done, err = m.fail(a.ID)
	}
	if done {
		m.writes++
		m.fields[a.ID] = values["f"].String()
	}
	return "", err
}

func key(d quarry.Document) (quarry.DocumentKey, error) {
	return quarry.NewDocumentKey("", nil, d.Body), nil
}

// world is a run of five answers, and a target that has their articles.
type world struct {
	t      *testing.T
	dir    string
	target *memory
	// elsewhere: each publish is on a machine with an empty disk, and the journal is kept in a file that all of them reach.
	elsewhere bool
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), target: &memory{bodies: map[quarry.DocumentID]string{}, fields: map[quarry.DocumentID]string{}}}
	var lines strings.Builder
	for i := range 5 {
		id := quarry.DocumentID(fmt.Sprint(i))
		w.target.bodies[id] = "text " + string(id)
		lines.WriteString(line(id, w.target.bodies[id], "answer "+string(id)))
	}
	w.target.fields["1"] = "by hand"
	w.results(lines.String())
	return w
}

func line(id quarry.DocumentID, body, answer string) string {
	k, _ := key(quarry.Document{Body: []byte(body)})
	b, _ := json.Marshal(map[string]any{
		"id": id, "status": "ok", "output": map[string]string{"s": answer}, "record_id": quarry.NewRecordID(id, k, 1), "document": map[string]any{},
	})
	return string(b) + "\n"
}

func (w *world) results(text string) {
	if err := os.WriteFile(filepath.Join(w.dir, "results.jsonl"), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) publish(target publish.Target, e *effect.Effects, change func(*publish.Publisher)) (*publish.Outcome, error) {
	w.t.Helper()
	dir := w.dir
	if w.elsewhere {
		dir = w.t.TempDir()
	}
	j, err := publish.OpenJournal(w.t.Context(), e, dir, target.Name(), "run")
	if err != nil {
		return nil, err
	}
	defer func() { _ = j.Close() }()
	if w.elsewhere {
		path := filepath.Join(w.dir, "kept.jsonl")
		kept, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.t.Fatal(err)
		}
		if err := j.Replay(w.t.Context(), bytes.NewReader(kept)); err != nil {
			return nil, err
		}
		j.Keep(func(_ context.Context, lines []byte) error {
			kept = append(kept, lines...)
			return atomicfile.Write(e, path, kept)
		})
	}
	m, err := publish.ParseMap("f={{.output.s}}")
	if err != nil {
		w.t.Fatal(err)
	}
	p := &publish.Publisher{Target: target, Journal: j, Run: "run", Maps: []publish.Map{m}, Key: key, Wait: time.Millisecond}
	if change != nil {
		change(p)
	}
	results, err := os.Open(filepath.Join(w.dir, "results.jsonl"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = results.Close() }()
	out, err := p.Plan(w.t.Context(), results)
	if err == nil {
		err = p.Write(w.t.Context(), out)
	}
	return out, err
}

func undo(p *publish.Publisher)  { p.Undo, p.Maps = true, nil }
func force(p *publish.Publisher) { p.Force = true }

func (w *world) wants(what string, out *publish.Outcome, err error, written, same, changed, failed int64) {
	w.t.Helper()
	if err != nil || out.Written != written || out.Same != same || out.Changed != changed || out.Failed != failed {
		w.t.Errorf("%s: %+v, %v; want %d written, %d same, %d changed, %d failed", what, out, err, written, same, changed, failed)
	}
}

func TestPublishAgainAndUndo(t *testing.T) {
	t.Parallel()
	publishAgainAndUndo(t, newWorld(t))
}

func TestPublishAgainAndUndoOnOtherMachines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.elsewhere = true
	publishAgainAndUndo(t, w)
}

func publishAgainAndUndo(t *testing.T, w *world) {
	t.Helper()
	e := effect.New(nil)
	out, err := w.publish(w.target, e, nil)
	w.wants("publish", out, err, 5, 0, 0, 0)
	out, err = w.publish(w.target, e, nil)
	w.wants("again", out, err, 0, 5, 0, 0)
	w.target.fields["2"], w.target.bodies["3"] = "by hand", "another text"
	out, err = w.publish(w.target, e, nil)
	w.wants("an edited field; the text of an article whose field is as it should be", out, err, 0, 3, 2, 0)
	out, err = w.publish(w.target, e, force)
	w.wants("force", out, err, 1, 3, 1, 0)
	out, err = w.publish(w.target, e, undo)
	w.wants("undo", out, err, 4, 0, 1, 0)
	for id, want := range map[quarry.DocumentID]string{"0": "", "1": "by hand", "2": "by hand", "3": "answer 3", "4": ""} {
		if got := w.target.fields[id]; got != want {
			t.Errorf("article %s holds %q after undo, want %q", id, got, want)
		}
	}
	out, err = w.publish(w.target, e, undo)
	w.wants("undo again", out, err, 0, 0, 1, 0)
	w.target.fields["4"] = "later"
	out, err = w.publish(w.target, e, nil)
	w.wants("a field that was restored is not ours any more", out, err, 4, 0, 1, 0)
}

func TestAJournalIsCopiedAndStaysAsItIs(t *testing.T) {
	t.Parallel()
	w, e := newWorld(t), effect.New(nil)
	out, err := w.publish(w.target, e, nil)
	w.wants("publish", out, err, 5, 0, 0, 0)
	files := func() string {
		t.Helper()
		var all strings.Builder
		entries, err := os.ReadDir(w.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			text, err := os.ReadFile(filepath.Join(w.dir, entry.Name()))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&all, "%s %q\n", entry.Name(), text)
		}
		return all.String()
	}
	before, copied := files(), *w
	copied.dir = t.TempDir()
	if err := publish.CopyJournal(t.Context(), e, w.dir, copied.dir); err != nil {
		t.Fatal(err)
	}
	if after := files(); after != before {
		t.Errorf("the directory changed from\n%.300s\nto\n%.300s", before, after)
	}
	copied.results("")
	out, err = copied.publish(w.target, e, undo)
	w.wants("undo by the copy", out, err, 5, 0, 0, 0)
	if after := files(); after != before {
		t.Error("the journal changed with its copy")
	}
	if err := publish.CopyJournal(t.Context(), e, t.TempDir(), t.TempDir()); err != nil {
		t.Errorf("without a journal: %v", err)
	}
}

func TestAnArticleThatChangesBetweenReadAndWriteIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.target.before = func(id quarry.DocumentID) {
		if id == "2" {
			w.target.bodies[id] = "changed a moment ago"
		}
	}
	out, err := w.publish(w.target, effect.New(nil), nil)
	w.wants("publish", out, err, 4, 0, 1, 0)
	if got := w.target.fields["2"]; got != "" {
		t.Errorf("it holds %q", got)
	}
}

func TestATargetThatFails(t *testing.T) {
	t.Parallel()
	broken := &publish.Later{Err: &quarry.Error{Kind: quarry.Provider, Err: errors.New("HTTP 503")}}
	for name, c := range map[string]struct {
		fail    func(n int) (done bool, err error)
		written int64
		writes  int
		stops   bool
	}{
		"says later, and has done nothing": {func(n int) (bool, error) { return n > 2, map[bool]error{false: broken}[n > 2] }, 5, 5, false},
		"has done it, and the answer is lost": {func(n int) (bool, error) {
			if n == 1 {
				return true, broken
			}
			return true, nil
		}, 5, 5, false},
		"never answers":     {func(int) (bool, error) { return false, broken }, 0, 0, true},
		"ignores the field": {func(int) (bool, error) { return false, nil }, 0, 0, true},
		"refuses the value of the 1st": {func(n int) (bool, error) {
			return n != 1, map[bool]error{true: &publish.Refused{Reason: "too long"}}[n == 1]
		}, 4, 4, false},
	} {
		w, n := newWorld(t), 0
		w.target.fail = func(quarry.DocumentID) (bool, error) { n++; return c.fail(n) }
		out, err := w.publish(w.target, effect.New(nil), nil)
		if out.Written != c.written || w.target.writes != c.writes || (err != nil) != c.stops {
			t.Errorf("%s: %+v, %v, %d writes", name, out, err, w.target.writes)
		}
		w.target.fail = nil
		if out, err = w.publish(w.target, effect.New(nil), nil); err != nil || out.Written+out.Same != 5 {
			t.Errorf("%s, then works: %+v, %v", name, out, err)
		}
		if out, err = w.publish(w.target, effect.New(nil), undo); err != nil || w.target.fields["0"] != "" || w.target.fields["1"] != "by hand" {
			t.Errorf("%s, works, is undone: %+v, %v, %v", name, out, err, w.target.fields)
		}
	}
}

// TestACrashAtEveryEffect dies before and after each effect of a publish into files, publishes again and takes all back.
func TestACrashAtEveryEffect(t *testing.T) {
	t.Parallel()
	crashAtEveryEffect(t, false)
}

// TestACrashAtEveryEffectOnOtherMachines is that with a disk that is lost each time.
func TestACrashAtEveryEffectOnOtherMachines(t *testing.T) {
	t.Parallel()
	crashAtEveryEffect(t, true)
}

func crashAtEveryEffect(t *testing.T, elsewhere bool) {
	t.Helper()
	for n := int64(1); ; n++ {
		for _, when := range []effect.When{effect.Before, effect.After} {
			w := newWorld(t)
			w.elsewhere = elsewhere
			posts, lines := t.TempDir(), ""
			texts := map[string]string{"a.md": "A text.\n", "b.md": "---\nf: old\n---\nB text.\n"}
			for name, text := range texts {
				if err := os.WriteFile(filepath.Join(posts, name), []byte(text), 0o640); err != nil {
					t.Fatal(err)
				}
				lines += line(quarry.DocumentID(name), text, "new")
			}
			w.results(strings.ReplaceAll(lines, `"document":{}`, `"document":{"f":"old"}`))
			bodyKey := func(p *publish.Publisher) {
				p.Force = true // the results have no field of a.md
				p.Key = func(d quarry.Document) (quarry.DocumentKey, error) {
					for _, text := range texts { // the last line decides, as front matter does not
						if strings.HasSuffix(string(d.Body), text[strings.LastIndexByte(text[:len(text)-1], '\n')+1:]) {
							return quarry.NewDocumentKey("", nil, []byte(text)), nil
						}
					}
					return quarry.DocumentKey{}, errors.New("another text")
				}
			}
			died := errors.New("died")
			e := effect.New(func(p effect.Point) error {
				if p.N > n || p.N == n && (when == effect.Before || p.When == effect.After) {
					return died
				}
				return nil
			})
			_, err := w.publish(&frontmatter.Target{Dir: posts, Run: "run", Effects: e}, e, bodyKey)
			if err == nil {
				if n < 8 { // the journal is made and opened; each of two writes is intended, made and settled
					t.Fatalf("there are %d effects", n)
				}
				return
			}
			whole := effect.New(nil)
			target := &frontmatter.Target{Dir: posts, Run: "run", Effects: whole}
			out, err := w.publish(target, whole, bodyKey)
			if err != nil || out.Written+out.Same != 2 || out.Changed+out.Failed > 0 {
				t.Fatalf("died %s effect %d: %+v, %v", when, n, out, err)
			}
			out, err = w.publish(target, whole, func(p *publish.Publisher) { bodyKey(p); undo(p); p.Force = false })
			if err != nil || out.Written != 2 {
				t.Fatalf("died %s effect %d, undo: %+v, %v", when, n, out, err)
			}
			for name, want := range texts {
				got, err := os.ReadFile(filepath.Join(posts, name))
				if err != nil || string(got) != want {
					t.Errorf("died %s effect %d: %s holds %q, %v", when, n, name, got, err)
				}
			}
			if left, _ := os.ReadDir(posts); len(left) != 2 {
				t.Errorf("died %s effect %d: %d files are left", when, n, len(left))
			}
		}
	}
}

func TestHTMLIsSanitizedAndTextIsNot(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"f=html:<p>{{.output.s}}</p><script>x</script>":                             "<p>A</p>",
		`f=html:<a href="javascript:x">{{.output.s}}</a>`:                           "A",
		`f=html:<img src=x onerror=alert(1)>{{.output.s}}`:                          `<img src="x">A`,
		`f=html:<iframe src="https://e.x"></iframe><style>p{}</style>{{.output.s}}`: "A",
		`f=html:<a href="https://e.x">{{.output.s}}</a>`:                            `<a href="https://e.x">A</a>`,
		"f=<b>{{.output.s}}\x1b[0m\u202e":                                           "<b>A[0m",
	} {
		w := newWorld(t)
		w.results(line("0", "text 0", "A"))
		m, err := publish.ParseMap(source)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.publish(w.target, effect.New(nil), func(p *publish.Publisher) { p.Maps = []publish.Map{m} }); err != nil {
			t.Fatal(err)
		}
		if got := w.target.fields["0"]; got != want {
			t.Errorf("%s gives %q, want %q", source, got, want)
		}
	}
	for _, source := range []string{"f", "=x", "f=", "f=same for all", "f={{", "f={{env `HOME`}}", "f={{readFile `/etc/passwd`}}"} {
		if _, err := publish.ParseMap(source); err == nil {
			t.Errorf("ParseMap(%q) succeeds", source)
		}
	}
}

func TestALineThatIsKeptTwiceIsOneWrite(t *testing.T) {
	t.Parallel()
	w, e := newWorld(t), effect.New(nil)
	w.elsewhere = true
	w.target.fail = func(id quarry.DocumentID) (bool, error) {
		if id == "2" { // refused: the write is forgotten, and the next one has its number in the journal
			return false, &publish.Refused{Reason: "no"}
		}
		return true, nil
	}
	out, err := w.publish(w.target, e, nil)
	w.wants("publish", out, err, 4, 0, 0, 1)
	path := filepath.Join(w.dir, "kept.jsonl")
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var twice []byte // as where an upload arrived and was made again
	for l := range bytes.Lines(kept) {
		twice = append(append(twice, l...), l...)
	}
	if err := os.WriteFile(path, twice, 0o600); err != nil {
		t.Fatal(err)
	}
	w.target.fail = nil
	out, err = w.publish(w.target, e, nil)
	w.wants("again", out, err, 1, 4, 0, 0)
	out, err = w.publish(w.target, e, undo)
	w.wants("undo", out, err, 5, 0, 0, 0)
	if got := w.target.fields["1"]; got != "by hand" {
		t.Errorf("article 1 holds %q after undo", got)
	}
}
