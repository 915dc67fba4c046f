package dedupe_test

import (
	"slices"
	"testing"

	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
)

func TestNumbersInThePlaceOfHashesAreSortedAsNumbers(t *testing.T) {
	t.Parallel()
	s := dedupe.NewSorter(effect.New(nil), dedupe.Config{Dir: t.TempDir(), Name: "numbers", Memory: 2})
	defer func() { _ = s.Close() }()
	want := []int64{0, 1, 255, 256, 1 << 40, 1<<62 + 1}
	for _, at := range []int{3, 0, 5, 1, 4, 2} {
		if err := s.Add(dedupe.Entry{Hash: dedupe.NumberHash(want[at])}); err != nil {
			t.Fatal(err)
		}
	}
	var got []int64
	for e, err := range s.Sorted() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Hash.Number())
	}
	if !slices.Equal(got, want) {
		t.Errorf("sorted numbers = %v, want %v", got, want)
	}
}
