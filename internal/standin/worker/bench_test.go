package worker_test

import (
	"bufio"
	"fmt"
	"strings"
	"testing"
	"time"

	"quarry/internal/standin/store"
	"quarry/internal/standin/worker"
)

// BenchmarkRecord measures what a record of 2 KB costs without its answer: reading, journal, output, everything synced.
func BenchmarkRecord(b *testing.B) {
	s, err := store.Open(store.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	e, err := worker.Open(worker.Config{Dir: b.TempDir(), Store: worker.FromStore(s), Model: quick{}, StateDelay: time.Nanosecond, Concurrency: 256})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.MakeBucket(b.Context(), bucket, region); err != nil {
		b.Fatal(err)
	}
	out, err := s.Create(b.Context(), bucket, "in/a.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	text := strings.Repeat("The quick brown fox. ", 100)
	lines := bufio.NewWriter(out)
	for i := range b.N {
		if _, err := fmt.Fprintf(lines, `{"recordId":"r%d","modelInput":{"max_tokens":100,"messages":[{"role":"user","content":"%s"}]}}`+"\n", i, text); err != nil {
			b.Fatal(err)
		}
	}
	if err := lines.Flush(); err != nil {
		b.Fatal(err)
	}
	if _, err := out.Commit(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	b.ResetTimer()
	j, err := e.Create(b.Context(), spec("in/a.jsonl"))
	for err == nil && !j.Status.Terminal() {
		time.Sleep(time.Millisecond)
		j, err = e.Job(b.Context(), place, j.ID)
	}
	b.StopTimer()
	if err != nil || j.Counts.Success != int64(b.N) {
		b.Errorf("%+v, %v", j.Counts, err)
	}
	if err := e.Close(b.Context()); err != nil {
		b.Error(err)
	}
	if err := s.Close(); err != nil {
		b.Error(err)
	}
}
