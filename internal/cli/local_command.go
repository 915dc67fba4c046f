package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"

	"quarry"
	"quarry/internal/base/effect"
)

// exitError carries the exit code of a command that was run for its user. It has its own say: nothing is printed.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// localCommandIn runs a command with a stand-in, and gives its exit code.
func (a *App) localCommandIn(ctx context.Context, o *localOptions, args []string) error {
	path, err := exec.LookPath(args[0])
	if err != nil {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "run", Subject: args[0], Err: errors.New("no such command"),
			Hint: "check the name; to run a shell builtin, name the shell: quarry local -- sh -c '…'",
		}
	}
	if err := checkLocalDir(o.cfg.Dir); err != nil {
		return err
	}
	log, err := effect.New(nil).Append(logPath(o.cfg.Dir)) // standard error is the command's
	if err != nil {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "start", Err: err, Hint: "name a directory that you can write to with --dir"}
	}
	defer func() { _ = log.Close() }() // it is read by people alone
	o.cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	served, err := a.serve(ctx, o)
	if err != nil {
		return err
	}
	defer func() {
		if e := served.close(ctx); e != nil { // the command's exit code is what counts
			a.say("%v", e)
		}
	}()
	// The command decides what an interruption means: the stand-in serves until it has ended.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), path, args[1:]...)
	cmd.Args[0] = args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.Stdin, a.Stdout, a.Stderr
	environment := cmd.Environ()
	cmd.Env = served.vars(environment).Apply(environment)
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, forwarded...)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "run", Subject: args[0], Err: err, Hint: "check that the file is executable"}
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	// A terminal sends Ctrl-C to the command as well: twice would be once too often.
	shared := isTerminal(a.Stdin) || isTerminal(a.Stdout) || isTerminal(a.Stderr)
	for {
		select {
		case s := <-signals:
			if s == os.Interrupt && shared {
				continue
			}
			_ = cmd.Process.Signal(s) // it may have ended
		case err := <-ended:
			return exitOf(err)
		}
	}
}

// exitOf gives the error that carries a command's exit code; a signal is 128 and its number, as in a shell.
func exitOf(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return &exitError{exitCodeOf(exit.ProcessState)}
	}
	return fmt.Errorf("wait for the command: %w", err)
}
