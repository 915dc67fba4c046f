package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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
		yes, err := a.yes(ctx, question)
		if err == nil && !yes {
			err = &quarry.Error{Kind: quarry.BadUsage, Err: errors.New("not confirmed"), Hint: "nothing was sent; the plan is kept in " + s.Dir}
		}
		return err
	}
}

// yes shows a question on the terminal and reads the answer, a line of its own: what was typed before the question was shown answers
// nothing. The error is the cause of the end of ctx.
func (a *App) yes(ctx context.Context, question string) (bool, error) {
	if f, ok := a.Stdin.(*os.File); ok && isTerminal(f) {
		dropTyped(f)
	}
	select {
	case <-a.typed: // for a question that was answered elsewhere
		a.typed = nil
	default:
	}
	fmt.Fprint(a.Stderr, plain(question)+" [y/N] ")
	if a.typed == nil {
		typed := make(chan string, 1)
		a.typed = typed
		go func() {
			typed <- line(a.input)
		}()
	}
	select {
	case answer := <-a.typed:
		a.typed = nil
		if answer == "" && ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		answer = strings.ToLower(strings.TrimSpace(answer))
		return answer == "y" || answer == "yes", nil
	case <-ctx.Done():
		cause := context.Cause(ctx)
		said := ""
		if !errors.Is(cause, context.Canceled) { // which the end of the command says
			said = cause.Error()
		}
		fmt.Fprintln(a.Stderr, plain(said))
		return false, cause
	}
}

// mostTyped bounds a line that is typed, in bytes.
const mostTyped = 4 << 10

// line reads a line to its end and nothing after it: what follows a "y" on its line is no answer to the next question. Where r ends or
// fails, it is what came before.
func line(r io.Reader) string {
	var got []byte
	for b := make([]byte, 1); ; {
		n, err := r.Read(b)
		if (n > 0 && b[0] == '\n') || err != nil {
			return string(got)
		}
		if len(got) < mostTyped {
			got = append(got, b[:n]...)
		}
	}
}
