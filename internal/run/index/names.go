package index

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"quarry"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/lines"
)

// namesFile holds the id of each document, by order: the entries hold its hash alone, and a document that vanished from the
// sources can be named by nothing else.
const namesFile = "names.zst"

// AddName notes the id of the next document. Ids come in the order of the entries, one each.
func (w *Writer) AddName(id quarry.DocumentID) error {
	w.buf = binary.AppendUvarint(w.buf[:0], uint64(len(id)))
	w.buf = append(w.buf, id...)
	_, err := w.names.Write(w.buf)
	return err
}

// Names gives the ids of documents whose orders are given in rising order, read in one go from the beginning. It gives none
// where the pass was planned by a version that kept no ids.
func (p Pass) Names(orders iter.Seq[int64]) iter.Seq2[quarry.DocumentID, error] {
	return func(yield func(quarry.DocumentID, error) bool) {
		in, err := lines.Open(p.Path(namesFile))
		if errors.Is(err, os.ErrNotExist) {
			return
		}
		if err != nil {
			yield("", err)
			return
		}
		defer func() { _ = in.Close() }()
		names := bufio.NewReaderSize(in, 64<<10)
		var next int64
		for order := range orders {
			id, err := nameAt(names, order-next)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield("", fmt.Errorf("read the id of document %d: %w", order, err))
				return
			}
			next = order + 1
			if !yield(id, nil) {
				return
			}
		}
	}
}

// nameAt reads over so many names and gives the one that follows.
func nameAt(in *bufio.Reader, skip int64) (quarry.DocumentID, error) {
	for ; ; skip-- {
		n, err := binary.ReadUvarint(in)
		if err != nil {
			return "", err
		}
		if skip > 0 {
			if _, err := in.Discard(int(n)); err != nil {
				return "", noEnd(err)
			}
			continue
		}
		id := make([]byte, n)
		_, err = io.ReadFull(in, id)
		return quarry.DocumentID(id), noEnd(err)
	}
}

// noEnd says of an end inside a name that it is none.
func noEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// IDs gives the orders of the pass's documents by the hashes of their ids, sorted by hash, each id once. Documents of the
// pass before that are no longer in the sources follow with numbers that are no orders of this pass.
func (p Pass) IDs() iter.Seq2[dedupe.Entry, error] { return p.Known(0).IDs() }
