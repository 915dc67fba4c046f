package effect

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrOther says that a file does not hold what it was expected to hold.
var ErrOther = errors.New("the file holds something else now")

// ReplaceFile puts content in the place of a file that holds what was; it fails with ErrOther if the file holds anything else. The file
// appears whole, under the same name, with the same permissions and, as far as this user may, the same owner. Between the last look at
// the file and the change of its name is a moment in which a write by another program is lost. by is part of the name of the temporary
// file, which a later call with the same path and by uses again.
func (e *Effects) ReplaceFile(path, by string, was, content []byte) error {
	sum := sha256.Sum256([]byte(filepath.Base(path)))
	temporary := filepath.Join(filepath.Dir(path), ".quarry-"+by+"-"+hex.EncodeToString(sum[:8])+".tmp")
	return e.do(File, "replace "+path, func() error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if err := os.Remove(temporary); err != nil && !os.IsNotExist(err) {
			return err
		}
		f, err := os.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
		if err != nil {
			return err
		}
		_, err = f.Write(content)
		keepOwner(f, info)
		err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
		if err == nil {
			err = holds(path, was)
		}
		if err == nil {
			err = os.Rename(temporary, path)
		}
		if err != nil {
			_ = os.Remove(temporary)
			return fmt.Errorf("replace %s: %w", path, err)
		}
		return syncDir(filepath.Dir(path))
	})
}

func holds(path string, want []byte) error {
	got, err := os.ReadFile(path)
	if err == nil && !bytes.Equal(got, want) {
		err = ErrOther
	}
	return err
}
