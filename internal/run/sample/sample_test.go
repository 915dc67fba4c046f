package sample_test

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/sample"
)

// document is one of many, with a hash like that of an id.
func document(order int64) dedupe.Entry {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(order)))
	return dedupe.Entry{Hash: dedupe.Hash(sum[:16]), Order: order}
}

// stratumOf gives every tenth document to Japanese and the last hundred to another source.
func stratumOf(order int64) sample.Stratum {
	return sample.Stratum{Source: int(order / 900), Japanese: order%10 == 0}
}

func everyone(int64) bool { return true }

func sampleOf(size int, orders []int64) *sample.Pilot {
	s := sample.New(size)
	for _, order := range orders {
		s.Add(stratumOf(order), document(order))
	}
	return s
}

func upTo(n int64) (orders []int64) {
	for order := range n {
		orders = append(orders, order)
	}
	return orders
}

func TestEachStratumGivesItsShare(t *testing.T) {
	t.Parallel()
	picked := sampleOf(100, upTo(1000)).Pick(everyone)
	shares := map[sample.Stratum]int{}
	for _, order := range picked {
		shares[stratumOf(order)]++
	}
	want := map[sample.Stratum]int{{}: 81, {Japanese: true}: 9, {Source: 1}: 9, {Source: 1, Japanese: true}: 1}
	for k, n := range want {
		if shares[k] != n {
			t.Errorf("%+v gave %d of 100, want %d", k, shares[k], n)
		}
	}
	if len(picked) != 100 || !slices.IsSorted(picked) {
		t.Errorf("Pick = %d documents, sorted %t, want 100 in order", len(picked), slices.IsSorted(picked))
	}
}

func TestTheSampleDoesNotDependOnTheOrder(t *testing.T) {
	t.Parallel()
	orders := upTo(1000)
	want := sampleOf(37, orders).Pick(everyone)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(orders), func(i, j int) { orders[i], orders[j] = orders[j], orders[i] })
	if got := sampleOf(37, orders).Pick(everyone); !slices.Equal(got, want) {
		t.Errorf("Pick after a shuffle = %v, want %v", got, want)
	}
}

func TestWhatCannotBeAskedIsReplaced(t *testing.T) {
	t.Parallel()
	s := sampleOf(50, upTo(1000))
	unusable := map[int64]bool{}
	for i, order := range sampleOf(50, upTo(1000)).Pick(everyone) {
		unusable[order] = i%2 == 0
	}
	picked := s.Pick(func(order int64) bool { return !unusable[order] })
	if len(picked) != 50 {
		t.Errorf("Pick = %d documents, want 50", len(picked))
	}
	held := s.Orders()
	for _, order := range picked {
		if unusable[order] || !held[order] {
			t.Errorf("Pick gave %d, which cannot be sent or was not held", order)
		}
	}
}

func TestASmallSourceIsTheSample(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		size      int
		documents int64
		want      int
	}{"fewer than asked for": {100, 7, 7}, "none": {100, 0, 0}, "no pilot": {0, 50, 0}} {
		if got := sampleOf(tt.size, upTo(tt.documents)).Pick(everyone); len(got) != tt.want {
			t.Errorf("%s: Pick = %d documents, want %d", name, len(got), tt.want)
		}
	}
}

func TestTheSmallestAreKept(t *testing.T) {
	t.Parallel()
	s := sample.NewSmallest(5)
	all := make([]dedupe.Entry, 200)
	for i := range all {
		all[i] = document(int64(i))
		s.Add(all[i])
	}
	slices.SortFunc(all, func(a, b dedupe.Entry) int { return slices.Compare(a.Hash[:], b.Hash[:]) })
	got := slices.Clone(s.Entries())
	slices.SortFunc(got, func(a, b dedupe.Entry) int { return slices.Compare(a.Hash[:], b.Hash[:]) })
	if !slices.Equal(got, all[:5]) {
		t.Errorf("Entries = %v, want %v", got, all[:5])
	}
}

func TestSpreadIsEven(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		total, n int64
		want     []int64
	}{{10, 5, []int64{1, 3, 5, 7, 9}}, {3, 5, []int64{0, 1, 2}}, {100, 1, []int64{50}}, {0, 5, nil}, {5, 0, nil}, {5, -1, nil}} {
		if got := sample.Spread(tt.total, tt.n); !slices.Equal(got, tt.want) {
			t.Errorf("Spread(%d, %d) = %v, want %v", tt.total, tt.n, got, tt.want)
		}
	}
}
