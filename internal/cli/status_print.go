package cli

import (
	"strings"

	"quarry/internal/base/figure"
	"quarry/internal/cli/board"
	"quarry/internal/outcome/report"
	"quarry/internal/run/failures"
)

// shownFailures is how many messages people see at once.
const shownFailures = 3

// page is the board of status: with the most frequent messages, what to do about each, and what the passes took.
func (o *overview) page(failed []report.Failure, verbose bool) *board.Board {
	b := o.board(nil)
	b.Jobs = o.jobs(verbose)
	row := func(name, text string, short bool) {
		b.Rows = append(b.Rows, board.Row{Name: name, Text: text, Short: short})
	}
	last := o.history.Last()
	if last == nil {
		row("", "nothing is planned and nothing was sent; start with: quarry run SOURCE", false)
		return b
	}
	for i := range failed[:min(len(failed), shownFailures)] {
		row("message", failures.Text(&failed[i]), !verbose)
		row("", failed[i].Hint, !verbose)
	}
	if f := o.forecast(); verbose && f != nil {
		row("forecast", expectedText(f), false)
	}
	row("pass "+figure.Thousands(last.Number), stateText(last)+": "+sentOrNothing(&last.Account)+timeText("; time: ", &last.Account), false)
	if o.history.Whole.Passes > 1 {
		row("whole run", figure.Count(o.history.Whole.Passes, "pass")+": "+strings.Join(accountTexts(&o.history.Whole.Account), "; "), false)
	}
	return b
}
