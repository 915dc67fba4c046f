package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/config"
	"quarry/internal/outcome/publish"
	"quarry/internal/outcome/review"
)

// shownDifferences is the number of differences that are shown before the first write to a target, and before each question.
const shownDifferences = 3

// How much of a value is shown, in characters.
const (
	wholeValue = 10_000
	clipped    = 240
)

// difference is one difference in lines.
func difference(d *publish.Difference, most int) string {
	title := ""
	if d.Title != "" {
		title = " " + fmt.Sprintf("%q", clip(d.Title, 60))
	}
	return fmt.Sprintf("%s%s %s: %q → %q", d.ID, title, d.Field, clip(d.Before, most), clip(d.After, most))
}

func clip(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// confirmPublish shows what will be written and asks. Without a terminal the question is the error.
func (a *App) confirmPublish(ctx context.Context, s *config.Settings, p *publish.Publisher, out *publish.Outcome) error {
	first, err := p.Journal.Empty(ctx)
	if err != nil {
		return err
	}
	// What is about to be written is shown under --quiet too: a write that no one saw cannot be judged.
	show := func(line string) { fmt.Fprintln(a.Stderr, plain("  "+line)) }
	if first || !s.Yes {
		for _, line := range p.Target.Shown(fieldsOf(out.Differences)) {
			show(line)
		}
		for i := range out.Differences[:min(len(out.Differences), shownDifferences)] {
			show(difference(&out.Differences[i], clipped))
		}
	}
	verb := "change"
	if p.Undo {
		verb = "restore"
	}
	question := fmt.Sprintf("%s %s in %s?", verb, figure.Count(out.ToChange, "article"), out.Target)
	switch {
	case s.Yes:
		return nil
	case !isTerminal(a.Stdin):
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "confirm", Err: errors.New(question),
			Hint: "nothing was written; --dry-run shows all differences; to confirm without a terminal, add --yes",
		}
	}
	yes, err := a.yes(ctx, question)
	if err == nil && !yes {
		err = &quarry.Error{Kind: quarry.BadUsage, Err: errors.New("not confirmed"), Hint: "nothing was written"}
	}
	return err
}

func fieldsOf(differences []publish.Difference) []string {
	var fields []string
	for i := range differences {
		if !slices.Contains(fields, differences[i].Field) {
			fields = append(fields, differences[i].Field)
		}
	}
	slices.Sort(fields)
	return fields
}

// printPublished is the table at the end of quarry publish.
func (a *App) printPublished(out *publish.Outcome, answers *review.View) {
	for i := range out.Notes {
		a.say("%s: %s", out.Notes[i].ID, out.Notes[i].Reason)
	}
	for i := range out.Problems {
		fmt.Fprintln(a.Stderr, plain(out.Problems[i].Error()))
	}
	if more := out.Changed + out.Failed - int64(len(out.Problems)); more > 0 {
		a.say("… and %s more", figure.Thousands(more))
	}
	row := func(name, format string, args ...any) { a.say("  %-12s %s", name, fmt.Sprintf(format, args...)) }
	a.say("")
	row("target", "%s", out.Target)
	what := "with a checked answer"
	switch {
	case out.Action == "undo":
		what = "with a published value"
	case answers.Only:
		what = "with a reviewed answer"
	}
	row("articles", "%s %s", figure.Thousands(out.Articles), what)
	switch out.Action {
	case "dry_run":
		row("to change", "%s", figure.Thousands(out.ToChange))
	case "undo":
		row("restored", "%s", figure.Thousands(out.Written))
	default:
		row("written", "%s", figure.Thousands(out.Written))
	}
	row("same", "%s", figure.Thousands(out.Same))
	if out.NoValue > 0 {
		row("no value", "%s", figure.Count(out.NoValue, "answer"))
	}
	if out.Changed > 0 {
		row("changed", "%s by someone else, left as they are", figure.Thousands(out.Changed))
	}
	if out.Failed > 0 {
		row("failed", "%s", figure.Thousands(out.Failed))
	}
	if out.Action != "undo" && answers.Unreviewed() {
		a.say("no answer has been reviewed: mark answers right, or correct them, in the pages of quarry ui --allow edit")
	}
}
