package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A pass that stopped at its gate is judged: the same command over the same sources says so again and asks nothing. Sources that were
// corrected since are another question, so the pass is given up for them and the next one has a pilot of its own.

// cannotTell is what sources hold that are no files of this machine.
const cannotTell = "-"

// judged is what the sources hold of a pass that stops at its gate. Sources that changed since the pass was planned are not what was judged.
func (r *Run) judged(ctx context.Context) (string, error) {
	head, err := r.book.Head(ctx)
	if err != nil {
		return "", err
	}
	switch now := r.fingerprint(); {
	case now == "":
		return cannotTell, nil
	case now != head.Seen:
		return "other", nil
	}
	return r.contents(ctx)
}

// corrected reports whether a pass that stopped at its gate is to be given up, because its sources hold something else now or the command
// says so. Names, sizes and times tell only that they may.
func (r *Run) corrected(ctx context.Context, judged, seen string) (bool, error) {
	switch {
	case judged == "":
		return false, nil
	case r.cfg.ReplaceSource:
		return true, nil
	case judged == cannotTell, r.fingerprint() == seen:
		return false, nil
	}
	now, err := r.contents(ctx)
	return now != judged, err
}

// contents is a digest of the bytes of all sources, with the names of their files. What is in the run's own directory is none of it.
func (r *Run) contents(ctx context.Context) (string, error) {
	own, err := os.Stat(r.cfg.Dir)
	if err != nil {
		return "", err
	}
	all := sha256.New()
	for _, name := range r.cfg.Sources {
		err := filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			switch {
			case d.IsDir() && os.SameFile(info, own):
				return fs.SkipDir
			case !info.Mode().IsRegular():
				return nil
			}
			return digestFile(all, path)
		})
		if err == nil {
			err = digestFile(all, name+"-wal") // where SQLite keeps what is new until a checkpoint
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		}
		if err != nil {
			return "", fmt.Errorf("compare the sources with what was judged: %w", err)
		}
	}
	return hex.EncodeToString(all.Sum(nil)), nil
}

func digestFile(all io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	one := sha256.New()
	if _, err := io.Copy(one, f); err != nil {
		return err
	}
	_, err = fmt.Fprintf(all, "%q %x\n", path, one.Sum(nil))
	return err
}
