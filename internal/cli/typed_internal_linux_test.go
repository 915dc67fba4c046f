package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"quarry/internal/prepare/source/stream"
)

// A key that was pressed twice at one question leaves a line in the terminal, which is no answer to the next.
func TestWhatWasTypedAheadAnswersNothing(t *testing.T) {
	t.Parallel()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	defer func() { _ = keys.Close() }()
	fd := int(keys.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = terminal.Close() }()
	if !isTerminal(terminal) {
		t.Fatal("it is no terminal")
	}
	typeLine := func(line string) { _, _ = keys.WriteString(line) }
	typeLine("y\n")
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if waiting, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCINQ); err != nil || waiting == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the terminal has no line")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	a := &App{Stdin: terminal, Stderr: whenShown(func() { typeLine("n\n") }), input: stream.UntilDone(ctx, terminal)}
	if yes, err := a.yes(ctx, "now?"); yes || err != nil {
		t.Errorf("yes = %t, %v, want the no that was typed after the question", yes, err)
	}
}

// whenShown is a screen that a person answers.
type whenShown func()

func (answer whenShown) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "now? [y/N]") {
		answer()
	}
	return len(b), nil
}
