package cli_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"quarry/internal/cli"
)

// A pipe that stays open and silent keeps no command from ending at the first Ctrl-C.
func TestInterruptEndsACommandThatWaitsForStdin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"clean": {"clean", "-"}, "plan": {"plan", "-", "--dir", dir + "/plan"}, "build": {"build", "-", "-o", dir + "/build"}, "run": {"run", "-", "--dir", dir + "/run"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, out := io.Pipe()
			t.Cleanup(func() { _ = out.Close() })
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				_, _ = out.Write([]byte(`{"id":"a","content":"Some text."}` + "\n")) // ends when it was read
				cancel()
			}()
			var stderr bytes.Buffer
			app := &cli.App{Stdin: in, Stdout: io.Discard, Stderr: &stderr, Env: func(string) (string, bool) { return "", false }}
			if code := cli.Main(ctx, app, args); code != 130 {
				t.Errorf("Main(%q) = %d, want 130: %s", args, code, &stderr)
			}
		})
	}
}
