package s3_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/prepare/source/s3"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/stream"
)

// whole gives a file as one document.
type whole struct{ file stream.File }

func (w whole) Blocks(ctx context.Context, _ quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		in, err := w.file.Open(ctx)
		if err != nil {
			yield(quarry.Block{}, err)
			return
		}
		defer func() { _ = in.Close() }()
		body, err := io.ReadAll(in)
		at := quarry.Position{File: w.file.Name}
		yield(quarry.Block{First: at, Documents: func(yield func(quarry.Document, error) bool) {
			yield(quarry.Document{ID: quarry.DocumentID(w.file.ID), Body: body, At: at}, nil)
		}}, err)
	}
}

// Whatever objects are called, each that the prefix names is read once, by its relative name and with its own content,
// in the order of the keys; and reading continues at every one of them.
func FuzzListing(f *testing.F) {
	f.Add("articles", "articles/a.md\narticles/b/c.md\narticles2\n.x\narticles/.git/x", uint8(0))
	f.Add("a", "a\na/b\na/b/\nab", uint8(1))
	f.Add("", "\xff\xfe\n/\n//\n./a\na/../b\n%2F\n日本/語.md\na b+c&d?e#f", uint8(3))
	f.Add("x/", "x/\nx/a\nx/.a\nx/a/.b\nx/\u202e", uint8(2))
	f.Fuzz(func(t *testing.T, prefix, listing string, big uint8) {
		b := &bucket{objects: map[string]string{}}
		for i, key := range strings.Split(listing, "\n") {
			if key == "" || len(b.objects) == 100 {
				continue
			}
			b.objects[key] = "content of " + key
			if i < 4 && big>>i&1 == 1 { // an object that is not held
				b.objects[key] += strings.Repeat("x", 1<<20)
			}
		}
		folder, _ := strings.CutSuffix(prefix, "/")
		if _, one := b.objects[prefix]; one && !strings.HasSuffix(prefix, "/") {
			folder = prefix[:strings.LastIndexByte(prefix, '/')+1]
		} else if prefix != "" {
			folder += "/"
		}
		type read struct{ id, key string }
		var want []read
		for _, key := range slices.Sorted(maps.Keys(b.objects)) {
			rel, inside := strings.CutPrefix(key, folder)
			hidden := slices.ContainsFunc(strings.Split(rel, "/"), func(part string) bool { return strings.HasPrefix(part, ".") })
			if _, one := b.objects[prefix]; !inside || hidden || (one && !strings.HasSuffix(prefix, "/") && key != prefix) {
				continue
			}
			if rel == "" {
				rel = path.Base(key)
			}
			want = append(want, read{rel, key})
		}
		store, _ := b.store(t.Context(), "b")
		s := &s3.Source{Bucket: "b", Prefix: prefix, Store: store, Kind: func(file stream.File, _ []byte) (s3.Reader, error) { return whole{file}, nil }}
		from := func(at quarry.Position) (got []read, blocks []quarry.Position) {
			for block, err := range s.Blocks(t.Context(), at) {
				var failure *quarry.Error
				if len(want) == 0 && errors.As(err, &failure) && failure.Kind == quarry.BadUsage {
					return nil, nil
				}
				if err != nil {
					t.Fatal(err)
				}
				blocks = append(blocks, block.First)
				for d, err := range block.Documents {
					if err != nil {
						t.Fatal(err)
					}
					key := strings.TrimPrefix(d.At.File, "s3://b/")
					if string(d.Body) != b.objects[key] {
						t.Fatalf("%q came with what %.80q holds", key, d.Body)
					}
					got = append(got, read{string(d.ID), key})
				}
			}
			return got, blocks
		}
		all, blocks := from(sourcetest.Beginning)
		if diff := cmp.Diff(want, all, cmp.AllowUnexported(read{})); diff != "" {
			t.Fatal(diff)
		}
		for _, at := range blocks {
			i := slices.IndexFunc(all, func(r read) bool { return "s3://b/"+r.key == at.File })
			if i < 0 {
				t.Fatalf("a block begins at %v, which is no object", at)
			}
			if got, _ := from(at); !slices.Equal(got, all[i:]) {
				t.Fatalf("from %v: %s", at, cmp.Diff(all[i:], got, cmp.AllowUnexported(read{})))
			}
		}
	})
}
