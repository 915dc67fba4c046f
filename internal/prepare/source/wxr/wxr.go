// Package wxr reads WordPress exports (WXR), other RSS files, and Atom: each item a document, with its raw body.
//
// It owns a scan of its own, which takes what importers choke on: control characters, CDATA inside of CDATA, items that
// are not closed. It removes nothing from bodies: block comments, shortcodes and bare line breaks are the cleaner's.
//
// What always holds: published posts and pages without a password are given; a condition on post_type asks for other types, one on
// status for other states, one on protected for those with a password, and each leaves the others as they are; reusable blocks that
// everybody may read are put into the posts that refer to them, in bounds;
// passwords of posts are not; an item that is broken is named, and the items after it are read.
package wxr

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"unicode/utf8"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/cut"
	sourceitem "quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/stream"
)

// Source is one export.
type Source struct {
	File   stream.File
	Config sourceitem.Config
	Index  int // of the source in the run

	form *form // what items are called; set when reading begins
}

// Name gives the file's name.
func (s *Source) Name() string { return s.File.Name }

// Blocks gives the items in blocks of about 1 MiB.
func (s *Source) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		if err := s.blocks(ctx, from, yield); err != nil {
			yield(quarry.Block{}, fmt.Errorf("read %s: %w", s.File.Name, err))
		}
	}
}

// feed is what the head of the file says about all of it.
type feed struct {
	form     *form
	prefix   string // of the names of Atom, with its colon
	language []byte // of the channel, as a JSON string; nil: not said
	old      bool   // the file was in an old encoding
	keys     sourceitem.Keys
	// reusable gives the file's reusable blocks by their id; nil where none are resolved.
	reusable func() map[string][]byte
	decided  bool
}

func (s *Source) blocks(ctx context.Context, from quarry.Position, yield func(quarry.Block, error) bool) error {
	file, old, err := s.File.Decoded(ctx)
	if err != nil {
		return err
	}
	head, err := file.Head(ctx)
	if err != nil {
		return err
	}
	own := *s
	s = &own
	s.form = formOf(head)
	f := feed{form: s.form, language: s.form.language(head), old: old}
	if s.form != rss {
		prefix, _ := rootName(rootTag(head))
		f.prefix = string(prefix)
	}
	if s.Config.LeaveOut == nil {
		s.Config.LeaveOut = s.leaveOut()
	}
	f.reusable = sync.OnceValue(func() map[string][]byte { return s.collect(ctx, file, f) })
	if from.Offset > 0 {
		err := s.chunks(ctx, file, quarry.Position{}, func(c cut.Chunk) bool {
			s.decide(c, &f)
			return !f.decided
		})
		if err != nil {
			return err
		}
	}
	return s.chunks(ctx, file, from, func(c cut.Chunk) bool {
		if !f.decided {
			s.decide(c, &f)
		}
		return yield(s.block(c, f), nil)
	})
}

func (s *Source) chunks(ctx context.Context, file stream.File, from quarry.Position, each func(cut.Chunk) bool) error {
	in, err := file.From(ctx, from.Offset)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	for chunk, err := range cut.Chunks(ctx, in, jsonl.Place{Line: from.Line, Offset: from.Offset}, s.form.rules(), s.Config.Limit()) {
		if err != nil {
			return err
		}
		if !each(chunk) {
			return nil
		}
	}
	return nil
}

// language reads the channel's language, which is before the items.
func (f *form) language(head []byte) []byte {
	if f != rss {
		if value := attribute(rootTag(head), "xml:lang"); value != "" && len(value) <= 40 && utf8.ValidString(value) {
			return jsonl.AppendString(nil, []byte(value))
		}
		return nil
	}
	if at := f.itemStart(head, 0); at >= 0 {
		head = head[:at]
	}
	_, rest, ok := bytes.Cut(head, []byte("<language>"))
	if !ok {
		return nil
	}
	value, _, ok := bytes.Cut(rest, []byte("</language>"))
	if value = bytes.TrimSpace(value); !ok || len(value) == 0 || len(value) > 40 || !utf8.Valid(value) {
		return nil
	}
	return jsonl.AppendString(nil, value)
}

func (s *Source) decide(chunk cut.Chunk, f *feed) {
	var first [][]byte
	for it := range chunk.Items() {
		if obj, reason := f.object(nil, it.Text, &scratch{}); reason == "" {
			first = append(first, obj)
		}
		if len(first) == sourceitem.Sample {
			break
		}
	}
	if len(first) == 0 {
		return
	}
	own := sourceitem.Keys{
		Title: sourceitem.Path{"title"}, Body: sourceitem.Path{"content"}, URL: sourceitem.Path{"link"}, Lang: sourceitem.Path{"language"},
		BodyFormat: quarry.FormatMarked,
	}
	wordpress, bodies := 0, 0
	for _, obj := range first {
		if _, ok := jsonl.Lookup(obj, "post_id"); ok {
			wordpress++
		}
		if _, ok := jsonl.Lookup(obj, "content"); ok {
			bodies++
		}
	}
	if wordpress > 0 {
		own.ID = sourceitem.Path{"post_id"}
	}
	switch {
	case f.form != rss:
		own.ID, own.Format = sourceitem.Path{"id"}, sourceitem.Path{"format"}
		if bodies == 0 {
			own.Body = sourceitem.Path{"summary"}
		}
	case bodies == 0:
		own.Body = sourceitem.Path{"description"} // a feed without content:encoded
	}
	for _, other := range []string{"summary", "description"} {
		own.OtherBodies = append(own.OtherBodies, sourceitem.Path{other})
	}
	own.OtherIDs = []sourceitem.Path{{"guid"}, {"link"}}
	f.keys, f.decided = s.Config.DecideWith(own, first), true
}

// scratch is memory that items of one block use one after the other.
type scratch struct {
	text             []byte
	categories, tags []byte
	meta             []byte
	elementor        []byte // what Elementor keeps of the item
	blank            bool   // the item has a body, and nothing in it
	id               string // of an item that may refer to reusable blocks
	seen             map[string]bool
}

// object writes an item as a JSON object; a reason says why it cannot be.
func (f *feed) object(dst, raw []byte, s *scratch) (obj []byte, reason string) {
	if !utf8.Valid(raw) {
		for i := 0; i < len(raw); {
			r, n := utf8.DecodeRune(raw[i:])
			if r == utf8.RuneError && n == 1 {
				return nil, fmt.Sprintf("invalid UTF-8 at byte %d", i)
			}
			i += n
		}
	}
	if f.old && bytes.ContainsRune(raw, utf8.RuneError) {
		return nil, "some bytes are not of the file's encoding"
	}
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	clear(s.seen)
	s.categories, s.tags, s.meta = s.categories[:0], s.tags[:0], s.meta[:0]
	s.elementor, s.blank = s.elementor[:0], false
	dst = append(dst, '{')
	if s.id = ""; f.reusable != nil && bytes.Contains(raw, []byte("wp:block")) {
		s.id = f.postID(raw)
	}
	_, st := f.form.item(raw, 0, func(name, attributes, content []byte) {
		if f.form != rss {
			dst = f.entry(dst, string(name), attributes, content, s)
		} else if content != nil || string(name) == "content:encoded" {
			dst = f.element(dst, string(name), attributes, content, s)
		}
	})
	if st != whole {
		return nil, "an element or a CDATA section that is not closed"
	}
	if s.blank {
		dst = jsonl.AppendString(member(dst, "content"), elementor(s.elementor))
	}
	for _, list := range []struct {
		name    string
		content []byte
		open    byte
	}{{"categories", s.categories, '['}, {"tags", s.tags, '['}, {"meta", s.meta, '{'}} {
		if len(list.content) > 0 {
			dst = member(dst, list.name)
			dst = append(append(append(dst, list.open), list.content...), list.open+2)
		}
	}
	if f.language != nil {
		dst = append(member(dst, "language"), f.language...)
	}
	return append(dst, '}'), ""
}

// postID gives the id of an item, which the export writes after the text.
func (f *feed) postID(raw []byte) (id string) {
	f.form.item(raw, 0, func(name, _, content []byte) {
		if id == "" && string(name) == "wp:post_id" {
			id = string(text(nil, content))
		}
	})
	return id
}

// element writes one element of an item. The first of a name counts.
func (f *feed) element(dst []byte, name string, attributes, content []byte, s *scratch) []byte {
	switch name {
	case "category":
		// All taxonomies come in elements of this name; menus and post formats say nothing about the text.
		list := &s.categories
		switch {
		case bytes.Contains(attributes, []byte("post_tag")) || bytes.Contains(attributes, []byte(`"tag"`)):
			list = &s.tags
		case bytes.Contains(attributes, []byte("domain=")) && !bytes.Contains(attributes, []byte(`"category"`)):
			return dst
		}
		s.text = text(s.text[:0], content)
		if len(*list) > 0 {
			*list = append(*list, ',')
		}
		*list = jsonl.AppendString(*list, s.text)
		return dst
	case "wp:postmeta":
		f.postmeta(content, s)
		return dst
	case "content:encoded":
		name = "content"
	case "excerpt:encoded":
		name = "excerpt"
	case "dc:creator":
		name = "creator"
	case "wp:post_password": // that there is one, and not which
		if len(bytes.TrimSpace(text(s.text[:0], content))) == 0 || s.seen["protected"] {
			return dst
		}
		s.seen["protected"] = true
		return append(member(dst, "protected"), "true"...)
	case "wp:comment":
		return dst
	}
	name = strings.TrimPrefix(name, "wp:")
	if strings.ContainsAny(name, ":\"\\<") || s.seen[name] || name == "categories" || name == "tags" || name == "meta" || name == "language" {
		return dst
	}
	s.seen[name] = true
	s.text = text(s.text[:0], content)
	if name == "content" && f.reusable != nil && bytes.Contains(s.text, reference) {
		s.text = resolve(s.text, s.id, f.reusable())
	}
	if name == "content" && len(bytes.TrimSpace(s.text)) == 0 {
		s.blank = true
		return dst
	}
	return jsonl.AppendString(member(dst, name), s.text)
}

// postmeta keeps a custom field. WordPress hides those that begin with an underscore.
func (f *feed) postmeta(content []byte, s *scratch) {
	var key string
	var value []byte
	inner := append(append(append([]byte("<item>"), content...), rss.end...), '\n')
	if _, st := rss.item(inner, 0, func(name, _, content []byte) {
		switch string(name) {
		case "wp:meta_key":
			key = string(text(nil, content))
		case "wp:meta_value":
			value = text(nil, content)
		}
	}); st == whole && key == elementorData {
		s.elementor = append(s.elementor[:0], value...)
		return
	} else if st != whole || key == "" || key[0] == '_' || s.seen["meta "+key] {
		return
	}
	s.seen["meta "+key] = true
	if len(s.meta) > 0 {
		s.meta = append(s.meta, ',')
	}
	s.meta = append(jsonl.AppendString(s.meta, []byte(key)), ':')
	s.meta = jsonl.AppendString(s.meta, value)
}

func member(dst []byte, name string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(jsonl.AppendString(dst, []byte(name)), ':')
}

func (s *Source) block(chunk cut.Chunk, f feed) quarry.Block {
	return s.Config.Block(chunk, quarry.Position{Source: s.Index, File: s.File.Name}, f.keys, func() func([]byte) ([]byte, string) {
		var used scratch
		return func(text []byte) (obj []byte, reason string) {
			return f.object(make([]byte, 0, len(text)+len(text)/16), text, &used)
		}
	})
}
