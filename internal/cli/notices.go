package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/notify"
	"quarry/internal/outcome/review"
	"quarry/internal/run"
	"quarry/internal/run/event"
	"quarry/internal/run/limits"
	"quarry/internal/run/pilot"
)

// notifyFlags are flags alone, no settings: a file or a variable of another person never names a command, and no copy of the settings
// holds a URL.
type notifyFlags struct{ target, keyVar string }

func (f *notifyFlags) bind(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.target, "notify", "", "tell a `PROGRAM` what happens: a command, a URL, or env:VAR with one of them")
	cmd.Flags().StringVar(&f.keyVar, "notify-key-env", "", "environment `VAR` with the key that signs notifications to a URL")
	complete(cmd, "notify", cobra.NoFileCompletions)
	complete(cmd, "notify-key-env", cobra.NoFileCompletions)
}

// notices sends the events of one command. Its methods do nothing without --notify.
type notices struct {
	say     func(format string, args ...any)
	command string
	target  *notify.Target // nil: none

	mu       sync.Mutex
	notifier *notify.Notifier // nil until the run directory is open
	dir, run string
	jobs     notify.Jobs
	stop     func()
}

// newNotices reads the flags of a command.
func (a *App) newNotices(command string, f *notifyFlags) (*notices, error) {
	n := &notices{say: a.say, command: command, stop: func() {}}
	if f.target == "" {
		if f.keyVar != "" {
			return n, &quarry.Error{Kind: quarry.BadUsage, Op: "--notify-key-env", Err: errors.New("it signs notifications, and there are none"), Hint: "add --notify URL"}
		}
		return n, nil
	}
	var err error
	if n.target, err = notify.ParseTarget(f.target, f.keyVar, a.Env); err != nil {
		return n, &quarry.Error{
			Kind: quarry.BadUsage, Op: "--notify", Err: err,
			Hint: "name a command, a URL such as https://example.org/hook, or env:VAR with the variable that holds one of them",
		}
	}
	return n, nil
}

// opens begins to notify once the run directory is locked.
func (n *notices) opens(ctx context.Context, then func(*effect.Effects, string) error) func(*effect.Effects, string) error {
	return func(e *effect.Effects, dir string) error {
		if err := then(e, dir); err != nil {
			return err
		}
		n.open(ctx, e, dir)
		return nil
	}
}

// open begins to notify about a run directory. What fails here is said and stops nothing.
func (n *notices) open(ctx context.Context, e *effect.Effects, dir string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.target == nil || n.notifier != nil {
		return
	}
	n.dir = dir
	fault := func(err error) { n.say("warning: notify: %v", err) }
	var err error
	n.notifier, err = notify.Open(ctx, notify.Config{Target: n.target, Dir: filepath.Join(dir, "notify", n.command), Effects: e, Fault: fault})
	if errors.Is(err, effect.ErrLocked) {
		err = fmt.Errorf("another `quarry %s` of this run notifies already", n.command)
	}
	if err != nil {
		n.target = nil
		fault(err)
		return
	}
	n.say("%-10s %s", "notify", n.target)
	n.stop = every(time.Minute, n.checkStuck)
}

// every calls a function at intervals until it is stopped.
func every(d time.Duration, call func()) (stop func()) {
	tick, ended, done := time.NewTicker(d), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-tick.C:
				call()
			case <-ended:
				return
			}
		}
	}()
	return func() { tick.Stop(); close(ended); <-done }
}

// send fills in what each event has.
func (n *notices) send(e *notify.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e.Run, e.Dir, e.Command = n.run, n.dir, n.command
	n.notifier.Send(*e)
}

// watch passes events on, and sends those that people want to know of.
func (n *notices) watch(then func(event.Event)) func(event.Event) {
	return func(e event.Event) {
		then(e)
		switch e.Kind {
		case event.RunOpened:
			n.mu.Lock()
			n.run = e.Text
			n.mu.Unlock()
		case event.PilotRead:
			n.send(&notify.Event{
				Kind: notify.Pilot, Good: e.Done, Judged: e.Total,
				Text: fmt.Sprintf("pilot: %s of %s good", figure.Thousands(e.Done), figure.Clause(e.Total, "answer", "is", "are")),
			})
		case event.JobSubmitted, event.JobAdopted:
			n.jobs.See(notify.Job{Shard: e.Shard, ARN: e.Text, Records: max(e.Done, 1), Open: true}, time.Now())
		case event.JobStatus:
			n.jobs.See(notify.Job{Shard: e.Shard, Processed: e.Done, Records: e.Total, Open: !quarry.JobStatus(e.Text).Terminal()}, time.Now())
		case event.ShardDone:
			n.jobs.See(notify.Job{Shard: e.Shard}, time.Now())
		}
	}
}

func (n *notices) checkStuck() {
	for _, j := range n.jobs.Check(time.Now()) {
		n.send(&notify.Event{
			Kind: notify.Stuck, Shard: j.Shard, Job: j.ARN, Processed: j.Processed, Records: j.Records,
			Text: fmt.Sprintf("the job of shard %s has processed no record for %.0f minutes: %s of %s", j.Shard, notify.StuckAfter.Minutes(),
				figure.Thousands(j.Processed), figure.Count(j.Records, "record")),
		})
	}
}

// asks sends each question before a person is asked.
func (n *notices) asks(confirm func(context.Context, string) error) func(context.Context, string) error {
	if confirm == nil {
		return nil
	}
	return func(ctx context.Context, question string) error {
		n.send(&notify.Event{Kind: notify.Question, Text: plain(question)})
		return confirm(ctx, question)
	}
}

// end sends how a run ended, and waits a moment for the deliveries.
func (n *notices) end(out *run.Outcome, err error) {
	code := 0
	if err != nil {
		code, _ = exitCode(err)
		if errors.Is(err, context.Canceled) {
			code = interrupted
		}
	}
	e := notify.Event{Kind: notify.Failure, ExitCode: &code}
	var known *quarry.Error
	switch d := &out.Report.Documents; {
	case err == nil, out.Report.Run != "" && errors.As(err, &known) && known.Kind == quarry.BadItems: // complete, whatever became of the documents
		e.Kind, e.Documents, e.CostUSD = notify.End, d, out.Report.Cost.Actual
		e.Text = fmt.Sprintf("done: %s: %s answered, %s failed, %s skipped", figure.Count(d.Total, "document"), figure.Thousands(d.OK+d.Invalid),
			figure.Thousands(d.Failed), figure.Thousands(d.Skipped))
	case errors.Is(err, review.ErrWaits):
		e.Kind, e.Text = notify.Question, plain(err.Error())
	case errors.Is(err, pilot.ErrGate):
		e.Kind, e.Text = notify.Gate, plain(err.Error())
	case errors.Is(err, limits.ErrCap):
		e.Kind, e.Text = notify.Cap, plain(err.Error())
	default:
		e.Text = plain(err.Error())
	}
	n.send(&e)
	n.close()
}

// see notes the state of a run elsewhere, for quarry watch.
func (n *notices) see(ctx context.Context, o *overview) {
	if n.target == nil {
		return
	}
	n.open(ctx, effect.New(nil), o.dir)
	n.mu.Lock()
	n.run = string(o.head.Run)
	n.mu.Unlock()
	for i := range o.shards {
		s := &o.shards[i]
		n.jobs.See(notify.Job{
			Shard: s.ID, ARN: string(s.Job.ARN), Processed: s.Job.Counts.Processed, Records: s.Records,
			Open: s.Job.ARN != "" && !s.Job.Status.Terminal(),
		}, time.Now())
	}
	if o.head.Ended() {
		n.send(&notify.Event{Kind: notify.End, Text: "done: " + o.dir})
	}
}

// close waits a moment for what is not delivered, and says what is left.
func (n *notices) close() {
	n.stop()
	n.stop = func() {}
	left, err := n.notifier.Close()
	n.notifier = nil
	switch {
	case err != nil:
		n.say("warning: notify: %v", err)
	case left > 0:
		n.say("warning: notify: %s not delivered; the next command with --notify delivers them", figure.Clause(int64(left), "event", "is", "are"))
	}
}
