// Package kept keeps what a source gave that cannot be read twice, or not the same twice: the rows of a query, the posts
// of a site, the objects of a bucket. It writes the documents down as they come, and is a source of them from then on.
//
// It owns two files and their format (docs/formats.md) and nothing of what documents are made of: they are those that the
// source made, faults and positions included. What always holds: what was kept is given the same, in the same order, as
// often as it is asked for; a keeping that was interrupted continues, where the source can begin again in its middle, or
// begins again; a pass never asks the source again once all of it is kept, unless the copy is damaged; memory follows a block, not
// the source. A source that says what was modified is asked for that alone (see Keep), and the copy is whole all the same: what
// was not modified, or is gone, is in it as the last full reading had it.
package kept

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"quarry"
)

// Source is what is kept: one of the run's sources.
type Source interface {
	Name() string
	Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error]
}

// Format is the version of the files.
const Format = 1

// The files below a source's directory.
const (
	documentsFile = "documents.zst"
	stateFile     = "state.jsonl"
)

// about is the first line of the state: what is kept.
type about struct {
	Format   int    `json:"format"`
	Pass     int    `json:"pass"`
	Source   string `json:"source"`
	Settings string `json:"settings"` // digest of how it was read

	// Clock is the time by the source's clock when the reading began, and Full that of this machine when everything was read last; zero:
	// not known.
	Clock time.Time `json:"clock,omitzero"`
	Full  time.Time `json:"full,omitzero"`
	// Documents is the name of the file; empty: documentsFile.
	Documents string `json:"documents,omitempty"`
}

// of reports whether something was kept of the same source for the same pass in the same way.
func (a about) of(b about) bool { return a.Pass == b.Pass && a.like(b) }

// like is of for any pass.
func (a about) like(b about) bool {
	return a.Format == b.Format && a.Source == b.Source && a.Settings == b.Settings
}

func (a about) file() string { return cmp.Or(a.Documents, documentsFile) }

// state is any further line: how far the keeping came. Before Done it leaves the last block out, which is read again: where
// the one after it begins is not known, and a site whose posts went away meanwhile has moved them over that border.
type state struct {
	End       int64           `json:"end"`           // bytes of whole frames
	Sum       uint32          `json:"sum,omitempty"` // CRC-32C of these bytes; 0: an earlier version did not note it
	At        quarry.Position `json:"at"`            // of the next block in the source
	Items     int64           `json:"items"`
	Documents int64           `json:"documents"`
	Done      bool            `json:"done,omitempty"`
	// Resumed says that the reading began again in its middle. Items that moved to before that place meanwhile are missing.
	Resumed bool `json:"resumed,omitempty"`
}

// readState reads a state file: what is kept, the last whole line, and the bytes up to its end. ok is false where there is
// none that can be read.
func readState(path string) (a about, s state, end int64, ok bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return a, s, 0, false, nil
	}
	if err != nil {
		return a, s, 0, false, err
	}
	defer func() { _ = f.Close() }()
	in := bufio.NewReader(f)
	for n := 0; ; n++ {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return a, s, end, n > 0, nil // a torn last line was never said
		}
		if n == 0 {
			err = json.Unmarshal(line, &a)
		} else {
			err = json.Unmarshal(line, &s)
		}
		if err != nil {
			return a, s, end, n > 1, nil
		}
		end += int64(len(line))
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// intact reports whether the documents are those that the state speaks of: another program, or a disk, may have changed them.
func (s *state) intact(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	if s.Sum == 0 {
		info, err := f.Stat()
		return err == nil && info.Size() >= s.End
	}
	sum := crc32.New(castagnoli)
	n, err := io.Copy(sum, io.LimitReader(f, s.End))
	return err == nil && n == s.End && sum.Sum32() == s.Sum
}

// Open gives what a pass kept in a directory, all of it; ok is false where there is no such thing, or it is damaged.
func Open(dir string, pass, index int) (k *Kept, ok bool, err error) {
	a, last, _, ok, err := readState(filepath.Join(dir, stateFile))
	if err != nil || !ok || !last.Done || a.Pass != pass || a.Format != Format || !last.intact(filepath.Join(dir, a.file())) {
		return nil, false, err
	}
	return a.open(dir, index, &last), true, nil
}

// open gives what is kept, all of it.
func (a about) open(dir string, index int, s *state) *Kept {
	return &Kept{
		about: a, path: filepath.Join(dir, a.file()), name: a.Source, index: index, end: s.End, Documents: s.Documents, Read: s.Documents,
	}
}

// errNewer says that files were made by a later version.
func errNewer(dir string, format int) error {
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "read what was kept", Subject: dir,
		Err:  fmt.Errorf("its format is %d, and this version reads %d", format, Format),
		Hint: "use the version that wrote it",
	}
}
