package validate_test

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/prepare/validate"
)

// sorter is package dedupe's, as the program has it, with a few entries in memory.
type sorter struct {
	*dedupe.Sorter
	open *sync.Map
}

func (s sorter) Add(key [16]byte, order int64) error {
	return s.Sorter.Add(dedupe.Entry{Hash: key, Order: order})
}

func (s sorter) Sorted() iter.Seq2[validate.Sorted, error] {
	return func(yield func(validate.Sorted, error) bool) {
		for e, err := range s.Sorter.Sorted() {
			if !yield(validate.Sorted{Key: e.Hash, Order: e.Order}, err) {
				return
			}
		}
	}
}

func (s sorter) Close() error {
	s.open.Delete(s.Sorter)
	return s.Sorter.Close()
}

// sorters makes sorters below a directory that hold so many entries; at its end the test says which were not closed.
func sorters(t testing.TB, memory int) func(string) (validate.Sorter, error) {
	dir, open := t.TempDir(), &sync.Map{}
	t.Cleanup(func() {
		open.Range(func(_, name any) bool { t.Errorf("sorter %s was not closed", name); return true })
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	return func(name string) (validate.Sorter, error) {
		s := dedupe.NewSorter(effect.New(nil), dedupe.Config{Dir: dir, Name: name, Memory: memory})
		open.Store(s, name)
		return sorter{s, open}, nil
	}
}

// some gives files in which ids repeat within and over files, between lines that are broken.
func some(rng *rand.Rand) [][2]string {
	var files [][2]string
	for n := range 1 + rng.IntN(5) {
		var b strings.Builder
		if rng.IntN(4) == 0 {
			b.WriteString("\ufeff")
		}
		for i := range rng.IntN(60) {
			id := fmt.Sprintf("r%d", rng.IntN(120))
			switch rng.IntN(8) {
			case 0:
				b.WriteString("broken " + id)
			case 1:
				fmt.Fprintf(&b, `{"modelInput":{"x":%d},  "recordId":"\u0072%s"}`, i, id[1:])
			case 2:
				fmt.Fprintf(&b, `{"recordId":"%s","modelInput":7}`, id)
			default:
				fmt.Fprintf(&b, `{"recordId":"%s","modelInput":{"x":%q}}`, id, strings.Repeat("y", rng.IntN(9)))
			}
			b.WriteByte('\n')
		}
		files = append(files, [2]string{fmt.Sprintf("f%d.jsonl", n), b.String()})
	}
	return files
}

// The faults, with file, line and byte, and the report do not depend on how many ids memory holds. Faults of ids in memory
// come first, in the order of the files; then the others, in the order of the files.
func TestTheSameFaultsWhateverIsHeld(t *testing.T) {
	t.Parallel()
	const seeds = 60
	repeated := 0
	for seed := range uint64(seeds) {
		rng := rand.New(rand.NewPCG(seed, 4))
		paths := write(t, some(rng)...)
		want, wantReport := faults(t, validate.Config{Workers: 1}, paths...)
		held, memory := 1+rng.IntN(150), 1+rng.IntN(20)
		cfg := validate.Config{Workers: 1 + rng.IntN(3), HeldIDs: held, Sorter: sorters(t, memory)}
		got, report := faults(t, cfg, paths...)
		if again, _ := faults(t, cfg, paths...); !slices.Equal(got, again) {
			t.Fatalf("seed %d: a second time: %s", seed, cmp.Diff(got, again))
		}
		if diff := cmp.Diff(wantReport, report); diff != "" {
			t.Fatalf("seed %d, %d held: %s", seed, held, diff)
		}
		// The late ones are out of their places; both parts keep the order in which nothing is late.
		place := map[string]int{}
		for i, f := range want {
			place[f] = i
		}
		turns := 0
		for i := 1; i < len(got); i++ {
			if place[got[i]] < place[got[i-1]] {
				turns++
				repeated++
			}
		}
		if turns > 1 {
			t.Fatalf("seed %d, %d held: the order turns %d times: %q", seed, held, turns, got)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d, %d held: %s", seed, held, diff)
		}
	}
	if repeated < seeds/4 {
		t.Errorf("in %d of %d cases ids were reported late, want more", repeated, seeds)
	}
}

func TestIDsThatComeAgainBeyondThoseHeld(t *testing.T) {
	t.Parallel()
	paths := write(t,
		[2]string{"a.jsonl", `{"recordId":"a","modelInput":{}}` + "\n" + `{"recordId":"b","modelInput":{}}` + "\n" + `{"recordId":"c","modelInput":{}}` + "\n" + `{"recordId":"b","modelInput":{}}` + "\n"},
		[2]string{"b.jsonl", ""},
		[2]string{"c.jsonl", `{"recordId":"a","modelInput":{}}` + "\n" + `{"modelInput":{},"recordId":"\u0062"}` + "\nx\n" + `{"recordId":"b","modelInput":{}}`})
	got, report := faults(t, validate.Config{HeldIDs: 1, Sorter: sorters(t, 2)}, paths...)
	want := []string{
		"b.jsonl: is empty",
		`c.jsonl:1: recordId "a" again; first at a.jsonl:1 (byte 12)`,
		`c.jsonl:3: unexpected "x" (byte 71)`,
		`a.jsonl:4: recordId "b" again; first at a.jsonl:2 (byte 111)`,
		`c.jsonl:2: recordId "b" again; first at a.jsonl:2 (byte 61)`,
		`c.jsonl:4: recordId "b" again; first at a.jsonl:2 (byte 85)`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if a, c := report.Files[0].Faults, report.Files[2].Faults; a != 1 || c != 4 {
		t.Errorf("faults counted: %d in a.jsonl and %d in c.jsonl, want 1 and 4", a, c)
	}
}

var errDisk = errors.New("disk is full")

// failing takes so many entries.
type failing struct {
	validate.Sorter
	left *int
}

func (f failing) Add(key [16]byte, order int64) error {
	if *f.left--; *f.left < 0 {
		return errDisk
	}
	return f.Sorter.Add(key, order)
}

func TestASorterThatFailsEndsTheCheck(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 50 {
		fmt.Fprintf(&b, `{"recordId":"r%d","modelInput":{}}`+"\n", i%25)
	}
	paths := write(t, [2]string{"a.jsonl", b.String()})
	for _, left := range []int{-1, 0, 10, 49, 60} { // 49 ids are sorted, then 25 that came again
		of := sorters(t, 4)
		n := left
		_, err := validate.Files(t.Context(), validate.Config{HeldIDs: 1, Sorter: func(name string) (validate.Sorter, error) {
			if left < 0 {
				return nil, errDisk
			}
			s, err := of(name)
			return failing{s, &n}, err
		}}, paths)
		if !errors.Is(err, errDisk) {
			t.Errorf("after %d entries: %v, want %v", left, err, errDisk)
		}
	}
}

// large writes files of so many short records in all, the last of which has the first's id.
func large(t testing.TB, records int) []string {
	dir := t.TempDir()
	var paths []string
	id := 0
	for n := range 4 {
		path := filepath.Join(dir, fmt.Sprintf("f%d.jsonl", n))
		b := make([]byte, 0, records/4*48)
		for range records / 4 {
			b = fmt.Appendf(b, `{"recordId":"r%09d","modelInput":{}}`+"\n", id)
			if id++; id == records-1 {
				id = records / 2
			}
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// BenchmarkIDs checks nothing but ids, held and sorted, and says what the heap grew to.
func BenchmarkIDs(b *testing.B) {
	for _, records := range []int{500_000, 1_000_000, 5_000_000, 10_000_000} {
		paths := large(b, records)
		for _, held := range []bool{true, false} {
			if held && records > 5_000_000 {
				continue // next to 5 million sorted, this shows that the peak is the same
			}
			b.Run(fmt.Sprintf("%d/%s", records, map[bool]string{true: "held", false: "sorted"}[held]), func(b *testing.B) {
				cfg := validate.Config{Workers: 2}
				if !held {
					cfg.Sorter = sorters(b, 0)
				}
				debug.FreeOSMemory()
				var peak uint64
				done := make(chan struct{})
				var watch sync.WaitGroup
				watch.Go(func() {
					tick := time.NewTicker(5 * time.Millisecond)
					defer tick.Stop()
					for {
						select {
						case <-tick.C:
							var m runtime.MemStats
							runtime.ReadMemStats(&m)
							peak = max(peak, m.HeapInuse)
						case <-done:
							return
						}
					}
				})
				for b.Loop() {
					if r, err := validate.Files(b.Context(), cfg, paths); err != nil || r.Faults != 1 {
						b.Fatal(r.Faults, err)
					}
				}
				close(done)
				watch.Wait()
				b.ReportMetric(float64(peak)/(1<<20), "MiB-peak")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*records), "ns/record")
			})
		}
	}
}
