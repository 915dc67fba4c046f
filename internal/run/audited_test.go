package run_test

import (
	"path/filepath"
	"testing"

	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/compose"
	"quarry/internal/outcome/audit"
)

// auditClean holds a run against the proof of another package.
func (w *world) auditClean(t *testing.T) {
	t.Helper()
	book, err := ledger.OpenReadOnly(t.Context(), effect.New(nil), filepath.Join(w.dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	cfg, _, err := compose.Audit(t.Context(), w.dir, book)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Unread = "not in this test"
	rep, err := audit.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !rep.Clean() {
		t.Errorf("audit found missing %v, answered twice %v, paid twice %v, altered %v, faults %v", rep.Missing, rep.AnsweredTwice, rep.PaidTwice, rep.Altered, rep.Faults)
	}
}
