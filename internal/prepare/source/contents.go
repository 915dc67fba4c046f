package source

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

// Contents is a digest of the bytes of all sources, with the names of their files. Names, sizes and times, which Seen reads, say only
// that the bytes may differ. What is in the directory except, which exists, is not part of it.
func Contents(ctx context.Context, names []string, except string) (string, error) {
	own, err := os.Stat(except)
	if err != nil {
		return "", err
	}
	all := sha256.New()
	for _, name := range names {
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
			return "", fmt.Errorf("read the contents of the sources: %w", err)
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
