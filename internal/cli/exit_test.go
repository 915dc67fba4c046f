package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"quarry"
)

func TestErrorsOfTheFileSystemAreTheUsersToSettle(t *testing.T) {
	t.Parallel()
	at := func(err error) error {
		return fmt.Errorf("read folder: %w", &fs.PathError{Op: "open", Path: "some/where", Err: err})
	}
	for _, tt := range []struct {
		name string
		err  error
		code int
		hint string
	}{
		{"no right", at(syscall.EACCES), 2, "access"},
		{"nothing there", at(syscall.ENOENT), 2, "check the path"},
		{"a file as a folder", at(syscall.ENOTDIR), 2, "is a file"},
		{"a folder as a file", at(syscall.EISDIR), 2, "it is a folder"},
		{"something there", at(syscall.EEXIST), 2, "away"},
		{"read-only", at(syscall.EROFS), 2, "read-only"},
		{"a loop of links", at(syscall.ELOOP), 2, "name a path"},
		{"too many files", at(syscall.EMFILE), 2, "ulimit"},
		{"no space", at(syscall.ENOSPC), 1, "free space"},
		{"no space, in words of its own", &quarry.Error{Err: at(syscall.ENOSPC), Hint: "see that it has space"}, 1, ""},
		{"a rename", &os.LinkError{Op: "rename", Old: "a", New: "b", Err: syscall.EACCES}, 2, "access"},
		{"with the kind internal", &quarry.Error{Err: at(syscall.EACCES), Hint: "run it again"}, 2, "access"},
		{"with a kind of its own", &quarry.Error{Kind: quarry.Provider, Err: at(syscall.EACCES)}, 6, ""},
		{"not of a path", errors.New("odd"), 1, ""},
		{"of a closed file", at(fs.ErrClosed), 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, hint := exitCode(tt.err)
			if code != tt.code || !strings.Contains(hint, tt.hint) {
				t.Errorf("exitCode(%v) = %d, %q, want %d, %q", tt.err, code, hint, tt.code, tt.hint)
			}
		})
	}
}
