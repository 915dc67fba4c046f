package worker

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestAFullDiskKeepsWhatWasAskedAndAsksNoMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stop, over := make(chan struct{}), make(chan struct{})
		d := newDisk(t.TempDir(), stop, slog.New(slog.DiscardHandler))
		if !d.ready(t.Context(), over) {
			t.Fatal("nothing may be sent although there is room")
		}
		tries, written := 0, make(chan error, 1)
		go func() {
			written <- d.kept(func() error {
				if tries++; tries < 4 {
					return syscall.ENOSPC
				}
				return nil
			})
		}()
		synctest.Wait()
		if !d.isFull() {
			t.Error("it is not known that the disk is full")
		}
		ready := make(chan bool, 1)
		go func() { ready <- d.ready(t.Context(), over) }()
		synctest.Wait()
		select {
		case <-ready:
			t.Error("a record is sent while the disk is full")
		default:
		}
		time.Sleep(4 * diskPause)
		synctest.Wait()
		if err := <-written; err != nil || tries != 4 {
			t.Errorf("kept = %v after %d tries", err, tries)
		}
		if !<-ready || d.isFull() {
			t.Error("nothing is sent although there is room again")
		}

		// The end of the engine, of the job and of the work end the waiting.
		d.fill()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if d.ready(ctx, over) || d.wait(ctx) {
			t.Error("a job that is stopped waits")
		}
		close(over)
		if d.ready(t.Context(), over) {
			t.Error("work that is over goes on")
		}
		close(stop)
		if err := d.kept(func() error { return syscall.ENOSPC }); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("kept = %v after the end", err)
		}
		if err := d.kept(func() error { return syscall.EIO }); !errors.Is(err, syscall.EIO) {
			t.Errorf("kept = %v of another error", err)
		}
	})
}

func TestAStepIsTriedAgainWhereThereIsRoom(t *testing.T) {
	t.Parallel()
	d := newDisk(t.TempDir(), nil, slog.New(slog.DiscardHandler))
	if !d.wait(t.Context()) || d.isFull() {
		t.Error("the step is not tried again")
	}
	left, err := filepath.Glob(filepath.Join(d.dir, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}
