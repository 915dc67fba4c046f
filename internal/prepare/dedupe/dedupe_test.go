package dedupe_test

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
)

// With runs of runs of runs, everything comes out in order, twice, and few files are there at a time.
func TestSortedOverManyRuns(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 3, 4, 5, 300, 20_000} {
		dir := t.TempDir()
		s := dedupe.NewSorter(effect.New(nil), dedupe.Config{Dir: dir, Name: "x", Memory: 4})
		hashes, files := map[dedupe.Hash][]int64{}, 0
		for order := range int64(n) {
			var e dedupe.Entry
			binary.BigEndian.PutUint32(e.Hash[4:], rng.Uint32N(200))
			binary.BigEndian.PutUint32(e.Hash[12:], rng.Uint32N(30))
			e.Order = order
			hashes[e.Hash] = append(hashes[e.Hash], order)
			if err := s.Add(e); err != nil {
				t.Fatal(err)
			}
			if order%1000 == 255 {
				left, err := os.ReadDir(dir)
				if err != nil {
					t.Fatal(err)
				}
				files = max(files, len(left))
			}
		}
		for range 2 {
			got, last := map[dedupe.Hash][]int64{}, dedupe.Hash{}
			for e, err := range s.Sorted() {
				if err != nil {
					t.Fatal(err)
				}
				if string(e.Hash[:]) < string(last[:]) {
					t.Fatalf("%d entries: %x after %x", n, e.Hash, last)
				}
				last = e.Hash
				got[e.Hash] = append(got[e.Hash], e.Order)
			}
			if diff := cmp.Diff(hashes, got); diff != "" {
				t.Fatalf("%d entries: %s", n, diff)
			}
		}
		if files > 200 {
			t.Errorf("%d entries in runs of 4 lay in %d files, want at most 200", n, files)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}
