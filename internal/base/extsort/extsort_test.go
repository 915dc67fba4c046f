package extsort_test

import (
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"quarry/internal/base/effect"
	"quarry/internal/base/extsort"
)

var numbers = extsort.Form[uint32]{
	Bytes: 4, Put: binary.BigEndian.PutUint32, Get: binary.BigEndian.Uint32, Compare: func(a, b uint32) int { return cmp.Compare(a, b) },
}

func sorted(t *testing.T, s *extsort.Sorter[uint32]) (all []uint32) {
	t.Helper()
	for n, err := range s.Sorted() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

// With runs of runs of runs, everything comes out in order, twice, and few files are there at a time.
func TestSortedOverManyRuns(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 3, 4, 5, 300, 20_000} {
		dir := t.TempDir()
		s := extsort.New(effect.New(nil), numbers, extsort.Config{Dir: dir, Name: "x", Memory: 4})
		var want []uint32
		files := 0
		for i := range n {
			want = append(want, rng.Uint32N(6000))
			if err := s.Add(want[i]); err != nil {
				t.Fatal(err)
			}
			if i%1000 == 255 {
				left, err := os.ReadDir(dir)
				if err != nil {
					t.Fatal(err)
				}
				files = max(files, len(left))
			}
		}
		slices.Sort(want)
		for range 2 {
			if got := sorted(t, s); !slices.Equal(got, want) {
				t.Fatalf("%d numbers: not those that were added, in order", n)
			}
		}
		if files > 200 {
			t.Errorf("%d numbers in runs of 4 were in %d files, want at most 200", n, files)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("not removed: %v, %v", left, err)
		}
	}
}

func TestARunThatWasCutIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := extsort.New(effect.New(nil), numbers, extsort.Config{Dir: dir, Name: "x", Memory: 2})
	for n := range uint32(4) {
		if err := s.Add(n); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(filepath.Join(dir, "x.run00001"), 6); err != nil {
		t.Fatal(err)
	}
	var last error
	for _, last = range s.Sorted() {
		if last != nil {
			break
		}
	}
	if !errors.Is(last, io.ErrUnexpectedEOF) {
		t.Errorf("the error is %v, want that the run ends too early", last)
	}
}
