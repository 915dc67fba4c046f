package source_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"quarry/internal/prepare/source"
)

func TestContentsAreTheBytesAndNamesOfAllFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	own := filepath.Join(folder, "run")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(own, 0o700); err != nil {
		t.Fatal(err)
	}
	write("a.md", "one")
	contents := func() string {
		t.Helper()
		digest, err := source.Contents(t.Context(), []string{folder}, own)
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	was := contents()
	for _, c := range []struct {
		what   string
		do     func()
		differ bool
	}{
		{"a file has another time", func() { _ = os.Chtimes(filepath.Join(folder, "a.md"), time.Time{}, time.Unix(1, 0)) }, false},
		{"a file came into the run's directory", func() { write("run/report.json", "{}") }, false},
		{"a file has other bytes of the same length", func() { write("a.md", "two") }, true},
		{"a file has another name", func() { _ = os.Rename(filepath.Join(folder, "a.md"), filepath.Join(folder, "b.md")) }, true},
		{"a file came", func() { write("c.md", "three") }, true},
	} {
		c.do()
		now := contents()
		if now != was != c.differ {
			t.Errorf("%s: digest differs: %v, want %v", c.what, now != was, c.differ)
		}
		was = now
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source.Contents(ctx, []string{folder}, own); !errors.Is(err, context.Canceled) {
		t.Errorf("Contents after a cancel = %v", err)
	}
	if _, err := source.Contents(t.Context(), []string{filepath.Join(folder, "gone")}, own); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Contents of a source that is gone = %v", err)
	}
}
