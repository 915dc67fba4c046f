// Package dir reads a folder of texts: Markdown, HTML and plain files, each a document, and JSON lines, each line one.
//
// It owns the walk and the ids of files. Encodings and packing are package stream's, JSON lines are read by the
// connector for them.
//
// What always holds: a folder's entries come sorted by name, a folder where its name is; ids are paths relative to the
// root, with slashes on every system; what begins with a dot, what Quarry itself wrote, links to folders, pipes and devices are
// not read, and that is counted.
package dir

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/jsonl"
	"quarry/internal/prepare/source/note"
	"quarry/internal/prepare/source/stream"
)

// Source is a folder.
type Source struct {
	Root   string
	Skip   []string // folders inside of it that are not read, as paths of their own; an empty one is none
	Config item.Config
	Index  int // of the source in the run
}

// Name gives the folder's name.
func (s *Source) Name() string { return s.Root }

// A block is so many small files, or so many bytes of them.
const (
	blockFiles = 64
	blockBytes = 1 << 20
)

// ErrNoFiles says that a folder holds nothing that could be read.
var ErrNoFiles = errors.New("it has no Markdown, HTML, .txt or .jsonl file; docs/sources.md lists the extensions")

// Blocks gives the folder's files in blocks of some.
func (s *Source) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		w := walk{s: s, from: from, yield: yield, made: madeBy(s.Root)}
		if from.File != "" {
			w.from.File = w.named(s.found(from.File))
		}
		for _, name := range s.Skip {
			if info, err := os.Stat(name); name != "" && err == nil {
				w.skip = append(w.skip, info)
			}
		}
		// The trailing slash follows a root that is itself a link.
		err := filepath.WalkDir(s.Root+string(filepath.Separator), func(name string, entry fs.DirEntry, err error) error {
			if e := ctx.Err(); e != nil {
				return e
			}
			return w.visit(ctx, name, entry, err)
		})
		if err == nil && !w.stopped {
			w.flush(ctx)
			if w.found == 0 && from.File == "" && !w.stopped {
				err = &quarry.Error{Kind: quarry.BadUsage, Op: "read source", Subject: s.Root, Err: ErrNoFiles, Hint: "name the files, or another folder"}
			}
		}
		if err != nil && !w.stopped {
			yield(quarry.Block{}, err)
		}
	}
}

// walk is one walk under way.
type walk struct {
	s       *Source
	from    quarry.Position
	yield   func(quarry.Block, error) bool
	files   []file // of the block that is being gathered
	bytes   int64
	found   int
	stopped bool
	made    string        // what the root is, where Quarry made it
	skip    []fs.FileInfo // of the folders that are not read
}

// file is one text.
type file struct {
	rel    string
	format quarry.Format
	size   int64
	err    error // why it cannot be read
}

func (w *walk) visit(ctx context.Context, name string, entry fs.DirEntry, err error) error {
	rel, relErr := filepath.Rel(w.s.Root, name)
	if relErr != nil {
		return fmt.Errorf("walk %s: %w", w.s.Root, relErr)
	}
	rel = filepath.ToSlash(rel)
	if err != nil && rel == "." {
		return fmt.Errorf("read folder: %w", err)
	}
	if rel == "." {
		return nil
	}
	info, statErr := os.Stat(name) // of what a link leads to
	if what := w.passedOver(rel, name, entry, info); what != "" {
		if w.from.File == "" && what != unseen {
			w.s.Config.Notes.Count(note.Passed, what+" "+rel)
		}
		if entry != nil && entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	}
	if entry.IsDir() {
		if err == nil && w.before(rel, true) {
			return fs.SkipDir
		}
		if err != nil {
			w.add(ctx, file{rel: rel, err: err})
		}
		return w.next()
	}
	format, lines := formatOf(rel)
	if format == "" && !lines && w.from.File == "" {
		w.s.Config.Notes.Count(note.Ignored, cmp.Or(stream.Extension(rel), "without an extension"))
	}
	if (format == "" && !lines) || w.before(rel, false) {
		return nil
	}
	switch {
	case statErr != nil:
		w.add(ctx, file{rel: rel, err: statErr})
	case lines:
		w.lines(ctx, rel)
	default:
		w.add(ctx, file{rel: rel, format: format, size: info.Size()})
	}
	return w.next()
}

// unseen is what is passed over and not counted: hidden files that would not be read under another name.
const unseen = "unseen"

// passedOver says why an entry is not looked at; empty: it is. info is nil where a link leads nowhere.
func (w *walk) passedOver(rel, name string, entry fs.DirEntry, info fs.FileInfo) string {
	format, lines := formatOf(rel)
	readable := format != "" || lines
	folder := entry != nil && entry.IsDir()
	switch base := path.Base(rel); {
	case w.made != "" && base == rel && wrote(w.made, base):
		if readable {
			return "file of the " + w.made
		}
		return unseen
	case strings.HasPrefix(base, ".") && folder:
		return "hidden folder"
	case strings.HasPrefix(base, ".") && readable:
		return "hidden file"
	case strings.HasPrefix(base, "."):
		return unseen
	case folder && info != nil && slices.ContainsFunc(w.skip, func(s fs.FileInfo) bool { return os.SameFile(s, info) }):
		return cmp.Or(madeBy(name), "output")
	case folder:
		return madeBy(name)
	case info == nil:
		return ""
	case info.IsDir():
		return "link to the folder"
	case info.Mode()&fs.ModeNamedPipe != 0:
		return "pipe"
	case !info.Mode().IsRegular():
		return "device or socket"
	case lines && isResults(name):
		return "results of a run"
	}
	return ""
}

func (w *walk) next() error {
	if w.stopped {
		return fs.SkipAll
	}
	return nil
}

// before reports whether an entry is before the place at which reading continues. Names are compared part by part, as
// the walk meets them: "a/b" comes before "a-b".
func (w *walk) before(rel string, folder bool) bool {
	if w.from.File == "" {
		return false
	}
	at := w.relative(w.from.File)
	if folder && strings.HasPrefix(at, rel+"/") {
		return false
	}
	return slices.Compare(strings.Split(rel, "/"), strings.Split(at, "/")) < 0
}

// found is the path below the root of a file that a position names. The root may have been spelled in another way then:
// relative to another folder, or as a whole path.
func (s *Source) found(name string) string {
	root := path.Clean(filepath.ToSlash(s.Root))
	if rel, ok := below(root, name); ok {
		return rel
	}
	whole, err := filepath.Abs(s.Root)
	if err != nil {
		return name
	}
	whole = filepath.ToSlash(whole)
	if rel, ok := below(whole, name); ok {
		return rel
	}
	exists := func(rel string) bool {
		_, err := os.Lstat(filepath.Join(s.Root, filepath.FromSlash(rel)))
		return err == nil
	}
	if exists(name) {
		return name
	}
	for end := whole; end != ""; { // the longest end of the folder's path with which the name begins
		_, end, _ = strings.Cut(end, "/")
		if rel, ok := below(end, name); ok && end != "" && exists(rel) {
			return rel
		}
	}
	return name
}

// below gives the path of a file below a folder, where it is there.
func below(folder, name string) (rel string, ok bool) {
	if folder == "/" {
		return strings.CutPrefix(name, folder)
	}
	return strings.CutPrefix(name, folder+"/")
}

// named is how a file is called in positions; relative is the way back.
func (w *walk) named(rel string) string { return path.Join(filepath.ToSlash(w.s.Root), rel) }

func (w *walk) relative(name string) string {
	root := path.Clean(filepath.ToSlash(w.s.Root))
	if root == "." {
		return name
	}
	return strings.TrimPrefix(strings.TrimPrefix(name, root), "/")
}

func (w *walk) add(ctx context.Context, f file) {
	w.found++
	if len(w.files) > 0 && (len(w.files) == blockFiles || w.bytes+f.size > blockBytes) {
		w.flush(ctx)
	}
	w.files = append(w.files, f)
	w.bytes += f.size
}

func (w *walk) flush(ctx context.Context) {
	if len(w.files) == 0 || w.stopped {
		return
	}
	files, s := w.files, w.s
	positions := make([]quarry.Position, len(files))
	for i, f := range files {
		positions[i] = quarry.Position{Source: s.Index, File: w.named(f.rel)}
	}
	w.files, w.bytes = nil, 0
	b := quarry.Block{First: positions[0], Documents: func(yield func(quarry.Document, error) bool) {
		for i, f := range files {
			d, err := s.document(ctx, f, positions[i])
			if errors.Is(err, item.ErrFiltered) {
				continue
			}
			if !yield(d, err) {
				return
			}
		}
	}}
	w.stopped = !w.yield(b, nil)
}

// lines gives the blocks of a file of JSON lines.
func (w *walk) lines(ctx context.Context, rel string) {
	w.found++
	w.flush(ctx)
	if w.stopped {
		return
	}
	name := w.named(rel)
	open, err := stream.Local(filepath.Join(w.s.Root, filepath.FromSlash(rel)))
	if err != nil {
		w.add(ctx, file{rel: rel, err: err})
		return
	}
	open.Name = name
	var from quarry.Position
	if w.from.File == name {
		from = w.from
	}
	lines := jsonl.Source{File: open, Config: w.s.Config, Index: w.s.Index}
	// One block is held back: if the file breaks off, the fault is the last thing in it, and a resumption there meets
	// the fault again and nothing else twice.
	var last *quarry.Block
	for b, err := range lines.Blocks(ctx, from) {
		if err != nil {
			switch {
			case ctx.Err() != nil: // visit says it
				return
			case last == nil:
				w.add(ctx, file{rel: rel, err: errors.Unwrap(err)})
			default:
				w.stopped = !w.yield(withFault(*last, errors.Unwrap(err)), nil)
			}
			return
		}
		if last != nil && !w.yield(*last, nil) {
			w.stopped = true
			return
		}
		last = &b
	}
	if last != nil {
		w.stopped = !w.yield(*last, nil)
	}
}

// withFault adds a fault of the block's file after its items.
func withFault(b quarry.Block, err error) quarry.Block {
	at := b.First
	at.Line = 0
	return quarry.Block{First: b.First, Documents: func(yield func(quarry.Document, error) bool) {
		for d, err := range b.Documents {
			if !yield(d, err) {
				return
			}
		}
		yield(quarry.Document{At: at}, &quarry.ItemError{At: at, Reason: "the rest cannot be read: " + bare(err)})
	}}
}

func formatOf(rel string) (format quarry.Format, lines bool) {
	extension := stream.Extension(rel)
	return Format(extension), extension == ".jsonl"
}

// Format gives the format of texts in files with an extension, in lower case with its dot; empty: not an extension of texts.
func Format(extension string) quarry.Format {
	switch extension {
	case ".md", ".markdown", ".mdx", ".qmd", ".mkd", ".mkdn", ".mdown", ".rmd", ".rmarkdown":
		return quarry.FormatMarkdown
	case ".html", ".htm", ".xhtml", ".xht":
		return quarry.FormatHTML
	case ".txt", ".text":
		return quarry.FormatText
	}
	return ""
}
