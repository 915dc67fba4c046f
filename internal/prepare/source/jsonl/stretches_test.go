package jsonl_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/prepare/source/jsonl"
)

// Blocks of short items hold few of them, each at its place, and share the memory of the chunk they come from.
func TestShortItemsComeInSmallBlocks(t *testing.T) { // not parallel: it reads the heap
	const items, most = 100_000, 256
	var in strings.Builder
	var offsets []int64
	for i := range items {
		offsets = append(offsets, int64(in.Len()))
		fmt.Fprintf(&in, `{"id":"d%06d","body":"x"}`+"\n", i)
	}
	s := &jsonl.Source{File: memory(in.String())}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	for block, err := range s.Blocks(t.Context(), quarry.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		first := n
		for d, err := range block.Documents {
			if err != nil {
				t.Fatal(err)
			}
			if n == first && d.At != block.First {
				t.Fatalf("block begins at %v, its first document at %v", block.First, d.At)
			}
			if d.At.Line != int64(n+1) || d.At.Offset != offsets[n] {
				t.Fatalf("document %d at %v, want line %d, offset %d", n, d.At, n+1, offsets[n])
			}
			n++
		}
		if n-first > most {
			t.Fatalf("a block of %d documents, want at most %d", n-first, most)
		}
		block.Free()
	}
	runtime.ReadMemStats(&after)
	if n != items {
		t.Errorf("%d documents, want %d", n, items)
	}
	// The ids are strings of their own: 8 bytes each.
	if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
		t.Errorf("reading %d MiB took %d KiB in all, want at most 4 MiB", in.Len()>>20, took>>10)
	}
}
