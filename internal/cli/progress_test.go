package cli

import (
	"bytes"
	"strings"
	"testing"

	"quarry/internal/run/event"
)

// A question is on a line of its own, not after what the live line said last.
func TestFreeTakesTheLiveLineAway(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &progress{app: &App{Stderr: &out}, live: true, jobs: map[string]jobProgress{}}
	p.event(event.Event{Kind: event.StepBegan, Step: "preflight"})
	if !strings.Contains(out.String(), "preflight") {
		t.Fatalf("the live line says %q, want the step", out.String())
	}
	p.free()
	if got := out.String(); !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("after free the terminal got %q, want the line taken away", got)
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
