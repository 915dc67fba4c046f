package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"quarry/internal/run/event"
)

func shown(out *bytes.Buffer) *progress {
	app := &App{Stderr: out}
	return &progress{app: app, live: &live{out: out, size: func() (int, int) { return 80, 24 }}, ticks: make(chan struct{})}
}

// A question is on a line of its own, not after what the live view said last, and nothing is drawn while it waits for an answer.
func TestAQuestionTakesTheLiveViewAway(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := shown(&out)
	p.event(event.Event{Kind: event.StepBegan, Step: "preflight"})
	if !strings.Contains(out.String(), "preflight") {
		t.Fatalf("the live view says %q, want the step", out.String())
	}
	resume := p.pause()
	if got := out.String(); !strings.HasSuffix(got, "\r\x1b[1A\x1b[J") {
		t.Errorf("the terminal got %q, want the view taken away", got)
	}
	before := out.Len()
	p.event(event.Event{Kind: event.StepBegan, Step: "pilot"})
	if out.Len() != before {
		t.Errorf("while a question is open the terminal gets %q", out.String()[before:])
	}
	resume()
	p.event(event.Event{Kind: event.StepBegan, Step: "shards"})
	if !strings.Contains(out.String()[before:], "shards") {
		t.Error("after the answer nothing is drawn")
	}
}

// A line that stays is above the view, which is drawn again below it.
func TestLinesThatStayAreAboveTheLiveView(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := shown(&out)
	p.event(event.Event{Kind: event.StepBegan, Step: "plan"})
	p.event(event.Event{Kind: event.Note, Text: "a note with \x1b[2J in it"})
	_, after, found := strings.Cut(out.String(), "\r\x1b[1A\x1b[J")
	if want := "a note with [2J in it\n"; !found || !strings.HasPrefix(after, want) || !strings.Contains(after[len(want):], "plan …") {
		t.Errorf("the terminal got %q, want %q and then the view", out.String(), want)
	}
}

// A terminal that was made narrower has broken the lines of the block: all their rows are taken away.
func TestANarrowerTerminalIsCleared(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	width := 80
	l := &live{out: &out, size: func() (int, int) { return width, 24 }}
	l.draw([]string{strings.Repeat("a", 70), "b", "\x1b[31m" + strings.Repeat("c", 40) + "\x1b[0m"})
	width = 40
	out.Reset()
	if l.clear(); out.String() != "\r\x1b[4A\x1b[J" {
		t.Errorf("the terminal got %q, want four rows up", out.String())
	}
}

// Many jobs at once are one line a second in a log.
func TestALogHasOneLineASecondAboutNewJobs(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := shown(&out)
	p.live, p.step = nil, "shards"
	for i := range 500 {
		p.event(event.Event{Kind: event.JobSubmitted, Shard: "s00001", Text: fmt.Sprintf("arn:%d", i), Done: 100})
	}
	p.event(event.Event{Kind: event.StepEnded, Step: "shards", Done: 500, Total: 500, Since: time.Now()})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "job arn:0, 100 records") || !strings.Contains(lines[1], "499 new jobs, 49,900 records") {
		t.Errorf("the log got %q", lines)
	}
}

// A few jobs are named all the same, in one line.
func TestALogNamesAFewJobsInOneLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := shown(&out)
	p.live, p.step = nil, "shards"
	for i := range 4 {
		p.event(event.Event{Kind: event.JobSubmitted, Shard: "s00001", Text: fmt.Sprintf("arn:%d", i), Done: int64(100 + i)})
	}
	p.event(event.Event{Kind: event.StepEnded, Step: "shards"})
	_, second, _ := strings.Cut(strings.TrimSpace(out.String()), "\n")
	if want := "3 new jobs: s00001 job arn:1, 101 records; s00001 job arn:2, 102 records; s00001 job arn:3, 103 records"; !strings.HasSuffix(second, want) {
		t.Errorf("the log got %q, want %q", second, want)
	}
}

// The table at the end tells invalid answers from failed documents; the line above it must not call both failed.
func TestExportDoesNotCallInvalidAnswersFailed(t *testing.T) {
	t.Parallel()
	for step, want := range map[string]string{"export": "281 of 400 done, 119 without a good answer", "shards": "281 of 400 done, 119 failed"} {
		if got := stepCounts(event.Event{Step: step, Done: 281, Total: 400, Failed: 119}); got != want {
			t.Errorf("stepCounts(%s) = %q, want %q", step, got, want)
		}
	}
}
