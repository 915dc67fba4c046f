package find_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/ui/find"
	"quarry/internal/ui/words"
)

func open(t *testing.T, dir string) *find.Index {
	t.Helper()
	x, err := find.Open(t.Context(), effect.New(nil), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

// fill takes in so many records, each with a language of its own.
func fill(t *testing.T, x *find.Index, n int) {
	t.Helper()
	err := x.Change(t.Context(), &find.Want{Pass: 1, Stamp: "s"}, func(k *find.Taker) error {
		for i := range n {
			r := find.Record{
				Order: int64(i), Ended: true, Status: quarry.StatusOK, Class: "ok", Language: fmt.Sprintf("x-%d", i),
				Title: words.Append(nil, fmt.Sprintf("title %d", i)), Text: []byte{}, Digest: uint64(i),
			}
			if err := k.Take(&r); err != nil {
				return err
			}
		}
		k.Have.Complete = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, x *find.Index, q find.Query) int64 {
	t.Helper()
	p, err := x.Find(t.Context(), 1, &q)
	if err != nil {
		t.Fatal(err)
	}
	return p.Count.N
}

func TestMoreValuesThanAreToldApartAreOthers(t *testing.T) {
	t.Parallel()
	x := open(t, t.TempDir())
	fill(t, x, 3000)
	p, err := x.Find(t.Context(), 1, &find.Query{Where: find.Filter{Language: "x-7"}})
	if err != nil || p.Count.N != 1 || p.Orders[0] != 7 {
		t.Errorf("the language x-7 has %+v, %v", p.Count, err)
	}
	if n := len(p.Facets.Language); n != 1001 || p.Facets.Language[0].Value != "(other)" || p.Facets.Language[0].Count.N != 2000 {
		t.Errorf("%d languages, the first %+v", n, p.Facets.Language[0])
	}
	if n := count(t, x, find.Query{Where: find.Filter{Language: "x-2999"}}); n != 0 {
		t.Errorf("a language that is not told apart has %d records", n)
	}
}

func TestAnIndexOfAnotherFormatIsMadeAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	x := open(t, dir)
	fill(t, x, 10)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if x = open(t, dir); count(t, x, find.Query{Text: "title"}) != 10 {
		t.Error("an index that was opened again lost its records")
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := effect.New(nil).OpenDB("sqlite", "file:"+filepath.Join(dir, find.File))
	if err != nil {
		t.Fatal(err)
	}
	err = db.Change(t.Context(), "other format", func(tx *effect.Tx) error {
		_, err := tx.ExecContext(context.Background(), `UPDATE meta SET value = '9'; CREATE TABLE theirs (n)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, dir)
	if h, err := x.State(t.Context(), 1); err != nil || h.There {
		t.Errorf("an index of another format has %+v, %v", h, err)
	}
	fill(t, x, 5)
	if n := count(t, x, find.Query{Text: "title"}); n != 5 {
		t.Errorf("made again, it has %d records", n)
	}
}

func TestTheIndexIsTheUsersAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fill(t, open(t, dir), 1)
	for _, end := range []string{"", "-wal", "-shm"} {
		if info, err := os.Stat(filepath.Join(dir, find.File+end)); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			t.Errorf("%s%s: %v, %v", find.File, end, info.Mode(), err)
		}
	}
}

func TestAQueryThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	x := open(t, t.TempDir())
	for _, q := range []find.Query{{Text: "a", In: "body"}, {Text: string(make([]byte, 1001))}} {
		if _, err := x.Find(t.Context(), 1, &q); err == nil {
			t.Errorf("%.20q in %q was searched", q.Text, q.In)
		}
	}
	if p, err := x.Find(t.Context(), 1, &find.Query{Text: "title"}); err != nil || len(p.Orders) != 0 {
		t.Errorf("an empty index has %+v, %v", p, err)
	}
}

func TestPlacesOutsideOfTheRecordsAreNoFault(t *testing.T) {
	t.Parallel()
	x := open(t, t.TempDir())
	fill(t, x, 5)
	for _, q := range []find.Query{
		{After: -7}, {After: 1 << 62}, {Before: -7}, {Before: 1}, {Before: 1 << 62}, {Limit: -1}, {Limit: 1 << 62}, {Text: "title", After: -7}, {Text: "title", Before: 1 << 62},
	} {
		p, err := x.Find(t.Context(), 1, &q)
		want := 5
		if q.After > 5 || q.Before == 1 {
			want = 0
		}
		if err != nil || len(p.Orders) != want {
			t.Errorf("%+v finds %d records, want %d, %v", q, len(p.Orders), want, err)
		}
	}
}

// FuzzQuery searches for whatever people write: none of it is an operator of FTS5, which would be an error or find other records.
func FuzzQuery(f *testing.F) {
	for _, q := range []string{`a OR b`, `"`, `title:x`, `NEAR(a b)`, `a*`, `^a`, `{title} : a`, "東京", "の", `a" OR "b`, "\x00", "'; DROP TABLE meta; --", "-", "\ue000s1"} {
		f.Add(q)
	}
	x, err := find.Open(f.Context(), effect.New(nil), f.TempDir(), 0)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = x.Close() })
	err = x.Change(f.Context(), &find.Want{Pass: 1, Stamp: "s"}, func(k *find.Taker) error {
		return k.Take(&find.Record{Ended: true, Status: quarry.StatusOK, Class: "ok", Title: words.Append(nil, "zq"), Text: []byte{}, Answer: []byte{}})
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 {
			return
		}
		phrases, _ := words.Phrases(text)
		p, err := x.Find(t.Context(), 1, &find.Query{Text: text, Where: find.Filter{Class: "ok"}})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Orders) > 0 != (len(phrases) > 0 && onlyTitle(phrases) || text == "") {
			t.Fatalf("%q finds %d records by %+v", text, len(p.Orders), phrases)
		}
	})
}

// onlyTitle reports whether all that is searched is the one word of the title.
func onlyTitle(phrases []words.Phrase) bool {
	for _, p := range phrases {
		if len(p.Words) != 1 || p.Words[0] != "zq" {
			return false
		}
	}
	return true
}
