// Package mdtext renders Markdown as plain text: CommonMark and GFM, with the marks that Hugo, Jekyll, 11ty, Zenn, VitePress,
// Docs and MDX add to it.
//
// It owns the structure of Markdown: blocks, inlines, references, footnotes, tables. HTML inside of it goes to package
// htmltext, characters and blanks to package plain. What always holds: the work is linear in the input, whatever it holds;
// block code is passed over without being looked into; what is no markup is text, so that `List<String>` loses nothing.
//
// The work is done in two steps: blocks first (block.go), because a reference may be defined after its use, then
// inlines (inline.go), block by block, as they are written (render.go).
package mdtext

import (
	"quarry/internal/base/simd"
	"quarry/internal/prepare/clean/htmltext"
	"quarry/internal/prepare/clean/plain"
	"quarry/internal/prepare/clean/rule"
)

// maxDepth bounds how deep containers nest; marks beyond it are text. Without a bound, n marks and m lines cost n·m.
const maxDepth = 48

// maxKept says from when on buffers are given back, so that a giant document does not hold its memory for a whole run.
const maxKept = 16 << 10

// maxWhole is up to which size a document's blocks are read before any of them is written.
const maxWhole = 1 << 20

// maxLines bounds the lines of one leaf block; after them, another one begins.
const maxLines = 1 << 17

// A Parser renders one document after another in buffers it owns. It serves one goroutine.
type Parser struct {
	R        *htmltext.Renderer
	W        *plain.Writer
	Settings *rule.Settings
	Counts   *rule.Counts

	isText func(name []byte, closing, glued bool, a htmltext.Attrs) bool // literal, bound once

	src   []byte
	lines []span // the contents of leaf blocks, line by line
	ops   []op
	refs  map[uint64]struct{} // labels that are defined, as hashes
	ends  map[uint64]int      // where the last end tag of each name is

	stack      []container
	leaf       leaf
	quirk      bool // an element that is dropped was never closed: such elements stay, in the second try
	seen       bool // ends was filled for this document
	at         int  // where the block being rendered begins in src
	streams    bool // blocks are written as they come
	collects   bool // blocks are read for their definitions alone
	inHTML     bool // an HTML block is being rendered, in which elements need no end
	mdx        bool // an import or export was met
	scripts    int  // statements and expressions that were none
	openBraces int  // tags in text whose expressions never end
	options    bool // the lines at hand may be options of a directive
	yaml       bool // between two `---`
	started    bool // a container or leaf began on this line

	pos, col int // of the line being read
	eol      int

	buf        []byte // the text of the block being rendered
	cell       []byte
	toks       []token
	marks      simd.Marks
	delims     []delim
	open       []bracket
	dead       int // below it, open brackets can be no links: one was found inside of them, and links do not nest
	pairEnd    int // where the pair of marks ends whose first was read; 0: there is none
	ticks      [maxTicks + 1]int
	noEnd      [inlineEnds]bool
	shut       [2]closers          // what can end fences of backticks, and of tildes
	inner      int                 // open shortcodes whose ends are below
	marksAt    map[uint64]int      // where the last end mark of each shortcode is
	marksKnown bool                // marksAt was filled for this document
	tries      int                 // places after open fences that turned out to be code
	bodies     [len(bodyWords)]int // where the word that ends a body was found last; -1: nowhere
}

// New returns a parser that writes through a renderer, and shares its writer, settings and counts.
func New(r *htmltext.Renderer) *Parser {
	p := &Parser{
		R: r, W: r.W, Settings: r.Settings, Counts: r.Counts,
		refs: make(map[uint64]struct{}), ends: make(map[uint64]int),
	}
	p.isText = p.literal
	return p
}

// span is a piece of the source.
type span struct{ from, to int }

// opKind is what an op does to the text.
type opKind uint8

const (
	opParagraph opKind = iota
	opHeading
	opHTML
	opCode
	opTable
	opBreak
	opList
	opListEnd
	opItem
	opItemEnd
)

// An op is one block, or one end of a container, in the order of the text.
type op struct {
	kind  opKind
	open  bool // code whose fence never ends
	n     int  // heading: level; list: its first number, or -1; code: bytes in the source
	lines span
}

// Render writes a document without front matter.
func (p *Parser) Render(src []byte) {
	p.quirk = false
	p.render(src)
	if !p.R.Open() {
		return
	}
	// The end of a dropped element was where it is no markup. Dropping the rest of the document for it would lose
	// text that a reader sees, so its tags alone are dropped. What is hidden stays hidden.
	*p.Counts = rule.Counts{}
	p.W.Reset()
	p.R.Reset()
	p.quirk = true
	p.render(src)
	p.R.Abandon(len(src))
}

func (p *Parser) render(src []byte) {
	p.src, p.seen = src, false
	if cap(p.lines) > maxKept*16 || cap(p.buf) > maxKept*64 {
		p.lines, p.ops, p.buf, p.cell = nil, nil, nil, nil
	}
	p.lines, p.ops, p.stack = p.lines[:0], p.ops[:0], p.stack[:0]
	p.leaf, p.options, p.yaml, p.mdx, p.scripts, p.openBraces = leaf{}, false, false, false, 0, 0
	p.bodies = [len(bodyWords)]int{}
	p.forgetMarks()
	if len(p.refs) > maxKept {
		p.refs = make(map[uint64]struct{}) // clearing a giant map costs each later document its size
	}
	clear(p.refs)
	p.R.Within(src)
	p.R.Literal, p.R.Fragments, p.R.TagsOnly = p.isText, true, p.quirk
	// So many blocks would take many times the document's size. They are read twice instead: first for what they
	// define, then to be written as they come.
	p.streams = len(src) > maxWhole
	if p.streams {
		p.collects = true
		p.blocks()
		p.forget()
		p.collects, p.stack, p.leaf, p.scripts = false, p.stack[:0], leaf{}, 0
		p.forgetMarks()
		*p.Counts = rule.Counts{}
	}
	p.blocks()
	p.writeAll()
}

// flush writes the blocks that were read so far, or passes over them, when a giant document has made many. The lines of
// the block that is open stay.
func (p *Parser) flush() {
	if !p.streams || len(p.ops) < maxKept && len(p.lines) < maxLines {
		return
	}
	open := len(p.lines)
	if p.leaf.kind != noLeaf {
		open = p.leaf.from
	}
	if !p.collects {
		for i := range p.ops {
			p.write(&p.ops[i])
		}
	}
	p.ops = p.ops[:0]
	p.lines = p.lines[:copy(p.lines, p.lines[open:])]
	p.leaf.from = 0
}

func (p *Parser) writeAll() {
	for i := range p.ops {
		p.write(&p.ops[i])
	}
	p.forget()
}

func (p *Parser) forget() { p.ops, p.lines = p.ops[:0], p.lines[:0] }
