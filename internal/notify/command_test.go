//go:build !windows

package notify_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quarry/internal/notify"
)

func TestACommandGetsTheEventOnItsStandardInput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	n := open(t, filepath.Join(dir, "run"), "cat >>'"+out+"'", "", delivered, nil)
	n.Send(notify.Event{Kind: notify.End, Text: "done; \"quoted\" $(touch x)"})
	closed(t, n)
	var e notify.Event
	if text, err := os.ReadFile(out); err != nil || json.Unmarshal(text, &e) != nil || e.Text != "done; \"quoted\" $(touch x)" {
		t.Errorf("the command got %q, %v", text, err)
	}
	f := make(faults, 10)
	n = open(t, filepath.Join(dir, "run"), "/bin/sh -c 'echo SECRET >&2; exit 3' SECRET", "", undelivered, f)
	n.Send(notify.Event{Kind: notify.End})
	if text := f.first(t); !strings.Contains(text, "the command sh: exit status 3") || strings.Contains(text, "SECRET") {
		t.Errorf("fault %q", text)
	}
	if left := closed(t, n); left != 1 {
		t.Errorf("%d events are left, want 1", left)
	}
}
