package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// kept is the size of what a run directory holds, in bytes for each document.
type kept struct {
	ledger, index, parts, journal float64
	bare                          float64 // the journals without the answers, compressed as they are
	raw, results                  float64
}

// withoutAnswers is the size of all that is kept except the answers.
func (k kept) withoutAnswers() float64 { return k.ledger + k.index + k.parts + k.bare }

func weigh(dir string, n int) (k kept, err error) {
	seen := map[string]bool{}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		seen[name] = true
		size := float64(info.Size()) / float64(n)
		switch top, _, _ := strings.Cut(filepath.ToSlash(name), "/"); {
		case strings.HasPrefix(name, "ledger.db"):
			k.ledger += size
		case strings.HasPrefix(filepath.ToSlash(name), "index/parts/"):
			k.parts += size
		case top == "index" && filepath.Base(name) == "results.jsonl": // a second name of the results
		case top == "index":
			k.index += size
		case top == "journal":
			k.journal += size
			if strings.HasSuffix(name, ".left.jsonl.zst") {
				k.bare += size
				return nil
			}
			bare, err := withoutAnswers(path)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			k.bare += float64(bare) / float64(n)
		case top == "raw":
			k.raw += size
		case top == "results.jsonl":
			k.results += size
		}
		return nil
	})
	if err == nil && !seen["results.jsonl"] {
		err = errors.New("no results.jsonl")
	}
	return k, err
}

// withoutAnswers gives how large a journal would be without the models' words and without what it repeats of the document.
func withoutAnswers(path string) (size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	z, err := zstd.NewReader(f)
	if err != nil {
		return 0, err
	}
	defer z.Close()
	var counted counter
	out, err := zstd.NewWriter(&counted, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return 0, err
	}
	dec, enc := json.NewDecoder(z), json.NewEncoder(out)
	for {
		var line map[string]json.RawMessage
		if err := dec.Decode(&line); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, err
		}
		var result map[string]json.RawMessage
		if raw, ok := line["result"]; ok {
			if err := json.Unmarshal(raw, &result); err != nil {
				return 0, err
			}
			delete(result, "output")
			delete(result, "text")
			if line["result"], err = json.Marshal(result); err != nil {
				return 0, err
			}
		}
		if err := enc.Encode(line); err != nil {
			return 0, err
		}
	}
	err = out.Close()
	return counted.n, err
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
