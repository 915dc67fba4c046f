package shardfile

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path/filepath"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/run/lines"
)

// Written says what an input file holds.
type Written struct {
	Records, Bytes int64
	Parted         int64  // records of long documents
	Tokens         int64  // that the answers may have, where room was requested
	Digest         string // SHA-256 of the file, hex
}

// InputFile is an input file in the making, with its part of the index.
type InputFile struct {
	records, index *atomicfile.Writer
	digest         interface {
		io.Writer
		Sum([]byte) []byte
	}
	room  func(modelInput []byte) int64 // nil: the room is not needed
	wrote Written
	line  []byte
}

// CreateInput begins a shard's input file and its part of the index. room says how many tokens the answer to a modelInput
// may have; nil if that is not needed: looking into each body takes time.
func (d Dir) CreateInput(id quarry.ShardID, room func(modelInput []byte) int64) (*InputFile, error) {
	for _, path := range []string{d.Input(id), d.Part(id)} {
		if err := d.effects.MkdirAll(filepath.Dir(path)); err != nil {
			return nil, err
		}
	}
	records, err := atomicfile.Create(d.effects, d.Input(id))
	if err != nil {
		return nil, err
	}
	index, err := atomicfile.CreateZstd(d.effects, d.Part(id))
	if err != nil {
		records.Abort()
		return nil, err
	}
	return &InputFile{records: records, index: index, digest: sha256.New(), room: room}, nil
}

// Add adds a record to the input file, and which document it stands for to the part of the index.
func (f *InputFile) Add(p Part, modelInput []byte) error {
	f.line = AppendRecord(f.line[:0], p.RecordID, modelInput)
	if _, err := f.records.Write(f.line); err != nil {
		return err
	}
	_, _ = f.digest.Write(f.line) // a hash does not fail
	if f.room != nil {
		f.wrote.Tokens += f.room(modelInput)
	}
	f.wrote.Records++
	f.wrote.Parted += int64(min(p.Parts, 1))
	f.wrote.Bytes += int64(len(f.line))
	p.Sent = TextsOf(modelInput)
	return lines.Write(f.index, &p)
}

// AppendRecord appends a record's line in an input file.
func AppendRecord(line []byte, id quarry.RecordID, modelInput []byte) []byte {
	line = append(line, `{"recordId":"`...)
	line = append(line, id...) // of [A-Za-z0-9_-], so nothing in it needs an escape
	line = append(line, `","modelInput":`...)
	line = append(line, modelInput...)
	return append(line, '}', '\n')
}

// Abort throws away what was not committed.
func (f *InputFile) Abort() {
	f.records.Abort()
	f.index.Abort()
}

// Count is how many records were added.
func (f *InputFile) Count() int64 { return f.wrote.Records }

// Commit makes both files appear, the index first: an input file is complete when it is there.
func (f *InputFile) Commit() (Written, error) {
	if err := f.index.Commit(); err != nil {
		return Written{}, err
	}
	if err := f.records.Commit(); err != nil {
		return Written{}, err
	}
	f.wrote.Digest = hex.EncodeToString(f.digest.Sum(nil))
	return f.wrote, nil
}

// LineBytes is the length of a record's line in the input file, with its newline.
func LineBytes(id quarry.RecordID, modelInput []byte) int64 {
	return int64(len(`{"recordId":"","modelInput":}`) + len(id) + len(modelInput) + 1)
}
