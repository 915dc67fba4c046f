// Package worker is the stand-in's job engine: it takes model invocation jobs, walks them through Bedrock's states,
// sends every record to the model and writes the output that AWS would.
//
// It owns the job table, the journals of finished records, the counters, the engine's clock and the bill. It does not
// own the wire (package bedrockapi), the objects (package store), the answers (package model) or the rights, which it
// checks through Config.Access. It reads no catalogue: what a model id means comes in with the job.
//
// What always holds: a job leaves a state only from the state it is in, so a stop and an end never overwrite one
// another; a finished record is on disk before it is counted; after a crash at any moment every open job continues from
// what is on disk, no line of the input is in the output twice because of it, and no line is missing; a full disk stops the
// job's work and loses no answer; memory grows with the records in flight, and by 17 bytes with each record of a running job,
// never with their size.
package worker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"quarry"
	"quarry/internal/base/inflight"
	"quarry/internal/standin/faults"
	"quarry/internal/standin/model"
)

// Config is what an engine needs. Dir, Store and Model have no default.
type Config struct {
	Dir    string // of the job table and the journals; made when missing
	NoSync bool   // true: nothing is fsynced, a power cut may lose what was counted; for tests

	Store Store
	Model model.Model

	// Quotas gives the limits of a model in a Region by the id that Spec.ModelID has. Default: no limits. A
	// limit of 0 does not hold.
	Quotas func(region, modelID string) quarry.Quotas

	// Access says whether a principal may do something, nil for yes. It is called for a job's role, and whether Bedrock
	// may assume that role: principal "bedrock.amazonaws.com", action "sts:AssumeRole", resource the role. Default: yes
	// to all.
	Access func(ctx context.Context, principal, action, resource string, conditions map[string]string) error

	Faults      func() faults.Set // of all jobs and calls, as they are now; a job's tag overrides them. Default: none
	StateDelay  time.Duration     // in each of Submitted, Validating, Scheduled and Stopping. Default: 200ms
	Concurrency int               // records in flight, shared fairly by the running jobs. Default: 64
	Changed     func(Job)         // called with each status of each job, in order, once it is stored; must not block. Default: not called
	Now         func() time.Time  // default: time.Now
	Log         *slog.Logger      // default: none
}

// Defaults of Config.
const (
	DefaultStateDelay  = 200 * time.Millisecond
	DefaultConcurrency = 64
)

// Validate reports a setting that Open would refuse.
func (c Config) Validate() error {
	switch {
	case c.Dir == "":
		return errors.New("worker: no directory")
	case c.Store == nil:
		return errors.New("worker: no store")
	case c.Model == nil:
		return errors.New("worker: no model")
	case c.StateDelay < 0:
		return fmt.Errorf("worker: state delay %v is negative", c.StateDelay)
	case c.Concurrency < 0:
		return fmt.Errorf("worker: concurrency %d is negative", c.Concurrency)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Quotas == nil {
		c.Quotas = func(string, string) quarry.Quotas { return quarry.Quotas{} }
	}
	if c.Access == nil {
		c.Access = func(context.Context, string, string, string, map[string]string) error { return nil }
	}
	if c.Faults == nil {
		c.Faults = func() faults.Set { return faults.Set{} }
	}
	if c.StateDelay == 0 {
		c.StateDelay = DefaultStateDelay
	}
	if c.Concurrency == 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Engine runs jobs until Close. Its methods may be called from many goroutines.
type Engine struct {
	cfg   Config
	table *table
	disk  *disk
	clock *clock
	slots *slots
	calls callLogs

	replies *inflight.Budget

	start func(*live) // begins a job's life on a goroutine of its own
	end   context.CancelFunc
	work  sync.WaitGroup

	creating sync.Mutex // one Create at a time: token, quota and number are looked at together
	mu       sync.Mutex
	open     map[string]*live // by job id; a job leaves when it is terminal and tidied up
}

// Open opens the engine below cfg.Dir and continues every open job from what is on disk. It fails when another
// process holds the directory.
func Open(cfg Config) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open worker %s: %w", cfg.Dir, err)
	}
	cfg.Dir = dir
	for _, d := range []string{dir, filepath.Join(dir, segmentDir), filepath.Join(dir, billDir)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("open worker: %w", err)
		}
	}
	table, err := openTable(filepath.Join(dir, "jobs.db"), cfg.NoSync)
	if err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, table: table, slots: newSlots(cfg.Concurrency), replies: inflight.New(repliesBytes), open: map[string]*live{}}
	if err := e.resume(); err != nil {
		return nil, errors.Join(err, e.closeFiles())
	}
	return e, nil
}

func (e *Engine) resume() error {
	ahead, err := e.table.ahead()
	if err != nil {
		return err
	}
	e.clock = newClock(e.cfg.Now, ahead)
	ctx, cancel := context.WithCancel(context.Background()) //nolint:forbidigo // the jobs outlive the call that opens the engine; Close ends them
	e.end = cancel
	e.disk = newDisk(e.cfg.Dir, ctx.Done(), e.cfg.Log)
	e.calls.open = map[string]*calls{}
	if err := e.openCallLogs(); err != nil {
		return err
	}
	if err := e.removeLeftovers(); err != nil {
		return err
	}
	for job, err := range e.table.jobs(0, true) {
		if err != nil {
			return err
		}
		if job.Status.Terminal() && !e.untidy(job.ID) {
			continue
		}
		if job.Begun && !job.Status.Terminal() {
			sum, err := e.finishedOf(job.ID)
			if err != nil {
				return err
			}
			sum.put(&job) // before the first Get: counters do not go back
		}
		e.open[job.ID] = &live{job: job}
	}
	e.start = func(l *live) { e.work.Go(func() { e.live(ctx, l) }) }
	for _, l := range slices.Collect(maps.Values(e.open)) { // a copy: jobs leave the map when they have ended
		e.start(l)
	}
	return nil
}

// removeLeftovers removes what a killed process was writing that has no name yet.
func (e *Engine) removeLeftovers() error {
	for _, dir := range []string{e.cfg.Dir, filepath.Join(e.cfg.Dir, billDir)} {
		entries, err := os.ReadDir(dir) // the folder's name is the user's, and no pattern
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("find files left by a crash: %w", err)
		}
		for _, entry := range entries {
			if !strings.HasPrefix(entry.Name(), strings.TrimSuffix(tempPattern, "*")) {
				continue
			}
			if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
				return fmt.Errorf("remove files left by a crash: %w", err)
			}
		}
	}
	return nil
}

// Close stops the work and closes the files. Jobs keep the state they are in; the next Open continues them. When ctx
// ends first, Close returns its error with work still running.
func (e *Engine) Close(ctx context.Context) error {
	e.end()
	idle := make(chan struct{})
	go func() {
		e.work.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return e.closeFiles()
	case <-ctx.Done():
		return fmt.Errorf("close worker: %w", ctx.Err())
	}
}

func (e *Engine) closeFiles() error {
	return errors.Join(e.calls.close(), e.table.close())
}

// Now is the engine's clock: Config.Now and what Advance added.
func (e *Engine) Now() time.Time { return e.clock.now() }

// Advance moves the engine's clock forward, durably, and wakes whatever waits for it.
func (e *Engine) Advance(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("advance the clock by %v: it can only be moved forward", d)
	}
	return e.clock.advance(d, e.table.setAhead)
}
