package trust_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"quarry/internal/base/effect"
	"quarry/internal/config/trust"
)

func TestAFileIsTrustedInItsPlaceAndAsItIs(t *testing.T) {
	t.Parallel()
	s := trust.Store{Path: filepath.Join(t.TempDir(), "new", "trusted.json")}
	one, two := trust.Digest([]byte("a")), trust.Digest([]byte("b"))
	if s.Has("/x/quarry.yaml", one) {
		t.Error("an empty record trusts")
	}
	for _, place := range []string{"/x/quarry.yaml", "/y/quarry.yaml"} {
		if err := s.Add(effect.New(nil), place, one); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Add(effect.New(nil), "/y/quarry.yaml", two); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		place, digest string
		want          bool
	}{
		{"/x/quarry.yaml", one, true},
		{"/x/quarry.yaml", two, false},
		{"/y/quarry.yaml", one, false},
		{"/y/quarry.yaml", two, true},
		{"/z/quarry.yaml", one, false},
	} {
		if got := s.Has(tt.place, tt.digest); got != tt.want {
			t.Errorf("Has(%s, %.6s) = %v, want %v", tt.place, tt.digest, got, tt.want)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	info, err := os.Stat(s.Path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the record's mode is %v, %v, want 0600", info.Mode(), err)
	}
	if err := os.Chmod(s.Path, 0o666); err != nil {
		t.Fatal(err)
	}
	if s.Has("/x/quarry.yaml", one) {
		t.Error("a record that others can write is believed")
	}
}

func TestDigestTellsWhereOneFileEnds(t *testing.T) {
	t.Parallel()
	if trust.Digest([]byte("ab"), []byte("c")) == trust.Digest([]byte("a"), []byte("bc")) {
		t.Error("two pairs of files have one digest")
	}
}
