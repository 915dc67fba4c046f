//go:build !windows

package effect

import (
	"fmt"
	"os"
)

// syncDir makes a rename durable: POSIX keeps a name in its directory, which has to be synced by itself.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		_ = d.Close()
		return fmt.Errorf("sync directory %s: %w", path, err)
	}
	return d.Close()
}
