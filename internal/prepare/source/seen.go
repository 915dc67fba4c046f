package source

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"quarry/internal/prepare/source/dir"
)

// Seen is a digest of the names, sizes and times of all files of the sources: where it is the same, no file has changed. What
// Quarry wrote into a folder is not one of them: a run directory changes with every run. It is empty where a source is not a
// file or folder, or cannot be looked at.
func Seen(names []string) string {
	h := sha256.New()
	for _, name := range names {
		if info, err := os.Stat(name + "-wal"); err == nil { // where SQLite keeps what is new until a checkpoint
			fmt.Fprintf(h, "wal\x00%d\x00%d\n", info.Size(), info.ModTime().UnixNano())
		}
		ours := dir.Ours(name)
		err := filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case ours(path, d) && d.IsDir():
				return fs.SkipDir
			case ours(path, d) || d.IsDir():
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(h, "%s\x00%d\x00%d\n", path, info.Size(), info.ModTime().UnixNano())
			return err
		})
		if err != nil {
			return ""
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
