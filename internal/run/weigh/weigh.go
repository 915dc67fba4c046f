// Package weigh adds up how much text is sent: the characters by class of those documents of a pass that are sent, and
// of the text around each of them.
//
// It owns a scratch file with one entry for each document, which is written while the sources are read, when it is not known
// yet which documents are sent, and the sums over those that are. It prices nothing and forecasts nothing. What always
// holds: a sum is made of the documents that are sent and of no others; memory holds one entry.
package weigh

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/tokens"
)

// Doc is what a document's text weighs. The zero value is one that is never sent.
type Doc struct {
	Classes  quarry.CharClasses
	Japanese bool
	// About and Most are the tokens of its text, or of its longest part: estimated as a cap of length is, and the most that they may
	// be. 0: not counted.
	About, Most int64
}

// Share leaves the part of the document's weight that some of its bytes have.
func (d *Doc) Share(some, all int64) {
	if some == all || all <= 0 {
		return
	}
	for _, n := range d.Classes.Each() {
		*n = *n * some / all
	}
}

// Sums are over documents that are sent. They are a plain value that can be kept as JSON.
type Sums struct {
	Documents int64              `json:"documents"`
	Japanese  int64              `json:"japanese,omitempty"` // of Records, those of Japanese documents
	Records   int64              `json:"records"`
	Classes   quarry.CharClasses `json:"classes"`
	// InJapanese are those of Classes that are of Japanese documents.
	InJapanese quarry.CharClasses `json:"in_japanese,omitzero"`
	// Tokens and Squares are sums over the records by default weights, of tokens and of their squares: they say how uneven the
	// records' lengths are.
	Tokens  float64 `json:"tokens"`
	Squares float64 `json:"squares"`
}

// even are the weights by which lengths are compared, whatever model answers.
var even = tokens.Default("")

// Add adds a document that is sent in so many records.
func (s *Sums) Add(d *Doc, records int64) {
	s.Documents++
	s.Records += records
	s.Classes.Add(d.Classes)
	if d.Japanese {
		s.Japanese += records
		s.InJapanese.Add(d.Classes)
	}
	t := even.Exact(d.Classes)
	s.Tokens += t
	s.Squares += t * t / float64(max(records, 1))
}

// Sub takes away what was sent already: the sums of a pilot.
func (s *Sums) Sub(o *Sums) {
	take := func(n *int64, m int64) { *n = max(0, *n-m) }
	take(&s.Documents, o.Documents)
	take(&s.Records, o.Records)
	take(&s.Japanese, o.Japanese)
	sub := func(c *quarry.CharClasses, of quarry.CharClasses) {
		less := of.Each()
		for i, n := range c.Each() {
			take(n, *less[i])
		}
	}
	sub(&s.Classes, o.Classes)
	sub(&s.InJapanese, o.InJapanese)
	s.Tokens, s.Squares = max(0, s.Tokens-o.Tokens), max(0, s.Squares-o.Squares)
}

// Guess takes a share of the characters of all documents, if those of the documents that are sent were not added up.
func Guess(all quarry.CharClasses, documents, records, japanese int64) (s Sums) {
	if documents < 1 {
		return s
	}
	share := min(1, float64(records)/float64(documents))
	for _, n := range all.Each() {
		*n = int64(float64(*n) * share)
	}
	return Sums{Documents: records, Records: records, Japanese: int64(float64(japanese) * share), Classes: all}
}

// Uneven is the sum of the squares over the square of the sum; 0: not known.
func (s *Sums) Uneven() float64 {
	if s.Tokens <= 0 || s.Squares <= 0 {
		return 0
	}
	return min(1, s.Squares/(s.Tokens*s.Tokens))
}

// Texts are what tokens are estimated for.
func (s *Sums) Texts() tokens.Texts {
	return tokens.Texts{Classes: s.Classes, Records: s.Records, Uneven: s.Uneven()}
}

// Writer writes the scratch file, one entry for each document of the pass in their order.
type Writer struct {
	file *atomicfile.Writer
	buf  []byte
}

// Create begins the file. Nothing of it is there before Commit.
func Create(e *effect.Effects, path string) (*Writer, error) {
	f, err := atomicfile.Create(e, path)
	if err != nil {
		return nil, err
	}
	return &Writer{file: f}, nil
}

// Add adds the next document. An entry is one byte for each count that is nothing, and a few for each other one.
func (w *Writer) Add(d *Doc) error {
	w.buf = w.buf[:0]
	if d.Classes == (quarry.CharClasses{}) {
		w.buf = append(w.buf, 0)
	} else {
		kind := byte(1)
		if d.Japanese {
			kind = 2
		}
		w.buf = append(w.buf, kind)
		for _, n := range d.Classes.Each() {
			w.buf = binary.AppendUvarint(w.buf, uint64(max(*n, 0)))
		}
		w.buf = binary.AppendUvarint(w.buf, uint64(max(d.About, 0)))
		w.buf = binary.AppendUvarint(w.buf, uint64(max(d.Most, 0)))
	}
	_, err := w.file.Write(w.buf)
	return err
}

// Commit makes the file appear.
func (w *Writer) Commit() error { return w.file.Commit() }

// Abort throws away what was not committed.
func (w *Writer) Abort() { w.file.Abort() }

// Reader reads the file in order. One goroutine at a time.
type Reader struct {
	file *os.File
	in   *bufio.Reader
}

// Open opens the file.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &Reader{f, bufio.NewReaderSize(f, 256<<10)}, nil
}

// Next gives the next document.
func (r *Reader) Next() (d Doc, err error) {
	kind, err := r.in.ReadByte()
	if err != nil {
		return d, r.fault(err)
	}
	if kind == 0 {
		return d, nil
	}
	d.Japanese = kind == 2
	counts := d.Classes.Each()
	for _, n := range append(counts[:], &d.About, &d.Most) {
		x, err := binary.ReadUvarint(r.in)
		if err != nil {
			return d, r.fault(err)
		}
		*n = int64(x)
	}
	return d, nil
}

func (r *Reader) fault(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read %s: %w", r.file.Name(), err)
}

// Close closes the file.
func (r *Reader) Close() error { return r.file.Close() }
