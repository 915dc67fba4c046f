package cli

import "runtime/debug"

// prepareMemory is what a command that only reads, cleans and writes may hold before the collector works harder: nearly
// all of it is text that is dropped at once, so below it there is little to gain from collecting.
const prepareMemory = 72 << 20

// collectLate lets the collector wait where the memory allows it. Whoever sets GOGC or GOMEMLIMIT knows better.
func (a *App) collectLate() {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if _, set := a.Env(name); set {
			return
		}
	}
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(prepareMemory)
}
