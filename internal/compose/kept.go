package compose

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/config"
	"quarry/internal/prepare/kept"
	"quarry/internal/prepare/source"
	"quarry/internal/prepare/source/note"
	"quarry/internal/prepare/source/s3"
	"quarry/internal/run/event"
	"quarry/internal/run/lines"
	"quarry/internal/run/plan"
)

// KeepSources opens a run's sources for a pass. What can be read only once, or changes while it is read, is kept first: a
// run reads its sources more than once, and again when it is resumed.
func (pr *Program) KeepSources(
	s *config.Settings, e *effect.Effects, dir string, args []string, records bool, stdin *keptStdin, watch func(event.Event),
) func(context.Context, int, bool) ([]source.Source, error) {
	return func(ctx context.Context, pass int, planned bool) ([]source.Source, error) {
		cfg, err := pr.sourceConfig(s, e, records)
		if err != nil {
			return nil, err
		}
		readable, err := stdin.of(ctx, args, pass, planned)
		if err != nil {
			return nil, err
		}
		if old, of := KeptStdin(dir, pass-1); of > 0 && !planned {
			if err := e.Remove(old); err != nil {
				return nil, err
			}
		}
		cfg.Notes = new(note.Book)
		sources, err := source.Open(ctx, readable, cfg)
		if err != nil {
			return nil, err
		}
		read, err := howRead(s, records)
		if err != nil {
			return nil, err
		}
		for i, arg := range readable {
			if !source.Changing(ctx, arg, cfg) {
				continue
			}
			k := kept.Config{
				Dir: KeptDir(dir, i), Effects: e, Source: sources[i], Index: i, Pass: pass, Settings: read, Limit: s.Limit,
				Resumes: strings.HasPrefix(arg, s3.Scheme) || strings.HasPrefix(arg, "http"),
			}
			if s, ok := source.AsSynced(sources[i]); ok {
				k.Clock, k.Since = s.Clock, s.Since
			}
			if sources[i], err = keepOne(ctx, k, watch); err != nil {
				return nil, err
			}
		}
		return sources, nil
	}
}

// anyDocument refuses sources without a document, for a command that gives a pass up and sends another. Standard input is kept for that
// other pass, and removed again where it is refused.
func (pr *Program) anyDocument(
	s *config.Settings, e *effect.Effects, args []string, records bool, stdin *keptStdin,
) func(ctx context.Context, pass int) error {
	return func(ctx context.Context, pass int) error {
		cfg, err := pr.sourceConfig(s, e, records)
		if err != nil {
			return err
		}
		readable, err := stdin.of(ctx, args, pass, false)
		if err != nil {
			return err
		}
		none, err := noDocument(ctx, readable, cfg)
		if err != nil || none {
			err = errors.Join(err, e.Remove(stdinPath(stdin.dir, pass)))
		}
		if err != nil || !none {
			return err
		}
		return &quarry.Error{
			Kind: quarry.BadItems, Op: "plan", Subject: strings.Join(args, " "), Err: plan.ErrNoDocuments,
			Hint: "check the path and --where; `quarry clean SOURCE` shows what Quarry reads from it",
		}
	}
}

// noDocument reports whether the sources give no document. It reads them to the first one.
func noDocument(ctx context.Context, args []string, cfg source.Config) (bool, error) {
	cfg.Notes = new(note.Book)
	sources, err := source.Open(ctx, args, cfg)
	if err != nil {
		return false, err
	}
	for _, src := range sources {
		for block, err := range src.Blocks(ctx, quarry.Position{}) {
			if err != nil {
				return false, err
			}
			for _, err := range block.Documents {
				if item := (*quarry.ItemError)(nil); !errors.As(err, &item) {
					return false, err
				}
			}
		}
	}
	return true, nil
}

// ReadableAgain refuses pipes by name: a run reads its sources more than once, and keeps only what standard input gives.
// The error is a *quarry.Error of kind BadUsage.
func ReadableAgain(args []string) error {
	for _, arg := range args {
		if arg != "-" && source.OnlyOnce(arg) {
			return &quarry.Error{
				Kind: quarry.BadUsage, Op: "open source", Subject: arg,
				Err:  errors.New("it is a pipe or a device, which can be read only once, but a run reads its sources more than once"),
				Hint: "use standard input, which a run keeps: … | quarry run -",
			}
		}
	}
	return nil
}

func keepOne(ctx context.Context, cfg kept.Config, watch func(event.Event)) (source.Source, error) {
	name := cfg.Source.Name()
	if kept.Has(cfg) {
		watch(event.Event{Kind: event.Note, Text: name + " was read when this pass began; the next pass reads it again"})
		return kept.Keep(ctx, cfg)
	}
	watch(event.Event{Kind: event.StepBegan, Step: "read " + name})
	cfg.Watch = func(items, bytes int64) {
		watch(event.Event{Kind: event.Progress, Step: "read " + name, Done: items, Bytes: bytes})
	}
	k, err := kept.Keep(ctx, cfg)
	if err != nil {
		return nil, err
	}
	for _, line := range source.Notes(cfg.Source.(source.Source)) {
		watch(event.Event{Kind: event.Note, Text: line})
	}
	text := fmt.Sprintf("%-10s %s of %s, kept for this pass", "read", figure.Count(k.Documents, "document"), name)
	if !k.Since.IsZero() {
		text = fmt.Sprintf("%-10s %s of %s modified since %s; with earlier readings there are %s. Everything is read once a day",
			"read", figure.Count(k.Read, "document"), name, k.Since.Format(time.RFC3339), figure.Thousands(k.Documents))
	}
	watch(event.Event{Kind: event.Note, Text: text})
	return k, nil
}

// KeptDir is where a run directory keeps what a source gave, sources counted from 0.
func KeptDir(dir string, source int) string {
	return filepath.Join(dir, "index", "kept", fmt.Sprintf("%04d", source+1))
}

// howRead is a digest of the settings that decide which documents a source gives.
func howRead(s *config.Settings, records bool) (string, error) {
	b, err := json.Marshal(map[string]any{
		"fields": s.Fields, "where": s.Where, "from": s.From, "limit": s.Limit, "query": s.Query, "max_item": s.MaxItemMiB, "records": records,
	})
	if err != nil {
		return "", fmt.Errorf("digest of how sources are read: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}

// stdinPath is where what standard input gave to a pass is kept.
func stdinPath(dir string, pass int) string {
	name := "stdin.zst"
	if pass > 1 {
		name = fmt.Sprintf("stdin-%04d.zst", pass)
	}
	return filepath.Join(dir, "index", name)
}

// KeptStdin finds what was kept last, up to a pass; 0: nothing was.
func KeptStdin(dir string, pass int) (path string, of int) {
	for of = pass; of > 0; of-- {
		path = stdinPath(dir, of)
		if _, err := os.Stat(path); err == nil {
			return path, of
		}
	}
	return "", 0
}

// keptStdin keeps what standard input gives, its bytes, once a pass.
type keptStdin struct {
	effects *effect.Effects
	dir     string
	in      io.Reader
	say     func(format string, args ...any)
	read    bool // by this command
}

// whole reports whether a compressed file can be read to its end; its checksum is compared.
func whole(path string) bool {
	in, err := lines.Open(path)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, in)
	return errors.Join(err, in.Close()) == nil
}

// of gives the sources with the file of what standard input gave in the place of -. A pass that has its plan takes what was kept for it,
// and so does one that finds standard input empty.
func (k *keptStdin) of(ctx context.Context, args []string, pass int, planned bool) ([]string, error) {
	out := slices.Clone(args)
	at := slices.Index(args, "-")
	if at < 0 {
		return out, nil
	}
	if slices.Contains(args[at+1:], "-") {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "read standard input", Err: errors.New("it is named twice, but can be read only once"), Hint: "name - once",
		}
	}
	last, of := KeptStdin(k.dir, pass)
	broken := of > 0 && !whole(last)
	if of > 0 && !broken && (planned || k.read && of == pass) {
		if !k.read {
			k.say("standard input was kept when this pass began; the new input is not read")
		}
		out[at] = last
		return out, nil
	}
	path := stdinPath(k.dir, pass)
	out[at] = path
	if err := k.effects.MkdirAll(filepath.Dir(path)); err != nil {
		return nil, err
	}
	in := ctxReader{ctx, k.in}
	first := make([]byte, 1)
	n, err := io.ReadFull(in, first)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("keep stdin: %w", err)
	}
	switch {
	case n == 0 && broken:
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "read standard input", Subject: last,
			Err:  errors.New("standard input is empty, and the copy of what it held before is damaged"),
			Hint: "give the same input again: … | quarry run -",
		}
	case n == 0 && of > 0:
		k.say("standard input is empty: what it held before is read again")
		k.read = true
		return out, k.effects.Copy(last, path)
	}
	if _, err := atomicfile.CopyZstd(k.effects, path, io.MultiReader(strings.NewReader(string(first[:n])), in)); err != nil {
		return nil, fmt.Errorf("keep stdin: %w", err)
	}
	k.read = true
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
		case <-time.After(100 * time.Millisecond): // both get the signal; ours may arrive a moment later
		}
	}
	if r.ctx.Err() != nil {
		return n, context.Cause(r.ctx)
	}
	return n, err
}
