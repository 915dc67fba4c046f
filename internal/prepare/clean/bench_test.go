package clean_test

import (
	"bytes"
	"testing"

	nethtml "golang.org/x/net/html"

	"quarry"
	"quarry/internal/prepare/clean"
)

// bodies is a fair sample of the corpus in one format.
func bodies(b *testing.B, format quarry.Format) (docs []*quarry.Document, size int64) {
	b.Helper()
	for _, a := range articles(b, format, 20) {
		docs = append(docs, a.document())
		size += int64(len(a.Content))
	}
	return docs, size
}

func benchmarkClean(b *testing.B, format quarry.Format) {
	docs, size := bodies(b, format)
	c := clean.New(clean.Config{})
	b.SetBytes(size)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		for _, doc := range docs {
			if _, err := c.Clean(doc); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkHTML(b *testing.B)     { benchmarkClean(b, html) }
func BenchmarkMarkdown(b *testing.B) { benchmarkClean(b, markdown) }

func BenchmarkText(b *testing.B) {
	docs, size := bodies(b, markdown)
	c := clean.New(clean.Config{})
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, doc := range docs {
			plain := *doc
			plain.Format = text
			if _, err := c.Clean(&plain); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkTokenizer is the yardstick: the tokenizer of golang.org/x/net/html over the same HTML, with nothing done to
// what it finds.
func BenchmarkTokenizer(b *testing.B) {
	docs, size := bodies(b, html)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, doc := range docs {
			z := nethtml.NewTokenizer(bytes.NewReader(doc.Body))
			for z.Next() != nethtml.ErrorToken {
			}
		}
	}
}

// BenchmarkParse is the other one: its tree.
func BenchmarkParse(b *testing.B) {
	docs, size := bodies(b, html)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, doc := range docs {
			if _, err := nethtml.Parse(bytes.NewReader(doc.Body)); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkOracle is the yardstick for Markdown: goldmark's tree, with nothing done to it.
func BenchmarkOracle(b *testing.B) {
	docs, size := bodies(b, markdown)
	md := oracle()
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, doc := range docs {
			parse(md, doc.Body)
		}
	}
}
