package quarry

import (
	"fmt"
	"iter"
)

// DocumentID is the source's own id of an item, unique in a run.
type DocumentID string

// Format says what kind of text a body is. The zero value means: not given, to be detected from the text.
type Format string

// The formats a body can have. FormatPage is a whole HTML page, whose main content has to be found first. FormatMarked is
// HTML as far as the source knows, but content systems store Markdown in the same field: the text says which of the two.
const (
	FormatUnknown  Format = ""
	FormatHTML     Format = "html"
	FormatMarkdown Format = "markdown"
	FormatText     Format = "text"
	FormatPage     Format = "page"
	FormatMarked   Format = "marked"
)

// Document is one item of a source. Before cleaning Body is what the source holds; after it, plain text in UTF-8.
type Document struct {
	ID     DocumentID
	Title  string
	Body   []byte // shared with the block it came in: valid as long as the block is, never changed in place
	URL    string
	Valid  bool   // Body is known to be valid UTF-8: a caller that read it has checked
	Lang   string // as the source says it ("en", "ja"), or empty
	Format Format
	// ModelInput is set instead of Body where the source has ready records (--records): sent as it is.
	ModelInput []byte
	// Part and Parts are set where Body is one part of a long document (from 1, of how many), or, with Part 0, the
	// answers about all of them.
	Part, Parts int
	// Fields holds the item's other members as one JSON object, or is empty. They are kept for the results.
	Fields []byte
	At     Position
}

// Position is a place in a source from which reading can begin again. The zero value is the beginning.
type Position struct {
	Source int    `json:"source"`         // which of the run's sources, from 0
	File   string `json:"file,omitempty"` // the file inside the source, as people know it
	Line   int64  `json:"line"`           // of the item, from 1; 0 where the kind of source has no lines
	Offset int64  `json:"offset"`         // of the item's first byte in the file, after decompression
}

// String gives FILE:LINE, the form in which faults name a place.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Block is a run of consecutive items that can be read apart from all others: the unit of parallel preparation.
type Block struct {
	// First is where the block begins; a source asked for its blocks from here gives these same items first.
	First Position
	// Documents reads the block's items in order. It may be called on any goroutine and more than once. An item that
	// cannot be read is yielded as an *ItemError with a Document that holds no more than its position, and reading
	// continues after it; any other error ends the sequence.
	Documents iter.Seq2[Document, error]
	// Free, where it is not nil, gives back the memory that the documents' bodies, ModelInputs and Fields are in. A caller that
	// calls it holds none of them any more, and does not read the block again.
	Free func()
}

// ItemError is one item that had to be left out: named, counted, never fatal for the others.
type ItemError struct {
	At     Position
	ID     DocumentID // where it is known
	Reason string     // lower case, names the fault: "no id", "invalid UTF-8 at byte 17"
}

// Error gives "FILE:LINE: reason", the line that people see.
func (e *ItemError) Error() string { return e.At.String() + ": " + e.Reason }

// CharClasses counts a text's characters by class. They predict its tokens without a tokenizer. Letters, Digits, Punctuation,
// Kana, Han, Other and Spaces add up to all characters; Words counts runs of Latin letters; the rest are parts of these.
type CharClasses struct {
	Words       int64 `json:"words"`
	Letters     int64 `json:"letters"` // Latin ones, with and without marks
	Digits      int64 `json:"digits"`
	Punctuation int64 `json:"punctuation"`
	Kana        int64 `json:"kana"`
	Han         int64 `json:"han"`
	Other       int64 `json:"other"`
	Spaces      int64 `json:"spaces"`

	Figures int64 `json:"figures,omitempty"` // of Digits, those of a text that is mostly numbers
	Chinese int64 `json:"chinese,omitempty"` // of Han, those of a text without kana

	// Of Letters.
	Foreign    int64 `json:"foreign,omitempty"`    // all letters of a text whose short words are not English ones
	Accented   int64 `json:"accented,omitempty"`   // of Latin-1: é, ü, ñ
	Extended   int64 `json:"extended,omitempty"`   // of Latin Extended-A and -B: ł, ş, ő
	Vietnamese int64 `json:"vietnamese,omitempty"` // of Latin Extended Additional, and ơ, ư: ế, ợ

	// Of Other.
	Cyrillic   int64 `json:"cyrillic,omitempty"`
	Slavic     int64 `json:"slavic,omitempty"` // of Cyrillic, letters that Russian does not have: і, ї, є, ў, ј
	Greek      int64 `json:"greek,omitempty"`
	Arabic     int64 `json:"arabic,omitempty"` // with Persian and Urdu
	Hebrew     int64 `json:"hebrew,omitempty"`
	Hangul     int64 `json:"hangul,omitempty"`
	Thai       int64 `json:"thai,omitempty"`
	Devanagari int64 `json:"devanagari,omitempty"`
	Indic      int64 `json:"indic,omitempty"`   // Bengali, Gujarati, Tamil, Telugu and their neighbours
	Symbols    int64 `json:"symbols,omitempty"` // emoji, arrows, mathematics, boxes
}

// ClassCount is how many counts a CharClasses holds.
const ClassCount = 24

// Each gives all counts, in the order of the fields.
func (c *CharClasses) Each() [ClassCount]*int64 {
	return [ClassCount]*int64{
		&c.Words, &c.Letters, &c.Digits, &c.Punctuation, &c.Kana, &c.Han, &c.Other, &c.Spaces, &c.Figures, &c.Chinese,
		&c.Foreign, &c.Accented, &c.Extended, &c.Vietnamese,
		&c.Cyrillic, &c.Slavic, &c.Greek, &c.Arabic, &c.Hebrew, &c.Hangul, &c.Thai, &c.Devanagari, &c.Indic, &c.Symbols,
	}
}

// Add adds the counts of another text.
func (c *CharClasses) Add(o CharClasses) {
	of := o.Each()
	for i, n := range c.Each() {
		*n += *of[i]
	}
}

// Sub takes the counts of a part of the text away.
func (c *CharClasses) Sub(o CharClasses) {
	of := o.Each()
	for i, n := range c.Each() {
		*n -= *of[i]
	}
}
