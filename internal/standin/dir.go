package standin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrForeign says that a directory holds what another program has put there.
var ErrForeign = errors.New("the directory holds files of another program")

// CheckDir refuses a data directory in which a name that the stand-in needs belongs to another program. The file of an account's
// identities is what the stand-in makes first, so a directory without one has none of the others. Nothing is made. The error wraps ErrForeign.
func CheckDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("data directory %s: %w", dir, err)
	case !info.IsDir():
		return fmt.Errorf("data directory %s: %w: it is a file", dir, ErrForeign)
	}
	accounts, err := accountsIn(dir, nil)
	if err != nil {
		return fmt.Errorf("data directory %s: %w", dir, err)
	}
	if len(accounts) > 0 {
		return nil
	}
	for _, name := range []string{"s3", "jobs"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("data directory %s: %w: %s", dir, ErrForeign, name)
		}
	}
	return nil
}
