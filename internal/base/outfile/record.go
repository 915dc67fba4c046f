package outfile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
)

// RecordFile is the name of the record in a run directory.
const RecordFile = "files.json"

// Record is what a run read and wrote outside its directory, beyond the sources that its ledger names. It grows with the
// number of names, not of documents.
type Record struct {
	Format  int       `json:"format"`
	Inputs  []string  `json:"inputs,omitempty"` // absolute
	Exports []Written `json:"exports,omitempty"`
}

// Written is one file that was written, or one table of a database.
type Written struct {
	Path   string `json:"path"` // absolute, links resolved
	Table  string `json:"table,omitempty"`
	SHA256 string `json:"sha256"` // of the file's bytes, or of the table's columns and rows
	At     string `json:"at"`
}

// ReadRecord reads the record of a run directory. One that is missing or cannot be read is empty: then more is refused,
// never less.
func ReadRecord(dir string) Record {
	r := Record{Format: 1}
	b, err := os.ReadFile(filepath.Join(dir, RecordFile))
	if err == nil && json.Unmarshal(b, &r) != nil {
		r = Record{}
	}
	r.Format = 1
	return r
}

// Save writes the record into a run directory.
func (r *Record) Save(e *effect.Effects, dir string) error {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("record of files: %w", err)
	}
	return atomicfile.Write(e, filepath.Join(dir, RecordFile), append(b, '\n'))
}

// AddInput remembers a file that was read, and reports whether it is new to the record.
func (r *Record) AddInput(path string) bool {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if slices.Contains(r.Inputs, path) {
		return false
	}
	r.Inputs = append(r.Inputs, path)
	return true
}

// Remember adds files that a command reads to the record of a run directory; empty names are none.
func Remember(e *effect.Effects, dir string, paths ...string) error {
	r, changed := ReadRecord(dir), false
	for _, path := range paths {
		changed = path != "" && r.AddInput(path) || changed
	}
	if !changed {
		return nil
	}
	return r.Save(e, dir)
}

// Digests gives what was written to a path, of a file or of a table.
func (r *Record) Digests(path, table string) []string {
	var out []string
	for _, w := range r.Exports {
		if w.Path == path && w.Table == table {
			out = append(out, w.SHA256)
		}
	}
	return out
}

// Add remembers what is about to be written. What was written there before stays in the record until Done: a crash between
// the two leaves one of them.
func (r *Record) Add(path, table, digest string) {
	r.Exports = append(r.Exports, Written{path, table, digest, quarry.Timestamp(time.Now())})
}

// Done drops what the last Add to a path has replaced.
func (r *Record) Done(path, table string) {
	last := len(r.Exports) - 1
	kept := r.Exports[:0]
	for i, w := range r.Exports {
		if i == last || w.Path != path || w.Table != table {
			kept = append(kept, w)
		}
	}
	r.Exports = kept
}

// Digest is the SHA-256 of a file, in hex.
func Digest(ctx context.Context, path string) (digest string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return "", context.Cause(ctx)
		}
		n, err := f.Read(buf)
		sum.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(sum.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
}
