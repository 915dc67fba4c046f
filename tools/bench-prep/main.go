// Command bench-prep compares article preparation with the Python script that does the same job by hand: the same
// input, process against process, alternately, each side's best of several rounds.
//
// It owns the comparison and the two scripts (origin_build.py, origin_validate.py), which it runs with the system's
// Python and BeautifulSoup (Debian: python3-bs4). The outputs are not the same text: Quarry leaves code blocks out, the
// script keeps most of them; so a ratio is of the task, not of equal bytes.
package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/klauspost/compress/zstd"
)

//go:embed origin_build.py
var originBuild []byte

//go:embed origin_validate.py
var originValidate []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var b bench
	flag.StringVar(&b.quarry, "quarry", "bin/quarry", "the `program` to measure")
	flag.StringVar(&b.python, "python", "/usr/bin/python3", "the `interpreter` that has bs4")
	flag.StringVar(&b.articles, "articles", "", "articles, JSONL compressed with zstd (`file`)")
	flag.IntVar(&b.rounds, "rounds", 3, "rounds of each side, of which the best counts")
	flag.Parse()
	b.quarry = absolute(b.quarry)
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench-prep:", err)
		stop()
		os.Exit(1)
	}
}

// absolute keeps a path true in the directory that the programs run in.
func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

type bench struct {
	quarry, python, articles string
	rounds                   int
	dir                      string
	table                    *tabwriter.Writer
}

// side is one of the two programs of a comparison.
type side struct {
	name string
	args []string
	env  []string
}

// cost is what a process took, in seconds; a best of each on its own.
type cost struct{ cpu, wall float64 }

func (b *bench) run(ctx context.Context) (err error) {
	if err := exec.CommandContext(ctx, b.python, "-c", "import bs4").Run(); err != nil {
		return fmt.Errorf("%s cannot import bs4 (Debian: apt-get install python3-bs4): %w", b.python, err)
	}
	if b.dir, err = os.MkdirTemp("", "bench-prep-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	for name, script := range map[string][]byte{"origin_build.py": originBuild, "origin_validate.py": originValidate} {
		if err := os.WriteFile(b.path(name), script, 0o600); err != nil {
			return err
		}
	}
	all, html, err := b.unpack()
	if err != nil {
		return err
	}
	fmt.Printf("%d articles, of them %d in HTML; best of %d; load average before: %s\n\n", all, html, b.rounds, load())
	b.table = tabwriter.NewWriter(os.Stdout, 2, 8, 2, ' ', 0)
	fmt.Fprintln(b.table, "what\tscript CPU s\tquarry CPU s\tCPU ratio\tscript wall s\tquarry wall s\twall ratio\tMB/s a CPU second")
	for _, input := range []string{"html.jsonl", "all.jsonl"} {
		if err := b.build(ctx, input); err != nil {
			return err
		}
	}
	if err := b.validate(ctx); err != nil {
		return err
	}
	if err := b.table.Flush(); err != nil {
		return err
	}
	fmt.Printf("\nload average after: %s\n", load())
	return nil
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// unpack writes both inputs: all articles, and those in HTML.
func (b *bench) unpack() (all, html int, err error) {
	f, err := os.Open(b.articles)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := zstd.NewReader(f)
	if err != nil {
		return 0, 0, err
	}
	defer z.Close()
	var files [2]*os.File
	for i, name := range []string{"all.jsonl", "html.jsonl"} {
		if files[i], err = os.Create(b.path(name)); err != nil {
			return 0, 0, err
		}
		defer func() { err = errors.Join(err, files[i].Close()) }()
	}
	in := bufio.NewReaderSize(z, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return all, html, nil
		}
		if err != nil {
			return 0, 0, err
		}
		var article struct {
			Format string `json:"format"`
		}
		if err := json.Unmarshal(line, &article); err != nil {
			return 0, 0, fmt.Errorf("%s line %d: %w", b.articles, all+1, err)
		}
		all++
		if _, err := files[0].Write(line); err != nil {
			return 0, 0, err
		}
		if article.Format == "html" {
			html++
			if _, err := files[1].Write(line); err != nil {
				return 0, 0, err
			}
		}
	}
}

func (b *bench) build(ctx context.Context, input string) error {
	script := side{name: "script", args: []string{b.python, b.path("origin_build.py"), b.path(input), b.path("origin.jsonl")}}
	name := strings.TrimSuffix(input, ".jsonl") // a directory holds one build, of one source
	build := []string{b.quarry, "build", b.path(input), "-o", b.path("shards-" + name), "--quiet", "--workers"}
	one := side{name: "quarry 1", args: append(build[:len(build):len(build)], "1"), env: []string{"GOMAXPROCS=1"}}
	two := side{name: "quarry 2", args: append(build[:len(build):len(build)], "2"), env: []string{"GOMAXPROCS=2"}}
	name = "build " + name
	return b.compare(ctx, name, b.path(input), script, map[string]side{name + ", 1 core": one, name + ", 2 cores": two}, []string{name + ", 1 core", name + ", 2 cores"})
}

// validate checks what the build of all articles wrote.
func (b *bench) validate(ctx context.Context) error {
	files, err := filepath.Glob(b.path("shards-all/*.jsonl"))
	if err != nil || len(files) != 1 {
		return fmt.Errorf("%d input files to validate, want 1: %w", len(files), err)
	}
	script := side{name: "script", args: []string{b.python, b.path("origin_validate.py"), files[0]}}
	one := side{name: "quarry", args: []string{b.quarry, "validate", files[0], "--quiet", "--workers", "1"}, env: []string{"GOMAXPROCS=1"}}
	two := side{name: "quarry", args: []string{b.quarry, "validate", files[0], "--quiet", "--workers", "2"}, env: []string{"GOMAXPROCS=2"}}
	return b.compare(ctx, "validate", files[0], script, map[string]side{"validate, 1 core": one, "validate, 2 cores": two}, []string{"validate, 1 core", "validate, 2 cores"})
}

// compare runs all sides in turn, and prints a row for each of ours.
func (b *bench) compare(ctx context.Context, what, input string, script side, ours map[string]side, order []string) error {
	info, err := os.Stat(input)
	if err != nil {
		return err
	}
	best := map[string]cost{}
	for range b.rounds {
		for name, s := range ours {
			if err := b.measure(ctx, best, name, s); err != nil {
				return err
			}
		}
		if err := b.measure(ctx, best, "script", script); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	theirs := best["script"]
	for _, name := range order {
		c := best[name]
		fmt.Fprintf(b.table, "%s\t%.2f\t%.3f\t%.1fx\t%.2f\t%.3f\t%.1fx\t%.0f\n", name, theirs.cpu, c.cpu, theirs.cpu/c.cpu,
			theirs.wall, c.wall, theirs.wall/c.wall, float64(info.Size())/1e6/c.cpu)
	}
	return nil
}

func (b *bench) measure(ctx context.Context, best map[string]cost, name string, s side) error {
	cmd := exec.CommandContext(ctx, s.args[0], s.args[1:]...)
	cmd.Dir = b.dir // no configuration file of the caller's takes part
	cmd.Env = append(os.Environ(), s.env...)
	var said strings.Builder
	cmd.Stderr = &said
	began := time.Now()
	err := cmd.Run()
	wall := time.Since(began).Seconds()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, said.String())
	}
	now := cost{cpu: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), wall: wall}
	if was, ok := best[name]; ok {
		now = cost{cpu: math.Min(was.cpu, now.cpu), wall: math.Min(was.wall, now.wall)}
	}
	best[name] = now
	return nil
}

// load is the machine's load average: a busy one slows both sides, and two cores more than one.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}
