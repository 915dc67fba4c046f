// Package ledgertest is the suite that every ledger passes, whatever database it is in.
//
// It owns what callers may expect of a ledger. It does not own what only one database has: files of older formats, other processes.
// What always holds: a test opens a ledger of its own.
package ledgertest

import (
	"testing"

	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
)

// Open opens a ledger as a process does: each time the same one.
type Open func(effect.Hook) (*ledger.Ledger, error)

// Fresh gives a ledger that does not exist yet.
type Fresh func(*testing.T) Open

// Run runs the suite.
func Run(t *testing.T, fresh Fresh) {
	for name, test := range map[string]func(*testing.T, Fresh){
		"RowsWaitUntilTheyAreReleased":       rowsWaitUntilTheyAreReleased,
		"TheRowThatIsDueLongestComesFirst":   theRowThatIsDueLongestComesFirst,
		"ASavedRowIsWhatTheNextProcessReads": aSavedRowIsWhatTheNextProcessReads,
		"ADoneRowIsNotTakenAndNotReleased":   aDoneRowIsNotTakenAndNotReleased,
		"ANewProcessNeedNotWait":             aNewProcessNeedNotWait,
		"ARowThatIsNotThereIsNotSaved":       aRowThatIsNotThereIsNotSaved,
		"AClockThatWasSetBackDelaysNothing":  aClockThatWasSetBackDelaysNothing,
		"APlanIsStoredWholeOrNotAtAll":       aPlanIsStoredWholeOrNotAtAll,
		"ASplitIsOneChange":                  aSplitIsOneChange,
		"RowsAndFactsAreDroppedTogether":     rowsAndFactsAreDroppedTogether,
		"AStepIsSavedAndChanged":             aStepIsSavedAndChanged,
		"AChangeThatDiesIsWholeOrNotThere":   aChangeThatDiesIsWholeOrNotThere,
		"SumsAreThoseOfTheRows":              sumsAreThoseOfTheRows,
		"WhatIsReservedIsSeenByTheNextOne":   whatIsReservedIsSeenByTheNextOne,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh)
		})
	}
}
