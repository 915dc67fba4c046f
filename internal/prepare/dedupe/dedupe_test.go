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

func TestEqualHashesComeTogetherInTheOrderInWhichTheyCame(t *testing.T) {
	t.Parallel()
	s := dedupe.NewSorter(effect.New(nil), dedupe.Config{Dir: t.TempDir(), Name: "hashes", Memory: 2})
	defer func() { _ = s.Close() }()
	for order, hash := range []byte{7, 3, 7, 3, 7, 1} {
		if err := s.Add(dedupe.Entry{Hash: dedupe.Hash{15: hash}, Order: int64(order)}); err != nil {
			t.Fatal(err)
		}
	}
	var got []dedupe.Pair
	for p, err := range s.Groups() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	if want := []dedupe.Pair{{Order: 3, First: 1}, {Order: 2, First: 0}, {Order: 4, First: 0}}; !slices.Equal(got, want) {
		t.Errorf("groups = %v, want %v", got, want)
	}
}
