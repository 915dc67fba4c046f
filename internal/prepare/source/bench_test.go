package source_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"

	"quarry"
	"quarry/internal/prepare/source"
	"quarry/internal/testdata"
)

// unpacked writes the real articles into a plain file.
func unpacked(b *testing.B) (path string, size int64) {
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
	path = filepath.Join(b.TempDir(), "articles.jsonl")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	if size, err = io.Copy(f, z); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return path, size
}

// BenchmarkDocuments reads real articles from a file that the system holds in memory, from bytes to documents.
func BenchmarkDocuments(b *testing.B) {
	path, size := unpacked(b)
	sources, err := source.Open(b.Context(), []string{path}, source.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for block, err := range sources[0].Blocks(b.Context(), quarry.Position{}) {
			if err != nil {
				b.Fatal(err)
			}
			for _, err := range block.Documents {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}
