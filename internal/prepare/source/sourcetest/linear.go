package sourcetest

import (
	"strings"
	"testing"
	"time"
)

// Linear checks that to read one, repeated to twice size, takes no more than three times what it takes to read it
// repeated to size: what is square takes four, and so small a time that no one waits for it is no fault. Time is
// that of the process, where it can be had, so the machine may be busy, but the test must not be parallel.
// With -short, as under the race detector, it checks nothing: one goroutine reads, and its times mean nothing there.
func Linear(t *testing.T, one string, size int, source func(in string) Source) {
	t.Helper()
	if testing.Short() {
		return
	}
	const tries, short = 10, 100 * time.Millisecond
	half, whole := time.Hour, time.Hour
	for range tries { // others can only make it slower
		half = min(half, took(t, func() { Read(t, source(strings.Repeat(one, size/len(one)))) }))
		whole = min(whole, took(t, func() { Read(t, source(strings.Repeat(one, 2*size/len(one)))) }))
		if whole <= max(3*half, short) {
			return
		}
	}
	t.Errorf("%q: %v for half, %v for the whole", one, half, whole)
}

func took(t *testing.T, f func()) time.Duration {
	t.Helper()
	before := Spent(t)
	f()
	return Spent(t) - before
}
