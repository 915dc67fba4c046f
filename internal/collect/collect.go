// Package collect takes a job's output: manifest and output files, in any order, to lines joined by recordId.
//
// It owns the layout of Bedrock's output and the form of its lines
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html). It does not judge an answer, and
// it does not know which records were asked. What always holds: the raw output is on our disk, whole and unchanged,
// before a line of it is read; manifest.json.out is never taken for data; unknown members are kept.
package collect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/effect"
	"quarry/internal/jsonl"
)

// ManifestName is the name of the file that tells a job's totals. It ends like an output file and is none.
const ManifestName = "manifest.json.out"

// outputSuffix is what Bedrock appends to the name of each input file.
const outputSuffix = ".jsonl.out"

// maxLineBytes bounds one line of output: it repeats the input, whose file has at most a few GB, and adds an answer.
const maxLineBytes = 512 << 20

// Store is where output lies.
type Store struct {
	// Objects lists keys under a prefix.
	Objects func(ctx context.Context, prefix string) iter.Seq2[string, error]
	// Get opens one.
	Get func(ctx context.Context, key string) (io.ReadCloser, error)
}

// Output is a job's output on our disk.
type Output struct {
	Files    []string // zstd-compressed, one for each output file, in the order of their names
	Manifest *quarry.Manifest
}

// Download fetches all that lies under prefix into dir. Doing it again replaces the files with the same content.
func Download(ctx context.Context, e *effect.Effects, s Store, prefix, dir string) (Output, error) {
	if err := e.MkdirAll(dir); err != nil {
		return Output{}, err
	}
	for key, err := range s.Objects(ctx, prefix) {
		if err != nil {
			return Output{}, err
		}
		// Two input files of one name in two folders would meet here; Bedrock's own naming of them is not documented.
		name := strings.ReplaceAll(strings.TrimPrefix(key, prefix), "/", "__")
		if name == "" || strings.HasSuffix(key, "/") {
			continue
		}
		if err := fetch(ctx, e, s, key, filepath.Join(dir, name+".zst")); err != nil {
			return Output{}, fmt.Errorf("download %s: %w", key, err)
		}
	}
	return Open(dir)
}

func fetch(ctx context.Context, e *effect.Effects, s Store, key, path string) error {
	r, err := s.Get(ctx, key)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	_, err = atomicfile.CopyZstd(e, path, r)
	return err
}

// Open finds the output that was downloaded to dir, compressed by Download or as somebody copied it. That there is
// none at all is no error: a job can end without output.
func Open(dir string) (Output, error) {
	var out Output
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("open output: %w", err)
	}
	for _, entry := range entries {
		name, path := strings.TrimSuffix(entry.Name(), ".zst"), filepath.Join(dir, entry.Name())
		switch {
		case name == ManifestName || strings.HasSuffix(name, "__"+ManifestName):
			if out.Manifest, err = readManifest(path); err != nil {
				return out, err
			}
		case strings.HasSuffix(name, outputSuffix):
			out.Files = append(out.Files, path)
		}
	}
	slices.Sort(out.Files)
	return out, nil
}

func readManifest(path string) (*quarry.Manifest, error) {
	r, err := OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	var m quarry.Manifest
	if err := json.NewDecoder(r).Decode(&m); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return &m, nil
}

// OpenFile opens a file and takes off its compression where its name ends in .zst.
func OpenFile(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(path, ".zst") {
		return f, nil
	}
	// One goroutine: many shards are read side by side.
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20))
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return zstdFile{z, f}, nil
}

type zstdFile struct {
	*zstd.Decoder
	f *os.File
}

func (z zstdFile) Close() error {
	z.Decoder.Close()
	return z.f.Close()
}

// Chunks reads one output file in runs of whole lines, which can be parsed side by side.
func Chunks(ctx context.Context, path string) iter.Seq2[jsonl.Chunk, error] {
	return func(yield func(jsonl.Chunk, error) bool) {
		r, err := OpenFile(path)
		if err != nil {
			yield(jsonl.Chunk{}, err)
			return
		}
		defer func() { _ = r.Close() }()
		for c, err := range jsonl.Chunks(ctx, r, jsonl.Place{}, maxLineBytes) {
			if err == nil && c.Skipped > 0 {
				err = fmt.Errorf("line %d: %d bytes", c.Line, c.Skipped)
			}
			if err != nil {
				yield(c, fmt.Errorf("read %s: %w", path, err))
				return
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}

// Line is one line of output.
type Line struct {
	RecordID    quarry.RecordID
	ModelInput  []byte // the echo, as it stands
	ModelOutput []byte // as it stands, or nil
	Error       *RecordError
	Others      []byte // the members that no page tells of, as one JSON object, or nil
}

// RecordError replaces modelOutput where the provider could not answer a record.
type RecordError struct {
	Code    int
	Message string
}

// Parse reads one line. Its slices point into the line. A line that is not one, torn for example, is an error.
func Parse(c *jsonl.Checker, line []byte) (Line, error) {
	members, err := c.Object(line)
	if err != nil {
		return Line{}, err
	}
	var l Line
	for _, m := range members {
		switch string(m.Name) {
		case "recordId":
			if !m.String() {
				return Line{}, errors.New("recordId is not a string")
			}
			l.RecordID = quarry.RecordID(jsonl.Unescape(nil, m.Value[1:len(m.Value)-1]))
		case "modelInput":
			l.ModelInput = m.Value
		case "modelOutput":
			if string(m.Value) != "null" {
				l.ModelOutput = m.Value
			}
		case "error":
			if string(m.Value) != "null" {
				l.Error = parseError(m.Value)
			}
		default:
			l.Others = appendMember(l.Others, m)
		}
	}
	if l.Others != nil {
		l.Others = append(l.Others, '}')
	}
	if l.RecordID == "" {
		return Line{}, errors.New("no recordId")
	}
	if l.ModelOutput == nil && l.Error == nil {
		l.Error = &RecordError{Message: "neither modelOutput nor error"}
	}
	return l, nil
}

func appendMember(object []byte, m jsonl.Member) []byte {
	name, err := json.Marshal(string(m.Name))
	if err != nil { // a text that was JSON before
		return object
	}
	sep := byte(',')
	if object == nil {
		sep = '{'
	}
	object = append(append(object, sep), name...)
	return append(append(object, ':'), m.Value...)
}

// parseError reads the error member. errorCode is a number on AWS's page; emulators were seen to write a string.
func parseError(value []byte) *RecordError {
	var e struct {
		Code    json.RawMessage `json:"errorCode"`
		Message string          `json:"errorMessage"`
	}
	if err := json.Unmarshal(value, &e); err != nil {
		return &RecordError{Message: string(value)}
	}
	out := &RecordError{Message: e.Message}
	_, _ = fmt.Sscanf(strings.Trim(string(e.Code), `"`), "%d", &out.Code) // no number: 0, an error like any other
	return out
}
