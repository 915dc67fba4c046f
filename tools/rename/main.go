// Command rename gives the module, and those below it, another path: quarry becomes example.org/x/quarry.
//
// It owns where a module's path is written: go.mod files, imports, and the packages that other files name. It changes files of the
// repository in place and commits nothing. What always holds: the word quarry, the name of the program and of its root package, stays.
//
//	go run -C tools ./rename example.org/x/quarry
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	root := flag.String("root", "..", "`DIR` of the repository")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: rename [-root DIR] MODULE")
		os.Exit(2)
	}
	if err := run(*root, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "rename:", err)
		os.Exit(1)
	}
}

func run(root, path string) error {
	if !modulePath.MatchString(path) {
		return fmt.Errorf("%q is no path of a module that can be fetched; it begins with a host, such as example.org/x/quarry", path)
	}
	r, err := newRenaming(root, path)
	if err != nil {
		return err
	}
	files, err := tracked(root)
	if err != nil {
		return err
	}
	changed := 0
	for _, file := range files {
		did, err := r.file(root, file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if did {
			changed++
		}
	}
	if changed == 0 {
		return errors.New("nothing names the module; is this its repository?")
	}
	fmt.Printf("%s is now %s, in %d files\n", r.from, path, changed)
	return nil
}
