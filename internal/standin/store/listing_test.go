package store_test

import (
	"context"
	"slices"
	"sort"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/standin/store"
)

// FuzzListing compares the pages of a listing with what S3's description of it says, over any keys.
func FuzzListing(f *testing.F) {
	f.Add("a,a/b,a/b/c,a//b,b", "", "/", uint8(1))
	f.Add("photos/2006/x,photos/2007/y,sample.jpg,photos/", "photos/", "/", uint8(2))
	f.Add("k,k\x00,k\x00\x01,\U0010ffff,\U0010ffff\U0010ffff", "", "\x00", uint8(1))
	f.Add("aXbXc,aXb,aX,X", "a", "X", uint8(3))
	f.Add("../x,..,./y,x//y,x/,%2F,+, ", "", "", uint8(2))
	dir := f.TempDir()
	s, err := store.Open(store.Config{Dir: dir, NoSync: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := s.Close(); err != nil {
			f.Error(err)
		}
	})
	f.Fuzz(func(t *testing.T, joined, prefix, delimiter string, size uint8) {
		ctx := t.Context()
		keys := map[string]bool{}
		for key := range strings.SplitSeq(joined, ",") {
			if key != "" && len(key) <= 1024 && utf8.ValidString(key) {
				keys[key] = true
			}
		}
		if err := s.MakeBucket(ctx, bucket, "us-west-2"); err != nil {
			t.Fatal(err)
		}
		for key := range keys {
			mustWrite(t, s, key, []byte(key))
		}
		limit := int(size%7) + 1
		wantKeys, wantPrefixes := naiveListing(keys, prefix, delimiter)
		gotKeys, gotPrefixes := pages(ctx, t, s, prefix, delimiter, limit)
		if diff := cmp.Diff(wantKeys, gotKeys); diff != "" {
			t.Errorf("List of %q by %q in pages of %d: keys (-want +got):\n%s", prefix, delimiter, limit, diff)
		}
		if diff := cmp.Diff(wantPrefixes, gotPrefixes); diff != "" {
			t.Errorf("List of %q by %q in pages of %d: common prefixes (-want +got):\n%s", prefix, delimiter, limit, diff)
		}
		for key := range keys { // and every key is its own object
			got, err := read(ctx, s, key, 0)
			if err != nil || string(got) != key {
				t.Errorf("read %q = %q, %v", key, got, err)
			}
			if _, err := s.Delete(ctx, bucket, key, "", store.Conditions{}); err != nil {
				t.Errorf("delete %q: %v", key, err)
			}
		}
		for o := range s.Objects(ctx, bucket, "") {
			t.Errorf("%q is still there", o.Key)
		}
	})
}

func naiveListing(keys map[string]bool, prefix, delimiter string) (objects, prefixes []string) {
	rolled := map[string]bool{}
	for key := range keys {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		if head, _, found := strings.Cut(rest, delimiter); found && delimiter != "" {
			rolled[prefix+head+delimiter] = true
			continue
		}
		objects = append(objects, key)
	}
	for p := range rolled {
		prefixes = append(prefixes, p)
	}
	sort.Strings(objects)
	sort.Strings(prefixes)
	return objects, prefixes
}

// pages lists all, in pages of at most limit names.
func pages(ctx context.Context, t *testing.T, s *store.Store, prefix, delimiter string, limit int) (objects, prefixes []string) {
	t.Helper()
	after := ""
	for range 10_000 {
		page, err := s.List(ctx, bucket, store.Query{Prefix: prefix, Delimiter: delimiter, After: after, Limit: limit})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(page.Objects) + len(page.Prefixes); n > limit {
			t.Fatalf("a page of %d holds %d", limit, n)
		}
		for _, o := range page.Objects {
			objects = append(objects, o.Key)
		}
		prefixes = append(prefixes, page.Prefixes...)
		if !page.Truncated {
			return objects, prefixes
		}
		after = page.Last
	}
	t.Fatal("the listing does not end")
	return nil, nil
}

func TestStartAfterNeedNotBeAKey(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, key := range []string{"a", "b/1", "b/2", "c"} {
		mustWrite(t, s, key, nil)
	}
	for _, c := range []struct {
		name, after, delimiter string
		want                   []string
	}{
		{"between two keys", "aa", "", []string{"b/1", "b/2", "c"}},
		{"a key that is there", "b/1", "", []string{"b/2", "c"}},
		{"before all keys", "A", "", []string{"a", "b/1", "b/2", "c"}},
		{"after all keys", "d", "", nil},
		{"inside a common prefix", "b/1", "/", []string{"c", "b/"}},
		{"a common prefix", "b/", "/", []string{"c"}},
	} {
		page, err := s.List(t.Context(), bucket, store.Query{After: c.after, Delimiter: c.delimiter, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range page.Objects {
			got = append(got, o.Key)
		}
		got = append(got, page.Prefixes...)
		if !slices.Equal(got, c.want) {
			t.Errorf("start after %s: %q, want %q", c.name, got, c.want)
		}
	}
}
