package cli

import (
	"bytes"
	"strings"
	"testing"

	"quarry/internal/run"
)

// A question stands on a line of its own, not behind what the live line said last.
func TestFreeTakesTheLiveLineAway(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &progress{app: &App{Stderr: &out}, live: true, jobs: map[string]jobProgress{}}
	p.event(run.Event{Kind: run.StepBegan, Step: "preflight"})
	if !strings.Contains(out.String(), "preflight") {
		t.Fatalf("the live line says %q, want the step", out.String())
	}
	p.free()
	if got := out.String(); !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("after free the terminal got %q, want the line taken away", got)
	}
}
