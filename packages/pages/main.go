// Command pages writes what a package has in addition to the program: a manual page for each command, and completion scripts.
//
// It owns the names and the compression of these files; internal/cli owns their text. What always holds: the same source gives the same
// bytes. make pages and the hook of .goreleaser.yaml run it.
//
//	go run ./packages/pages [-version V] [-date D] DIR
//
// DIR gets man/quarry*.1.gz and completions/quarry.{bash,zsh,fish}.
package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"quarry/internal/cli"
)

func main() {
	var build cli.Build
	flag.StringVar(&build.Version, "version", "", "`version` that the manual names")
	flag.StringVar(&build.Date, "date", "", "its `date`, RFC 3339")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: pages [-version V] [-date D] DIR")
		os.Exit(2)
	}
	if err := write(flag.Arg(0), cli.Linked(build)); err != nil {
		fmt.Fprintln(os.Stderr, "pages:", err)
		os.Exit(1)
	}
}

// write puts all files below dir, where earlier ones are removed.
func write(dir string, build cli.Build) error {
	man, completions := filepath.Join(dir, "man"), filepath.Join(dir, "completions")
	for _, folder := range []string{man, completions} {
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	for name, page := range cli.ManPages(build) {
		packed, err := compressed(page)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(man, name+".gz"), packed, 0o644); err != nil {
			return err
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		var script bytes.Buffer
		if err := cli.Completion(&script, shell); err != nil {
			return fmt.Errorf("completion for %s: %w", shell, err)
		}
		if err := os.WriteFile(filepath.Join(completions, "quarry."+shell), script.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// compressed is without a name and a time, so equal pages give equal files.
func compressed(page string) ([]byte, error) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write([]byte(page)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}
