package jsonl

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// This file finds the array of items in a file that is one object: the answer of an API, an export, a feed. It reads on
// until it knows, and holds nothing but names.

// Lists are the names that arrays of articles have in common, best first.
var lists = []string{
	"posts", "articles", "entries", "items", "results", "documents", "data", "docs", "pages", "records", "stories", "nodes", "edges",
	"hits", "rows", "content", "contents", "list", "value",
}

// IDs and bodies are the names by which an object is known for an article.
var (
	ids    = []string{"id", "_id", "uuid", "guid", "slug", "url", "link", "permalink", "sys", "post_id", "article_id", "recordid"}
	bodies = []string{
		"content", "body", "html", "text", "markdown", "body_html", "content_html", "html_content", "body_markdown", "content_markdown",
		"content_text", "post_content", "article", "full_text", "plaintext", "fields", "attributes", "_source", "modelinput", "lexical",
		"mobiledoc",
	}
	shortBodies = []string{"description", "summary", "excerpt", "bio"} // authors and categories have them too
)

// maxBeyond is how far reading continues once an array of articles was found, to see whether there is another one.
const maxBeyond = 4 << 20

// maxNesting is how deep an array of items may be.
const maxNesting = 8

// What an object has of an article.
const (
	hasID    = 1
	hasShort = 2 // a description
	hasBody  = 4
)

// place is an array of objects, or an empty one of a name in common use.
type place struct {
	path  []string
	score int // what its first object has of an article
	empty bool
}

// finder walks a file's first object.
type finder struct {
	seeker
	found []place
	score int   // what the object itself has of an article
	end   int64 // where reading stops, once an array of articles was found

	fields map[string]string // part of a document → member that was named for it
	values int               // at the top, that have begun
}

func (f *finder) isItem() bool { return f.score&hasID > 0 && f.score&hasBody > 0 }

// isPage reports whether the values so far have nothing of an article, and hold an array of them: pages of an answer.
func (f *finder) isPage() bool {
	best := f.best()
	return f.score == 0 && best >= 0 && f.found[best].score&(hasID|hasBody) == hasID|hasBody
}

var errFound = errors.New("found")

// find gives the path of the arrays that hold a file's items, and the paths of the others that could. Nil: the file has no
// object that holds one. An object that is an article itself is none; of several values, each has to hold it. Fields are the
// members that the configuration names: an object that has them is an article.
func find(r io.Reader, fields map[string]string) (path []string, others [][]string) {
	f := finder{seeker: seeker{in: bufio.NewReaderSize(r, 64<<10), line: 1}, fields: fields}
	c, err := f.token()
	if err != nil || c != '{' {
		return nil, nil
	}
	_, err = f.object(nil)
	if f.isItem() || err != nil && len(f.found) == 0 {
		return nil, nil
	}
	for err == nil { // other values may follow
		if c, err = f.token(); err != nil {
			break
		}
		if !f.isPage() || c != '{' {
			return nil, nil // the file's items are its values
		}
		_, err = f.object(nil)
	}
	if f.values > 1 && !f.isPage() {
		return nil, nil
	}
	best := f.best()
	if best < 0 {
		return nil, nil
	}
	for i, p := range f.found {
		if i != best && p.score == f.found[best].score && !p.empty {
			others = append(others, p.path)
		}
	}
	return f.found[best].path, others
}

// best is the array that is most likely that of the articles, or -1. An empty one counts where no object is an item.
func (f *finder) best() int {
	best := -1
	for i, p := range f.found {
		if p.score == 0 && (!p.empty || f.score&hasBody > 0) {
			continue
		}
		if best < 0 || better(p, f.found[best]) {
			best = i
		}
	}
	return best
}

// better reports whether one array is more likely that of the articles than another which is before it.
func better(a, b place) bool {
	if a.score != b.score {
		return a.score > b.score
	}
	return rank(a.path) < rank(b.path)
}

func rank(path []string) int {
	if n := slices.Index(lists, strings.ToLower(path[len(path)-1])); n >= 0 {
		return n
	}
	return len(lists)
}

// object reads an object of which the brace was read, and gives what it has of an article.
func (f *finder) object(path []string) (score int, err error) {
	if len(path) == 0 {
		f.values++
	}
	for {
		c, err := f.token()
		switch {
		case err != nil:
			return score, err
		case c == '}':
			return score, nil
		case c != '"':
			return score, ErrNoItems
		}
		name, err := f.name()
		if err != nil {
			return score, err
		}
		if c, err = f.token(); err != nil {
			return score, err
		}
		score |= scoreOf(name, c)
		if len(path) == 0 {
			score |= f.named(name)
			if f.score |= score; f.isItem() {
				return score, errFound
			}
		}
		if err := f.value(append(slices.Clone(path), name), c); err != nil {
			return score, err
		}
	}
}

// named says what a member at the top makes of its object because the configuration names it.
func (f *finder) named(name string) (score int) {
	for part, is := range map[string]int{"id": hasID, "body": hasBody} {
		if first, _, _ := strings.Cut(f.fields[part], "."); first == name {
			score |= is
		}
	}
	return score
}

// scoreOf says what a member makes of its object.
func scoreOf(name string, first byte) int {
	name = strings.ToLower(name)
	isText := first == '"'
	switch {
	case slices.Contains(ids, name) &&
		(isText || first == '-' || first >= '0' && first <= '9' || first == '{' && (name == "sys" || name == "_id")):
		return hasID
	case slices.Contains(bodies, name) && (isText || first == '{' || first == '[' && name == "body"):
		return hasBody
	case slices.Contains(shortBodies, name) && isText:
		return hasShort
	}
	return 0
}

// value reads a value of which the first byte was read.
func (f *finder) value(path []string, c byte) error {
	if f.end > 0 && f.offset > f.end {
		return errFound
	}
	switch {
	case c == '{' && len(path) < maxNesting:
		_, err := f.object(path)
		return err
	case c == '[' && len(path) < maxNesting:
		return f.array(path)
	}
	return f.over(c)
}

// array looks at the objects of an array until one is an article, and passes over the others: what is in an article are no
// articles.
func (f *finder) array(path []string) error {
	at := -1
	for n := 0; ; n++ {
		c, err := f.token()
		switch {
		case err != nil:
			return err
		case c == ']':
			if n == 0 && rank(path) < len(lists) {
				f.place(path, true)
			}
			return nil
		case f.end > 0 && f.offset > f.end:
			return errFound
		case c != '{' || at >= 0 && f.found[at].score&hasBody > 0:
			err = f.over(c)
		default:
			at = f.place(path, false)
			err = f.judge(at, path)
		}
		if err != nil {
			return err
		}
	}
}

// place gives the index of a path among those that were found.
func (f *finder) place(path []string, empty bool) int {
	at := slices.IndexFunc(f.found, func(p place) bool { return slices.Equal(p.path, path) })
	if at < 0 {
		f.found = append(f.found, place{path: path, empty: empty})
		return len(f.found) - 1
	}
	f.found[at].empty = f.found[at].empty && empty
	return at
}

// judge looks at an object of an array, of which the brace was read.
func (f *finder) judge(at int, path []string) error {
	before := len(f.found)
	score, err := f.object(append(slices.Clone(path), Each))
	f.found[at].score = max(f.found[at].score, score)
	if score&hasBody > 0 {
		f.found = f.found[:before]
		if f.end == 0 {
			f.end = f.offset + maxBeyond
		}
	}
	return err
}

// Shape is what the head of a file that begins with an object says about all of it.
type Shape int

// The shapes.
const (
	Unsure  Shape = iota // it ends too early
	OneItem              // the object is an item, or has something of one
	Wrapped              // the object holds an array of items, and is the only value, as far as can be seen
	Pages                // the objects hold arrays of items, and have nothing of an item
)

// ShapeOf judges a head.
func ShapeOf(head []byte) Shape {
	f := finder{seeker: seeker{in: bufio.NewReader(bytes.NewReader(head)), line: 1}}
	if c, err := f.token(); err != nil || c != '{' {
		return OneItem
	}
	_, err := f.object(nil)
	switch {
	case f.isItem():
		return OneItem
	case err == nil:
		if f.isPage() {
			return Pages
		}
		if _, more := f.token(); more == nil {
			return OneItem
		}
	case !errors.Is(err, io.EOF):
		return OneItem
	}
	switch {
	case f.best() >= 0 && (err == nil || !f.found[f.best()].empty):
		return Wrapped
	case err != nil && f.score == 0:
		return Unsure
	}
	return OneItem
}

// taken words which array was taken where there were several.
func taken(file string, path []string, others [][]string) string {
	names := make([]string, len(others))
	for i, o := range others {
		names[i] = strings.Join(o, ".")
	}
	return fmt.Sprintf("%s of %s, and not %s", strings.Join(path, "."), file, strings.Join(names, ", "))
}
