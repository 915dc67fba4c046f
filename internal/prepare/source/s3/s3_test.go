package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/prepare/source"
	"quarry/internal/prepare/source/s3"
	"quarry/internal/prepare/source/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bucket holds objects in memory.
type bucket struct {
	objects map[string]string
	// opened is asked before an object is given: an error in its place, or how many bytes come before the connection ends.
	opened func(key string, from int64) (most int64, err error)
	lists  atomic.Int64
	opens  atomic.Int64
}

func (b *bucket) store(context.Context, string) (s3.Store, error) {
	return s3.Store{
		List: func(ctx context.Context, prefix, after string) iter.Seq2[s3.Object, error] {
			return func(yield func(s3.Object, error) bool) {
				b.lists.Add(1)
				var keys []string
				for k := range b.objects {
					if strings.HasPrefix(k, prefix) && k > after {
						keys = append(keys, k)
					}
				}
				slices.Sort(keys)
				for _, k := range keys {
					if err := ctx.Err(); err != nil {
						yield(s3.Object{}, err)
						return
					}
					if !yield(s3.Object{Key: k, ETag: "e", Size: int64(len(b.objects[k]))}, nil) {
						return
					}
				}
			}
		},
		Open: func(ctx context.Context, key, _ string, from, n int64) (io.ReadCloser, error) {
			b.opens.Add(1)
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			most := int64(1 << 40)
			if b.opened != nil {
				var err error
				if most, err = b.opened(key, from); err != nil {
					return nil, err
				}
			}
			content := b.objects[key][from:]
			if n > 0 {
				content = content[:n]
			}
			if most < int64(len(content)) {
				return io.NopCloser(io.MultiReader(strings.NewReader(content[:most]), broken{})), nil
			}
			return io.NopCloser(strings.NewReader(content)), nil
		},
	}, nil
}

// broken is a connection that breaks off.
type broken struct{}

func (broken) Read([]byte) (int, error) {
	return 0, &quarry.Error{Kind: quarry.Provider, Op: "read", Err: errors.New("connection reset")}
}

func open(t *testing.T, b *bucket, address string, cfg source.Config) source.Source {
	t.Helper()
	cfg.Store = b.store
	sources, err := source.Open(t.Context(), []string{address}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return sources[0]
}

func packed(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// long is a file of lines above what is held as a small object.
func long(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"id\":\"l%d\",\"body\":\"%s\"}\n", i, strings.Repeat("x", 1000))
	}
	return b.String()
}

func TestAPrefix(t *testing.T) {
	t.Parallel()
	b := &bucket{objects: map[string]string{
		"other/a.md":           "# other",
		"articles2.md":         "# other",
		"articles/":            "",
		"articles/_SUCCESS":    "",
		"articles/a/y.html":    "<p>y",
		"articles/b.md":        "# B",
		"articles/c.txt":       "\xef\xbb\xbfplain",
		"articles/d.jsonl":     "{\"id\":1,\"body\":\"x\"}\n{\"id\":2}\n{\"id\":3,\"body\":\"y\"}",
		"articles/e":           `{"id":"found by content","body":"x"}`,
		"articles/f.csv.gz":    packed(t, "id,body\n4,x\n"),
		"articles/g.png":       "\x89PNG\x00",
		"articles/h.jsonl.gz":  packed(t, long(3))[:60],
		"articles/long.jsonl":  long(3000),
		"articles/m.sjis.html": "<meta charset=Shift_JIS>\x93\xfa\x96{\x8c\xea",
		"articles/.hidden.md":  "hidden",
		"articles/.x/y.md":     "hidden",
		"articles/z.md":        "caf\xe9 日本語 と 文章",
	}}
	s := open(t, b, "s3://b/articles", source.Config{})
	sourcetest.Run(t, s)
	var got []string
	for _, e := range sourcetest.Read(t, s) {
		switch d := e.Document; {
		case e.Fault != "":
			got = append(got, e.Fault)
		case !strings.HasPrefix(string(d.ID), "l"):
			got = append(got, string(d.ID)+" "+string(d.Format)+" "+string(d.Body))
		}
	}
	want := []string{
		"a/y.html html <p>y",
		"b.md markdown # B",
		"c.txt text plain",
		"1  x",
		`s3://b/articles/d.jsonl:2: no body in "2"`,
		"3  y",
		"found by content  x",
		"4  x",
		"s3://b/articles/g.png: cannot be read: its type is not recognized",
		"s3://b/articles/h.jsonl.gz:2: the rest cannot be read: unexpected EOF",
		"m.sjis.html html <meta charset=Shift_JIS>日本語",
		"s3://b/articles/z.md: invalid UTF-8 at byte 3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	docs, _ := sourcetest.Documents(t, s)
	if len(docs) != 3010 || docs[len(docs)-2].ID != "l2999" || docs[len(docs)-2].At.String() != "s3://b/articles/long.jsonl:3000" {
		t.Errorf("%d documents, want 3010; the last of the long ones is %s at %s", len(docs), docs[len(docs)-2].ID, docs[len(docs)-2].At)
	}
}

func TestOneObjectAndNone(t *testing.T) {
	t.Parallel()
	b := &bucket{objects: map[string]string{"a/b.md": "one", "a/b.md.old": "another", "a/b.md/c.md": "another"}}
	if docs, _ := sourcetest.Documents(t, open(t, b, "s3://b/a/b.md", source.Config{})); len(docs) != 1 || docs[0].ID != "b.md" {
		t.Errorf("got %+v, want b.md alone", docs)
	}
	for _, err := range open(t, b, "s3://b/none", source.Config{}).Blocks(t.Context(), quarry.Position{}) {
		var failure *quarry.Error
		if !errors.As(err, &failure) || failure.Kind != quarry.BadUsage || !strings.Contains(err.Error(), "s3://b/none") {
			t.Errorf("got %v, want that there is nothing", err)
		}
	}
}

// A connection that breaks off in a large object is taken up where it was, without a word.
func TestABrokenConnection(t *testing.T) {
	t.Parallel()
	var reopened atomic.Int64
	b := &bucket{objects: map[string]string{"long.jsonl": long(3000)}}
	b.opened = func(_ string, from int64) (int64, error) {
		if from > 0 {
			reopened.Add(1)
		}
		return 1_200_000, nil
	}
	docs, faults := sourcetest.Documents(t, open(t, b, "s3://b/", source.Config{}))
	if len(docs) != 3000 || len(faults) > 0 || reopened.Load() < 2 {
		t.Errorf("%d documents, faults %v after %d new connections, want 3000 after 2", len(docs), faults, reopened.Load())
	}
}

func TestWhatHappensToOneObjectAndToAll(t *testing.T) {
	t.Parallel()
	b := &bucket{objects: map[string]string{"a.md": "x", "b.md": "x", "c.jsonl": long(2000), "d.md": "x"}}
	for name, c := range map[string]struct {
		err        error
		docs, fail int
		ends       bool
	}{
		"gone":    {s3.ErrGone, 2, 2, false},
		"changed": {s3.ErrChanged, 2, 2, false},
		"denied":  {&quarry.Error{Kind: quarry.Denied, Op: "read", Err: errors.New("AccessDenied")}, 1, 0, true},
	} {
		inner := &bucket{objects: b.objects, opened: func(key string, _ int64) (int64, error) {
			if key == "b.md" || key == "c.jsonl" {
				return 0, c.err
			}
			return 1 << 40, nil
		}}
		docs, faults, ended := 0, 0, false
	read:
		for blk, err := range open(t, inner, "s3://b", source.Config{}).Blocks(t.Context(), quarry.Position{}) {
			if err != nil {
				ended = errors.Is(err, c.err)
				break
			}
			for _, err := range blk.Documents {
				var item *quarry.ItemError
				switch {
				case errors.As(err, &item):
					faults++
				case err != nil:
					ended = errors.Is(err, c.err)
					break read
				default:
					docs++
				}
			}
		}
		if docs != c.docs || faults != c.fail || ended != c.ends {
			t.Errorf("%s: %d documents, %d faults, ended %t, want %+v", name, docs, faults, ended, c)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"s3://b": "b,", "s3://b/": "b,", "s3://b/a/b c": "b,a/b c", "s3://": "", "s3:///a": "", "s3://b?x": ""} {
		bucket, prefix, err := s3.Parse(in)
		if got := bucket + "," + prefix; (err == nil) != (want != "") || (err == nil && got != want) {
			t.Errorf("Parse(%q) = %s, %v, want %s", in, got, err, want)
		}
	}
}
