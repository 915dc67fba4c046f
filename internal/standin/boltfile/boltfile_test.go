package boltfile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"quarry/internal/standin/boltfile"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	if err := boltfile.Check(path, true); err != nil {
		t.Errorf("a file that is not there: %v", err)
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("b"))
		for i := 0; err == nil && i < 2000; i++ {
			err = b.Put(fmt.Appendf(nil, "%05d", i), make([]byte, 100))
		}
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if err := boltfile.Check(path, true); err != nil {
		t.Errorf("a whole file: %v", err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		size int
		used bool
		want error
	}{
		{"half of it", len(whole) / 2, true, boltfile.ErrCutOff},
		{"the first two pages", 2 * os.Getpagesize(), false, boltfile.ErrCutOff},
		{"nothing, though there is data", 0, true, boltfile.ErrEmptied},
		{"nothing, at a first start", 0, false, nil},
	} {
		cut := filepath.Join(t.TempDir(), "cut.db")
		if err := os.WriteFile(cut, whole[:tt.size], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := boltfile.Check(cut, tt.used); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}
