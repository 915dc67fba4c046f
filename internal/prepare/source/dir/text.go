package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/stream"
)

// Text is one file that is one document: what a folder holds many of, named by itself.
type Text struct {
	File   stream.File
	Format quarry.Format
	Config item.Config
	Index  int // of the source in the run
}

// Name gives the file's name.
func (t *Text) Name() string { return t.File.Name }

// Blocks gives one block of one document, whose id is the file's own or its last name.
func (t *Text) Blocks(ctx context.Context, _ quarry.Position) iter.Seq2[quarry.Block, error] {
	id := t.File.ID
	if id == "" {
		id = path.Base(filepath.ToSlash(t.File.Name))
	}
	return func(yield func(quarry.Block, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(quarry.Block{}, err)
			return
		}
		at := quarry.Position{Source: t.Index, File: t.File.Name}
		yield(quarry.Block{First: at, Documents: func(yield func(quarry.Document, error) bool) {
			d, err := Read(ctx, t.File, id, t.Format, t.Config, at)
			if !errors.Is(err, item.ErrFiltered) {
				yield(d, err)
			}
		}}, nil)
	}
}

// document reads one text.
func (s *Source) document(ctx context.Context, f file, at quarry.Position) (quarry.Document, error) {
	if f.err != nil {
		return quarry.Document{At: at}, &quarry.ItemError{At: at, Reason: "cannot be read: " + bare(f.err)}
	}
	open, err := stream.Local(filepath.Join(s.Root, filepath.FromSlash(f.rel)))
	if err != nil {
		return quarry.Document{At: at}, &quarry.ItemError{At: at, ID: quarry.DocumentID(f.rel), Reason: "cannot be read: " + bare(err)}
	}
	return Read(ctx, open, f.rel, f.format, s.Config, at)
}

// Read makes a document of a whole text file. The error is item.ErrFiltered or a *quarry.ItemError.
func Read(
	ctx context.Context, f stream.File, id string, format quarry.Format, cfg item.Config, at quarry.Position,
) (quarry.Document, error) {
	fault := func(reason string) (quarry.Document, error) {
		return quarry.Document{At: at}, &quarry.ItemError{At: at, ID: quarry.DocumentID(strings.ToValidUTF8(id, "\ufffd")), Reason: reason}
	}
	if !utf8.ValidString(id) {
		return fault("the file's name is not UTF-8")
	}
	in, err := f.From(ctx, 0)
	if err != nil {
		return fault("cannot be read: " + bare(err))
	}
	defer func() { _ = in.Close() }()
	limit := int64(cfg.Limit())
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return fault("cannot be read: " + bare(err))
	}
	if int64(len(data)) > limit {
		return fault(fmt.Sprintf("item is above the limit of %s", figure.Count(limit, "byte")))
	}
	text, err := stream.Text(data)
	if err != nil {
		return fault(err.Error())
	}
	if leftOut(cfg, id, f.Name, text) {
		return quarry.Document{At: at}, item.ErrFiltered
	}
	return quarry.Document{ID: quarry.DocumentID(id), Body: text, Format: format, At: at}, nil
}

// bare takes "open PATH:" off: the position names the file already.
func bare(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
