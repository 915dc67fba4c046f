// Command changelog moves what changelog/unreleased/ says into CHANGELOG.md, below the heading of a version.
//
// It owns how the page is put together, and not what the fragments say: their lines stay as they are, in the order of the files' names; a
// paragraph becomes an item of the list. A version that is at the top of the page already gets the new items after its own, so a release can
// be prepared more than once. Fragments are removed after the page is written, and kept on any error.
//
//	go run -C tools ./changelog 0.1.0
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	root := flag.String("root", "..", "`DIR` of the repository")
	flag.Parse()
	if err := release(*root, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "changelog:", err)
		os.Exit(1)
	}
}

var semantic = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

// release moves the fragments of the repository at root to version's section of its CHANGELOG.md.
func release(root, version string) error {
	if !semantic.MatchString(version) {
		return fmt.Errorf("version %q is not of the form 1.2.3 or 1.2.3-rc.1, without a v", version)
	}
	fragments, err := filepath.Glob(filepath.Join(root, "changelog", "unreleased", "*.md"))
	if err != nil {
		return err
	}
	if len(fragments) == 0 {
		return errors.New("changelog/unreleased has no fragments: nothing to release")
	}
	var list strings.Builder
	for _, file := range fragments {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		added, err := items(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		list.WriteString(added)
	}
	page := filepath.Join(root, "CHANGELOG.md")
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	changed, err := insert(string(text), version, list.String())
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	if err := os.WriteFile(page, []byte(changed), 0o644); err != nil {
		return err
	}
	for _, file := range fragments {
		err = errors.Join(err, os.Remove(file))
	}
	return err
}

// items returns a fragment as items of a list, each ended by a line break.
func items(fragment string) (string, error) {
	if strings.TrimSpace(fragment) == "" {
		return "", errors.New("the fragment is empty")
	}
	var out strings.Builder
	begins := true // the next line begins an item
	for line := range strings.Lines(fragment) {
		line = strings.TrimRight(line, " \r\n")
		switch {
		case line == "":
			begins = true
			continue
		case strings.HasPrefix(line, "#"):
			return "", fmt.Errorf("the heading %q: a fragment is a list or a paragraph", line)
		case strings.HasPrefix(line, "- "), strings.HasPrefix(line, "  ") && !begins:
		case begins:
			line = "- " + line
		default:
			line = "  " + line
		}
		begins = false
		out.WriteString(line + "\n")
	}
	return out.String(), nil
}

// insert adds items to the section of version, which is at the top of page or becomes so.
func insert(page, version, items string) (string, error) {
	heading := "\n## " + version + "\n"
	before, sections, released := strings.Cut(page, "\n## ")
	if released {
		sections = "\n## " + sections
	}
	own, found := strings.CutPrefix(sections, heading)
	if !found {
		if strings.Contains(sections, heading) {
			return "", fmt.Errorf("%s is not the newest version: what was released stays as it is", version)
		}
		return before + heading + "\n" + items + sections, nil
	}
	own, older, released := strings.Cut(own, "\n## ")
	if released {
		older = "\n## " + older
	}
	return before + heading + own + items + older, nil
}
