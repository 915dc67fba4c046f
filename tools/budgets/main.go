// Command budgets prints what the program measures next to what it should: sizes of types, packages and lines, linked modules, the size
// of the program, and, where it is asked, what a first build and the tests take.
//
// It owns the budgets. It is not a gate: its exit code is 0 whatever it finds, since a limit that fails a build invites padding.
//
//	go run -C tools ./budgets           sizes
//	go run -C tools ./budgets -build    … and a build with an empty cache: CPU seconds and modules that are downloaded
//	go run -C tools ./budgets -test     … and the seconds of each package's tests
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
)

// line is one measured figure.
type line struct {
	what, measured, budget string
}

func main() {
	root := flag.String("root", "..", "`DIR` of the repository")
	build := flag.Bool("build", false, "build with an empty cache, which downloads all modules")
	test := flag.Bool("test", false, "run all tests")
	flag.Parse()
	if err := run(*root, *build, *test); err != nil {
		fmt.Fprintln(os.Stderr, "budgets:", err)
		os.Exit(1)
	}
}

func run(root string, build, test bool) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	src, err := read(root)
	if err != nil {
		return err
	}
	lines := src.lines()
	program, err := linked(root)
	if err != nil {
		return err
	}
	lines = append(lines, program...)
	if build {
		cold, err := coldBuild(root)
		if err != nil {
			return err
		}
		lines = append(lines, cold...)
	}
	if test {
		tests, err := runTests(root)
		if err != nil {
			return err
		}
		lines = append(lines, tests...)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\tmeasured\tbudget")
	for _, l := range lines {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", l.what, l.measured, l.budget)
	}
	return w.Flush()
}
