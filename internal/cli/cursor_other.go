//go:build !windows

package cli

import "os"

// movesCursor reports whether a terminal obeys escape sequences. All do that are not named dumb.
func movesCursor(*os.File) bool { return true }
