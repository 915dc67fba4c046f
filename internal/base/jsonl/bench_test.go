package jsonl_test

import (
	"bytes"
	"io"
	"os"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/zstd"

	"quarry/internal/base/jsonl"
	"quarry/internal/testdata"
)

// corpus gives the first 24 MiB or so of real articles, in whole lines.
func corpus(tb testing.TB) []byte {
	tb.Helper()
	f, err := os.Open(testdata.Path(tb, "articles.jsonl.zst"))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
	if err != nil {
		tb.Fatal(err)
	}
	defer z.Close()
	b, err := io.ReadAll(io.LimitReader(z, 24<<20))
	if err != nil {
		tb.Fatal(err)
	}
	return b[:bytes.LastIndexByte(b, '\n')+1]
}

func BenchmarkCheck(b *testing.B) {
	data := corpus(b)
	chunk := jsonl.Chunk{Data: data, Line: 1}
	b.Run("jsonl", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		var c jsonl.Checker
		for b.Loop() {
			for l := range chunk.Lines() {
				if err := c.Check(l.Text); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("jsontext", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			for l := range chunk.Lines() {
				if !jsontext.Value(l.Text).IsValid() {
					b.Fatal("not valid")
				}
			}
		}
	})
}

func BenchmarkUnescape(b *testing.B) {
	data := corpus(b)
	var bodies [][]byte
	var c jsonl.Checker
	for l := range (jsonl.Chunk{Data: data, Line: 1}).Lines() {
		members, err := c.Object(l.Text)
		if err != nil {
			b.Fatal(err)
		}
		for _, m := range members {
			if string(m.Name) == "content" {
				bodies = append(bodies, m.Value)
			}
		}
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		for _, v := range bodies {
			out = jsonl.Unescape(out[:0], v)
		}
	}
}

func BenchmarkAppendString(b *testing.B) {
	data := corpus(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		for l := range (jsonl.Chunk{Data: data, Line: 1}).Lines() {
			out = jsonl.AppendString(out[:0], l.Text)
		}
	}
}

func BenchmarkChunks(b *testing.B) {
	data := corpus(b)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		for _, err := range jsonl.Chunks(b.Context(), bytes.NewReader(data), jsonl.Place{}, 32<<20) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
