// Command run-kinds plays twenty kinds of run with two builds of quarry and compares what they leave, byte by byte.
//
// It is the proof that a change of the code's structure changes no run: results, failures, index, input files and report.json are compared
// after a short list of things is masked that differ between any two runs: ids that are drawn, times, and text for people (mask.go).
//
//	go run -C tools ./run-kinds -base COMMIT          the working tree against a commit
//	go run -C tools ./run-kinds -old BIN -new BIN     two binaries
//	go run -C tools ./run-kinds                       against the commit in run-kinds/BASELINE
//
// A change that is meant to change a run gets a new baseline: its commit on the first line of BASELINE, the reason below.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

//go:embed BASELINE
var baseline string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := compare(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "run-kinds:", err)
		os.Exit(1)
	}
}

func compare(ctx context.Context) (err error) {
	was := flag.String("old", "", "the quarry binary to compare with, instead of -base")
	is := flag.String("new", "", "the quarry binary that is compared; default: the working tree is built")
	base := flag.String("base", strings.Fields(baseline)[0], "the COMMIT to build and compare with")
	only := flag.String("only", "", "play the kinds whose name contains this alone")
	keep := flag.String("keep", "", "play in this empty folder and leave everything there")
	flag.Parse()

	dir := *keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "run-kinds"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	root, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	if *was == "" {
		*was = filepath.Join(dir, "quarry-old")
		if err := buildCommit(ctx, root, *base, filepath.Join(dir, "base"), *was); err != nil {
			return err
		}
	}
	if *is == "" {
		*is = filepath.Join(dir, "quarry-new")
		if err := build(ctx, root, *is); err != nil {
			return err
		}
	}
	differ := 0
	for i := range kinds {
		k := &kinds[i]
		if !strings.Contains(k.name, *only) {
			continue
		}
		list, err := k.compare(ctx, filepath.Join(dir, k.name), root, *was, *is)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		if len(list) == 0 {
			fmt.Printf("same     %s\n", k.name)
			continue
		}
		differ++
		fmt.Printf("DIFFERS  %s\n", k.name)
		for _, d := range list {
			fmt.Println("         " + d)
		}
	}
	if differ > 0 {
		return fmt.Errorf("%d kinds of run differ", differ)
	}
	return nil
}

// buildCommit builds a commit from an archive of its files, so that it touches no checkout.
func buildCommit(ctx context.Context, root, commit, dir, out string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	files := exec.CommandContext(ctx, "git", "-C", root, "archive", "--format=tar", commit)
	unpack := exec.CommandContext(ctx, "tar", "-x", "-C", dir)
	var err error
	if unpack.Stdin, err = files.StdoutPipe(); err != nil {
		return err
	}
	files.Stderr, unpack.Stderr = os.Stderr, os.Stderr
	if err := unpack.Start(); err != nil {
		return err
	}
	if err := errors.Join(files.Run(), unpack.Wait()); err != nil {
		return fmt.Errorf("unpack %s: %w", commit, err)
	}
	return build(ctx, dir, out)
}

func build(ctx context.Context, dir, out string) error {
	abs, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", abs, "./cmd/quarry")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return cmd.Run()
}
