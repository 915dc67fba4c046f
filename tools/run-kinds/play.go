package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// kind is one kind of run: what is in its folder at first, and the commands that are run there one after another. $Q is the binary,
// $EXAMPLES the project's examples. Each command's exit code is compared too.
type kind struct {
	name  string
	files map[string]string
	steps []string
}

// leaves are what is compared in a run directory. Journals and raw output hold times and job ids in every line; what is in them
// is compared by the results that are made from them.
var leaves = []string{"results.jsonl", "failed.jsonl", "report.json", "index", "shards", "shards.json", "near-duplicates.jsonl", "out"}

// compare plays the kind with both binaries and gives one line per difference.
func (k *kind) compare(ctx context.Context, dir, root, was, is string) ([]string, error) {
	// Both play in folders of the same name: paths are in messages and in the fact that names the sources.
	played := filepath.Join(dir, "play")
	old, err := k.play(ctx, played, root, was)
	if err != nil {
		return nil, err
	}
	if err := os.Rename(played, filepath.Join(dir, "old")); err != nil {
		return nil, err
	}
	now, err := k.play(ctx, played, root, is)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(union(old, now))) {
		a, inOld := old[name]
		b, inNew := now[name]
		switch {
		case !inNew:
			list = append(list, name+": is missing now")
		case !inOld:
			list = append(list, name+": is new")
		case !bytes.Equal(a, b):
			list = append(list, name+": "+firstDifference(a, b))
		}
	}
	return list, nil
}

func union(a, b map[string][]byte) map[string][]byte {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// play runs the commands in a new folder and gives what they left, masked, by path.
func (k *kind) play(ctx context.Context, dir, root, binary string) (map[string][]byte, error) {
	for name, text := range k.files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	left := map[string][]byte{}
	for i, step := range k.steps {
		cmd := exec.CommandContext(ctx, "sh", "-c", step)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "Q="+binary, "EXAMPLES="+filepath.Join(root, "examples"), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "TZ=UTC")
		said, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("step%d.log", i)), said, 0o600); err != nil {
			return nil, err
		}
		left[fmt.Sprintf("exit code of step %d", i)] = []byte(fmt.Sprint(cmd.ProcessState.ExitCode()))
	}
	return left, collect(dir, left)
}

// collect reads what is compared from every run directory in the folder.
func collect(dir string, left map[string][]byte) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if inside := strings.Split(filepath.ToSlash(name), "/"); len(inside) < 2 || !slices.Contains(leaves, inside[1]) {
			return nil
		}
		if d.Name() == "report.html" { // a finished pass keeps its own; what it says is in report.json
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, ".zst") {
			if text, err = unpack(text); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		if left[name], err = masked(name, text); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}

func unpack(text []byte) ([]byte, error) {
	d, err := zstd.NewReader(nil)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.DecodeAll(text, nil)
}

// firstDifference shows where two texts part.
func firstDifference(a, b []byte) string {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	line := 1 + bytes.Count(a[:at], []byte("\n"))
	show := func(text []byte) string {
		from := max(0, at-60)
		return fmt.Sprintf("%q", text[min(from, len(text)):min(at+60, len(text))])
	}
	return fmt.Sprintf("line %d, byte %d (%d and %d bytes):\n           old %s\n           new %s", line, at, len(a), len(b), show(a), cmp.Or(show(b), "nothing"))
}
