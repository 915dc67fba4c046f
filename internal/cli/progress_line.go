package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/compose"
	"quarry/internal/config"
)

// jobLines are the lines about jobs where they are not drawn in a block.
type jobLines struct {
	last          time.Time
	held          []string // the first lines that came too early
	count         int64    // of all that did
	records       int64    // of theirs
	states, shown string   // what the last line about all shards said of their states, and the line itself
}

const (
	lineEvery  = time.Second      // at most one line about jobs
	countEvery = 30 * time.Second // at most one line about counts alone
	jobsNamed  = 4                // at most so many jobs in one line
)

// sending are the steps that send records.
var sending = []string{"pilot", "shards"}

// job prints a line about a new job, or holds it back until a second has passed. The block has its jobs itself.
func (p *progress) job(records int64, format string, args ...any) {
	if p.live != nil {
		return
	}
	if len(p.jobs.held) < jobsNamed {
		p.jobs.held = append(p.jobs.held, fmt.Sprintf(format, args...))
	}
	p.jobs.count, p.jobs.records = p.jobs.count+1, p.jobs.records+records
	if time.Since(p.jobs.last) >= lineEvery {
		p.flushJobs()
	}
}

// flushJobs prints what was held back: one line.
func (p *progress) flushJobs() {
	switch {
	case p.jobs.count == 0:
		return
	case p.jobs.count == 1:
		p.keep("%s", p.jobs.held[0])
	case p.jobs.count <= jobsNamed:
		for i, line := range p.jobs.held {
			p.jobs.held[i] = strings.Join(strings.Fields(line), " ")
		}
		p.keep("%-10s %s: %s", p.step, figure.Count(p.jobs.count, "new job"), strings.Join(p.jobs.held, "; "))
	default:
		p.keep("%-10s %s, %s; quarry.log names each", p.step, figure.Count(p.jobs.count, "new job"), figure.Count(p.jobs.records, "record"))
	}
	p.jobs.last, p.jobs.held, p.jobs.count, p.jobs.records = time.Now(), nil, 0, 0
}

// tick looks at the ledger and draws the block, or prints a line where something changed. A look at many shards takes long, so that it
// is taken less often.
func (p *progress) tick(ctx context.Context) {
	ticker := time.NewTicker(lineEvery)
	defer ticker.Stop()
	var next time.Time
	for {
		select {
		case <-p.ticks:
			return
		case <-ticker.C:
		}
		if time.Now().After(next) {
			began := time.Now()
			p.look(ctx)
			next = time.Now().Add(20 * time.Since(began))
		}
		p.mu.Lock()
		p.flushJobs()
		if p.live != nil {
			p.draw()
		} else {
			p.printChange()
		}
		p.mu.Unlock()
	}
}

// look reads the ledger. It says nothing of a ledger that cannot be read now: the run itself does.
func (p *progress) look(ctx context.Context) {
	p.mu.Lock()
	dir, calls := p.dir, maps.Clone(p.calls)
	p.mu.Unlock()
	if dir == "" || !ledgerThere(dir) {
		return
	}
	prices, err := compose.Prices(p.set)
	if err != nil {
		return
	}
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	now, err := p.app.look(ctx, dir, prices)
	if err != nil || now.pass.Plan == nil {
		return
	}
	now.calls = calls
	c := now.count()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = now
	p.pace.See(now.at, c.done)
}

// printChange prints a line about all shards where their states changed, or after a while where only counts did.
func (p *progress) printChange() {
	if p.now == nil || p.closed || p.paused || !slices.Contains(sending, p.step) {
		return
	}
	states, line := p.now.line(&p.pace)
	quiet := time.Since(p.jobs.last)
	if line == "" || line == p.jobs.shown || quiet < lineEvery || (states == p.jobs.states && quiet < countEvery) {
		return
	}
	p.jobs.states, p.jobs.shown, p.jobs.last = states, line, time.Now()
	p.keep("%-10s %s", p.step, line)
}

// draw draws the block.
func (p *progress) draw() {
	if p.live == nil || p.closed || p.paused {
		return
	}
	p.live.draw(p.board().Lines(p.live.room()))
}

// width is the terminal's, in cells; 80 where there is none.
func (p *progress) width() int {
	if p.live == nil {
		return 80
	}
	w, _ := p.live.size()
	return w
}

// say prints a line that stays, also from another goroutine.
func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep(format, args...)
}

// keep prints a line that stays.
func (p *progress) keep(format string, args ...any) {
	text := plain(fmt.Sprintf(format, args...))
	if warning, ok := strings.CutPrefix(text, warned); ok && p.log != nil {
		p.log.warn(warning)
	} else {
		p.app.logWarning(text)
	}
	if !p.app.quiet {
		p.keepAlways(format, args...)
	}
}

func (p *progress) keepAlways(format string, args ...any) {
	if p.app.logFormat == jsonLog { // which has it too
		return
	}
	p.clear()
	fmt.Fprintln(p.app.Stderr, p.app.folded(plain(fmt.Sprintf(format, args...))))
	p.draw()
}

func (p *progress) clear() {
	if p.live != nil {
		p.live.clear()
	}
}

// pause takes the block away, so that a question can be there, until resume is called.
func (p *progress) pause() (resume func()) {
	set := func(paused bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.clear()
		p.paused = paused
	}
	set(true)
	return func() { set(false) }
}

// close takes the block away and ends what draws it.
func (p *progress) close() {
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.flushJobs()
		p.clear()
		p.closed = true
		close(p.ticks)
		p.app.showing = nil
	}
	p.mu.Unlock()
	p.ticker.Wait()
}

// opens gives what a command does with its run directory once that is locked: it begins the log. Without settings none are kept.
func (p *progress) opens(command string, settings *config.Loaded, c *compose.Closers) func(*effect.Effects, string) error {
	return func(e *effect.Effects, dir string) error {
		log, err := openRunLog(e, dir, command, p.app, settings, c)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.log, p.dir = log, dir
		return err
	}
}
