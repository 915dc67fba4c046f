package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"quarry/internal/atomicfile"
	"quarry/internal/config"
	"quarry/internal/effect"
	"quarry/internal/source"
)

// openSources opens what was named on the command line.
func (a *App) openSources(ctx context.Context, s *config.Settings, args []string, records bool) ([]source.Source, error) {
	cfg := source.Config{Fields: s.Fields, From: s.From, MaxItemBytes: s.MaxItemMiB << 20, Records: records, Stdin: a.Stdin}
	for _, w := range s.Where {
		c, err := source.ParseCondition(w)
		if err != nil {
			return nil, badSetting("where", err)
		}
		cfg.Where = append(cfg.Where, c)
	}
	if err := cfg.Validate(); err != nil {
		return nil, badSetting("source", err)
	}
	return source.Open(ctx, args, cfg)
}

// spool keeps what stdin gives, once: a run reads its sources more than once, and again when it is resumed.
func (a *App) spool(ctx context.Context, e *effect.Effects, dir string, args []string) ([]string, error) {
	out := slices.Clone(args)
	i := slices.Index(out, "-")
	if i < 0 {
		return out, nil
	}
	path := filepath.Join(dir, "index", "stdin.zst")
	out[i] = path
	if _, err := os.Stat(path); err == nil {
		a.say("stdin was kept when the run began; what stands there now is not read")
		return out, nil
	}
	if err := e.MkdirAll(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if _, err := atomicfile.CopyZstd(e, path, ctxReader{ctx, a.Stdin}); err != nil {
		return nil, fmt.Errorf("keep stdin: %w", err)
	}
	return out, nil
}

// ctxReader stops reading when ctx ends. An end of the input that comes with an interruption is none: Ctrl-C ends the
// program that writes into the pipe as well, and half of what it had to say must not be kept for all of it.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (r ctxReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, context.Cause(r.ctx)
	}
	n, err := r.r.Read(p)
	if errors.Is(err, io.EOF) {
		select {
		case <-r.ctx.Done():
		case <-time.After(100 * time.Millisecond): // both get the signal; ours may be told a moment later
		}
	}
	if r.ctx.Err() != nil {
		return n, context.Cause(r.ctx)
	}
	return n, err
}

// sourceNames are the sources as the run remembers them: files by their whole path, so that the folder one stands in
// does not matter.
func sourceNames(args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		out[i] = arg
		if _, err := os.Stat(arg); err == nil {
			if abs, err := filepath.Abs(arg); err == nil {
				out[i] = abs
			}
		}
	}
	return out
}
