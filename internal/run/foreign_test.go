package run_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"quarry"
	"quarry/internal/cost"
	"quarry/internal/effect"
	"quarry/internal/parse"
	"quarry/internal/run"
)

// TestForeignOutputOfAMillionLines writes an output with one doubled line in a hundred and looks that memory stays flat.
func TestForeignOutputOfAMillionLines(t *testing.T) {
	t.Parallel()
	lines := 100_000
	if *full {
		lines = 1_000_000
	}
	base := t.TempDir()
	dir, from := filepath.Join(base, "out"), filepath.Join(base, "from")
	for _, d := range []string{dir, from} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(filepath.Join(from, "x.jsonl.out"))
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	doubled := 0
	for i := range lines {
		id := i
		if i%100 == 99 {
			id, doubled = i-50, doubled+1
		}
		fmt.Fprintf(w, `{"recordId":"r%d","modelOutput":{"content":[{"type":"text","text":"answer %d"}],"stop_reason":"end_turn","usage":{"input_tokens":2,"output_tokens":1}}}`+"\n", id, i)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	check, err := parse.New(parse.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var most uint64
	watch := func(run.Event) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	}
	out, err := run.CollectForeign(t.Context(), effect.New(nil), run.Config{Dir: dir, Check: check, Prices: cost.Default()}, quarry.Job{}, from, watch)
	if err != nil {
		t.Fatal(err)
	}
	if out.Output.Lines != int64(lines) || out.Output.Doubled != int64(doubled) || out.Totals.OK != int64(lines-doubled) || out.Totals.Usage.OutputTokens != int64(lines-doubled) {
		t.Errorf("CollectForeign(%d lines, %d doubled) = %+v, %d ok, %d tokens out", lines, doubled, out.Output, out.Totals.OK, out.Totals.Usage.OutputTokens)
	}
	t.Logf("%d lines: %d MiB of heap at most", lines, most>>20)
}
