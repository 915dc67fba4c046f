package run_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/compose"
	"quarry/internal/outcome/audit"
)

// left is what a run leaves for people, with what differs between two runs of the same taken out.
func (w *world) left(t *testing.T) string {
	t.Helper()
	_, results := w.results(t)
	failed, err := os.ReadFile(filepath.Join(w.dir, "failed.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return results + "failed: " + jobless(t, failed)
}

// jobless takes the provider's name for a job out of results.
func jobless(t *testing.T, lines []byte) string {
	t.Helper()
	var text bytes.Buffer
	for line := range bytes.Lines(lines) {
		var r quarry.Result
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		r.Job = ""
		out, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(append(out, '\n'))
	}
	return text.String()
}

// ids are the documents as the source has them.
func (w *world) ids(t *testing.T) []quarry.DocumentID {
	t.Helper()
	b, err := os.ReadFile(w.source)
	if err != nil {
		t.Fatal(err)
	}
	var ids []quarry.DocumentID
	for line := range bytes.Lines(b) {
		var d struct{ ID quarry.DocumentID }
		if err := json.Unmarshal(line, &d); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
	}
	return ids
}

// audited reads the run again with code of its own.
func (w *world) audited(t *testing.T) audit.Report {
	t.Helper()
	ids := w.ids(t)
	return w.auditedWith(t, audit.Config{Sources: func(yield func(quarry.DocumentID, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}})
}

// auditedAsChanged is audited where the sources are not what they were when the run read them.
func (w *world) auditedAsChanged(t *testing.T) audit.Report {
	t.Helper()
	return w.auditedWith(t, audit.Config{Unread: "they changed"})
}

func (w *world) auditedWith(t *testing.T, cfg audit.Config) audit.Report {
	t.Helper()
	book, closeBook, err := w.openLedger(t.Context(), effect.New(nil))
	if err != nil {
		t.Fatal(err)
	}
	run, _, err := compose.Audit(t.Context(), w.dir, book)
	if err != nil {
		t.Fatal(err)
	}
	run.Sources, run.Unread = cfg.Sources, cfg.Unread
	rep, err := audit.Run(t.Context(), run)
	if err := errors.Join(err, closeBook()); err != nil {
		t.Fatal(err)
	}
	return rep
}

// proven checks the invariants after a crash and a resume, by audit and by the provider's own bill: every document once,
// every record paid once, and the same left as by a run that never died. A record may have been paid twice only where
// audit says so.
func (w *world) proven(t *testing.T, want, what string) {
	t.Helper()
	if got := w.left(t); got != want {
		t.Errorf("%s: what is left differs from a run that never died:\n%s\nwant\n%s", what, got, want)
	}
	rep := w.audited(t)
	if !rep.Clean() || !rep.Ended {
		t.Errorf("%s: audit (ended: %v) finds missing %v, answered twice %v, paid twice %v, altered %v, faults %v", what, rep.Ended, rep.Missing, rep.AnsweredTwice,
			rep.PaidTwice, rep.Altered, rep.Faults)
	}
	w.paidOnce(t, &rep, what)
}

// paidOnce compares the provider's bill with audit: only a call that audit says may have been paid twice was.
func (w *world) paidOnce(t *testing.T, rep *audit.Report, what string) {
	t.Helper()
	for id, answered := range w.bill(t) {
		if answered > 1 && !slices.ContainsFunc(rep.Found, func(f audit.Finding) bool { return f.List == "maybe_paid_twice" && string(f.RecordID) == id }) {
			t.Errorf("%s: record %s was answered and billed %d times, and audit does not say so: %+v", what, id, answered, rep.Found)
		}
	}
}
