// Package frontmatter publishes into the front matter of a folder's files.
//
// It owns how a field is read, added, replaced and removed, in YAML and TOML. A file's text and its other fields keep every byte. What
// always holds: a file is replaced whole, and only if it holds exactly what was read; an edit that would change anything but its
// field is refused; nothing outside of the folder is written.
package frontmatter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/outcome/publish"
	"quarry/internal/prepare/source/dir"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/stream"
)

// Target is a folder of texts.
type Target struct {
	Dir     string
	Run     string // is part of the names of temporary files
	Effects *effect.Effects
	Items   item.Config // how the run reads its sources
}

// Name gives the folder's name.
func (t *Target) Name() string { return "frontmatter:" + t.Dir }

// Shown gives nothing: the differences say all.
func (t *Target) Shown([]string) []string { return nil }

// AtOnce is the number of files that are held at a time.
func (t *Target) AtOnce() int { return 32 }

// Close frees nothing.
func (t *Target) Close() error { return nil }

// Text gives the text as it is: YAML and TOML encode it.
func (t *Target) Text(field, text string, _ bool) (string, error) {
	if !isName(field) {
		return "", publish.NoField(t.Name(), field, "its name is not made of letters, digits, - and _",
			"name a field at the top of the front matter, such as description")
	}
	return text, nil
}

func isName(field string) bool {
	for _, r := range field {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_' {
			return false
		}
	}
	return field != ""
}

// file is one text as it was read.
type file struct {
	path   string // with all links followed
	data   []byte
	format quarry.Format
	page   page
}

// Read reads the files. The id of a document is the path of its file below the folder.
func (t *Target) Read(ctx context.Context, refs []publish.Ref, fields []string) ([]*publish.Article, error) {
	var out []*publish.Article
	for _, ref := range refs {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		f, err := t.open(ref.ID)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		a := &publish.Article{ID: ref.ID, Values: map[string]publish.Value{}, Moved: map[string]bool{}, State: f}
		out = append(out, a)
		if err != nil {
			a.Fault = reason(err)
			continue
		}
		for _, field := range fields {
			a.Values[field] = f.page.value(field)
			a.Moved[field] = !a.Values[field].Same(ref.Read(field))
		}
	}
	return out, nil
}

func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return "its file cannot be read: " + p.Err.Error()
	}
	return err.Error()
}

var errOutside = errors.New("its file is outside of the folder")

func (t *Target) open(id quarry.DocumentID) (*file, error) {
	local := filepath.FromSlash(string(id))
	if !filepath.IsLocal(local) {
		return nil, errOutside
	}
	root, err := filepath.EvalSymlinks(t.Dir)
	if err != nil {
		return nil, fmt.Errorf("open folder: %s", reason(err))
	}
	path, err := filepath.EvalSymlinks(filepath.Join(root, local))
	if err != nil {
		return nil, err
	}
	if inside, err := filepath.Rel(root, path); err != nil || !filepath.IsLocal(inside) {
		return nil, errOutside
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	f := &file{path: path, format: dir.Format(stream.Extension(string(id)))}
	switch {
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case f.format != quarry.FormatMarkdown && f.format != quarry.FormatHTML:
		return nil, fmt.Errorf("a file of type %q has no front matter", filepath.Ext(path))
	case info.Size() > int64(t.Items.Limit()):
		return nil, errors.New("it is larger than an item may be")
	}
	if f.data, err = os.ReadFile(path); err != nil {
		return nil, err
	}
	if !utf8.Valid(f.data) || bytes.IndexByte(f.data, 0) >= 0 {
		return nil, errors.New("it is not UTF-8")
	}
	f.page, err = parse(f.data)
	return f, err
}

// Documents gives the file as the source reads it.
func (t *Target) Documents(ctx context.Context, a *publish.Article, values map[string]publish.Value) ([]quarry.Document, error) {
	f, ok := a.State.(*file)
	if !ok {
		return nil, errors.New("not read")
	}
	data, err := f.with(values)
	if err != nil {
		return nil, &quarry.ItemError{ID: a.ID, Reason: err.Error()}
	}
	in := stream.Once(string(a.ID), bytes.NewReader(data))
	d, err := dir.Read(ctx, in, string(a.ID), f.format, t.Items, quarry.Position{File: string(a.ID)})
	if errors.Is(err, item.ErrFiltered) {
		err = &quarry.ItemError{ID: a.ID, Reason: "it would be left out of its source: as a draft, or by a condition"}
	}
	return []quarry.Document{d}, err
}

func (f *file) with(values map[string]publish.Value) ([]byte, error) {
	if len(values) == 0 {
		return f.data, nil
	}
	return f.page.set(values)
}

// Write replaces the file.
func (t *Target) Write(_ context.Context, a *publish.Article, values map[string]publish.Value) (string, error) {
	f, ok := a.State.(*file)
	if !ok {
		return "", errors.New("not read")
	}
	content, err := f.with(values)
	if err != nil {
		return "", &publish.Refused{Reason: err.Error()}
	}
	err = t.Effects.ReplaceFile(f.path, t.Run, f.data, content)
	switch {
	case errors.Is(err, effect.ErrOther), errors.Is(err, fs.ErrNotExist):
		return "", publish.ErrChanged
	case errors.Is(err, fs.ErrPermission), strings.Contains(fmt.Sprint(err), "read-only file system"):
		return "", &publish.Refused{Reason: reason(err)}
	}
	return "", err
}
