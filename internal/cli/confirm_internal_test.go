package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"quarry/internal/prepare/source/stream"
)

// A question that another process answered leaves the terminal to the next question.
func TestAQuestionThatIsAnsweredElsewhere(t *testing.T) {
	t.Parallel()
	typed, keys := io.Pipe()
	var screen bytes.Buffer
	ctx, end := context.WithCancel(t.Context())
	a := &App{Stderr: &screen, input: stream.UntilDone(ctx, typed)}
	elsewhere := errors.New("approved by another process")
	asking, stop := context.WithCancelCause(ctx)
	stop(elsewhere)
	if yes, err := a.yes(asking, "first?"); yes || !errors.Is(err, elsewhere) {
		t.Errorf("yes = %t, %v, want that it was answered elsewhere", yes, err)
	}
	for _, c := range []struct {
		line string
		want bool
	}{{"y\n", true}, {"YES\n", true}, {"no\n", false}, {"\n", false}, {"y y\n", false}, {" y \r\n", true}} {
		go func() { _, _ = keys.Write([]byte(c.line)) }()
		if yes, err := a.yes(ctx, "next?"); yes != c.want || err != nil {
			t.Errorf("yes = %t, %v after %q, want %t", yes, err, c.line, c.want)
		}
	}
	if said := screen.String(); !strings.HasPrefix(said, "first? [y/N] approved by another process\nnext? [y/N] ") {
		t.Errorf("the screen has %q", said)
	}
	// What was typed before a question is shown answers nothing.
	if yes, err := a.yes(asking, "third?"); yes || !errors.Is(err, elsewhere) {
		t.Errorf("yes = %t, %v, want that it was answered elsewhere", yes, err)
	}
	_, _ = keys.Write([]byte("y\n"))
	for deadline := time.Now().Add(10 * time.Second); len(a.typed) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the line was not read")
		}
	}
	go func() { _, _ = keys.Write([]byte("n\n")) }()
	if yes, err := a.yes(ctx, "fourth?"); yes || err != nil {
		t.Errorf("yes = %t, %v, want the no that was typed after the question", yes, err)
	}
	end()
	if yes, err := a.yes(ctx, "last?"); yes || !errors.Is(err, context.Canceled) {
		t.Errorf("yes = %t, %v after an interruption", yes, err)
	}
	_ = keys.Close()
}
