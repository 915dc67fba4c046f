// Command wording counts words that this project's texts do without, in the docs, in messages and in comments.
//
// It owns the list of words (words.go) and where texts are: Markdown pages without their code blocks, string literals and pages of
// HTML of the program, comments. It changes nothing and its exit code is 0 whatever it counts: a word can have a good use that no pattern knows.
//
//	go run -C tools ./wording       counts
//	go run -C tools ./wording -v    each place, as FILE:LINE: area: phrase
package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
)

// areas are the columns of the table.
var areas = []string{"docs", "messages", "comments"}

// counts has the number of places by area and word.
type counts map[string]map[string]int

// counter adds up what it finds in files, and prints each place where it was asked to.
type counter struct {
	root   string
	places io.Writer // nil: no places are printed
	counts counts
}

func main() {
	root := flag.String("root", "..", "`DIR` of the repository")
	verbose := flag.Bool("v", false, "print each place")
	flag.Parse()
	c := &counter{root: *root, counts: counts{}}
	if *verbose {
		c.places = os.Stdout
	}
	if err := c.walk(); err != nil {
		fmt.Fprintln(os.Stderr, "wording:", err)
		os.Exit(1)
	}
	if err := c.counts.print(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "wording:", err)
		os.Exit(1)
	}
}

func (c *counter) walk() error {
	return filepath.WalkDir(c.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") && name != "." && name != ".." {
				return filepath.SkipDir
			}
			return nil
		}
		switch filepath.Ext(name) {
		case ".md":
			return c.page(path, "docs", block)
		case ".html":
			return c.page(path, "messages", markup)
		case ".go":
			return c.source(path)
		}
		return nil
	})
}

// add looks for the words in one text of a file.
func (c *counter) add(area, path, text string, line int) {
	if rel, err := filepath.Rel(c.root, path); err == nil {
		path = filepath.ToSlash(rel)
	}
	find(text, line, func(word string, line int, phrase string) {
		if c.counts[word] == nil {
			c.counts[word] = map[string]int{}
		}
		c.counts[word][area]++
		if c.places != nil {
			_, _ = fmt.Fprintf(c.places, "%s:%d: %s: %s\n", path, line, area, phrase)
		}
	})
}

// A line that begins with three backticks begins a code block, and the next such line ends it.
var block = regexp.MustCompile("(?ms)^```.*?^```$")

// What a page of HTML holds and no reader sees: styles, scripts, tags, and the actions of its template.
var markup = regexp.MustCompile(`(?s)<style.*?</style>|<script.*?</script>|<[^>]*>|\{\{.*?\}\}`)

// page looks for the words in a page without what skip matches.
func (c *counter) page(path, area string, skip *regexp.Regexp) error {
	if filepath.Base(path) == "ATTRIBUTION.md" { // titles of other people's articles
		return nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	c.add(area, path, skip.ReplaceAllStringFunc(string(b), blank), 1)
	return nil
}

// A comment's marks are blanked, so that a phrase is found across its lines.
var marks = regexp.MustCompile(`(?m)^\s*(?://|/\*|\*/)`)

func (c *counter) source(path string) error {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, group := range file.Comments {
		var text strings.Builder
		for _, comment := range group.List {
			_, _ = fmt.Fprintln(&text, marks.ReplaceAllString(comment.Text, ""))
		}
		c.add("comments", path, text.String(), files.Position(group.Pos()).Line)
	}
	if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, filepath.Join(c.root, "tools")+string(filepath.Separator)) {
		return nil
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil {
				c.add("messages", path, text, files.Position(n.Pos()).Line)
			}
		}
		return true
	})
	return nil
}

func (c counts) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(table, "word\t%s\t\n", strings.Join(areas, "\t"))
	sums := map[string]int{}
	for _, word := range words {
		_, _ = fmt.Fprintf(table, "%s\t", word.name)
		for _, area := range areas {
			n := c[word.name][area]
			sums[area] += n
			_, _ = fmt.Fprintf(table, "%d\t", n)
		}
		_, _ = fmt.Fprintln(table)
	}
	_, _ = fmt.Fprint(table, "all\t")
	for _, area := range areas {
		_, _ = fmt.Fprintf(table, "%d\t", sums[area])
	}
	_, _ = fmt.Fprintln(table)
	return table.Flush()
}
