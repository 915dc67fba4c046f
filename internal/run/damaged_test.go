package run_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"quarry/internal/run/answered"
	"quarry/internal/run/event"
)

// TestADamagedMemoryIsMadeAgain damages what a run knows of its answers: it is read again from the journals, so a document that comes
// back under another id is not paid for twice.
func TestADamagedMemoryIsMadeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: strings.Join(numbered(upTo(9)...), "\n")})
	if _, _, err := w.run(t, nil); err != nil {
		t.Fatal(err)
	}
	base, path, bill := w.dir+".base", answered.Path(w.dir), w.bill(t)
	if err := os.CopyFS(base, os.DirFS(w.dir)); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, held := range map[string][]byte{
		"the first line is cut": whole[:33], "an entry is cut": whole[:len(whole)-5], "it is empty": {},
		"it holds something else": bytes.Repeat([]byte("x\n"), 90), "zeros": make([]byte, len(whole)),
	} {
		if err := errors.Join(os.RemoveAll(w.dir), os.CopyFS(w.dir, os.DirFS(base)), os.WriteFile(path, held, 0o600)); err != nil {
			t.Fatal(err)
		}
		write(t, w.source, strings.Replace(strings.Join(numbered(upTo(9)...), "\n"), "doc-004", fmt.Sprintf("moved-%d", len(held)), 1))
		var notes []string
		w.event = func(e event.Event) {
			if e.Kind == event.Note {
				notes = append(notes, e.Text)
			}
		}
		if _, _, err := w.run(t, nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if text := strings.Join(notes, "\n"); strings.Count(text, "because it is damaged") != 1 {
			t.Errorf("%s: the run said %q", name, text)
		}
		if now := w.bill(t); !maps.Equal(now, bill) {
			t.Errorf("%s: the bill is %v, and was %v", name, now, bill)
		}
		w.auditClean(t)
	}
}
