package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"quarry"
	"quarry/internal/config"
)

// confirm asks a person before money is spent, while pause has stopped the live view. Without a terminal the question is the error.
func (a *App) confirm(s *config.Settings, pause func() (resume func())) func(context.Context, string) error {
	if s.Target == "local" || s.Yes {
		return nil
	}
	return func(ctx context.Context, question string) error {
		if !isTerminal(a.Stdin) {
			return &quarry.Error{
				Kind: quarry.BadUsage, Op: "confirm", Err: errors.New(question), Hint: "nothing was sent; to confirm without a terminal, add --yes",
			}
		}
		defer pause()()
		fmt.Fprint(a.Stderr, plain(question)+" [y/N] ")
		var answer string
		if _, err := fmt.Fscanln(a.input, &answer); err != nil && answer == "" {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			answer = "n"
		}
		if answer = strings.ToLower(answer); answer != "y" && answer != "yes" {
			return &quarry.Error{Kind: quarry.BadUsage, Err: errors.New("not confirmed"), Hint: "nothing was sent; the plan is kept in " + s.Dir}
		}
		return nil
	}
}
