package quarry_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// commands are the languages of blocks that a reader types.
var (
	commands  = regexp.MustCompile("^```(sh|bash|shell|console|fish|powershell)$")
	leftOut   = regexp.MustCompile(`^<!-- (not-run|run-by): (.+) -->$`)
	wholePage = regexp.MustCompile(`(?m)^<!-- page run-by: (.+) -->$`)
	indented  = regexp.MustCompile(`^    (quarry|make|go|aws|docker|curl) `)
	fenced    = regexp.MustCompile("(?ms)^```.*?^```$")
	coded     = regexp.MustCompile("`[^`\n]*`")
	linked    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	sources   = regexp.MustCompile("`((?:internal|cmd|tools|compat|packages)/[A-Za-z0-9_/.-]+\\.[a-z]+)`")
	dropped   = regexp.MustCompile(`[^\pL\pN _-]`)
)

// anchors are the names that GitHub gives the headings of a page.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		found[strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return found
}

func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && file != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".md") {
			return nil
		}
		text, err := os.ReadFile(file)
		all[file] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestLinksOfThePagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	all := pages(t)
	links := 0
	for file, text := range all {
		for _, m := range linked.FindAllStringSubmatch(coded.ReplaceAllString(fenced.ReplaceAllString(text, ""), ""), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			links++
			target, anchor, _ := strings.Cut(m[1], "#")
			page := file
			if target != "" {
				page = filepath.Join(filepath.Dir(file), target)
			}
			if _, err := os.Stat(page); err != nil {
				t.Errorf("%s: link to %s: %v", file, m[1], err)
				continue
			}
			if anchor != "" && !anchors(all[page])[anchor] {
				t.Errorf("%s: link to %s: no such heading", file, m[1])
			}
		}
	}
	if links < 20 {
		t.Errorf("%d links in %d pages: the test does not find them", links, len(all))
	}
}

// The list of decisions names every page of them.
func TestEveryDecisionIsListed(t *testing.T) {
	t.Parallel()
	all := pages(t)
	list := all[filepath.Join("docs", "adr", "README.md")]
	for file, text := range all {
		name := filepath.Base(file)
		if filepath.Dir(file) != filepath.Join("docs", "adr") || name == "README.md" {
			continue
		}
		number, _, _ := strings.Cut(name, "-")
		if !strings.Contains(list, "["+number+"]("+name+")") {
			t.Errorf("%s is not in the list of decisions", file)
		}
		for _, part := range []string{"# " + number + ": ", "\nStatus: ", "\n## Context\n", "\n## Decision\n", "\n## Consequences\n"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s has no %q", file, strings.TrimSpace(part))
			}
		}
	}
}

func TestFilesThatThePagesNameExist(t *testing.T) {
	t.Parallel()
	named := 0
	for file, text := range pages(t) {
		for _, m := range sources.FindAllStringSubmatch(text, -1) {
			named++
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s names %s: %v", file, m[1], err)
			}
		}
	}
	if named == 0 {
		t.Error("no page names a file of the repository: nothing was tested")
	}
}

// A reader copies commands, so each is run by a test. compat/docs.sh runs the blocks of "sh" that say nothing else; one that cannot run says why.
func TestEveryCommandOfThePagesIsRun(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("compat/docs.sh")
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for file, text := range pages(t) {
		whole := wholePage.FindStringSubmatch(text)
		if whole != nil {
			if by, err := os.ReadFile(whole[1]); err != nil || !strings.Contains(string(by), file) {
				t.Errorf("%s: %s does not name this page, %v", file, whole[1], err)
			}
		}
		run := file == "README.md" || filepath.Dir(file) == "docs" || strings.Contains(string(script), file)
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			if indented.MatchString(line) && i > 0 && lines[i-1] == "" {
				t.Errorf("%s:%d: a command outside of a block of sh", file, i+1)
			}
			if !commands.MatchString(line) {
				continue
			}
			blocks++
			mark := leftOut.FindStringSubmatch(lines[max(i-1, 0)])
			switch {
			case mark == nil && line != "```sh":
				t.Errorf("%s:%d: no test runs %s; write sh", file, i+1, line)
			case mark == nil && !run:
				t.Errorf("%s:%d: compat/docs.sh does not run this page", file, i+1)
			case mark != nil && mark[1] == "run-by":
				if by, err := os.ReadFile(mark[2]); err != nil || !strings.Contains(string(by), filepath.Base(file)) {
					t.Errorf("%s:%d: %s does not name this page, %v", file, i+1, mark[2], err)
				}
			}
		}
	}
	if blocks < 20 {
		t.Errorf("%d blocks: the test does not find them", blocks)
	}
}

// Messages change: what troubleshooting lists by its text has to be a text of the program.
func TestMessagesOfTroubleshootingExist(t *testing.T) {
	t.Parallel()
	var sources strings.Builder
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "tools" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() || filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := os.ReadFile(file)
		sources.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	program := strings.ReplaceAll(sources.String(), `\"`, `"`)
	page, err := os.ReadFile(filepath.Join("docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.SplitSeq(string(page), "\n") {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "¦"), "|")
		if len(cells) != 5 {
			continue
		}
		for _, m := range coded.FindAllString(cells[1], -1) {
			for part := range strings.SplitSeq(strings.Trim(m, "`"), "…") {
				if part = strings.Trim(part, ` ";,`); part == "" {
					continue
				}
				found++
				if !strings.Contains(program, part) {
					t.Errorf("no message of the program has %q", part)
				}
			}
		}
	}
	if found < 30 {
		t.Errorf("%d messages: the test does not find them", found)
	}
}
