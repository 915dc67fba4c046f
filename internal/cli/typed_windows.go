package cli

import (
	"os"

	"golang.org/x/sys/windows"
)

// dropTyped drops what was typed at a console and is not read yet.
func dropTyped(f *os.File) { _ = windows.FlushConsoleInputBuffer(windows.Handle(f.Fd())) }
