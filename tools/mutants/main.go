// Command mutants breaks one line of the program at a time and sees whether a test notices.
//
// A mutant that no test kills is a rule that nothing holds: add a test, or write next to the mutant why none can see it. The list
// is in list.go; a mutant whose text is no longer in its file is an error, so the list stays true.
//
//	go run -C tools ./mutants                all
//	go run -C tools ./mutants -only ledger   those whose file has this in its path
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

// mutant is one change of the program that its tests should see.
type mutant struct {
	file string // from the root of the repository
	was  string // text that the file has once
	is   string // what takes its place
	// survives says why no test can see it; such a mutant is not counted.
	survives string
}

// wanted is the share of mutants that tests must kill.
const wanted = 0.95

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	only := flag.String("only", "", "try the mutants alone whose file has this in its path")
	flag.Parse()
	root, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var tried, killed int
	for i := range list {
		m := &list[i]
		if !strings.Contains(m.file, *only) {
			continue
		}
		began := time.Now()
		dead, err := m.try(ctx, root, dir)
		if err != nil {
			return err
		}
		word := "SURVIVED"
		if dead {
			word = "killed"
		}
		fmt.Printf("%-8s %5.1fs %s: %s\n", word, time.Since(began).Seconds(), m.file, m.says())
		if m.survives != "" {
			fmt.Printf("%16s not counted: %s\n", "", m.survives)
			continue
		}
		tried++
		if dead {
			killed++
		}
	}
	if tried == 0 {
		return errors.New("no mutant was tried")
	}
	fmt.Printf("%d of %d mutants were killed\n", killed, tried)
	if float64(killed) < wanted*float64(tried) {
		return fmt.Errorf("want %.0f %% killed", 100*wanted)
	}
	return nil
}

// says shows the line that is changed, or what it becomes.
func (m *mutant) says() string {
	short := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	if m.is == "" {
		return "without " + short(m.was)
	}
	return short(m.was) + " → " + short(m.is)
}

// text is the mutant's file with the change.
func (m *mutant) text(root string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.file)))
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(text, []byte(m.was)); n != 1 {
		return nil, fmt.Errorf("%s has %d times %q, want once", m.file, n, m.was)
	}
	return bytes.Replace(text, []byte(m.was), []byte(m.is), 1), nil
}

// try runs the tests of the mutant's package with the changed file laid over it. No file of the repository is touched.
func (m *mutant) try(ctx context.Context, root, dir string) (killed bool, err error) {
	text, err := m.text(root)
	if err != nil {
		return false, err
	}
	path, changed := filepath.Join(root, filepath.FromSlash(m.file)), filepath.Join(dir, "changed.go")
	if err := os.WriteFile(changed, text, 0o600); err != nil {
		return false, err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		return false, err
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		return false, err
	}
	pkg := "./" + filepath.ToSlash(filepath.Dir(m.file))
	if out, err := golang(ctx, root, "build", "-overlay", overlayFile, pkg); err != nil { // a mutant that does not compile tests nothing
		return false, fmt.Errorf("%s with %q does not compile:\n%s", m.file, m.is, out)
	}
	_, err = golang(ctx, root, "test", "-overlay", overlayFile, "-short", "-timeout", "60s", pkg)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return err != nil, nil
}

func golang(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return cmd.CombinedOutput()
}
