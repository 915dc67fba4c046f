package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
)

// registered takes sources and settings of a run that another process registered, where the command names the run and no sources.
func (a *App) registered(ctx context.Context, s *config.Loaded, in *compose.RunInput, allow []string) (err error) {
	if len(in.Sources) == 0 && s.Run != "" {
		in.Registered, err = a.parts().OpenRegistered(ctx, s, allow)
		if err == nil {
			in.Sources, in.Records = in.Registered.Sources, in.Registered.Records
		}
		return err
	}
	if len(allow) > 0 {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "run", Subject: "--allow-source", Err: errors.New("it is for the sources that a ledger names, and this command names its own or no run"),
			Hint: "omit it, or name the run with --run ID and no SOURCE",
		}
	}
	return nil
}

// printRegistered prints the id of a run that was registered, and the command that continues it.
func (a *App) printRegistered(s *config.Loaded, sources []string) error {
	args := compose.Continue(s, s.Run, sources)
	if a.json {
		return a.writeJSON(map[string]any{"run": s.Run, "command": args})
	}
	a.say("nothing was sent: another process continues the run with the command that is printed last, on any machine")
	for i, arg := range args {
		args[i] = shellWord(arg)
	}
	_, err := fmt.Fprintf(a.Stdout, "%s\n%s\n", s.Run, plain(strings.Join(args, " ")))
	return err
}

// shellWord is an argument as a shell takes it.
func shellWord(arg string) string {
	if strings.Trim(arg, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@,+") == "" && arg != "" {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
