package outfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"quarry"
	"quarry/internal/base/effect"
)

// Draft is an output in the making, under a name that nothing has.
type Draft struct {
	Path string // where it is written; a caller that writes it may use names that begin with it

	e      *effect.Effects
	target Target
	stage  string
}

// Begin makes room for an output: next to a file, below dir for a stream. Errors are of kind BadUsage.
func Begin(e *effect.Effects, t Target, dir string) (*Draft, error) {
	d := &Draft{e: e, target: t}
	near := dir
	var err error
	if t.Kind == New || t.Kind == File {
		near = filepath.Dir(t.Path)
		d.stage, err = e.StageDir(near)
	} else {
		d.stage, err = e.TempDir(near)
	}
	if err != nil {
		if errors.Is(err, effect.ErrHook) {
			return nil, err
		}
		return nil, refuse(t.Name, fmt.Errorf("no file can be made in %s: %w", near, bare(err)), "name a file in a folder that you can write to")
	}
	d.Path = filepath.Join(d.stage, "out")
	return d, nil
}

// Commit brings the draft to its target, whole and durably. stdout is what a target of kind Stdout is written to. A target
// that another program made or changed in the meantime is left as it is.
func (d *Draft) Commit(ctx context.Context, stdout io.Writer) error {
	switch d.target.Kind {
	case Stdout:
		return d.copyTo(ctx, stdout)
	case Stream:
		out, err := d.open(ctx)
		if err != nil {
			return err
		}
		return errors.Join(d.copyTo(ctx, out), out.Close())
	}
	if err := d.sync(); err != nil {
		return err
	}
	if err := d.target.Again(); err != nil {
		return err
	}
	if d.target.Kind == File {
		return d.e.Rename(d.Path, d.target.Path)
	}
	err := d.e.RenameNew(d.Path, d.target.Path)
	if errors.Is(err, fs.ErrExist) {
		return d.target.Again()
	}
	return err
}

// sync brings the draft to the disk, whichever program wrote it.
func (d *Draft) sync() error {
	f, err := d.e.Append(d.Path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// open opens a stream. A FIFO without a reader is waited for until ctx ends.
func (d *Draft) open(ctx context.Context) (*effect.OutFile, error) {
	type opened struct {
		out *effect.OutFile
		err error
	}
	done := make(chan opened, 1)
	go func() {
		out, err := d.e.OpenStream(d.target.Path)
		done <- opened{out, err}
	}()
	select {
	case o := <-done:
		if o.err != nil && !errors.Is(o.err, effect.ErrHook) {
			o.err = refuse(d.target.Name, bare(o.err), "name a device or FIFO that you can write to")
		}
		return o.out, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (d *Draft) copyTo(ctx context.Context, out io.Writer) (err error) {
	in, err := os.Open(d.Path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if _, err := io.Copy(struct{ io.Writer }{out}, withContext{ctx, in}); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return &quarry.Error{Kind: quarry.BadUsage, Op: "write", Subject: d.target.Name, Err: bare(err), Hint: "check that its reader reads to the end"}
	}
	return nil
}

// Abort removes what is left of the draft; after Commit that is an empty directory.
func (d *Draft) Abort() error { return d.e.RemoveAll(d.stage) }

// withContext ends a copy between two reads when its context ends.
type withContext struct {
	ctx context.Context
	r   io.Reader
}

func (r withContext) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// WriteNew makes a small file of a name that nothing has; the error is fs.ErrExist's where something has it, a link that
// leads nowhere included.
func WriteNew(e *effect.Effects, path string, content []byte) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	stage, err := e.StageDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.RemoveAll(stage)) }()
	f, err := e.Create(filepath.Join(stage, "out"))
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return e.RenameNew(f.Path(), path)
}
