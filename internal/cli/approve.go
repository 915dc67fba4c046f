package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/review"
)

func (a *App) approveCommand() *cobra.Command {
	var rest bool
	cmd := &cobra.Command{
		Use:   "approve",
		Short: "Answer yes to the question that a run waits for",
		Long: `Approve shows what a run asks before it sends documents, with their number and the forecast of the
cost, and answers yes. The first question comes before anything is sent; with --rest, approve answers
the second one, after the pilot. The process that waits at the question continues within a second. If
none does, rerun quarry run: it does not ask again.

An approval is kept in approvals.jsonl in the run directory, or in the ledger of the run (--run ID), with
its author, time, amount and forecast. It counts for that question only: if the run is planned again
with other documents or another amount, it asks again.

Exit codes: 0 done · 2 usage, no such question, or not confirmed · 4 denied · 6 provider or database ·
7 file locked · 130 interrupted`,
		Example: `  quarry approve --dir quarry-run
  quarry approve --dir quarry-run --rest --yes
  quarry approve --run k3v9q2m7xa --ledger postgres://quarry@db/quarry`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			asks := review.First
			if rest {
				asks = review.Rest
			}
			return a.approve(cmd.Context(), &s.Settings, asks)
		},
	}
	bind(cmd, "dir", "yes")
	bindLedger(cmd)
	cmd.Flags().BoolVar(&rest, "rest", false, "answer the question after the pilot: send everything else")
	return cmd
}

func (a *App) approve(ctx context.Context, s *config.Settings, asks review.Asks) (err error) {
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	if err := a.share(ctx, s, nil, &open); err != nil {
		return err
	}
	d, err := a.review(ctx, s.Dir)
	if err != nil {
		return err
	}
	q, given, err := d.Pending(ctx)
	if err != nil {
		return err
	}
	refused := func(err error, hint string) error {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "approve", Subject: a.place(s.Dir), Err: err, Hint: hint}
	}
	switch {
	case q == nil:
		return refused(errors.New("the run waits for no approval"), "see what it does with: quarry status"+a.named(s.Dir))
	case given != nil && given.Asks == asks:
		a.say("%s approved it at %s; continue with the command that began the run", given.Who, quarry.Timestamp(given.At))
		return a.approved(given)
	case q.Asks == review.First && asks == review.Rest:
		return refused(errors.New("the run asks its first question: nothing was sent yet"), "approve that first, without --rest")
	case q.Asks != asks:
		return refused(errors.New("the run asks its second question, after the pilot"), "look at the pilot's answers, then add --rest")
	}
	if err := a.confirmApproval(ctx, s, d, q); err != nil {
		return err
	}
	made, err := d.Approve(ctx, q, compose.Who())
	if err != nil {
		return err
	}
	a.say("approved: %s; a process that waits continues, otherwise rerun the command that began the run", figure.Count(q.Documents, "document"))
	return a.approved(&made)
}

// review opens what people say of the run of a command.
func (a *App) review(ctx context.Context, dir string) (*review.Dir, error) {
	if a.shared != nil {
		return a.shared.Review(ctx)
	}
	return compose.Review(ctx, dir)
}

// approved is the output for programs.
func (a *App) approved(given *review.Approval) error {
	if !a.json {
		return nil
	}
	return a.writeJSON(given)
}

// confirmApproval shows the question, and what people said of the answers so far.
func (a *App) confirmApproval(ctx context.Context, s *config.Settings, d *review.Dir, q *review.Question) error {
	marks, err := d.Marks(ctx)
	if err != nil {
		return err
	}
	if m := marks.Agreement(nil); m.Rate != nil {
		a.say("%-10s %d right, %d wrong (%.0f %%), %s", "marks", m.Right, m.Wrong, 100**m.Rate, figure.Count(m.Notes, "note"))
	}
	switch {
	case s.Yes:
		a.say("%-10s %s", "question", q.Text)
		return nil
	case !isTerminal(a.Stdin):
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "confirm", Err: errors.New(q.Text), Hint: "nothing was approved; to approve without a terminal, add --yes",
		}
	}
	yes, err := a.yes(ctx, q.Text)
	if err == nil && !yes {
		err = &quarry.Error{Kind: quarry.BadUsage, Err: errors.New("not confirmed"), Hint: "nothing was approved"}
	}
	return err
}

// waitsText says what a run waits for, in the words of status.
func waitsText(q *review.Question) string {
	if q == nil {
		return ""
	}
	flag, about := "", "at a price that is not known"
	if q.Asks == review.Rest {
		flag = " --rest"
	}
	if q.Forecast.Cost != nil {
		about = fmt.Sprintf("for about %s", q.Forecast.Cost)
	}
	return fmt.Sprintf("for `quarry approve%s`: %s %s", flag, figure.Count(q.Documents, "document"), about)
}
