package validate_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/zstd"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/validate"
	"quarry/internal/testdata"
)

// records writes the real articles as a file of Anthropic records.
func records(b *testing.B) (path string, data []byte) {
	b.Helper()
	packed, err := os.ReadFile(testdata.Path(b, "articles.jsonl.zst"))
	if err != nil {
		b.Fatal(err)
	}
	z, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1))
	if err != nil {
		b.Fatal(err)
	}
	defer z.Close()
	articles, err := io.ReadAll(z)
	if err != nil {
		b.Fatal(err)
	}
	var c jsonl.Checker
	for l := range (jsonl.Chunk{Data: articles, Line: 1}).Lines() {
		members, err := c.Object(l.Text)
		if err != nil {
			b.Fatal(err)
		}
		var id, content []byte
		for _, m := range members {
			switch string(m.Name) {
			case "id":
				id = m.Value
			case "content":
				content = m.Value
			}
		}
		data = append(append(data, `{"recordId":`...), id...)
		data = append(data, `,"modelInput":{"anthropic_version":"bedrock-2023-05-31","max_tokens":4096,"system":"Summarise.","messages":[{"role":"user","content":`...)
		data = append(append(data, content...), "}],\"temperature\":0.1}}\n"...)
	}
	path = filepath.Join(b.TempDir(), "in.jsonl")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.Fatal(err)
	}
	return path, data
}

// BenchmarkFiles checks a file that the system holds in memory, next to jsontext on the same bytes.
func BenchmarkFiles(b *testing.B) {
	path, data := records(b)
	cfg := validate.Config{Model: quarry.DefaultModel}
	for _, workers := range []int{1, 2} {
		b.Run(map[int]string{1: "1 worker", 2: "2 workers"}[workers], func(b *testing.B) {
			cfg.Workers = workers
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if r, err := validate.Files(b.Context(), cfg, []string{path}); err != nil || r.Faults > 0 {
					b.Fatal(r.Faults, err)
				}
			}
		})
	}
	b.Run("jsontext", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			for l := range (jsonl.Chunk{Data: data, Line: 1}).Lines() {
				if !jsontext.Value(l.Text).IsValid() {
					b.Fatal("not valid")
				}
			}
		}
	})
}
