package cli

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/cli/board"
	"quarry/internal/config"
	"quarry/internal/run/event"
)

// progress shows what a run does: on a terminal a block that is drawn again in its place, and lines for what should stay; elsewhere
// lines only, at most one a second about jobs.
type progress struct {
	app  *App
	set  *config.Settings
	live *live // nil: lines only

	mu     sync.Mutex
	step   string
	doing  string // what the step does, as far as its events say; empty: nothing
	began  time.Time
	dir    string // the run directory, once it is locked
	now    *overview
	pace   board.Pace
	calls  map[quarry.ShardID]int64 // answered on-demand calls of open shards
	paused bool
	closed bool
	warned int
	pilot  *pilotSeen
	log    *runLog // nil: there is no run directory yet

	jobs   jobLines
	ticks  chan struct{} // closed: no more
	ticker sync.WaitGroup
}

// maxNamed bounds how many left-out items are named one by one before the rest is left to the file that has them all.
const maxNamed = 1000

func (a *App) newProgress(ctx context.Context, set *config.Settings) *progress {
	p := &progress{app: a, set: set, live: a.newLive(a.Stderr), calls: map[quarry.ShardID]int64{}, ticks: make(chan struct{})}
	if !a.quiet {
		a.showing = p
		ctx = context.WithoutCancel(ctx) // an interrupted run shows how it ends
		p.ticker.Go(func() { p.tick(ctx) })
	}
	return p
}

func (p *progress) event(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.log != nil {
		p.log.event(e)
	}
	if e.Pilot != nil {
		p.pilot = &pilotSeen{Pilot: e.Pilot, Expected: e.Expected}
	}
	switch e.Kind {
	case event.RunOpened:
		if e.Done > 0 {
			p.keep("run %s, resumed", e.Text)
		} else {
			p.keep("run %s", e.Text)
		}
	case event.StepBegan:
		p.step, p.began, p.doing = e.Step, time.Now(), ""
		p.draw()
	case event.StepEnded:
		p.doing = ""
		p.flushJobs()
		if e.Total > 0 {
			p.keep("%-10s %s  %s", e.Step, stepCounts(e), seconds(time.Since(e.Since).Seconds()))
		}
	case event.Progress:
		p.progressed(&e)
	case event.ItemLeftOut, event.ItemSkipped:
		if p.warned++; p.warned <= maxNamed {
			p.keepAlways("%s", e.Text)
		} else if p.warned == maxNamed+1 {
			p.keepAlways("… and more; index/*/left-out.jsonl names all that were left out")
		}
	case event.JobSubmitted:
		p.job(e.Done, "%-10s job %s, %s", e.Shard, e.Text, figure.Count(e.Done, "record"))
	case event.JobAdopted:
		p.keep("%-10s found job %s, which was submitted before", e.Shard, e.Text)
	case event.Placed:
		p.keep("%-10s goes to %s", e.Shard, e.Text)
	case event.ShardDone:
		delete(p.calls, e.Shard)
	case event.Waiting:
		p.keep("%-10s waits: %s", e.Shard, e.Text)
	case event.Differs:
		p.keep("%-10s %s", e.Shard, e.Text)
	case event.PilotRead:
		for _, line := range pilotLines(&e, p.width()) {
			p.keep("%s", line)
		}
	case event.Note:
		p.keep("%s", e.Text)
	case event.JobStatus: // the ledger has it
	}
}

func (p *progress) progressed(e *event.Event) {
	if e.Shard != "" {
		p.calls[e.Shard] = e.Done
		return
	}
	p.doing = fmt.Sprintf("%s: %s", e.Step, figure.Thousands(e.Done))
	if e.Total > 0 {
		p.doing += " of " + figure.Thousands(e.Total)
	}
	if e.Bytes > 0 {
		p.doing += fmt.Sprintf(", %d MiB", e.Bytes>>20)
	}
}

func stepCounts(e event.Event) string {
	text := fmt.Sprintf("%s of %s done", figure.Thousands(e.Done), figure.Thousands(e.Total))
	switch {
	case e.Failed > 0 && e.Step == "export": // invalid answers are among them
		text += fmt.Sprintf(", %s without a good answer", figure.Thousands(e.Failed))
	case e.Failed > 0:
		text += fmt.Sprintf(", %s failed", figure.Thousands(e.Failed))
	}
	if e.Skipped > 0 {
		text += fmt.Sprintf(", %s skipped", figure.Thousands(e.Skipped))
	}
	return text
}

// board is what the live block shows: the run as the ledger has it, or else the step at hand.
func (p *progress) board() *board.Board {
	doing := p.doing
	if doing == "" && p.step != "" {
		doing = p.step + " …"
	}
	if p.step != "" {
		doing += "  " + seconds(time.Since(p.began).Seconds())
	}
	at := slices.Index(stageNames, p.step)
	if p.now == nil || at < 0 {
		return &board.Board{Title: doing}
	}
	b := p.now.board(&p.pace)
	for i := range b.Stages {
		b.Stages[i].Done, b.Stages[i].AtIt = i < at, i == at
	}
	b.Stages[at].Explanation = doing
	return b
}
