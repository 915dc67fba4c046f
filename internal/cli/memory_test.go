package cli

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

const megabyte = 1 << 20

func TestWhatIsAllocatedBetweenCollections(t *testing.T) {
	for held, want := range map[uint64]int{0: 600, 4 * megabyte: 600, 24 * megabyte: 100, 48 * megabyte: 50, 500 * megabyte: 50} {
		if got := percentFor(held); got != want {
			t.Errorf("percentFor(%d MiB) = %d, want %d", held/megabyte, got, want)
		}
	}
}

func TestCollectionsFollowWhatIsHeld(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	ctx, end := context.WithCancel(t.Context())
	defer end()
	runtime.GC()
	pace(ctx, 0)
	if first := percentInForce(); first <= heldPercent {
		t.Errorf("with next to nothing held the setting is %d %%, want more than %d", first, heldPercent)
	}
	held := make([]byte, 64*megabyte)
	for deadline := time.Now().Add(time.Minute); percentInForce() != heldPercent; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatalf("with 64 MiB held the setting is %d %%, want %d", percentInForce(), heldPercent)
		}
	}
	runtime.KeepAlive(held)
}

func percentInForce() int {
	s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(s)
	return int(s[0].Value.Uint64())
}
