package kept_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/kept"
	"quarry/internal/prepare/source/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a source of some pages, which counts how often each is asked for.
type site struct {
	pages  int
	asked  []int
	breaks int // the page at which it breaks off; 0: none
}

var errDown = errors.New("the site is down")

func (s *site) Name() string { return "https://e.x/posts" }

func (s *site) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		if s.asked == nil {
			s.asked = make([]int, s.pages+1)
		}
		first := 1
		if from.File != "" {
			if _, err := fmt.Sscanf(from.File, "page-%d", &first); err != nil {
				yield(quarry.Block{}, err)
				return
			}
		}
		for page := first; page <= s.pages; page++ {
			if err := ctx.Err(); err != nil {
				yield(quarry.Block{}, err)
				return
			}
			s.asked[page]++
			if page == s.breaks {
				yield(quarry.Block{}, errDown)
				return
			}
			at := quarry.Position{Source: 1, File: fmt.Sprintf("page-%d", page)}
			if !yield(quarry.Block{First: at, Documents: items(at, page)}, nil) {
				return
			}
		}
	}
}

// items are a page's: one with all that a document can have, one with little, one that cannot be read, a ready record.
func items(at quarry.Position, page int) iter.Seq2[quarry.Document, error] {
	return func(yield func(quarry.Document, error) bool) {
		for i := range 4 {
			at := at
			at.Offset = int64(i) + 1
			id := quarry.DocumentID(fmt.Sprintf("%d-%d", page, i))
			d := quarry.Document{ID: id, Body: []byte{}, At: at}
			var err error
			switch i {
			case 0:
				d.Title, d.Body, d.URL, d.Lang, d.Format, d.Fields = "T \"\n<&>", []byte(strings.Repeat("あ\n\x01\\", page)), "https://e.x/1", "ja", quarry.FormatHTML, []byte(`{"a":[1,{"b":"\u0041"}],"id":"no"}`)
			case 2:
				d, err = quarry.Document{At: at}, &quarry.ItemError{At: at, ID: id, Reason: "broken: \"x\""}
			case 3:
				d.Body, d.ModelInput = nil, []byte(`{"messages":[{"b":1.50}]}`)
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

func config(dir string, s kept.Source) kept.Config {
	return kept.Config{Dir: dir, Effects: effect.New(nil), Source: s, Index: 1, Pass: 1, Settings: "x", Resumes: true}
}

func TestWhatIsKeptIsTheSame(t *testing.T) {
	t.Parallel()
	s := &site{pages: 30}
	k, err := kept.Keep(t.Context(), config(filepath.Join(t.TempDir(), "a", "b"), s))
	if err != nil {
		t.Fatal(err)
	}
	sourcetest.Run(t, k)
	if got, want := sourcetest.Read(t, k), sourcetest.Read(t, s); !reflect.DeepEqual(got, want) {
		t.Errorf("kept %d items that are not the %d of the source: %+v, want %+v", len(got), len(want), got[:4], want[:4])
	}
	if k.Name() != s.Name() || k.Documents != 90 {
		t.Errorf("%s with %d documents, want %s with 90", k.Name(), k.Documents, s.Name())
	}
}

func TestAPassAsksOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := &site{pages: 3}
	cfg := config(dir, s)
	for range 3 {
		if _, err := kept.Keep(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(s.asked) != "[0 1 1 1]" {
		t.Errorf("pages asked for %v times, want once each", s.asked)
	}
	if _, ok, err := kept.Open(dir, 1, 1); !ok || err != nil {
		t.Errorf("Open: %t, %v, want what was kept", ok, err)
	}
	for name, change := range map[string]func(*kept.Config){
		"another pass":     func(c *kept.Config) { c.Pass = 2 },
		"another settings": func(c *kept.Config) { c.Settings = "y" },
	} {
		before := s.asked[3]
		change(&cfg)
		if kept.Has(cfg) {
			t.Errorf("%s: it is said to be kept", name)
		}
		if _, err := kept.Keep(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		if s.asked[3] != before+1 || !kept.Has(cfg) {
			t.Errorf("%s: the source was asked %d times, want once more than %d", name, s.asked[3], before)
		}
	}
	if _, ok, err := kept.Open(dir, 1, 1); ok || err != nil {
		t.Errorf("Open of a pass that is over: %t, %v, want none", ok, err)
	}
}

func TestAnInterruptedCopyContinues(t *testing.T) {
	t.Parallel()
	for _, resumes := range []bool{true, false} {
		s := &site{pages: 9, breaks: 6}
		cfg := config(t.TempDir(), s)
		cfg.Resumes = resumes
		if _, err := kept.Keep(t.Context(), cfg); !errors.Is(err, errDown) {
			t.Fatalf("got %v, want that the site is down", err)
		}
		s.breaks = 0
		k, err := kept.Keep(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		want := "[0 1 1 1 1 2 2 1 1 1]" // the last good page, since posts may have moved over its end
		if !resumes {
			want = "[0 2 2 2 2 2 2 1 1 1]"
		}
		if fmt.Sprint(s.asked) != want {
			t.Errorf("resumes %t: pages asked for %v times, want %s", resumes, s.asked, want)
		}
		if got, want := sourcetest.Read(t, k), sourcetest.Read(t, s); !reflect.DeepEqual(got, want) {
			t.Errorf("resumes %t: %d items, want the %d of the source", resumes, len(got), len(want))
		}
	}
}

func TestTheLimitEndsIt(t *testing.T) {
	t.Parallel()
	s := &site{pages: 9}
	cfg := config(t.TempDir(), s)
	cfg.Limit = 5
	k, err := kept.Keep(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if docs, _ := sourcetest.Documents(t, k); len(docs) != 5 || fmt.Sprint(s.asked) != "[0 1 1 0 0 0 0 0 0 0]" {
		t.Errorf("%d documents of pages %v, want 5 of two pages", len(docs), s.asked)
	}
}

// The process dies before and after each effect; the next one brings the keeping to its end.
func TestDyingAtEveryEffect(t *testing.T) {
	t.Parallel()
	s := &site{pages: 4}
	want := sourcetest.Read(t, s)
	died := errors.New("died")
	for n := int64(1); ; n++ {
		for _, when := range []effect.When{effect.Before, effect.After} {
			cfg := config(t.TempDir(), s)
			cfg.Effects = effect.New(func(p effect.Point) error {
				if p.N > n || (p.N == n && p.When == when) {
					return died
				}
				return nil
			})
			_, err := kept.Keep(t.Context(), cfg)
			if err == nil {
				if n < 10 {
					t.Errorf("%d effects, want more", n)
				}
				return
			}
			if !errors.Is(err, died) {
				t.Fatalf("effect %d: %v", n, err)
			}
			cfg.Effects = effect.New(nil)
			k, err := kept.Keep(t.Context(), cfg)
			if err != nil {
				t.Fatalf("effect %d: go on: %v", n, err)
			}
			if got := sourcetest.Read(t, k); !reflect.DeepEqual(got, want) {
				t.Fatalf("effect %d: %d items, want %d", n, len(got), len(want))
			}
		}
	}
}

// What was kept is compared with its sum: a copy that was damaged is made again, and a reader that remembers a place in the old one reads
// from the beginning.
func TestADamagedCopyIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := &site{pages: 4}
	cfg := config(t.TempDir(), s)
	k, err := kept.Keep(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	want, path := sourcetest.Read(t, k), filepath.Join(cfg.Dir, "documents.zst")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	frame := int(binary.LittleEndian.Uint64(whole[8:])) + 16
	changed := bytes.Clone(whole)
	changed[len(changed)/2] ^= 1
	for name, b := range map[string][]byte{
		"a byte is another": changed, "cut": whole[:len(whole)-1], "a block less": append(bytes.Clone(whole[frame:]), whole[:frame]...), "empty": {},
	} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := kept.Open(cfg.Dir, 1, 1); ok || err != nil || kept.Has(cfg) {
			t.Errorf("%s: Open: %t, %v; Has: %t; want that there is no copy", name, ok, err, kept.Has(cfg))
		}
		if k, err = kept.Keep(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		if got := sourcetest.Read(t, k); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d items, want the %d of the source", name, len(got), len(want))
		}
	}
	first := true
	for block, err := range k.Blocks(t.Context(), quarry.Position{Source: 1, Offset: int64(frame) + 1}) {
		if err != nil || first && block.First.Offset != 0 {
			t.Errorf("a place where no block begins: %d, %v, want the first block", block.First.Offset, err)
		}
		first = false
	}
}

// A torn line and bytes that no one spoke of are cut off; a file that went away is made again.
func TestWhatACrashLeaves(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(t *testing.T, dir string){
		"a torn state":        func(t *testing.T, dir string) { appendTo(t, filepath.Join(dir, "state.jsonl"), `{"end":99999,"do`) },
		"bytes too many":      func(t *testing.T, dir string) { appendTo(t, filepath.Join(dir, "documents.zst"), "garbage") },
		"documents gone":      func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "documents.zst")) },
		"no state":            func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "state.jsonl")) },
		"a state that is not": func(t *testing.T, dir string) { appendTo(t, filepath.Join(dir, "state.jsonl"), "garbage\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &site{pages: 9, breaks: 6}
			cfg := config(t.TempDir(), s)
			if _, err := kept.Keep(t.Context(), cfg); !errors.Is(err, errDown) {
				t.Fatal(err)
			}
			harm(t, cfg.Dir)
			s.breaks = 0
			k, err := kept.Keep(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := sourcetest.Read(t, k), sourcetest.Read(t, s); !reflect.DeepEqual(got, want) {
				t.Errorf("%d items, want %d", len(got), len(want))
			}
		})
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(b, text...), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func TestANewerFormatIsRefused(t *testing.T) {
	t.Parallel()
	s := &site{pages: 1}
	cfg := config(t.TempDir(), s)
	if err := os.WriteFile(filepath.Join(cfg.Dir, "state.jsonl"), []byte(`{"format":2,"pass":1,"source":"x","settings":"x"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var failure *quarry.Error
	if _, err := kept.Keep(t.Context(), cfg); !errors.As(err, &failure) || failure.Kind != quarry.BadUsage || !strings.Contains(err.Error(), "its format is 2") {
		t.Errorf("got %v, want that a newer version made it", err)
	}
}

// Any tool that knows zstd reads the file: its blocks' heads are frames that are skipped (RFC 8878).
func TestTheFileIsZstd(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir(), &site{pages: 3})
	if _, err := kept.Keep(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(cfg.Dir, "documents.zst"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	text, err := z.DecodeAll(b, nil)
	if err != nil || bytes.Count(text, []byte{'\n'}) != 12 || !bytes.HasPrefix(text, []byte(`{"file":"page-1","line":0,"offset":1,"id":"1-0","title":"T \"\n`)) {
		t.Errorf("%.100s, %v, want 12 lines", text, err)
	}
}

// Whatever the bytes of a file are, reading it ends in items or in an error.
func FuzzKept(f *testing.F) {
	dir := f.TempDir()
	cfg := config(dir, &site{pages: 2})
	if _, err := kept.Keep(f.Context(), cfg); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "documents.zst"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		state := fmt.Sprintf(`{"format":1,"pass":1,"source":"s","settings":""}`+"\n"+`{"end":%d,"done":true}`+"\n", len(b))
		for name, content := range map[string][]byte{"documents.zst": b, "state.jsonl": []byte(state)} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		k, ok, err := kept.Open(dir, 1, 0)
		if !ok || err != nil {
			t.Fatalf("Open: %t, %v", ok, err)
		}
		for b, err := range k.Blocks(t.Context(), quarry.Position{}) {
			if err != nil {
				return
			}
			for range b.Documents { //nolint:errcheck // faults are as good
				continue
			}
		}
	})
}
