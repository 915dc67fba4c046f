package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/cli/board"
	"quarry/internal/outcome/report"
	"quarry/internal/outcome/review"
	"quarry/internal/run/book"
	"quarry/internal/run/history"
)

// overview is the state of a run as its ledger has it, for status, watch and the live view of a run.
type overview struct {
	dir      string
	place    string // where the run is, for people
	at       time.Time
	state    book.State // of a run of a ledger; empty: it is a directory's
	head     book.Head
	pass     book.Pass
	shards   []ledger.Shard
	steps    map[string]ledger.Step
	history  report.History
	idle     bool                     // no process works on the run of a directory
	approved *review.Approval         // of what the run waited for; nil: it is not approved, or waited for nothing
	waits    *review.Question         // what the run waits for; nil: nothing, or it is approved
	calls    map[quarry.ShardID]int64 // calls answered so far, which the ledger learns at their end; nil: not known
}

// look reads the ledger of a run, also while a process works on it.
func (a *App) look(ctx context.Context, dir string, prices *cost.Table) (*overview, error) {
	l, err := a.openLedger(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = l.Close() }()
	o := &overview{dir: dir, place: a.place(dir), at: time.Now()}
	if o.head, err = book.Of(l).Head(ctx); err != nil {
		return nil, err
	}
	if a.shared != nil {
		held, err := a.shared.Held(ctx)
		if err != nil {
			return nil, err
		}
		o.state = o.head.State(held)
	}
	if o.pass, err = book.Of(l).Pass(ctx, o.head.Pass); err != nil {
		return nil, err
	}
	if o.steps, err = l.Steps(ctx); err != nil {
		return nil, err
	}
	h, err := history.Read(ctx, l)
	if err != nil {
		return nil, err
	}
	h.Prices, o.shards = prices, h.Rows
	q, approved, err := a.reviewOf(dir, l).Pending(ctx)
	if err != nil {
		return nil, err
	}
	if o.approved = approved; approved == nil {
		o.waits = q
	}
	if a.shared == nil {
		held, err := effect.Held(dir)
		if err != nil {
			return nil, err
		}
		o.idle = !held
	}
	o.history = history.Of(&h)
	return o, nil
}

// forecast is what the pass is expected to take, by the pilot once it was read; nil: not forecast yet.
func (o *overview) forecast() *report.Expected {
	if f := o.pass.Forecast; f != nil {
		return cmp.Or(f.After, f.Before)
	}
	return nil
}

// counted are sums over the shards of the pass at hand.
type counted struct {
	records, done int64
	last          time.Time     // when a shard was last collected
	spans         []ledger.Span // when jobs and calls were under way: a pause between them says nothing of the pace
	classes       map[quarry.Class]int64
	failed        int64 // records that ended invalid or failed
	states        []string
}

func (o *overview) count() counted {
	c := counted{classes: map[quarry.Class]int64{}}
	states := map[string]int64{}
	for i := range o.shards {
		s := &o.shards[i]
		if s.Pass != o.head.Pass || s.Unasked != "" {
			continue
		}
		c.records, c.done = c.records+s.Records, c.done+o.answered(s)
		c.failed += s.Tally.Invalid + s.Tally.Failed
		for class, n := range s.Tally.Classes {
			if class != quarry.ClassOK && class != quarry.ClassDuplicate {
				c.classes[class] += n
			}
		}
		if at := s.Times.Collected; at.After(c.last) {
			c.last = at
		}
		c.spans = append(c.spans, s.Spans(o.at)...)
		states[stateOf(s)]++
	}
	for _, state := range slices.Sorted(maps.Keys(states)) {
		c.states = append(c.states, figure.Thousands(states[state])+" "+state)
	}
	return c
}

// answered counts the records of a shard that came back, good or bad.
func (o *overview) answered(s *ledger.Shard) int64 {
	switch {
	case s.State == quarry.ShardCollected || s.State == quarry.ShardDone:
		return s.Records
	case s.State == quarry.ShardCalling:
		return min(o.calls[s.ID], s.Records)
	}
	return min(s.Job.Counts.Processed, s.Records)
}

// stateOf is Bedrock's word for a shard whose job is known, and ours for the others.
func stateOf(s *ledger.Shard) string {
	switch {
	case s.Job.Status != "" && (s.State.Open() || s.State == quarry.ShardEnded || s.Job.Status != quarry.JobCompleted):
		return string(s.Job.Status)
	case s.State == quarry.ShardDone && s.HandsTo != "":
		return "retried"
	}
	return string(s.State)
}

// reached is how far a pass came and when it is done.
type reached struct {
	Records   int64     `json:"records"`   // of all attempts so far
	Processed int64     `json:"processed"` // of them, those that came back, good or bad
	PerMinute float64   `json:"per_min"`   // 0: not known
	Basis     string    `json:"basis"`     // what per_min and eta are made from, in words
	ETA       time.Time `json:"eta,omitzero"`
}

// reach gives how far the pass came. pace is what was seen of it lately; nil: nothing.
func (o *overview) reach(c *counted, pace *board.Pace) reached {
	p := reached{Records: c.records, Processed: c.done, Basis: "not known: no record was processed yet"}
	if pace != nil {
		if lately, over := pace.Lately(); lately > 0 {
			p.PerMinute, p.Basis = lately, "pace of the last "+seconds(over.Seconds())
		}
	}
	if took := ledger.Union(c.spans); p.PerMinute == 0 && c.done > 0 && took > 0 {
		p.PerMinute, p.Basis = float64(c.done)/took.Minutes(), "pace while jobs or calls were under way"
	}
	if left := c.records - c.done; left > 0 && p.PerMinute > 0 && !o.head.Ended() && !o.idle {
		if in := float64(left) / p.PerMinute; in < 1e6 {
			p.ETA = o.at.Add(time.Duration(in * float64(time.Minute))).UTC()
		}
	}
	return p
}

// board is the overview for people. pace is what was seen of it lately; nil: nothing.
func (o *overview) board(pace *board.Pace) *board.Board {
	c := o.count()
	b := &board.Board{Title: o.title(), Stages: o.stages(), Jobs: o.jobs(false)}
	row := func(name, text string, mood board.Mood) {
		if text != "" {
			b.Rows = append(b.Rows, board.Row{Name: name, Text: text, Mood: mood})
		}
	}
	p := o.reach(&c, pace)
	if o.state == book.Waiting || o.state == book.IsHalted || o.state == book.Stopped {
		row("state", runStateText(o.state, o.head.Why()), board.Warn)
	}
	if o.idle && o.head.Pass != 0 && !o.head.Ended() {
		row("state", "no process works on the run now; the command that started it continues it", board.Warn)
	}
	row("waits", waitsText(o.waits), board.Warn)
	if at := o.approved; at != nil && !o.head.Ended() {
		row("approved", "by "+at.Who+", "+quarry.Timestamp(at.At), board.Plain)
	}
	row("records", recordsText(&p), board.Plain)
	row("ETA", o.etaText(&p), board.Plain)
	row("cost", o.costText(), board.Plain)
	if last := o.history.Last(); last != nil && last.Records > 0 {
		row("tokens", tokensText(&last.Tokens), board.Plain)
	}
	mood := board.Warn
	if c.failed > 0 {
		mood = board.Bad
	}
	row("failures", classesText(c.classes), mood)
	if d := o.deadline(); d != nil {
		row("deadline", deadlineText(d, o.head.Ended()), board.Plain)
	}
	return b
}

func (o *overview) title() string {
	text := fmt.Sprintf("run %s in %s", o.head.Run, o.place)
	if o.head.Run == "" || o.head.Pass == 0 || o.pass.Plan == nil {
		return text
	}
	text += fmt.Sprintf(", pass %d, mode %s", o.head.Pass, o.pass.Plan.Mode)
	if o.head.Target == "local" {
		return text + ", on the stand-in"
	}
	return text + ", in " + o.head.Region
}

// stageNames are the steps of a run in their order; see package run.
var stageNames = []string{"plan", "preflight", "pilot", "shards", "export", "report"}

// stages are the steps since the last command planned.
func (o *overview) stages() []board.Stage {
	var list []board.Stage
	began := o.steps[stageNames[0]].Began
	for _, name := range stageNames {
		step, there := o.steps[name]
		there = there && !step.Began.Before(began)
		list = append(list, board.Stage{Name: name, Done: there && step.Finished, AtIt: there && !step.Finished})
	}
	return list
}

// jobs are the shards of the pass, those that are under way first. whole: their ARNs are complete.
func (o *overview) jobs(whole bool) []board.Job {
	several := len(o.head.Pools) > 1
	type ranked struct {
		rank int
		job  board.Job
	}
	var list []ranked
	for i := range o.shards {
		s := &o.shards[i]
		if s.Pass != o.head.Pass {
			continue
		}
		j := board.Job{
			Shard: string(s.ID), State: stateOf(s), Done: o.answered(s), Records: s.Records, OK: s.Tally.OK, Invalid: s.Tally.Invalid,
			Failed: s.Tally.Failed, Resent: s.Tally.Left, Job: s.Job.ARN.ID(), Waits: s.Waits, Mood: moodOf(s),
		}
		if whole {
			j.Job, j.ARN = "", string(s.Job.ARN)
		}
		if several {
			j.Place = s.Pool.Region
		}
		list = append(list, ranked{rank(s), j})
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return a.rank - b.rank })
	jobs := make([]board.Job, len(list))
	for i := range list {
		jobs[i] = list[i].job
	}
	return jobs
}

func rank(s *ledger.Shard) int {
	switch {
	case s.State == quarry.ShardDone && moodOf(s) == board.Plain:
		return 4
	case s.State == quarry.ShardDone:
		return 2
	case s.State == quarry.ShardPlanned && s.Waits == "":
		return 3
	case s.State == quarry.ShardPlanned || s.State == quarry.ShardBuilt || s.State == quarry.ShardUploaded:
		return 1
	}
	return 0
}

func moodOf(s *ledger.Shard) board.Mood {
	switch s.Job.Status {
	case quarry.JobFailed:
		return board.Bad
	case quarry.JobPartiallyCompleted, quarry.JobStopped, quarry.JobExpired:
		return board.Warn
	}
	if s.Tally.Invalid+s.Tally.Failed > 0 {
		return board.Warn
	}
	return board.Plain
}

func recordsText(p *reached) string {
	if p.Records == 0 {
		return ""
	}
	text := fmt.Sprintf("%s of %s processed (%d%%)", figure.Thousands(p.Processed), figure.Thousands(p.Records), p.Processed*100/p.Records)
	if p.PerMinute > 0 {
		text += fmt.Sprintf(", %s/min", figure.Thousands(int64(p.PerMinute)))
	}
	return text
}

func (o *overview) etaText(p *reached) string {
	switch {
	case p.Records == 0 || o.head.Ended() || o.idle || p.Processed == p.Records:
		return ""
	case p.ETA.IsZero():
		return p.Basis
	}
	layout := "15:04"
	if p.ETA.Sub(o.at) > 18*time.Hour {
		layout = "2006-01-02 15:04"
	}
	return fmt.Sprintf("about %s, in %s: %s", p.ETA.Local().Format(layout), seconds(p.ETA.Sub(o.at).Seconds()), p.Basis)
}

// costText is what the pass took of its forecast and its cap.
func (o *overview) costText() string {
	var parts []string
	if last := o.history.Last(); last != nil && last.Records > 0 {
		parts = append(parts, spentText(&last.Cost))
	}
	if f := o.forecast(); f != nil && f.Cost != nil {
		text := "forecast " + f.Cost.String()
		if low, high := fmt.Sprint(f.CostLow), fmt.Sprint(f.CostHigh); low != high {
			text += fmt.Sprintf(" (%s to %s)", low, high)
		}
		parts = append(parts, text)
	}
	if o.head.Cap != nil {
		parts = append(parts, "cap "+o.head.Cap.String())
	}
	return strings.Join(parts, ", ")
}

// classesText counts attempts without a good answer by their class, the most frequent first.
func classesText(classes map[quarry.Class]int64) string {
	names := slices.SortedFunc(maps.Keys(classes), func(a, b quarry.Class) int {
		return cmp.Or(cmp.Compare(classes[b], classes[a]), cmp.Compare(a, b))
	})
	var parts []string
	for _, name := range names {
		if classes[name] > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", figure.Thousands(classes[name]), name))
		}
	}
	return strings.Join(parts, ", ")
}

func (o *overview) deadline() *report.Deadline {
	if o.pass.Deadline == nil {
		return nil
	}
	return o.pass.Deadline.Report(o.shards, o.head.Pass, o.at)
}

// line is the overview on one line, for a log, and what of it are the states of the shards.
func (o *overview) line(pace *board.Pace) (states, text string) {
	c := o.count()
	if c.records == 0 {
		return "", ""
	}
	p := o.reach(&c, pace)
	states = "shards: " + strings.Join(c.states, ", ")
	parts := []string{states, "records: " + recordsText(&p)}
	for _, of := range []struct{ name, text string }{{"cost", o.costText()}, {"failures", classesText(c.classes)}} {
		if of.text != "" {
			parts = append(parts, of.name+": "+of.text)
		}
	}
	if !p.ETA.IsZero() {
		parts = append(parts, "ETA: "+o.etaText(&p))
	}
	return states, strings.Join(parts, "; ")
}

// ledgerThere reports whether a run directory has a ledger to look at.
func ledgerThere(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "ledger.db"))
	return err == nil
}
