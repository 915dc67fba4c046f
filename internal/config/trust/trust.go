// Package trust remembers which configuration files a person has confirmed, each by its place and its content.
//
// It owns the record in the user's configuration directory, and nothing of what is in the files. What always holds: a
// file that was changed or moved since is not trusted; a record that others can write is not believed.
package trust

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
)

// Store is the record. An empty Path is one in which nothing is.
type Store struct{ Path string }

// entry is one confirmed file; there is one for each path.
type entry struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	At     string `json:"at"`
}

type record struct {
	Format int     `json:"format"`
	Files  []entry `json:"files"`
}

// Default is the user's record: quarry/trusted.json in the configuration directory of the system (os.UserConfigDir).
func Default() (Store, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return Store{}, fmt.Errorf("find the configuration directory: %w", err)
	}
	return Store{filepath.Join(dir, "quarry", "trusted.json")}, nil
}

// Place is the name by which a file is remembered: absolute, the links of its folder resolved. A link in the place of the
// file itself is not followed: what counts is where the file was found, and what it held.
func Place(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(abs)), nil
}

// Digest is the SHA-256 of a file and of the files that it names, in hex.
func Digest(content ...[]byte) string {
	sum := sha256.New()
	for _, c := range content {
		one := sha256.Sum256(c)
		sum.Write(one[:])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// read gives the record; one that is missing, broken, or open to others for writing is empty.
func (s Store) read() record {
	empty := record{Format: 1}
	info, err := os.Stat(s.Path)
	if err != nil || !info.Mode().IsRegular() || runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
		return empty
	}
	var r record
	b, err := os.ReadFile(s.Path)
	if err != nil || json.Unmarshal(b, &r) != nil || r.Format != 1 {
		return empty
	}
	return r
}

// Has reports whether a file was confirmed with this content.
func (s Store) Has(place, digest string) bool {
	for _, e := range s.read().Files {
		if e.Path == place {
			return e.SHA256 == digest
		}
	}
	return false
}

// Add remembers that a file was confirmed with this content, instead of any other.
func (s Store) Add(e *effect.Effects, place, digest string) error {
	if s.Path == "" {
		return errors.New("there is no configuration directory")
	}
	r := s.read()
	kept := r.Files[:0]
	for _, f := range r.Files {
		if f.Path != place {
			kept = append(kept, f)
		}
	}
	r.Files = append(kept, entry{place, digest, quarry.Timestamp(time.Now())})
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := e.MkdirAll(filepath.Dir(s.Path)); err != nil {
		return err
	}
	return atomicfile.Write(e, s.Path, append(b, '\n'))
}
