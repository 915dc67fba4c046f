//go:build !race

package export_test

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"quarry/internal/base/effect"
	"quarry/internal/outcome/export"
)

// many gives n results without holding them.
func many(t testing.TB, n int) io.Reader {
	out, in := io.Pipe()
	go func() {
		summary := strings.Repeat("A sentence of the summary. ", 290)
		var b bytes.Buffer
		for i := range n {
			b.Reset()
			fmt.Fprintf(&b, `{"id":"doc-%08d","status":"ok","output":{"title_en":"Title %d","summary_ja":"要約 %d","summary_en":"%s%d"},"model":"claude","requested_model":"us.claude",%s,"document":{"title":"T %d","n":%d}}`+"\n",
				i, i, i, summary, i, base, i, i)
			if _, err := in.Write(b.Bytes()); err != nil {
				return
			}
		}
		_ = in.Close()
	}()
	t.Cleanup(func() { _ = out.Close() })
	return out
}

// TestMemoryDoesNotFollowTheResults is not parallel: it reads the heap, which under the race detector is another one.
func TestMemoryDoesNotFollowTheResults(t *testing.T) {
	for _, format := range export.Formats() {
		rows, limit := 6_000, uint64(36<<20) // of 8 kB: about 48 MB
		if format != "parquet" && format != "sqlite" {
			rows, limit = 1_000, 5<<20 // they hold one row
		}
		var most uint64
		writes := 0
		e := effect.New(func(effect.Point) error {
			if writes++; writes%60 == 0 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
			return nil
		})
		n, err := export.File(t.Context(), e, many(t, rows), format, filepath.Join(t.TempDir(), "x"), export.Config{})
		if err != nil || n.Rows != int64(rows) {
			t.Fatalf("File(%s) = %d, %v", format, n.Rows, err)
		}
		t.Logf("%s: at most %d MiB", format, most>>20)
		if most > limit {
			t.Errorf("%s held %d MiB", format, most>>20)
		}
	}
}
