// Command notice writes NOTICE: the modules that are linked into quarry, under which licences, and whose they are. It writes the same of one
// program, with versions, as a bill of materials (-sbom).
//
// It owns which modules those are (what the go command lists for every target) and how the file looks; licence.go owns
// what a licence file says, allowed.go which licences may be linked. What always holds: names have no versions, so the file changes only when what is linked
// changes; a module whose licence is not one of the known kinds is an error and no line.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	root := flag.String("root", "..", "`DIR` of the module that is built")
	check := flag.Bool("check", false, "fail where NOTICE is not what would be written, and write nothing")
	sbom := flag.String("sbom", "", "write what is linked into `PROGRAM` to -o, and no NOTICE")
	out := flag.String("o", "", "`FILE` of -sbom, CycloneDX as JSON")
	version := flag.String("version", "(devel)", "`VERSION` of PROGRAM in it")
	flag.Parse()
	if err := run(*root, *check, *sbom, *version, *out); err != nil {
		fmt.Fprintln(os.Stderr, "notice:", err)
		os.Exit(1)
	}
}

// The targets of `make cross`: another system links other modules.
var targets = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}

func run(root string, check bool, program, version, document string) error {
	modules := map[string]*module{}
	for _, target := range targets {
		if err := list(modules, root, target); err != nil {
			return fmt.Errorf("list what is linked for %s: %w", target, err)
		}
	}
	std, err := goItself()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		if err := modules[name].read(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := permitted(modules); err != nil {
		return err
	}
	if program != "" {
		return writeBill(program, version, document, modules)
	}
	fold(modules)
	modules[std.name] = std
	want := render(modules)
	path := filepath.Join(root, "NOTICE")
	if !check {
		return os.WriteFile(path, want, 0o644)
	}
	if have, err := os.ReadFile(path); err != nil || !bytes.Equal(have, want) {
		return errors.Join(err, errors.New("NOTICE is not what is linked; write it with: make notice"))
	}
	return nil
}

// list adds the modules, and the packages of them, that the program has for one target.
func list(modules map[string]*module, root, target string) error {
	system, arch, _ := strings.Cut(target, "/")
	cmd := exec.Command("go", "list", "-deps", "-json=Dir,GoFiles,Module", "./cmd/quarry")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	for in := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg struct {
			Dir     string
			GoFiles []string
			Module  *struct {
				Path, Dir string
				Main      bool
			}
		}
		switch err := in.Decode(&pkg); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if pkg.Module == nil || pkg.Module.Main {
			continue
		}
		m := modules[pkg.Module.Path]
		if m == nil {
			m = &module{name: pkg.Module.Path, dir: pkg.Module.Dir, packages: map[string][]string{}}
			modules[m.name] = m
		}
		m.packages[pkg.Dir] = pkg.GoFiles
	}
}

// goItself is the standard library, which every Go program links.
func goItself() (*module, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("find Go: %w", err)
	}
	m := &module{name: "Go standard library and runtime", dir: strings.TrimSpace(string(out)), packages: map[string][]string{}}
	m.packages[m.dir] = nil
	if err := m.read(); err != nil {
		return nil, fmt.Errorf("go: %w", err)
	}
	return m, nil
}

// fold puts the modules of one repository together, where the outer one says whose all are: the AWS SDK has twenty.
func fold(modules map[string]*module) {
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(modules))) {
		m := modules[name]
		for at := len(name); len(m.copyright) == 0; {
			if at = strings.LastIndexByte(name[:at], '/'); at < 0 {
				break
			}
			if outer := modules[name[:at]]; outer != nil && slices.Contains(outer.kinds(), strings.Join(m.kinds(), ", ")) {
				outer.inner = append(outer.inner, name[at+1:])
				delete(modules, name)
				break
			}
		}
	}
}

const head = `Quarry

This product is licensed under the Apache License, Version 2.0 (LICENSE). The program quarry is made of this
repository and of the modules below, on one system or another. They are linked unchanged; the source of each is at
https://pkg.go.dev/NAME, and "go mod download" fetches it in the version that go.mod names.

This file is written by "make notice".
`

func render(modules map[string]*module) []byte {
	var out bytes.Buffer
	out.WriteString(head)
	heading := func(title string) {
		fmt.Fprintf(&out, "\n%s\n%s\n%s\n", strings.Repeat("=", 80), title, strings.Repeat("=", 80))
	}
	heading("Modules")
	names := slices.Sorted(maps.Keys(modules))
	for _, name := range names {
		m := modules[name]
		fmt.Fprintf(&out, "\n%s\n    %s\n", name, strings.Join(m.kinds(), ", "))
		for _, line := range m.copyright {
			fmt.Fprintf(&out, "    %s\n", line)
		}
		if len(m.copyright) == 0 {
			fmt.Fprintln(&out, "    (it has no copyright line)")
		}
		if slices.Sort(m.inner); len(m.inner) > 0 {
			fmt.Fprintf(&out, "    and its modules\n      %s\n", strings.Join(m.inner, "\n      "))
		}
	}
	heading("Notices of modules (Apache License 2.0, section 4d)")
	for _, name := range names {
		for _, text := range modules[name].notices {
			fmt.Fprintf(&out, "\n%s\n\n%s\n", name, indent(text))
		}
	}
	heading("Texts of licences. Apache-2.0 is in LICENSE; the copyright lines are above")
	for _, t := range distinct(modules) {
		fmt.Fprintf(&out, "\n%s\n    of %s\n\n%s\n", strings.Join(t.kinds, ", "), strings.Join(t.of, ",\n       "), indent(t.body))
	}
	return out.Bytes()
}

func indent(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line = strings.TrimRight(line, " \t\r\f"); line != "" {
			line = "    " + line
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n")
}
