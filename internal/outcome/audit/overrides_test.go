package audit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quarry"
)

// Corrections are known to the audit, and what is wrong with them is no fault of the run.
func TestCorrectedAnswersAreCountedAndStrangeOnesNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, record := b.victim()
	prefix, _ := quarry.RecordID(record).KeyPrefix()
	key := quarry.DocumentKey{}
	copy(key[:], prefix[:])
	lines := []string{
		`{"id":"` + string(id) + `","key":"` + key.Short() + `","output":{},"who":"ann","at":"2026-12-01T08:00:00.000Z"}`,
		`{"id":"` + string(id) + `","key":"ffffffffffff","output":{},"who":"ann","at":"2026-12-01T08:00:00.000Z"}`,
		`{"id":"nowhere","key":"ffffffffffff","output":{},"who":"ann","at":"2026-12-01T08:00:00.000Z"}`,
		`{"id":"taken back","key":"ffffffffffff","output":{},"who":"ann","at":"2026-12-01T08:00:00.000Z"}`,
		`{"id":"taken back","key":"ffffffffffff","removed":true,"who":"ann","at":"2026-12-01T08:00:00.000Z"}`,
		`no line of ours`,
		`{"id":"torn`,
	}
	if err := os.WriteFile(filepath.Join(b.dir, "overrides.jsonl"), []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	code, r := b.audit()
	if code != 0 || !r.Clean() || r.Checked.Corrected != 1 {
		t.Errorf("audit gave code %d and %d corrected answers, want 0 and 1; faults %v", code, r.Checked.Corrected, r.Faults)
	}
	said := strings.Join(r.Differs, "\n")
	for _, want := range []string{
		"overrides.jsonl: document nowhere: results.jsonl has no such document", "overrides.jsonl: document " + string(id) + ": its text or its request changed",
		"overrides.jsonl:6: no corrected answer",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("differs is\n%s\nwant %q", said, want)
		}
	}
	if strings.Contains(said, "taken back") || strings.Contains(said, ":7:") {
		t.Errorf("differs is\n%s", said)
	}
}
