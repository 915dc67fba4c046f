package run_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quarry"
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
		"the first line is cut": whole[:33], "its foot is cut": whole[:len(whole)-5], "its last entries are cut": whole[:len(whole)-2*46], "it is empty": {},
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

// TestAMissingJournalIsNotTakenForEmpty removes a journal, which holds answers that were paid for: a command that needs it names it, and
// sends nothing again.
func TestAMissingJournalIsNotTakenForEmpty(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world){
		"a document changed, and the memory is made again": func(w *world) {
			write(t, w.source, strings.Replace(strings.Join(numbered(upTo(9)...), "\n"), "doc-004", "moved", 1))
		},
		"nothing is new, and the results are written again": func(*world) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{docs: strings.Join(numbered(upTo(9)...), "\n")})
			if _, _, err := w.run(t, nil); err != nil {
				t.Fatal(err)
			}
			bill := w.bill(t)
			journals, err := filepath.Glob(filepath.Join(w.dir, "journal", "*.jsonl.zst"))
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range append(journals, answered.Path(w.dir)) {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			change(w)
			_, _, err = w.run(t, nil)
			var q *quarry.Error
			named := errors.As(err, &q) && q.Kind == quarry.BadUsage && strings.Contains(q.Subject, filepath.Join(w.dir, "journal"))
			if !named || !strings.Contains(q.Hint, "backup") {
				t.Errorf("the run ended with %v, want an error that names the journal and the way out", err)
			}
			if now := w.bill(t); !maps.Equal(now, bill) {
				t.Errorf("the bill is %v, and was %v", now, bill)
			}
		})
	}
}
