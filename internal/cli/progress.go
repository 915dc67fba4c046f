package cli

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"quarry/internal/base/figure"
	"quarry/internal/run/event"
)

// progress shows what a run does: on a terminal one line that is rewritten, and lines for what should stay; elsewhere
// plain lines only.
type progress struct {
	app  *App
	live bool

	mu     sync.Mutex
	step   string
	line   string // what is on the terminal's last line
	last   time.Time
	began  time.Time
	closed bool
	jobs   map[string]jobProgress
	warned int
	pilot  *pilotSeen
	log    *runLog // nil: there is no run directory yet
}

type jobProgress struct {
	status      string
	done, total int64
}

// maxNamed bounds how many left-out items are named one by one before the rest is left to the file that has them all.
const maxNamed = 1000

func (a *App) newProgress() *progress {
	return &progress{app: a, live: isTerminal(a.Stderr) && !a.quiet, jobs: map[string]jobProgress{}}
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
		p.step, p.began = e.Step, time.Now()
		p.show(e.Step + " …")
	case event.StepEnded:
		if e.Total > 0 {
			p.keep("%-10s %s  %s", e.Step, stepCounts(e), seconds(time.Since(e.Since).Seconds()))
		}
	case event.Progress:
		text := fmt.Sprintf("%s: %s", e.Step, figure.Thousands(e.Done))
		if e.Total > 0 {
			text += " of " + figure.Thousands(e.Total)
		}
		if e.Bytes > 0 {
			text += fmt.Sprintf(", %d MiB", e.Bytes>>20)
		}
		p.show(text)
	case event.ItemLeftOut, event.ItemSkipped:
		if p.warned++; p.warned <= maxNamed {
			p.keepAlways("%s", e.Text)
		} else if p.warned == maxNamed+1 {
			p.keepAlways("… and more; index/*/left-out.jsonl names all that were left out")
		}
	case event.JobSubmitted:
		p.jobs[string(e.Shard)] = jobProgress{status: "Submitted", total: e.Done}
		p.keep("%-10s job %s, %s", e.Shard, e.Text, figure.Count(e.Done, "record"))
	case event.JobAdopted:
		p.keep("%-10s found job %s, which was submitted before", e.Shard, e.Text)
	case event.Placed:
		p.keep("%-10s goes to %s", e.Shard, e.Text)
	case event.JobStatus:
		p.jobs[string(e.Shard)] = jobProgress{status: e.Text, done: e.Done, total: e.Total}
		p.show(p.jobsText())
	case event.ShardDone:
		delete(p.jobs, string(e.Shard))
		p.show(p.jobsText())
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

func (p *progress) jobsText() string {
	var done, total int64
	states := map[string]int{}
	for _, j := range p.jobs {
		done += j.done
		total += j.total
		states[j.status]++
	}
	if len(p.jobs) == 0 {
		return p.step + " …"
	}
	var parts []string
	for _, status := range []string{
		"Submitted", "Validating", "Scheduled", "InProgress", "Stopping", "Completed", "PartiallyCompleted", "Stopped", "Expired", "Failed",
	} {
		if n := states[status]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, status))
		}
	}
	return fmt.Sprintf("%s: jobs: %s; records %s of %s", p.step, strings.Join(parts, ", "), figure.Thousands(done), figure.Thousands(total))
}
