package index_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/index"
)

// pass gives the index of a pass below a directory, its folder made.
func pass(t *testing.T, dir string, n int) index.Pass {
	t.Helper()
	p := index.Of(effect.New(nil), dir, n)
	if err := os.MkdirAll(p.Path(""), 0o755); err != nil {
		t.Fatal(err)
	}
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
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

func entry(id string, key byte, n uint32) index.Entry {
	return index.Entry{Hash: index.HashOf(quarry.DocumentID(id)), Key: dedupe.Hash{key}, Bytes: n}
}

// write writes the entries of a pass, with the lengths of parts by order.
func write(t *testing.T, p index.Pass, parts map[int64][]int64, entries ...index.Entry) {
	t.Helper()
	w, err := p.Create()
	must(t, err)
	defer w.Abort()
	for i := range entries {
		for _, n := range parts[int64(i)] {
			must(t, w.AddPart(int64(i), n))
		}
		must(t, w.Add(&entries[i]))
	}
	must(t, w.Commit())
}

func columns(t *testing.T, p index.Pass, takes string) {
	t.Helper()
	c, err := p.CreateColumns()
	must(t, err)
	defer c.Abort()
	for i := range takes {
		must(t, c.Add(index.Disposition(takes[i]), index.Tried{Last: i}, int64(i), -1))
	}
	must(t, c.Commit())
}

func TestAnEntryIsThirtySixBytes(t *testing.T) {
	t.Parallel()
	p := pass(t, t.TempDir(), 1)
	e := index.Entry{Hash: dedupe.Hash(bytes.Repeat([]byte{1}, 16)), Key: dedupe.Hash(bytes.Repeat([]byte{2}, 16)), Bytes: 0x01020304}
	write(t, p, nil, e)
	got, err := os.ReadFile(p.Path("entries"))
	must(t, err)
	want := append(append(bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 16)...), 1, 2, 3, 4)
	if !bytes.Equal(got, want) {
		t.Errorf("entries = %x, want %x", got, want)
	}
	if got := all(t, p.Entries()); !slices.Equal(got, []index.Entry{e}) {
		t.Errorf("Entries() = %v, want %v", got, e)
	}
}

func TestNothingIsThereBeforeCommit(t *testing.T) {
	t.Parallel()
	p := pass(t, t.TempDir(), 1)
	w, err := p.Create()
	must(t, err)
	e := entry("a", 1, 9)
	must(t, w.Add(&e))
	w.Abort()
	for _, err := range p.Entries() {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Entries() after Abort gave %v, want %v", err, fs.ErrNotExist)
		}
	}
}

func TestWhatBecomesOfADocumentByItself(t *testing.T) {
	t.Parallel()
	for n, want := range map[uint32]index.Disposition{
		index.EmptyBytes: index.Empty, index.BrokenBytes: index.Broken, index.TooLargeBytes: index.TooLarge, index.AdoptedBytes: index.Main, 500: index.Main,
	} {
		if got := (&index.Entry{Bytes: n}).Disposition(); got != want {
			t.Errorf("Entry{Bytes: %d}.Disposition() = %c, want %c", n, got, want)
		}
	}
}

func TestADocumentHasTheRequestItHad(t *testing.T) {
	t.Parallel()
	key := dedupe.Hash{1, 2, 3, 4, 5, 6, 7, 8}
	for name, c := range map[string]struct {
		was, now dedupe.Hash
		want     bool
	}{
		"the same key":                          {key, key, true},
		"another key":                           {dedupe.Hash{9}, key, false},
		"the six bytes of a recordId":           {dedupe.Hash{1, 2, 3, 4, 5, 6}, key, true},
		"six other bytes of a recordId":         {dedupe.Hash{1, 2, 3, 4, 5, 7}, key, false},
		"a whole key that begins alike":         {dedupe.Hash{1, 2, 3, 4, 5, 6, 9}, key, false},
		"a recordId's bytes are known only now": {key, dedupe.Hash{1, 2, 3, 4, 5, 6}, false},
	} {
		if got := (&index.Entry{Key: c.now}).SameRequest(&index.Entry{Key: c.was}); got != c.want {
			t.Errorf("%s: SameRequest(%x, %x) = %t, want %t", name, c.now, c.was, got, c.want)
		}
	}
}

func TestTurnsRiseFromPartToPartAndFromDocumentToDocument(t *testing.T) {
	t.Parallel()
	last := index.RecordPos(-1)
	for _, order := range []int64{0, 1, 2, 1 << 40} {
		for _, part := range []int{0, 1, index.MaxParts} {
			pos := index.PosOf(order, part)
			if pos <= last {
				t.Errorf("PosOf(%d, %d) = %d, not above the one before, %d", order, part, pos, last)
			}
			if pos.Order() != order || pos.Part() != part {
				t.Errorf("PosOf(%d, %d) = order %d, part %d", order, part, pos.Order(), pos.Part())
			}
			last = pos
		}
	}
}

func TestFirstRecordsAreThoseThatMayBeAsked(t *testing.T) {
	t.Parallel()
	p := pass(t, t.TempDir(), 1)
	write(
		t, p, map[int64][]int64{2: {70, 80}},
		entry("whole", 1, 100), entry("empty", 2, index.EmptyBytes), entry("long", 3, 150), entry("broken", 4, index.BrokenBytes),
		entry("large", 5, index.TooLargeBytes), entry("last", 6, 50),
	)
	want := []index.FirstRecord{
		{index.PosOf(0, 0), dedupe.Hash{1}, 100},
		{index.PosOf(2, 1), dedupe.Hash{3}, 70},
		{index.PosOf(2, 2), dedupe.Hash{3}, 80},
		{index.PosOf(5, 0), dedupe.Hash{6}, 50},
	}
	if got := all(t, p.FirstRecords()); !slices.Equal(got, want) {
		t.Errorf("FirstRecords() = %v, want %v", got, want)
	}
}

func TestAColumnIsReadAtAnyPlace(t *testing.T) {
	t.Parallel()
	p := pass(t, t.TempDir(), 1)
	takes := bytes.Repeat([]byte("mpeislux"), 20_000) // more than a buffer
	columns(t, p, string(takes))
	c, err := p.OpenDispositions()
	must(t, err)
	defer func() { _ = c.Close() }()
	for _, order := range []int64{0, 1, 65_535, 65_536, int64(len(takes)) - 1, 3} {
		got, err := c.Disposition(order)
		must(t, err)
		if want := index.Disposition(takes[order]); got != want {
			t.Errorf("Disposition(%d) = %c, want %c", order, got, want)
		}
	}
	if _, err := c.Of(int64(len(takes))); err == nil {
		t.Error("Of(after the last) gave no error")
	}
	tries, err := p.OpenTried()
	must(t, err)
	defer func() { _ = tries.Close() }()
	for order, want := range map[int64]int{7: 7, 255: 255, 300: 300} {
		if got, err := tries.Of(order); got.Last != want || err != nil {
			t.Errorf("tries of %d = %+v, %v, want %d", order, got, err, want)
		}
	}
}

func TestMarksNameWhatIsAShards(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		take  index.Disposition
		marks string
		want  bool
	}{{index.Main, "m", true}, {index.Pilot, "m", false}, {index.Pilot, "mp", true}, {index.Same, "mp", false}, {index.Main, "", false}} {
		if got := c.take.Among(c.marks); got != c.want {
			t.Errorf("%c.Among(%q) = %t, want %t", c.take, c.marks, got, c.want)
		}
	}
}

func TestAPilotIsToppedUp(t *testing.T) {
	t.Parallel()
	p := pass(t, t.TempDir(), 1)
	write(t, p, map[int64][]int64{1: {10, 20, 30}}, entry("a", 1, 5), entry("b", 2, 60), entry("c", 3, 5))
	columns(t, p, "mmm")
	records, err := p.MoveToPilot(map[int64]bool{1: true, 2: true}, 3)
	must(t, err)
	if records != 4 {
		t.Errorf("MoveToPilot made %d records the pilot's, want 3 parts and a whole document", records)
	}
	var takes []byte
	for _, d := range all(t, p.Decided()) {
		takes = append(takes, byte(d.Disposition))
	}
	if string(takes) != "mpp" {
		t.Errorf("takes = %s, want mpp", takes)
	}
}

func TestAnswersThatAreTakenOverKeepTheirSlots(t *testing.T) {
	t.Parallel()
	p := pass(t, t.TempDir(), 2)
	c, err := p.CreateColumns()
	must(t, err)
	defer c.Abort()
	must(t, c.Add(index.Unchanged, index.Tried{}, 0, 0))
	must(t, c.Add(index.Main, index.Tried{}, 1, -1))
	must(t, c.Add(index.Unchanged, index.Tried{}, 2, 7|index.Stale))
	must(t, c.Commit())
	want := []index.TakenOver{{Order: 0, Slot: 0}, {Order: 2, Slot: 7, Stale: true}}
	if got := all(t, p.TakenOver()); !slices.Equal(got, want) {
		t.Errorf("TakenOver() = %v, want %v", got, want)
	}
}

func TestLinesOfResultsAreFoundAgain(t *testing.T) {
	t.Parallel()
	p := pass(t, t.TempDir(), 1)
	e, err := p.CreateEnds()
	must(t, err)
	defer e.Abort()
	line := func(order, from, to int64) {
		t.Helper()
		if gotFrom, gotTo, err := e.Line(order); gotFrom != from || gotTo != to || err != nil {
			t.Errorf("Line(%d) = %d, %d, %v, want %d, %d", order, gotFrom, gotTo, err, from, to)
		}
	}
	must(t, e.Add(0, index.EndedOK, 1, 10))
	line(0, 0, 10)
	line(1, 10, 10)                             // it has none yet
	must(t, e.Add(3, index.EndedAgain, 300, 5)) // 1 and 2 have no result
	line(0, 0, 10)
	line(1, 10, 10)
	line(3, 10, 15)
	must(t, e.Commit(5))
	for name, want := range map[string]string{"ended": "o\x01-\x00-\x00r\xff-\x00", "offsets": offsets(0, 10, 10, 10, 15, 15)} {
		if got, err := os.ReadFile(p.Path(name)); string(got) != want || err != nil {
			t.Errorf("%s = %q, %v, want %q", name, got, err, want)
		}
	}
}

func offsets(at ...byte) string {
	var b []byte
	for _, n := range at {
		b = append(b, 0, 0, 0, 0, 0, 0, 0, n)
	}
	return string(b)
}

func TestOlderPassesAreForgotten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for n := range 6 {
		pass(t, dir, n)
	}
	must(t, index.Forget(effect.New(nil), dir, 5, 3))                    // 4 was given up
	for n, want := range []bool{true, false, false, true, false, true} { // what was imported is not a pass's to forget
		_, err := os.Stat(index.Of(nil, dir, n).Path(""))
		if got := err == nil; got != want {
			t.Errorf("after Forget(5, 3) pass %d is there: %t, want %t", n, got, want)
		}
	}
	must(t, index.Forget(effect.New(nil), dir, 5, 0)) // a hole stops it at nothing
	if _, err := os.Stat(index.Of(nil, dir, 3).Path("")); err == nil {
		t.Error("after Forget(5, 0) pass 3 is still there")
	}
}

// TestNoIndexHasHoles dies while the files of an old index are removed.
func TestNoIndexHasHoles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pass(t, dir, 1)
	pass(t, dir, 2)
	old := index.Of(nil, dir, 1)
	died := errors.New("died")
	err := index.Forget(effect.New(func(p effect.Point) error {
		if strings.HasPrefix(p.What, "remove ") { // of which half may be done by then
			return died
		}
		return nil
	}), dir, 2, 0)
	if !errors.Is(err, died) {
		t.Fatal(err)
	}
	if _, err := os.Stat(old.Path("")); err == nil {
		t.Error("the index that was to be removed is there, and not all of it")
	}
	must(t, index.Forget(effect.New(nil), dir, 2, 0))
	if left, err := os.ReadDir(filepath.Join(dir, "index")); err != nil || len(left) != 1 {
		t.Errorf("left in index: %v, %v", left, err)
	}
}

func TestBlocksAndWhatIsNeverAsked(t *testing.T) {
	t.Parallel()
	p := pass(t, t.TempDir(), 1)
	w, err := p.Create()
	must(t, err)
	defer w.Abort()
	blocks := []index.Block{{Order: 0, At: quarry.Position{Line: 1}}, {Order: 40, At: quarry.Position{Line: 41, Offset: 999}}}
	for _, b := range blocks {
		must(t, w.AddBlock(b))
	}
	must(t, w.AddSkipped(map[string]int{"order": 3}))
	must(t, w.Commit())
	if got := all(t, p.Blocks()); fmt.Sprint(got) != fmt.Sprint(blocks) {
		t.Errorf("Blocks() = %v, want %v", got, blocks)
	}
	if _, err := os.Stat(p.Path(index.SkippedFile)); err != nil {
		t.Error(err)
	}
}

func TestTheKeptResultsAreNotThoseThatPeopleEdit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := effect.New(nil)
	p := index.Of(e, dir, 1)
	w, err := p.Create()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	results := filepath.Join(dir, "results.jsonl")
	for _, text := range []string{"first\n", "second, and longer\n"} {
		if err := os.WriteFile(results, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.KeepResults(e, results); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(results, []byte("edited"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(p.Path("results.jsonl")); err != nil || string(got) != text {
			t.Errorf("the kept results are %q (%v), want %q", got, err, text)
		}
	}
}

func TestNamesAreFoundByTheirOrders(t *testing.T) {
	t.Parallel()
	p := index.Of(effect.New(nil), t.TempDir(), 1)
	w, err := p.Create()
	if err != nil {
		t.Fatal(err)
	}
	ids := []quarry.DocumentID{"a", "", "with\nline end", "日本語", quarry.DocumentID(strings.Repeat("long ", 40_000)), "last"}
	for _, id := range ids {
		if err := w.AddName(id); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	for _, orders := range [][]int64{{0, 1, 2, 3, 4, 5}, {5}, {2, 4}, {}, {3, 5, 6}} {
		var got, want []quarry.DocumentID
		for id, err := range p.Names(slices.Values(orders)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, id)
		}
		for _, o := range orders {
			if o < int64(len(ids)) {
				want = append(want, ids[o])
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("Names(%v) gave %d ids, want %d", orders, len(got), len(want))
		}
	}
}
