package upstream_test

import (
	"testing"
	"time"

	"quarry/internal/standin/model/upstream"
)

func TestLimitDoublesWhileThePaceIsFlat(t *testing.T) {
	t.Parallel()
	l := upstream.NewLimit(256)
	var got []int
	for range 5 {
		got = append(got, l.Now())
		l.Round(50*time.Millisecond, 40, l.Now())
	}
	for i, want := range []int{32, 64, 128, 256, 256} {
		if got[i] != want {
			t.Fatalf("limits %v, want 32 64 128 256 256", got)
		}
	}
}

func TestLimitStaysWhenNoRequestWaits(t *testing.T) {
	t.Parallel()
	l := upstream.NewLimit(256)
	for range 10 {
		l.Round(50*time.Millisecond, 40, 5)
	}
	if l.Now() != 32 {
		t.Errorf("limit %d with 5 in flight, want 32", l.Now())
	}
}

func TestLimitStopsDoublingAtTheKnee(t *testing.T) {
	t.Parallel()
	l := upstream.NewLimit(4096)
	// A server that does 100 at once at full speed, and shares its speed among more.
	pace := func() time.Duration { return 50 * time.Millisecond * time.Duration(max(100, l.Now())) / 100 }
	for range 40 {
		l.Round(pace(), 40, l.Now())
	}
	if l.Now() < 100 || l.Now() > 300 {
		t.Errorf("limit %d for a server that is full at 100, want 100 to 300", l.Now())
	}
}

func TestLimitHalvesOnceForOneOverload(t *testing.T) {
	t.Parallel()
	l := upstream.NewLimit(256)
	for range 3 {
		l.Round(50*time.Millisecond, 40, l.Now())
	}
	sent := l.Epoch()
	for range 100 {
		l.Congested(sent)
	}
	if l.Now() != 128 {
		t.Fatalf("limit %d after one overload of 256, want 128", l.Now())
	}
	l.Round(50*time.Millisecond, 40, l.Now())
	l.Round(50*time.Millisecond, 40, l.Now())
	if l.Now() != 130 {
		t.Errorf("limit %d two rounds later, want 130: one more each round", l.Now())
	}
	for range 20 {
		l.Congested(l.Epoch())
	}
	if l.Now() != 1 {
		t.Errorf("limit %d after many overloads, want 1", l.Now())
	}
}

func TestLimitJudgesByTheToken(t *testing.T) {
	t.Parallel()
	l := upstream.NewLimit(256)
	l.Round(time.Second, 100, l.Now())
	l.Round(8*time.Second, 800, l.Now())
	if l.Now() != 128 {
		t.Errorf("limit %d, want 128: longer answers are not a slower server", l.Now())
	}
}
