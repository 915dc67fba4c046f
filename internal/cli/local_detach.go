package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/effect"
)

// detachLocal starts the same command again as a process of its own, and prints its lines once it listens.
func (a *App) detachLocal(ctx context.Context, o *localOptions) (err error) {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	if err := checkLocalDir(o.cfg.Dir); err != nil {
		return err
	}
	log, err := effect.New(nil).Append(logPath(o.cfg.Dir))
	if err != nil {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "start", Err: err, Hint: "name a directory that you can write to with --dir"}
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	before, err := log.File().Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	// It must outlive this process and its context.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, detachedArgs(a.args)...)
	cmd.Args[0] = os.Args[0] // the name by which this one was called
	cmd.Stderr = log.File()
	cmd.SysProcAttr = ownSession()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the stand-in: %w", err)
	}
	lines, err := firstLines(ctx, stdout)
	if ctx.Err() != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		return context.Cause(ctx)
	}
	if err == nil && strings.Contains(lines, "AWS_ENDPOINT_URL") {
		if _, err := io.WriteString(a.Stdout, lines); err != nil {
			return fmt.Errorf("write to stdout: %w", err)
		}
		a.say("serving in the background, data and log in %s; stop it with: quarry local --stop%s", o.cfg.Dir, dirFlag(o.cfg.Dir))
		return cmd.Process.Release()
	}
	waitErr := cmd.Wait()
	said := make([]byte, 64<<10)
	n, _ := log.ReadAt(said, before) // what there is
	return didNotStart(said[:n], waitErr)
}

// firstLines reads what the new process prints, up to the end of its standard output.
func firstLines(ctx context.Context, stdout io.Reader) (string, error) {
	type answer struct {
		text string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		b, err := io.ReadAll(io.LimitReader(stdout, 1<<20))
		done <- answer{string(b), err}
	}()
	select {
	case got := <-done:
		return got.text, got.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// didNotStart makes an error of what the process that failed has said.
func didNotStart(said []byte, err error) error {
	reason, hint := "", "see its messages with: quarry local"
	for line := range strings.Lines(string(said)) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, "quarry: error: "); ok {
			reason = text
		}
		if text, ok := strings.CutPrefix(line, "quarry: hint: "); ok {
			hint = text
		}
	}
	if reason == "" {
		reason = fmt.Sprintf("the stand-in ended while it started: %v", err)
	}
	kind := quarry.BadUsage
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		switch exit.ExitCode() {
		case 4:
			kind = quarry.Denied
		case 6:
			kind = quarry.Provider
		case 7:
			kind = quarry.Locked
		}
	}
	return &quarry.Error{Kind: kind, Err: errors.New(reason), Hint: hint}
}

// detachedArgs are the arguments of the process that stays.
func detachedArgs(args []string) []string {
	isDetach := func(arg string) bool { return arg == "--detach" || strings.HasPrefix(arg, "--detach=") }
	return append(slices.DeleteFunc(slices.Clone(args), isDetach), "--detached")
}
