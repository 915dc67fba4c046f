package ledger_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
)

// older gives the path of a ledger of a format before 4, whose tables were those of format 3.
func older(t *testing.T, format string) string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("testdata", "format3.sql"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ledger.db")
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), string(script)+"UPDATE fact SET value = '"+format+"' WHERE name = 'format';")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// makeLedger gives the path of a ledger of this version that says it has a format.
func makeLedger(t *testing.T, format string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := ledger.Open(t.Context(), effect.New(nil), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.SetFacts(t.Context(), map[string]string{"format": format, "version": "9.8.7", "run": "abcdefghij"}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// fact reads a fact as it is in the file.
func fact(t *testing.T, path, name string) string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var value string
	if err := db.QueryRowContext(t.Context(), `SELECT value FROM fact WHERE name = $1`, name).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestANewerFormatIsRefused(t *testing.T) {
	t.Parallel()
	path := makeLedger(t, "99")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ledger.Open(t.Context(), effect.New(nil), path)
	_, readErr := ledger.OpenReadOnly(t.Context(), effect.New(nil), path)
	for _, err := range []error{err, readErr} {
		var q *quarry.Error
		if !errors.As(err, &q) || q.Kind != quarry.BadUsage || !errors.Is(err, ledger.ErrNewerFormat) || !strings.Contains(q.Hint, "Quarry 9.8.7") {
			t.Errorf("Open(format 99) = %v, want a usage error that names Quarry 9.8.7", err)
		}
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the refused ledger was changed (%v)", err)
	}
}

func TestAnOlderFormatIsUpgradedAfterACopy(t *testing.T) {
	t.Parallel()
	path := older(t, "1")
	run := fact(t, path, "run")
	died := errors.New("died")
	for n := int64(1); ; n++ { // it dies at every effect of the upgrade
		_, err := ledger.Open(t.Context(), effect.New(func(p effect.Point) error {
			if p.N >= n && p.When == effect.Before {
				return died
			}
			return nil
		}), path)
		if err == nil {
			break
		}
		if !errors.Is(err, died) {
			t.Fatalf("effect %d: %v", n, err)
		}
		if got := fact(t, path, "format"); got != "1" {
			t.Fatalf("effect %d: format %s after a death, want 1", n, got)
		}
	}
	if got := fact(t, path, "format"); got == "1" {
		t.Errorf("format %s after the upgrade", got)
	}
	if got := fact(t, path, "run"); got != run || run == "" {
		t.Errorf("fact run = %q after the upgrade, want %q", got, run)
	}
	if copied := ledger.CopyPath(path, 1); fact(t, copied, "format") != "1" || fact(t, copied, "run") != run {
		t.Errorf("%s is not what the ledger was", copied)
	}
}

func TestAnOlderFormatIsReadInACopy(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Setenv("TMP", tmp)
	path := older(t, "1")
	run := fact(t, path, "run")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.OpenReadOnly(t.Context(), effect.New(nil), path)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := l.Facts(t.Context(), "format", "run")
	if err != nil || facts["format"] != strconv.Itoa(ledger.Format) || facts["run"] != run {
		t.Errorf("facts = %v, %v, want those of the ledger in this format", facts, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the ledger that was read was changed (%v)", err)
	}
	for _, dir := range []string{tmp, filepath.Dir(path)} {
		left, err := os.ReadDir(dir)
		if err != nil || slices.ContainsFunc(left, func(d os.DirEntry) bool { // SQLite leaves the index of its log
			return !strings.HasPrefix(d.Name(), "ledger.db") || strings.HasSuffix(d.Name(), ".v1")
		}) {
			t.Errorf("%s holds %v, %v", dir, left, err)
		}
	}
}

// TestAnUpgradedLedgerHasItsSlotsAndSources upgrades a run that was killed in the middle of its retries.
func TestAnUpgradedLedgerHasItsSlotsAndSources(t *testing.T) {
	t.Parallel()
	b := openAt(t, older(t, "3"))
	if s, err := b.Shard(t.Context(), "r00001"); err != nil || len(s.Sources) != 6 {
		t.Errorf("shard r00001 has the sources %v, %v, want 6", s.Sources, err)
	}
	home := ledger.Pool{Region: "us-west-2", Model: quarry.DefaultModel, Bucket: "quarry-123456789012-us-west-2"}
	err := b.Place(t.Context(), &ledger.Shard{ID: "s00099"}, []ledger.Pool{home}, func(q []ledger.Queue) (bool, error) {
		if q[0].Open != 2 || q[0].Took <= 0 || q[0].Oldest.IsZero() {
			t.Errorf("the quota has %+v, want the intended and the submitted shard, and how long jobs took", q[0])
		}
		return false, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if places, err := b.Places(t.Context()); err != nil || !slices.Equal(places, []ledger.Pool{home}) {
		t.Errorf("Places = %v, %v, want %v", places, err, home)
	}
}

func TestAFileWithoutARunIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := ledger.Open(t.Context(), effect.New(nil), path)
	_, readErr := ledger.OpenReadOnly(t.Context(), effect.New(nil), path)
	for _, err := range []error{err, readErr} {
		var q *quarry.Error
		if !errors.As(err, &q) || q.Kind != quarry.BadUsage || q.Subject != path || !strings.Contains(q.Hint, "quarry adopt") {
			t.Errorf("Open of an empty file = %v, want a usage error that names it", err)
		}
	}
}

func TestALedgerIsCreatedWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	died := errors.New("died")
	for n := int64(1); ; n++ { // it dies at every effect, before it and after it
		for _, when := range []effect.When{effect.Before, effect.After} {
			l, err := ledger.Open(t.Context(), effect.New(func(p effect.Point) error {
				if p.N >= n && p.When == when {
					return died
				}
				return nil
			}), path)
			if err == nil {
				if n < 4 {
					t.Errorf("created with %d effects, want a file, a change and a name", n-1)
				}
				if err := l.Close(); err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, died) {
				t.Fatalf("effect %d: %v", n, err)
			}
			if info, err := os.Stat(path); err == nil {
				if info.Size() == 0 || fact(t, path, "format") == "" {
					t.Fatalf("effect %d: %d bytes after a death", n, info.Size())
				}
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestALedgerThatMayOnlyBeReadIsNamed(t *testing.T) {
	t.Parallel()
	path := makeLedger(t, strconv.Itoa(ledger.Format))
	l, err := ledger.OpenReadOnly(t.Context(), effect.New(nil), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var q *quarry.Error
	if err := l.SetFacts(t.Context(), map[string]string{"run": "x"}); !errors.As(err, &q) || q.Kind != quarry.BadUsage || q.Subject != path {
		t.Errorf("SetFacts = %v, want a usage error that names %s", err, path)
	}
}

// TestALedgerIsReadWhereNothingMayBeWritten has a broken link in the place of the index of SQLite's log, so that it cannot make one: as
// in a directory of another user. A ledger that was closed has no log; one whose process was killed has.
func TestALedgerIsReadWhereNothingMayBeWritten(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Setenv("TMP", tmp)
	for _, killed := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "ledger.db")
		writer, err := ledger.Open(t.Context(), effect.New(nil), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.SetFacts(t.Context(), map[string]string{"run": "abcdefghij"}); err != nil {
			t.Fatal(err)
		}
		left := filepath.Join(t.TempDir(), "ledger.db")
		if killed {
			err = os.CopyFS(filepath.Dir(left), os.DirFS(filepath.Dir(path)))
		}
		if err := errors.Join(err, writer.Close()); err != nil {
			t.Fatal(err)
		}
		if !killed {
			left = path
		}
		if _, err := os.Stat(left + "-wal"); (err == nil) != killed {
			t.Fatalf("killed %t: a log: %v", killed, err)
		}
		if err := errors.Join(os.RemoveAll(left+"-shm"), os.Symlink(filepath.Join("missing", "shm"), left+"-shm")); err != nil {
			t.Fatal(err)
		}
		l, err := ledger.OpenReadOnly(t.Context(), effect.New(nil), left)
		if err != nil {
			t.Fatalf("killed %t: %v", killed, err)
		}
		if facts, err := l.Facts(t.Context(), "run"); err != nil || facts["run"] != "abcdefghij" {
			t.Errorf("killed %t: facts = %v, %v", killed, facts, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if rest, err := os.ReadDir(tmp); err != nil || len(rest) > 0 {
			t.Errorf("killed %t: left in the place for temporary files: %v, %v", killed, rest, err)
		}
	}
}
