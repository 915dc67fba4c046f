package jsonl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/cut"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/note"
	"quarry/internal/prepare/source/stream"
)

// Objects is a file of objects in an array, or one after the other however the lines fall.
type Objects struct {
	File   stream.File
	Config item.Config
	Index  int // of the source in the run
	// Path leads to the arrays of items inside of large objects, as exports have it: db, *, data, posts. Each (*) leads into all
	// values of an array, and every array at the path is read, in every object of the file. Empty: the file is the array, or
	// objects that hold it somewhere, which is then looked for.
	Path []string
	// Keys, where set, tells by the file's first items where the parts of a document are, as far as the kind of file
	// says it and the configuration does not.
	Keys func(first [][]byte) item.Keys
	// Convert, where set, makes the item that is read of the one that is in the file. It gets and gives a JSON object.
	Convert func(dst, obj []byte) []byte
}

// Name gives the file's name.
func (s *Objects) Name() string { return s.File.Name }

// Blocks gives the objects in blocks of about 1 MiB.
func (s *Objects) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		if err := s.blocks(ctx, from, yield); err != nil {
			yield(quarry.Block{}, fmt.Errorf("read %s: %w", s.File.Name, err))
		}
	}
}

func (s *Objects) blocks(ctx context.Context, from quarry.Position, yield func(quarry.Block, error) bool) error {
	s, err := s.located(ctx)
	if err != nil {
		return err
	}
	var keys item.Keys
	decided := false
	if from.Offset > 0 {
		err := s.chunks(ctx, quarry.Position{}, func(c cut.Chunk) bool {
			keys, decided = s.decide(c)
			return !decided
		})
		if err != nil {
			return err
		}
	}
	return s.chunks(ctx, from, func(c cut.Chunk) bool {
		if !decided {
			keys, decided = s.decide(c)
		}
		return yield(s.block(c, keys), nil)
	})
}

// Each gives every object as it is in the file, before it is checked, until stopped.
func (s *Objects) Each(ctx context.Context, each func(obj []byte) bool) error {
	return s.chunks(ctx, quarry.Position{}, func(c cut.Chunk) bool {
		for it := range c.Items() {
			if !each(it.Text) {
				return false
			}
		}
		return true
	})
}

// located is the source with the path to its items, where they are inside of one object.
func (s *Objects) located(ctx context.Context) (*Objects, error) {
	if len(s.Path) > 0 {
		return s, nil
	}
	head, err := s.File.Head(ctx)
	if err != nil {
		return nil, err
	}
	if head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n"); len(head) == 0 || head[0] != '{' {
		return s, nil
	}
	var in io.Reader = bytes.NewReader(head)
	if !s.File.Single() { // else its head has to tell
		file, err := s.File.From(ctx, 0)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	path, others := find(in, s.Config.Fields)
	if path == nil {
		return s, nil
	}
	if len(others) > 0 {
		s.Config.Notes.Count(note.Arrays, taken(s.File.Name, path, others))
	}
	found := *s
	found.Path = path
	return &found, nil
}

// chunks reads the items' chunks from a position until stopped.
func (s *Objects) chunks(ctx context.Context, from quarry.Position, each func(cut.Chunk) bool) error {
	in, err := s.File.From(ctx, from.Offset)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	place := jsonl.Place{Line: from.Line, Offset: from.Offset}
	r, err := s.rules(ctx)
	if err != nil {
		return err
	}
	if from.Offset == 0 && len(s.Path) > 0 {
		rest, line, offset, err := seek(in, s.Path)
		if err != nil {
			return err
		}
		place = jsonl.Place{Line: line, Offset: offset}
		for chunk, err := range cut.Chunks(ctx, rest, place, r, s.Config.Limit()) {
			if err != nil {
				return err
			}
			if !each(chunk) {
				return nil
			}
		}
		return nil
	}
	for chunk, err := range cut.Chunks(ctx, in, place, r, s.Config.Limit()) {
		if err != nil {
			return err
		}
		if !each(chunk) {
			return nil
		}
	}
	return nil
}

// rules tells by the file's head how its items are held together.
func (s *Objects) rules(ctx context.Context) (cut.Rules, error) {
	if len(s.Path) > 0 {
		return rules(inside, s.Path), nil
	}
	head, err := s.File.Head(ctx)
	if err != nil {
		return cut.Rules{}, err
	}
	if head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n"); len(head) > 0 && head[0] == '[' {
		return rules(array, nil), nil
	}
	return rules(loose, nil), nil
}

func (s *Objects) decide(chunk cut.Chunk) (item.Keys, bool) {
	var first [][]byte
	var check jsonl.Checker
	for it := range chunk.Items() {
		text := it.Text
		_, err := check.Object(text)
		if errors.Is(err, jsonl.ErrHalfPair) {
			text, _ = jsonl.ReplaceHalfPairs(nil, text)
			_, err = check.Object(text)
		}
		if err != nil {
			continue
		}
		if s.Convert != nil {
			text = s.Convert(nil, text)
		}
		if first = append(first, text); len(first) == item.Sample {
			break
		}
	}
	if len(first) == 0 {
		return item.Keys{}, false
	}
	var own item.Keys
	if s.Keys != nil {
		own = s.Keys(first)
	}
	return s.Config.DecideWith(own, first), true
}

func (s *Objects) block(chunk cut.Chunk, keys item.Keys) quarry.Block {
	return s.Config.Block(chunk, quarry.Position{Source: s.Index, File: s.File.Name}, keys, func() func([]byte) ([]byte, string) {
		return func(text []byte) (obj []byte, reason string) {
			if s.Convert != nil && jsonl.Check(text) == nil {
				text = s.Convert(make([]byte, 0, len(text)+256), text)
			}
			return text, ""
		}
	})
}
