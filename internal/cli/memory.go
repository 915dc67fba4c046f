package cli

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"github.com/spf13/cobra"
)

// prepareMemory is what a command that only reads, cleans and writes may hold before anything is collected: nearly all of
// it is text that is dropped at once, so below it there is nothing to gain from collecting.
const prepareMemory = 48 << 20

// collectGarbage sets how the collector works for a command, before it begins. A user who sets GOGC or GOMEMLIMIT knows
// better.
func (a *App) collectGarbage(cmd *cobra.Command) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if _, set := a.Env(name); set {
			return
		}
	}
	switch cmd.Name() {
	case "plan", "clean", "build", "validate":
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(prepareMemory)
	case "local", "ui": // servers that wait for hours
		debug.SetGCPercent(heldPercent)
	default:
		pace(cmd.Context(), 0)
	}
}

const (
	// heldPercent is half of the usual: it costs a few percent of CPU and takes a third less memory.
	heldPercent = 50
	// leastApart is how much is allocated at least between two collections. While a command holds little, half of that is soon
	// allocated again, and a collection has a cost of its own.
	leastApart = 24 << 20
)

// pace sets after each collection how much may be allocated before the next one, until the command ends. set is the percentage that
// is in force; 0: another one.
func pace(ctx context.Context, set int) {
	if ctx.Err() != nil {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	percent := percentFor(live[0].Value.Uint64())
	if percent != set {
		debug.SetGCPercent(percent)
	}
	runtime.AddCleanup(new([4]uint64), func(set int) { pace(ctx, set) }, percent) // nothing refers to the value: the next collection finds it
}

// percentFor is the setting for what was held when a collection ended, in bytes.
func percentFor(held uint64) int {
	const least = 4 << 20 // with a percentage of 100, Go begins no collection below it: https://go.dev/doc/gc-guide#GOGC
	return int(max(heldPercent, 100*leastApart/max(held, least)))
}
