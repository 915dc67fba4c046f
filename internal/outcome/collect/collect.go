// Package collect takes a job's output: manifest and output files, in any order, to lines joined by recordId.
//
// It owns the layout of Bedrock's output and the form of its lines
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html). It does not judge an answer, and
// it does not know which records were sent. What always holds: the raw output is on our disk, whole and unchanged,
// before a line of it is read; manifest.json.out is never taken for data; unknown members are kept.
package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
)

// ManifestName is the name of the file that tells a job's totals. It ends like an output file and is none.
const ManifestName = "manifest.json.out"

// outputSuffix is what Bedrock appends to the name of each input file.
const outputSuffix = ".jsonl.out"

// Object is one object of a listing.
type Object struct {
	Key  string
	Size int64 // in bytes, as the listing says
}

// Store is where output is.
type Store struct {
	// Objects lists what is under a prefix.
	Objects func(ctx context.Context, prefix string) iter.Seq2[Object, error]
	// Get opens one.
	Get func(ctx context.Context, key string) (io.ReadCloser, error)
	// Fetch gives an object's content to a function, and repeats both while the content arrives with fewer or more bytes
	// than the listing says.
	Fetch func(ctx context.Context, o Object, to func(io.Reader) error) error
}

// Output is a job's output on our disk.
type Output struct {
	Files    []string // zstd-compressed, one for each output file, in the order of their names
	Manifest *quarry.Manifest
	// Unread says why the job's manifest cannot be read; empty where it can, or where there is none.
	Unread string
}

// Download fetches the output files and the manifest under prefix, which ends with a slash, into dir, and nothing else:
// an object that is no output cannot stop what was paid for. Doing it again replaces the files with the same content.
func Download(ctx context.Context, e *effect.Effects, s Store, prefix, dir string) (Output, error) {
	if err := e.MkdirAll(dir); err != nil {
		return Output{}, err
	}
	names := localNames{}
	for o, err := range s.Objects(ctx, prefix) {
		if err != nil {
			return Output{}, err
		}
		key := strings.TrimPrefix(o.Key, prefix)
		if key != ManifestName && !strings.HasSuffix(key, outputSuffix) {
			continue
		}
		path := filepath.Join(dir, names.of(key)+".zst")
		err := s.Fetch(ctx, o, func(r io.Reader) error {
			_, err := atomicfile.CopyZstd(e, path, r)
			return err
		})
		if err != nil {
			return Output{}, fmt.Errorf("download %s: %w", o.Key, err)
		}
	}
	return Open(dir)
}

// Open finds the output that was downloaded to dir. That there is none at all is no error: a job can end without output.
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
		case name == ManifestName:
			if out.Manifest, err = readManifest(path); err != nil {
				out.Unread = unread(name, err)
			}
		case strings.HasSuffix(name, outputSuffix):
			out.Files = append(out.Files, path)
		}
	}
	slices.Sort(out.Files)
	return out, nil
}
