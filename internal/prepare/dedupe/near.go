package dedupe

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"github.com/zeebo/xxh3"

	"quarry/internal/base/effect"
)

// A pair of texts is looked at where all bytes of a band are equal: texts with 85 % of their shingles in common meet in
// one of the bands with a probability of 0.99, those with half of them with 0.06.
const (
	bands    = 16
	bandRows = bins / bands
)

// nearBytes is one text in the file: order, where its name is, the name's length, the signature.
const nearBytes = 8 + 8 + 4 + bins

// Near finds texts that are nearly the same among more of them than memory holds. One goroutine at a time; texts are
// added in the order of their numbers.
type Near struct {
	e          *effect.Effects
	cfg        Config
	least      float64
	texts      *effect.OutFile
	names      *effect.OutFile
	toTexts    *bufio.Writer
	toNames    *bufio.Writer
	count, end int64
	sorters    []*Sorter
}

// NewNear gives an empty finder of texts whose similarity is at least that given.
func NewNear(e *effect.Effects, cfg Config, least float64) (*Near, error) {
	n := &Near{e: e, cfg: cfg, least: least}
	if err := e.MkdirAll(cfg.Dir); err != nil {
		return nil, err
	}
	var err error
	if n.texts, err = e.Create(filepath.Join(cfg.Dir, cfg.Name+".signatures")); err != nil {
		return nil, err
	}
	if n.names, err = e.Create(filepath.Join(cfg.Dir, cfg.Name+".names")); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	n.toTexts, n.toNames = bufio.NewWriterSize(n.texts, 256<<10), bufio.NewWriterSize(n.names, 64<<10)
	return n, nil
}

// Add takes a text: its number, by what name it is reported, its signature.
func (n *Near) Add(order int64, name string, s *Signature) error {
	var b [nearBytes]byte
	binary.BigEndian.PutUint64(b[:], uint64(order))
	binary.BigEndian.PutUint64(b[8:], uint64(n.end))
	binary.BigEndian.PutUint32(b[16:], uint32(len(name)))
	copy(b[20:], s[:])
	if _, err := n.toTexts.Write(b[:]); err != nil {
		return err
	}
	n.end += int64(len(name))
	n.count++
	_, err := n.toNames.WriteString(name)
	return err
}

// NearPair says that one text is nearly an earlier one.
type NearPair struct {
	Pair
	Name, FirstName string
	Similarity      float64
}

// Pairs gives every text that is nearly an earlier one, with the earlier one it is most like, by order. The earlier one is
// itself not nearly another: what is like a text that is like a third need not be like the third. Texts for which skip
// says true take no part; it is asked in their order.
func (n *Near) Pairs(skip func(order int64) (bool, error)) iter.Seq2[NearPair, error] {
	return func(yield func(NearPair, error) bool) {
		if err := n.pairs(skip, yield); err != nil && !errors.Is(err, errEnough) {
			yield(NearPair{}, err)
		}
	}
}

var errEnough = errors.New("enough")

func (n *Near) pairs(skip func(order int64) (bool, error), yield func(NearPair, error) bool) error {
	if err := errors.Join(n.toTexts.Flush(), n.toNames.Flush()); err != nil {
		return err
	}
	candidates, err := n.candidates(skip)
	if err != nil {
		return err
	}
	// Which texts are nearly another, a byte each, in a file: there may be more of them than memory holds.
	marks, err := n.e.Create(filepath.Join(n.cfg.Dir, n.cfg.Name+".marks"))
	if err != nil {
		return err
	}
	defer func() { _ = errors.Join(marks.Close(), n.e.Remove(marks.Path())) }()
	marked := column{f: marks}
	var text nearText
	var own int64 = -1
	var best NearPair
	give := func() error {
		if own < 0 {
			return nil
		}
		if err := marked.set(own, best.Similarity >= n.least); err != nil {
			return err
		}
		if best.Similarity < n.least {
			return nil
		}
		var err error
		if best.Name, err = n.name(&text); err != nil {
			return err
		}
		if !yield(best, nil) {
			return errEnough
		}
		return nil
	}
	var before int64 = -1 // the candidate that was looked at last: each band may give it
	for e, err := range candidates.Sorted() {
		if err != nil {
			return err
		}
		at, first := int64(binary.BigEndian.Uint64(e.Hash[:])), int64(binary.BigEndian.Uint64(e.Hash[8:]))
		if at != own {
			if err := give(); err != nil {
				return err
			}
			own, before, best = at, -1, NearPair{}
			if text, err = n.text(at); err != nil {
				return err
			}
		}
		if first == before {
			continue
		}
		before = first
		if is, err := marked.is(first); err != nil || is {
			if err != nil {
				return err
			}
			continue
		}
		other, err := n.text(first)
		if err != nil {
			return err
		}
		if s := text.signature.Similarity(&other.signature); s >= n.least && s > best.Similarity {
			name, err := n.name(&other)
			if err != nil {
				return err
			}
			best = NearPair{Pair: Pair{Order: text.order, First: other.order}, FirstName: name, Similarity: s}
		}
	}
	return give()
}

// candidates are pairs of numbers of texts, the later one first, that share a band.
func (n *Near) candidates(skip func(order int64) (bool, error)) (*Sorter, error) {
	shared := n.sorter("bands")
	for at, t := range n.all() {
		if t.err != nil {
			return nil, t.err
		}
		if out, err := skip(t.order); err != nil || out {
			if err != nil {
				return nil, err
			}
			continue
		}
		for band := range bands {
			h := xxh3.Hash128Seed(t.signature[band*bandRows:(band+1)*bandRows], uint64(band))
			if err := shared.Add(Entry{Hash: Hash(h.Bytes()), Order: at}); err != nil {
				return nil, err
			}
		}
	}
	out := n.sorter("candidates")
	for pair, err := range shared.Groups() {
		if err != nil {
			return nil, err
		}
		var h Hash
		binary.BigEndian.PutUint64(h[:], uint64(pair.Order))
		binary.BigEndian.PutUint64(h[8:], uint64(pair.First))
		if err := out.Add(Entry{Hash: h}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (n *Near) sorter(what string) *Sorter {
	cfg := n.cfg
	cfg.Name += "." + what
	s := NewSorter(n.e, cfg)
	n.sorters = append(n.sorters, s)
	return s
}

// nearText is a text as it is in the file.
type nearText struct {
	order     int64
	nameAt    int64
	nameBytes uint32
	signature Signature
	err       error
}

func readText(b []byte) (t nearText) {
	t.order, t.nameAt = int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))
	t.nameBytes = binary.BigEndian.Uint32(b[16:])
	copy(t.signature[:], b[20:])
	return t
}

// all reads the texts from the first to the last.
func (n *Near) all() iter.Seq2[int64, *nearText] {
	return func(yield func(int64, *nearText) bool) {
		f, err := os.Open(n.texts.Path())
		if err != nil {
			yield(0, &nearText{err: err})
			return
		}
		defer func() { _ = f.Close() }()
		in := bufio.NewReaderSize(f, 256<<10)
		var b [nearBytes]byte
		for at := range n.count {
			_, err := io.ReadFull(in, b[:])
			t := readText(b[:])
			if t.err = err; !yield(at, &t) || err != nil {
				return
			}
		}
	}
}

func (n *Near) text(at int64) (nearText, error) {
	var b [nearBytes]byte
	if _, err := n.texts.ReadAt(b[:], at*nearBytes); err != nil {
		return nearText{}, fmt.Errorf("read signature %d: %w", at, err)
	}
	return readText(b[:]), nil
}

func (n *Near) name(t *nearText) (string, error) {
	b := make([]byte, t.nameBytes)
	if _, err := n.names.ReadAt(b, t.nameAt); err != nil {
		return "", fmt.Errorf("read the name of text %d: %w", t.order, err)
	}
	return string(b), nil
}

// Close removes all files.
func (n *Near) Close() error {
	var errs []error
	for _, s := range n.sorters {
		errs = append(errs, s.Close())
	}
	for _, f := range []*effect.OutFile{n.texts, n.names} {
		if f != nil {
			errs = append(errs, f.Close(), n.e.Remove(f.Path()))
		}
	}
	return errors.Join(errs...)
}

// column is a byte for each number, written in their order, with its last stretch in memory.
type column struct {
	f       *effect.OutFile
	written int64 // bytes that are in the file
	tail    []byte
}

const columnTail = 64 << 10

func (c *column) set(at int64, is bool) error {
	for c.written+int64(len(c.tail)) < at {
		c.tail = append(c.tail, 0)
		if err := c.spill(); err != nil {
			return err
		}
	}
	b := byte(0)
	if is {
		b = 1
	}
	c.tail = append(c.tail, b)
	return c.spill()
}

func (c *column) spill() error {
	if len(c.tail) < columnTail {
		return nil
	}
	n, err := c.f.Write(c.tail)
	c.written += int64(n)
	c.tail = c.tail[:0]
	return err
}

// is reports what was set; nothing counts as false.
func (c *column) is(at int64) (bool, error) {
	if at >= c.written {
		i := at - c.written
		return i < int64(len(c.tail)) && c.tail[i] == 1, nil
	}
	var b [1]byte
	_, err := c.f.ReadAt(b[:], at)
	return b[0] == 1, err
}
