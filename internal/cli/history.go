package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/report"
	"quarry/internal/run/history"
)

func (a *App) historyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Show the passes of a run: changes, tokens, cost, and the sums",
		Long: `History lists the passes of a run, the oldest first. A pass is one reading of the sources: quarry
run begins a new one when sources or settings have changed. For each pass, history shows how many
documents were new, changed or missing, which settings changed, what was sent and answered, the
tokens and the cost. The sums at the end cover the whole run, including passes that were given up.

History reads the ledger, also while another process works on the run, and changes nothing.

Exit codes: 0 done · 2 usage · 4 denied · 6 database`,
		Example: `  quarry history --dir quarry-run`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.history(cmd.Context(), &s.Settings)
		},
	}
	bind(cmd, "dir", "prices")
	bindLedger(cmd)
	return cmd
}

func (a *App) history(ctx context.Context, s *config.Settings) (err error) {
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	if err := a.share(ctx, s, nil, &open); err != nil {
		return err
	}
	l, err := a.openLedger(ctx, s.Dir)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	h, err := historyNow(ctx, l, s)
	if err != nil {
		return err
	}
	if h.Run == "" {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "read history", Subject: s.Dir, Err: errors.New("it has no run"),
			Hint: "name the run directory with --dir, or start a run: quarry run SOURCE",
		}
	}
	if a.json {
		return a.writeJSON(&h)
	}
	_, err = io.WriteString(a.Stdout, historyText(&h, a.place(s.Dir), a.pageWidth()))
	return err
}

// historyNow reads the passes of a run.
func historyNow(ctx context.Context, l *ledger.Ledger, s *config.Settings) (report.History, error) {
	prices, err := compose.Prices(s)
	if err != nil {
		return report.History{}, err
	}
	return history.Now(ctx, l, prices)
}

// historyText is a history for people, in lines of at most so many cells.
func historyText(h *report.History, dir string, width int) string {
	var b strings.Builder
	line := func(indent int, text string) { b.WriteString(wrapped(plain(text), indent, indent+2, width)) }
	line(0, fmt.Sprintf("run %s in %s: %s", h.Run, dir, figure.Count(len(h.Passes), "pass")))
	for i := range h.Passes {
		p := &h.Passes[i]
		b.WriteString("\n")
		line(0, fmt.Sprintf("pass %d: %s, %s", p.Number, stateText(p), spanText(p)))
		line(2, changedText(p))
		for _, text := range accountTexts(&p.Account) {
			line(2, text)
		}
	}
	b.WriteString("\n")
	line(0, fmt.Sprintf("whole run: %s", figure.Count(h.Whole.Passes, "pass")))
	for _, text := range accountTexts(&h.Whole.Account) {
		line(2, text)
	}
	return b.String()
}
