// Package clean turns a document into the plain text that a model is to read: HTML, Markdown or text in, text out.
//
// It owns the choice of how a body is read, front matter, titles and the cap of length. How HTML and Markdown become
// text is owned by htmltext and mdtext, which files, records and prompts are not known here. What always holds: the text
// is valid UTF-8 in NFC, without control characters, bidi overrides or tag characters, and nothing that a reader would
// not see is in it; all that is left out is counted by the rule that left it out; the work is linear in the input; a
// Cleaner in use allocates nothing for a document, but for front matter, titles it has to find, pages, and the rare HTML
// that needs a tree.
package clean

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"quarry"
	"quarry/internal/prepare/clean/entity"
	"quarry/internal/prepare/clean/htmltext"
	"quarry/internal/prepare/clean/mdtext"
	"quarry/internal/prepare/clean/plain"
	"quarry/internal/prepare/clean/rule"
)

// ErrInvalidUTF8 is the one reason for which a document cannot be cleaned. It is never repaired: what is lost in a wrong
// encoding is lost at the source.
var ErrInvalidUTF8 = errors.New("invalid UTF-8")

// What was done to a body, in Cleaned.Mode.
const (
	ModeHTML     = "html"
	ModeMarkdown = "markdown"
	ModeText     = "text"
	ModePage     = "page"
)

// Cleaned is the text of a document and what became of the rest. A text of length 0 is an answer, not an error: the
// document holds nothing that can be read, such as a drawing alone.
type Cleaned struct {
	// Text is valid until the next call of Clean.
	Text []byte
	// Title is the document's own, else that of its front matter, its page or its first heading: one line that holds
	// nothing but what a text may hold. It goes into the prompt as the text does.
	Title string
	// Fields is the front matter as a JSON object, or empty. Valid until the next call of Clean.
	Fields []byte
	// Mode says how the body was read.
	Mode string
	// Tree says that HTML's tree had to be built, because the end of a dropped element could not be found otherwise.
	Tree bool
	// Classes counts the characters of Text.
	Classes quarry.CharClasses
	// Cut says that the text was longer than the cap and is not whole.
	Cut bool
	// Parts are pieces of Text, in order, where it is longer than the cap and LongMerge is set; else there are none.
	// Nothing but blanks and line ends is between them. Valid until the next call of Clean.
	Parts [][]byte
	// SourceBytes is the length of the body, FullChars the number of characters of the text before it was cut.
	SourceBytes, FullChars int64
	// Dropped counts what each rule left out.
	Dropped Counts
	// Notice says what a person should know of the document: that nearly all of its text is hidden, or that its front matter
	// cannot be read. Empty: nothing.
	Notice string
}

// A Cleaner cleans one document after another in buffers it owns. It serves one goroutine.
type Cleaner struct {
	cfg    Config
	counts rule.Counts
	writer plain.Writer
	html   htmltext.Renderer
	md     *mdtext.Parser
	titles plain.Writer
	names  entity.Decoder
	cut    []byte
	parts  [][]byte
	fields []byte
	xhtml  []byte // the body with an end tag for each element
	matter error  // why the front matter cannot be read
}

// New returns a Cleaner for settings that Validate accepts.
func New(cfg Config) *Cleaner {
	if cfg.MaxChars == 0 {
		cfg.MaxChars = DefaultMaxChars
	}
	if cfg.MaxTokens == 0 {
		cfg.MaxTokens = Off
	}
	if cfg.Weights == (Weights{}) {
		cfg.Weights = defaultWeights
	}
	c := &Cleaner{cfg: cfg}
	c.writer = plain.Writer{Dropped: &c.counts, FoldWidth: cfg.Rules.FoldWidth, KeepURLs: cfg.Rules.KeepURLs}
	c.titles = plain.Writer{KeepURLs: true}
	c.html = htmltext.Renderer{W: &c.writer, Settings: &c.cfg.Rules, Counts: &c.counts}
	c.md = mdtext.New(&c.html)
	return c
}

// Clean makes the text of a document's body. The error is ErrInvalidUTF8 with the first bad byte's place, and no other.
func (c *Cleaner) Clean(doc *quarry.Document) (Cleaned, error) {
	if !doc.Valid {
		if at := invalidAt(doc.Body); at >= 0 {
			return Cleaned{}, fmt.Errorf("%w at byte %d", ErrInvalidUTF8, at)
		}
	}
	c.counts = rule.Counts{}
	c.writer.Reset()
	c.html.Reset()
	c.html.Reveal, c.html.Prose = false, false
	c.matter = nil
	out := Cleaned{SourceBytes: int64(len(doc.Body))}
	body := trimBOM(doc.Body)
	out.Mode = c.mode(doc.Format, body)
	title := c.title(doc.Title)
	body, title = c.frontMatter(&out, body, title)
	if (out.Mode == ModePage || out.Mode == ModeHTML) && isXHTML(body) {
		if cap(c.xhtml) > keptXHTML {
			c.xhtml = nil
		}
		c.xhtml = withEnds(c.xhtml[:0], body)
		body = c.xhtml
	}
	title = c.read(&out, doc.URL, body, title)
	if title == "" {
		if from, to, ok := c.html.Title(); ok && to <= c.writer.Len() {
			title = c.title(string(c.writer.Written()[from:to]))
		}
	}
	out.Title = title
	out.Text, out.Classes = c.writer.Finish()
	out.FullChars = plain.Chars(out.Classes)
	c.limit(&out)
	out.Dropped = c.counts
	out.Notice = c.notice(&out)
	return out, nil
}

// read renders a body in the document's mode and gives its title. What is nearly all block code is read once more: a poem or a
// mail may be written so.
func (c *Cleaner) read(out *Cleaned, address string, body []byte, title string) string {
	mode, given := out.Mode, title
	title = c.readOnce(out, address, body, given)
	if !c.html.Bare(c.writer.Len()) || mode != ModeMarkdown && !c.html.MayHoldProse(body) {
		return title
	}
	code := c.counts[rule.Code].Bytes
	again := func(prose bool) string {
		c.restart()
		out.Mode, out.Tree = mode, false
		c.html.Reveal, c.html.Prose = false, prose
		return c.readOnce(out, address, body, given)
	}
	title = again(true)
	if left := c.counts[rule.Code].Bytes; left < code && 4*left > code-left {
		title = again(false) // what its code prints is no article
	}
	return title
}

func (c *Cleaner) readOnce(out *Cleaned, address string, body []byte, title string) string {
	switch out.Mode {
	case ModePage:
		return c.page(out, address, body, title)
	case ModeHTML:
		out.Tree = c.body(body)
	case ModeMarkdown:
		c.md.Render(body)
		if c.html.Waiting(c.writer.Len()) {
			c.restart()
			c.html.Reveal = true
			c.md.Render(body)
		}
	default:
		c.writer.Verbatim(body)
	}
	return title
}

// body renders HTML, and reports whether a tree was needed.
func (c *Cleaner) body(src []byte) (tree bool) {
	tree = c.bodyOnce(src)
	if c.html.Waiting(c.writer.Len()) {
		c.restart()
		c.html.Reveal = true
		tree = c.bodyOnce(src)
	}
	return tree
}

// bodyOnce renders HTML. A document that no tree can be built of keeps what the scanner wrote up to the element that never
// ends.
func (c *Cleaner) bodyOnce(src []byte) (tree bool) {
	if c.html.Document(src) {
		return false
	}
	c.restart()
	if c.html.Tree(src) == nil {
		return true
	}
	c.restart()
	c.html.Fragments = true
	c.html.Document(src)
	c.html.Abandon(len(src))
	return false
}

// restart throws away what was written of a document.
func (c *Cleaner) restart() {
	c.counts = rule.Counts{rule.FrontMatter: c.counts[rule.FrontMatter]}
	c.writer.Reset()
	c.html.Reset()
}

// invalidAt is the place of the first byte that is no UTF-8, or -1.
func invalidAt(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

func trimBOM(b []byte) []byte {
	if len(b) >= 3 && b[0] == 0xEF && b[1] == 0xBB && b[2] == 0xBF {
		return b[3:]
	}
	return b
}
