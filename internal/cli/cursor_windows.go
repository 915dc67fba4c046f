package cli

import (
	"os"

	"golang.org/x/sys/windows"
)

// movesCursor makes a console obey escape sequences; one of a Windows older than 10 cannot
// (https://learn.microsoft.com/windows/console/console-virtual-terminal-sequences).
func movesCursor(f *os.File) bool {
	var mode uint32
	console := windows.Handle(f.Fd())
	if err := windows.GetConsoleMode(console, &mode); err != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
