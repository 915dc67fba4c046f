package parallel_test

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"quarry/internal/run/parallel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// upTo gives 0 to n-1, and then err where it is not nil. read counts what was taken.
func upTo(n int, err error, read *atomic.Int64) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			read.Add(1)
			if !yield(i, nil) {
				return
			}
		}
		if err != nil {
			yield(0, err)
		}
	}
}

func TestOutcomesComeInTheOrderOfTheThings(t *testing.T) {
	t.Parallel()
	const n = 500
	for _, workers := range []int{1, 2, 7} {
		// Each item waits for the next one, if another worker can have that: so they end in the wrong order.
		var began [n + 1]chan struct{}
		for i := range began {
			began[i] = make(chan struct{})
		}
		close(began[n])
		var read atomic.Int64
		want := 0
		for out, err := range parallel.Map(t.Context(), workers, upTo(n, nil, &read), func(worker, i int) (int, error) {
			if worker < 0 || worker >= workers {
				t.Errorf("worker %d of %d", worker, workers)
			}
			close(began[i])
			if workers > 1 && i%workers != workers-1 {
				<-began[i+1]
			}
			return 10 * i, nil
		}) {
			if err != nil {
				t.Fatal(err)
			}
			if out != 10*want {
				t.Fatalf("%d workers: outcome %d = %d, want %d", workers, want, out, 10*want)
			}
			want++
		}
		if want != n {
			t.Errorf("%d workers gave %d outcomes, want %d", workers, want, n)
		}
	}
}

func TestTheFirstErrorEndsTheSequenceAtItsPlace(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad")
	work := func(_, i int) (int, error) {
		if i >= 20 && i%10 == 0 {
			return 0, bad
		}
		return i, nil
	}
	for name, c := range map[string]struct {
		in   int
		err  error
		want int
	}{
		"of the work":     {100, nil, 20},
		"of the sequence": {12, bad, 12},
	} {
		var read atomic.Int64
		good, failed := 0, 0
		for _, err := range parallel.Map(t.Context(), 3, upTo(c.in, c.err, &read), work) {
			switch {
			case errors.Is(err, bad):
				failed++
			case err != nil:
				t.Fatal(err)
			default:
				good++
			}
		}
		if good != c.want || failed != 1 {
			t.Errorf("an error %s: %d outcomes and %d errors, want %d and 1", name, good, failed, c.want)
		}
	}
}

func TestNothingIsReadFarAhead(t *testing.T) {
	t.Parallel()
	const workers = 2
	var read atomic.Int64
	for out, err := range parallel.Map(t.Context(), workers, upTo(1_000, nil, &read), func(_, i int) (int, error) { return i, nil }) {
		if err != nil {
			t.Fatal(err)
		}
		// Given, waiting in the queue, and one in the hand of the reader.
		if n, most := read.Load(), int64(out+1+2*workers+2); n > most {
			t.Fatalf("at outcome %d, %d things were read, want at most %d", out, n, most)
		}
		if out == 100 {
			break // TestMain finds what would be left of it
		}
	}
}

func TestTheEndOfTheContextEndsTheSequence(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	gone := errors.New("nobody waits any more")
	var read atomic.Int64
	var last error
	n := 0
	for _, err := range parallel.Map(ctx, 2, upTo(1<<40, nil, &read), func(_, i int) (int, error) { return i, nil }) {
		if last = err; n == 10 {
			cancel(gone)
		}
		n++
	}
	if !errors.Is(last, gone) && !errors.Is(last, context.Canceled) {
		t.Errorf("Map ended with %v, want the end of its context", last)
	}
}
