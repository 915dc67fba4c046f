package item

import (
	"errors"

	"quarry"
	"quarry/internal/prepare/source/cut"
)

// Block makes the documents of a chunk of source's File, whose items have these keys. For each reading of the block,
// converter gives what makes a JSON object of an item, in memory of its own, or says why that cannot be.
func (c Config) Block(
	chunk cut.Chunk, source quarry.Position, keys Keys, converter func() func(text []byte) (obj []byte, reason string),
) quarry.Block {
	first := source
	first.Line, first.Offset = chunk.Line, chunk.Offset
	return quarry.Block{First: first, Documents: func(yield func(quarry.Document, error) bool) {
		at := source
		if chunk.Skipped > 0 {
			at.Line, at.Offset = chunk.Item.Line, chunk.Item.Offset
			yield(quarry.Document{At: at}, c.TooLong(chunk.Skipped, at))
			return
		}
		if chunk.Fault != "" {
			yield(quarry.Document{At: first}, &quarry.ItemError{At: first, Reason: chunk.Fault})
			return
		}
		reader, convert := c.NewReader(keys), converter()
		for it := range chunk.Items() {
			at.Line, at.Offset = it.Line, it.Offset
			d, err := reader.converted(convert, it.Text, at)
			if errors.Is(err, ErrFiltered) {
				continue
			}
			if !yield(d, err) {
				return
			}
		}
	}}
}

func (r *Reader) converted(convert func(text []byte) ([]byte, string), text []byte, at quarry.Position) (quarry.Document, error) {
	obj, reason := convert(text)
	if reason != "" {
		return quarry.Document{At: at}, &quarry.ItemError{At: at, Reason: reason}
	}
	return r.Read(obj, at)
}
