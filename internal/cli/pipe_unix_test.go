//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"quarry/internal/cli"
)

// A pipe by name that no one opens, or whose writer is silent, keeps no command from ending at the first Ctrl-C.
func TestInterruptEndsACommandThatWaitsForAPipe(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]func(pipe, dir string) []string{
		"clean":   func(pipe, _ string) []string { return []string{"clean", pipe} },
		"plan":    func(pipe, dir string) []string { return []string{"plan", pipe, "--dir", dir + "/plan"} },
		"build":   func(pipe, dir string) []string { return []string{"build", pipe, "-o", dir + "/build"} },
		"inspect": func(pipe, _ string) []string { return []string{"inspect", pipe} },
	} {
		for _, writer := range []string{"none", "silent"} {
			t.Run(name+" "+writer, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				pipe := filepath.Join(dir, "pipe.jsonl")
				if err := syscall.Mkfifo(pipe, 0o600); err != nil {
					t.Skip("no pipes here: ", err)
				}
				opened := make(chan *os.File, 1)
				release := func() { // a caller that waits to open or to read continues
					f, err := os.OpenFile(pipe, os.O_RDWR, 0)
					if err != nil {
						t.Error(err)
					}
					opened <- f
				}
				if writer == "silent" {
					release()
				}
				t.Cleanup(func() {
					if writer == "none" {
						release()
					}
					_ = (<-opened).Close()
				})
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(300*time.Millisecond, cancel)
				var stderr bytes.Buffer
				app := &cli.App{Stdin: nil, Stdout: io.Discard, Stderr: &stderr, Env: func(string) (string, bool) { return "", false }}
				done := make(chan int, 1)
				go func() { done <- cli.Main(ctx, app, args(pipe, dir)) }()
				select {
				case code := <-done:
					if code != 130 {
						t.Errorf("exit code %d, want 130: %s", code, &stderr)
					}
				case <-time.After(30 * time.Second):
					t.Errorf("it waits: %s", &stderr)
				}
			})
		}
	}
}

// A run reads its sources again, which a pipe by name cannot give.
func TestARunRefusesAPipe(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe.jsonl")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip("no pipes here: ", err)
	}
	var stderr bytes.Buffer
	app := &cli.App{Stdout: io.Discard, Stderr: &stderr, Env: func(string) (string, bool) { return "", false }}
	if code := cli.Main(t.Context(), app, []string{"run", pipe, "--dir", filepath.Join(t.TempDir(), "run")}); code != 2 || !strings.Contains(stderr.String(), "quarry run -") {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
}
