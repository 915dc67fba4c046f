package records_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"quarry"
	"quarry/internal/ui/records"
)

// TestRunsOfEarlierFormatsAreShown makes the index of a run directory of each format, and looks at each record and its attempts.
func TestRunsOfEarlierFormatsAreShown(t *testing.T) {
	t.Parallel()
	const formats = "../../../cmd/quarry/testdata/formats"
	ledgers, err := filepath.Glob(filepath.Join(formats, "*", "*", "ledger.db"))
	if err != nil || len(ledgers) < 8 {
		t.Fatalf("%d run directories, %v", len(ledgers), err)
	}
	for _, from := range ledgers {
		dir, name := filepath.Join(t.TempDir(), "run"), filepath.Dir(from)
		if err := os.CopyFS(dir, os.DirFS(name)); err != nil {
			t.Fatal(err)
		}
		lines, err := os.ReadFile(filepath.Join(dir, "results.jsonl"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		s, err := records.Open(t.Context(), records.Config{Dir: dir})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := s.Update(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		p, err := s.Page(t.Context(), &records.Query{})
		if want := bytes.Count(lines, []byte("\n")); err != nil || lines != nil && len(p.Rows) != want {
			t.Errorf("%s: %d records, want %d, %v", name, len(p.Rows), want, err)
		}
		for _, row := range p.Rows[:min(4, len(p.Rows))] {
			r, err := s.Record(t.Context(), row.ID)
			if err != nil || r.Result.ID != row.ID {
				t.Errorf("%s: record %s: %v", name, row.ID, err)
			}
			all, err := s.Attempts(t.Context(), row.ID)
			if err != nil || len(all) == 0 && r.Result.Attempts > 0 && row.Status != quarry.StatusSkipped {
				t.Errorf("%s: %d attempts at %s, %v", name, len(all), row.ID, err)
			}
			for i := range all {
				if all[i].Raw == "" {
					t.Errorf("%s: no output of attempt %s", name, all[i].RecordID)
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
