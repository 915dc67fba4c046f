package cli

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"quarry/internal/aws/account"
	"quarry/internal/base/nearest"
	"quarry/internal/config/clientenv"
)

// wantsLines reports whether a shell may run what the command line prints: its command is local, or was meant to be, or one
// of its flags was meant to be --detach. If the command does not start, a shell that ran nothing would use the user's own
// credentials with the commands that follow. A command line that names --stop has no lines to print, and the process that
// --detach started leaves them to the one that started it.
func wantsLines(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	if slices.Contains(args, "--detached") || commandWord(args) == "run" { // which has a --detach of its own, and prints no lines for a shell
		return false
	}
	if slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-") && near(arg, "detach") }) {
		return true
	}
	command := commandWord(args)
	return !slices.Contains(args, "--stop") && (near(command, "local") || near(command, "detach"))
}

// commandWord gives the argument in the place of the command: the first one that is no flag of every command and no value of
// such a flag.
func commandWord(args []string) string {
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "-c" || arg == "--config":
			i++
		case strings.HasPrefix(arg, "-") && !near(arg, "local"):
		default:
			return arg
		}
	}
	return ""
}

// near reports whether an argument is a name, a misspelled form of it, or begins with it (localdetach, "local --detach").
func near(arg, name string) bool {
	word, _, _ := strings.Cut(strings.ToLower(strings.TrimLeft(arg, "-")), "=")
	return strings.HasPrefix(word, name) || nearest.Of(word, []string{name}) != ""
}

// leadNowhere prints variables with which every client fails, and a last command that fails, for the shell that the
// arguments name in any form.
func (a *App) leadNowhere(args []string) {
	shell := "sh"
	for _, arg := range args {
		switch arg = strings.ToLower(arg); {
		case strings.Contains(arg, "fish"):
			shell = "fish"
		case strings.Contains(arg, "power"), strings.Contains(arg, "pwsh"):
			shell = "powershell"
		}
	}
	vars := clientenv.Closed(account.DefaultRegion, (&exec.Cmd{}).Environ())
	lines, err := vars.Lines(shell, true)
	if err != nil { // every shell named above is known
		return
	}
	fmt.Fprint(a.Stdout, lines)
}

// ranCommand reports whether an error is the exit code of a command that was run: standard output is the command's.
func ranCommand(err error) bool {
	var command *exitError
	return errors.As(err, &command)
}
