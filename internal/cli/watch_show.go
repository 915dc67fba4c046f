package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"quarry/internal/cli/board"
)

// watcher shows one overview after the other.
type watcher struct {
	app   *App
	mu    sync.Mutex
	live  *live // nil: lines
	pace  board.Pace
	shown string // the last line
}

// say prints a line for people in the place of the view, which is drawn again below it.
func (w *watcher) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.live != nil {
		w.live.clear()
	}
	w.app.say(format, args...)
}

// leave lets the last view stay on the screen.
func (w *watcher) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live = nil
}

func (w *watcher) show(ctx context.Context, o *overview) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	line := ""
	switch {
	case w.app.json:
		failed, err := w.app.failuresNow(ctx, o.dir, o.shards)
		if err != nil {
			return err
		}
		now := o.status(failed, &w.pace)
		b, err := json.Marshal(now)
		if err != nil {
			return fmt.Errorf("print status: %w", err)
		}
		line = string(b)
		now.Progress = reached{} // the clock alone changes nothing
		if b, err = json.Marshal(now); err != nil || string(b) == w.shown {
			return err
		}
		w.shown = string(b)
	case w.live != nil:
		w.live.draw(o.board(&w.pace).Lines(w.live.room()))
		return nil
	default:
		_, text := o.line(&w.pace)
		if line = plain(text); line == w.shown {
			return nil
		}
		w.shown = line
	}
	_, err := fmt.Fprintln(w.app.Stdout, line)
	return err
}
