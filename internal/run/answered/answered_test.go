package answered_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/answered"
	"quarry/internal/run/index"
)

var full = flag.Bool("full", false, "ten million keys")

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func key(n byte) dedupe.Hash    { return dedupe.Hash{n, n, n, n, n, n, n, n, 9} }
func prefix(n byte) dedupe.Hash { return dedupe.Hash{n, n, n, n, n, n} }
func doc(id string) dedupe.Hash { return index.HashOf(quarry.DocumentID(id)) }

// remember merges entries into the file of a run.
func remember(t *testing.T, run string, shard quarry.ShardID, entries ...answered.Entry) *answered.File {
	t.Helper()
	f, err := answered.Open(run)
	must(t, err)
	news := answered.NewNews(effect.New(nil), run, 2)
	for i := range entries {
		must(t, news.Add(&entries[i]))
	}
	news.Cover(shard)
	f, err = f.Merge(t.Context(), effect.New(nil), news)
	must(t, err)
	must(t, news.Close())
	return f
}

func all[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var out []T
	for v, err := range seq {
		must(t, err)
		out = append(out, v)
	}
	return out
}

func TestWhatAnAttemptIsWorth(t *testing.T) {
	t.Parallel()
	for class, want := range map[quarry.Class]answered.How{
		quarry.ClassOK: answered.OK, quarry.ClassTruncated: answered.Bad, quarry.ClassNotJSON: answered.Bad, quarry.ClassSchema: answered.Bad,
		quarry.ClassWrongLanguage: answered.Bad, quarry.ClassRefused: answered.Final, quarry.ClassRecordError: answered.Final,
		quarry.ClassThrottled: answered.None, quarry.ClassMissing: answered.None, quarry.ClassUnstructured: answered.None,
	} {
		if got := answered.HowOf(class); got != want {
			t.Errorf("HowOf(%s) = %c, want %c", class, got, want)
		}
	}
}

func TestTheFileHoldsWhatWasMergedSortedAndOnce(t *testing.T) {
	t.Parallel()
	run := t.TempDir()
	a := answered.Entry{Key: key(1), ID: doc("a"), Attempt: 1, How: answered.Bad, Shard: "p00001", Line: 3}
	again := answered.Entry{Key: key(1), ID: doc("a"), Attempt: 2, How: answered.OK, Shard: "r00002", Line: 70_000}
	part := answered.Entry{Key: key(2), ID: doc("b"), Part: 9999, Attempt: 300, How: answered.None, Shard: "s1234567", Line: 0}
	last := answered.Entry{Key: key(250), ID: doc("c"), How: answered.OK, Shard: answered.Known, Line: 5}
	remember(t, run, "s00001", last, again)
	remember(t, run, "p00001", part, a, again)
	f := remember(t, run, "r00001") // nothing, and covered all the same
	if got, want := all(t, f.Entries()), []answered.Entry{a, again, part, last}; !slices.Equal(got, want) {
		t.Errorf("Entries() = %+v\nwant %+v", got, want)
	}
	f, err := answered.Open(run)
	must(t, err)
	for id, want := range map[quarry.ShardID]bool{"p00001": true, "r00001": true, "s00001": true, "s00002": false} {
		if f.Has(id) != want {
			t.Errorf("Has(%s) = %t, want %t", id, !want, want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(run, "index", "sort", "*")); len(left) > 0 {
		t.Errorf("what was sorted is still there: %v", left)
	}
}

func TestACrashWhileMergingLeavesTheOldFile(t *testing.T) {
	t.Parallel()
	run := t.TempDir()
	a := answered.Entry{Key: key(1), ID: doc("a"), Attempt: 1, How: answered.OK, Shard: "p00001"}
	remember(t, run, "p00001", a)
	died := errors.New("died")
	for n := int64(1); ; n++ {
		e := effect.New(func(p effect.Point) error {
			if p.N >= n && p.When == effect.Before {
				return died
			}
			return nil
		})
		f, err := answered.Open(run)
		must(t, err)
		if f.Has("s00001") {
			t.Fatalf("effect %d: the shard is covered before it is in the file", n)
		}
		news := answered.NewNews(e, run, 1)
		b := a
		b.Key, b.Shard = key(2), "s00001"
		err = news.Add(&b)
		news.Cover("s00001")
		if err == nil {
			_, err = f.Merge(t.Context(), e, news)
		}
		if err == nil {
			break
		}
		if f, err = answered.Open(run); err != nil || len(all(t, f.Entries())) != 1 {
			t.Fatalf("effect %d: after the crash the file has %v (%v), want the old entry", n, all(t, f.Entries()), err)
		}
	}
	f, err := answered.Open(run)
	must(t, err)
	if got := all(t, f.Entries()); len(got) != 2 || !f.Has("s00001") {
		t.Errorf("after the merge the file has %v", got)
	}
}

func TestAFileOfANewerFormIsRefused(t *testing.T) {
	t.Parallel()
	run := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(run, "index"), 0o700))
	must(t, os.WriteFile(answered.Path(run), []byte(`{"format":3,"shards":[]}`+"\n"), 0o600))
	_, err := answered.Open(run)
	var q *quarry.Error
	if !errors.As(err, &q) || q.Kind != quarry.BadUsage || !strings.Contains(q.Hint, "newer") {
		t.Errorf("Open = %v, want a usage error that names a newer version", err)
	}
	must(t, os.WriteFile(answered.Path(run), []byte("torn"), 0o600))
	if _, err := answered.Open(run); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of a torn file = %v, want an error", err)
	}
}

// A file that lost entries, at whatever byte, must not be taken for whole: what it forgot would be sent and paid for again.
func TestADamagedFileIsNoticed(t *testing.T) {
	t.Parallel()
	run := t.TempDir()
	entry := func(n byte) answered.Entry {
		return answered.Entry{Key: key(n), ID: doc("a"), Attempt: 1, How: answered.OK, Shard: "p00001", Line: int64(n)}
	}
	remember(t, run, "p00001", entry(1), entry(2), entry(3))
	whole, err := os.ReadFile(answered.Path(run))
	must(t, err)
	check := func(name string, b []byte) {
		t.Helper()
		must(t, os.WriteFile(answered.Path(run), b, 0o600))
		if _, err := answered.Open(run); !errors.Is(err, answered.ErrDamaged) {
			t.Errorf("%s: Open = %v, want %v", name, err, answered.ErrDamaged)
		}
	}
	for n := range whole {
		check(fmt.Sprintf("cut to %d bytes", n), whole[:n])
		if n > bytes.IndexByte(whole, '\n') {
			changed := slices.Clone(whole)
			changed[n] ^= 1
			check(fmt.Sprintf("byte %d changed", n), changed)
		}
	}
}

// Format 1 had no foot. Such a file is read, and the next merge writes the present form.
func TestAFileOfFormat1IsRead(t *testing.T) {
	t.Parallel()
	run := t.TempDir()
	a := answered.Entry{Key: key(1), ID: doc("a"), Attempt: 1, How: answered.OK, Shard: "p00001"}
	b := answered.Entry{Key: key(2), ID: doc("b"), Attempt: 1, How: answered.OK, Shard: "s00001"}
	remember(t, run, "p00001", a)
	now, err := os.ReadFile(answered.Path(run))
	must(t, err)
	old := bytes.Replace(now[:len(now)-12], []byte(`"format":2`), []byte(`"format":1`), 1)
	must(t, os.WriteFile(answered.Path(run), old, 0o600))
	f := remember(t, run, "s00001", b)
	if got, want := all(t, f.Entries()), []answered.Entry{a, b}; !slices.Equal(got, want) {
		t.Errorf("Entries() = %+v, want %+v", got, want)
	}
	if now, err = os.ReadFile(answered.Path(run)); err != nil || !bytes.Contains(now, []byte(`"format":2`)) {
		t.Errorf("the merged file is %q (%v), want format 2", now, err)
	}
}

// hits joins documents with the file: keys by order.
func hits(t *testing.T, f *answered.File, dir string, keys ...dedupe.Hash) *answered.Hits {
	t.Helper()
	e := effect.New(nil)
	s := dedupe.NewSorter(e, dedupe.Config{Dir: dir, Name: "keys"})
	for order, k := range keys {
		must(t, s.Add(dedupe.Entry{Hash: k, Order: int64(order)}))
	}
	h, err := f.Join(t.Context(), e, dir, s.Sorted())
	must(t, err)
	t.Cleanup(func() { must(t, errors.Join(h.Close(), s.Close())) })
	return h
}

func TestADocumentFindsTheAttemptsAtWhatItAsks(t *testing.T) {
	t.Parallel()
	run := t.TempDir()
	one := answered.Entry{Key: key(5), ID: doc("a"), Attempt: 1, How: answered.Bad, Shard: "p00001"}
	two := answered.Entry{Key: key(5), ID: doc("other"), Attempt: 2, How: answered.OK, Shard: "s00001"}
	alike := answered.Entry{Key: dedupe.Hash{5, 5, 5, 5, 5, 5, 5, 6}, ID: doc("a"), Attempt: 1, How: answered.OK, Shard: "s00002"}
	short := answered.Entry{Key: prefix(5), ID: doc("b"), Attempt: 4, How: answered.OK, Shard: "s00003"}
	shortOther := answered.Entry{Key: prefix(7), ID: doc("c"), Attempt: 1, How: answered.OK, Shard: "s00004"}
	f := remember(t, run, "p00001", one, two, alike, short, shortOther)
	h := hits(t, f, t.TempDir(), key(9), key(5), key(5), key(7), key(7))
	for order, c := range []struct {
		what string
		key  dedupe.Hash
		id   string
		want []answered.Entry
		// alike is the number that another recordId of the same beginning may have used.
		alike int
	}{
		{"nobody asked this", key(9), "a", nil, 0},
		{"the whole key is enough, whatever the document", key(5), "a", []answered.Entry{one, two}, 4},
		{"of a recordId the document has to agree too", key(5), "b", []answered.Entry{short, one, two}, 1},
		{"of a recordId another document has nothing", key(7), "d", nil, 1},
		{"of a recordId the same document has its answer", key(7), "c", []answered.Entry{shortOther}, 0},
	} {
		got, err := h.Of(int64(order), c.key, doc(c.id))
		must(t, err)
		byAttempt := func(a, b answered.Entry) int { return strings.Compare(string(a.Shard), string(b.Shard)) }
		got = slices.Clone(got)
		slices.SortFunc(got, byAttempt)
		slices.SortFunc(c.want, byAttempt)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.what, got, c.want)
		}
		if n := h.Alike(); n != c.alike {
			t.Errorf("%s: a recordId that begins alike has attempt %d, want %d", c.what, n, c.alike)
		}
	}
}

func TestWithoutAFileNothingIsFound(t *testing.T) {
	t.Parallel()
	f, err := answered.Open(t.TempDir())
	must(t, err)
	if got, err := hits(t, f, t.TempDir(), key(1)).Of(0, key(1), doc("a")); err != nil || len(got) > 0 {
		t.Errorf("Of = %v, %v, want nothing", got, err)
	}
}

func TestWhichAttemptsMakeADocumentsResult(t *testing.T) {
	t.Parallel()
	at := func(id string, part, attempt int, how answered.How) answered.Entry {
		return answered.Entry{Key: key(1), ID: doc(id), Part: part, Attempt: attempt, How: how, Shard: "s00001", Line: int64(100*part + attempt)}
	}
	given := answered.Entry{Key: key(1), ID: doc("a"), How: answered.OK, Shard: answered.Known}
	for name, c := range map[string]struct {
		entries   []answered.Entry
		stands    []int // which of them
		last, bad int
		parts     []int // and the answers to parts that count
	}{
		"nothing was asked":                       {},
		"a good answer stands":                    {entries: []answered.Entry{at("a", 0, 1, 'o')}, stands: []int{0}, last: 1},
		"with the attempts that led to it":        {entries: []answered.Entry{at("a", 0, 1, 'b'), at("a", 0, 2, 'n'), at("a", 0, 3, 'o')}, stands: []int{0, 1, 2}, last: 3},
		"not with a later one":                    {entries: []answered.Entry{at("a", 0, 1, 'o'), at("a", 0, 2, 'b')}, stands: []int{0}, last: 2},
		"another document's answer to the same":   {entries: []answered.Entry{at("x", 0, 1, 'b'), at("x", 0, 2, 'o')}, stands: []int{0, 1}, last: 2},
		"the own answer before another's":         {entries: []answered.Entry{at("a", 0, 3, 'o'), at("x", 0, 1, 'o')}, stands: []int{0}, last: 3},
		"a bad answer of four attempts":           {entries: []answered.Entry{at("a", 0, 1, 'b')}, last: 1, bad: 1},
		"four bad answers of four attempts":       {entries: []answered.Entry{at("a", 0, 1, 'b'), at("a", 0, 2, 'b'), at("a", 0, 3, 'b'), at("a", 0, 4, 'b')}, stands: []int{0, 1, 2, 3}, last: 4, bad: 4},
		"four attempts of which one had no reply": {entries: []answered.Entry{at("a", 0, 1, 'b'), at("a", 0, 2, 'n'), at("a", 0, 3, 'b'), at("a", 0, 4, 'b')}, last: 4, bad: 3},
		"no attempt had a reply":                  {entries: []answered.Entry{at("a", 0, 1, 'n'), at("a", 0, 9, 'n')}, last: 9},
		"numbers that are used up":                {entries: []answered.Entry{at("a", 0, 7, 'b'), at("a", 0, 900, 'n')}, stands: []int{0, 1}, last: 900, bad: 1},
		"numbers that are nearly used up":         {entries: []answered.Entry{at("a", 0, 899, 'n')}, last: 899},
		"what will be refused again":              {entries: []answered.Entry{at("a", 0, 1, 'f')}, stands: []int{0}, last: 1},
		"a given answer":                          {entries: []answered.Entry{given}, stands: []int{0}},
		"a provider's answer before a given one":  {entries: []answered.Entry{given, at("a", 0, 2, 'o')}, stands: []int{1}, last: 2},
		"the same attempt made in two passes":     {entries: []answered.Entry{at("a", 0, 1, 'o'), {Key: key(1), ID: doc("a"), Attempt: 1, How: 'o', Shard: "s00009"}}, stands: []int{0}, last: 1},
		"parts that wait for their merge":         {entries: []answered.Entry{at("a", 1, 1, 'o'), at("a", 2, 1, 'o')}, last: 1, parts: []int{0, 1}},
		"a part that was not answered":            {entries: []answered.Entry{at("a", 1, 1, 'o'), at("a", 2, 1, 'b'), at("a", 2, 2, 'n')}, last: 2, bad: 1, parts: []int{0}},
		"bad answers to an answered part":         {entries: []answered.Entry{at("a", 1, 1, 'b'), at("a", 1, 2, 'b'), at("a", 1, 3, 'o'), at("a", 2, 1, 'n')}, last: 3, parts: []int{2}},
		"another document's answer to a part":     {entries: []answered.Entry{at("a", 1, 2, 'o'), at("x", 1, 1, 'o'), at("x", 2, 1, 'o')}, last: 2, parts: []int{0, 2}},
		"a merge that was answered badly":         {entries: []answered.Entry{at("a", 0, 1, 'b'), at("a", 1, 1, 'o'), at("a", 2, 1, 'o')}, last: 1, bad: 1, parts: []int{1, 2}},
		"parts and their merge":                   {entries: []answered.Entry{at("a", 0, 1, 'o'), at("a", 1, 1, 'b'), at("a", 1, 2, 'o'), at("a", 2, 1, 'o')}, stands: []int{0, 1, 2, 3}, last: 2},
		"a part that will be refused again":       {entries: []answered.Entry{at("a", 1, 1, 'o'), at("a", 2, 1, 'f')}, stands: []int{0, 1}, last: 1},
		"a part that was asked in vain four times": {
			entries: []answered.Entry{at("a", 1, 1, 'b'), at("a", 1, 2, 'b'), at("a", 1, 3, 'b'), at("a", 1, 4, 'b'), at("a", 2, 1, 'o')}, stands: []int{0, 1, 2, 3, 4}, last: 4, bad: 4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want []answered.Entry
			for _, i := range c.stands {
				want = append(want, c.entries[i])
			}
			got := answered.Judge(c.entries, doc("a"), 4)
			var parts []answered.Entry
			for _, i := range c.parts {
				parts = append(parts, c.entries[i])
			}
			if !slices.Equal(got.Result, want) || !slices.Equal(got.Parts, parts) || got.Last != c.last || got.Bad != c.bad {
				t.Errorf("Judge = %+v\nwant %+v, last %d, bad %d", got, want, c.last, c.bad)
			}
		})
	}
}

// TestMemoryStaysFlat merges and joins many keys, and looks at the heap meanwhile.
func TestMemoryStaysFlat(t *testing.T) {
	n := 120_000
	if *full {
		n = 10_000_000
	}
	run := t.TempDir()
	e := effect.New(nil)
	hash := func(i int, salt uint64) (h dedupe.Hash) {
		r := rand.New(rand.NewPCG(uint64(i), salt))
		binary.BigEndian.PutUint64(h[:], r.Uint64())
		binary.BigEndian.PutUint64(h[8:], r.Uint64())
		return h
	}
	var most uint64
	look := func(i int) {
		if i%(n/20) == 0 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
	f, err := answered.Open(run)
	must(t, err)
	for half := range 2 {
		news := answered.NewNews(e, run, 0)
		for i := half * n / 2; i < (half+1)*n/2; i++ {
			look(i)
			must(t, news.Add(&answered.Entry{Key: hash(i, 1), ID: hash(i, 2), Attempt: 1, How: answered.OK, Shard: quarry.NewShardID(quarry.MainShard, i/50_000+1), Line: int64(i % 50_000)}))
		}
		f, err = f.Merge(t.Context(), e, news)
		must(t, errors.Join(err, news.Close()))
	}
	sorter := dedupe.NewSorter(e, dedupe.Config{Dir: filepath.Join(run, "sort"), Name: "keys"})
	for i := range n {
		must(t, sorter.Add(dedupe.Entry{Hash: hash(i, 1), Order: int64(i)}))
	}
	h, err := f.Join(t.Context(), e, filepath.Join(run, "sort"), sorter.Sorted())
	must(t, err)
	for i := range n {
		look(i)
		got, err := h.Of(int64(i), hash(i, 1), hash(i, 3))
		must(t, err)
		if len(got) != 1 || got[0].Line != int64(i%50_000) {
			t.Fatalf("document %d: %v, want line %d", i, got, i%50_000)
		}
	}
	must(t, errors.Join(h.Close(), sorter.Close()))
	if most > 48<<20 {
		t.Errorf("%d keys took %d MB of heap, want no more than 48 whatever their number", n, most>>20)
	}
	t.Logf("%d keys: %d MB of heap at most", n, most>>20)
}
