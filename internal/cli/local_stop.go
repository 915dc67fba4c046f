package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/standin"
)

// checkLocalDir makes the data directory if it can be one.
func checkLocalDir(dir string) error {
	if err := standin.CheckDir(dir); err != nil {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "start", Err: err, Hint: "name another directory with --dir"}
	}
	if err := effect.New(nil).MkdirAll(dir); err != nil {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "start", Err: err, Hint: "name a directory that you can write to with --dir"}
	}
	return nil
}

// stopLocal ends the stand-in that serves a directory, and waits until it has ended.
func (a *App) stopLocal(ctx context.Context, dir string) error {
	path := filepath.Join(dir, "lock")
	text, err := os.ReadFile(path)
	if err != nil {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "stop", Subject: dir, Err: errors.New("no stand-in has served this directory"),
			Hint: "name its data directory with --dir",
		}
	}
	if err := standin.CheckDir(dir); err != nil {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "stop", Err: err, Hint: "name the stand-in's data directory with --dir"}
	}
	e := effect.New(nil)
	// Only the process that holds the lock is ended: its number may have been given to another one since it ended.
	release, err := e.TryLock(dir)
	if err == nil {
		a.say("no stand-in serves %s", dir)
		return release()
	}
	if !errors.Is(err, effect.ErrLocked) {
		return err
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil || pid <= 0 {
		return fmt.Errorf("stop: %s does not name the process", path)
	}
	process, err := os.FindProcess(pid)
	if err == nil {
		err = terminate(process)
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "stop", Subject: fmt.Sprintf("process %d", pid), Err: err, Hint: "stop it as the user who started it",
		}
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for {
		if release, err := e.TryLock(dir); err == nil {
			a.say("stopped the stand-in of %s", dir)
			return release()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-limit.C:
			return &quarry.Error{
				Kind: quarry.Internal, Op: "stop", Subject: fmt.Sprintf("process %d", pid), Err: errors.New("it has not ended after 30 seconds"),
				Hint: "look at " + logPath(dir),
			}
		}
	}
}
