package parquet

import (
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// Rows that were read together are held together: large ones are read one at a time.
func TestLargeRowsAreReadOneAtATime(t *testing.T) {
	t.Parallel()
	small := parquet.Row{parquet.ValueOf("a"), parquet.ValueOf(int64(1))}
	large := parquet.Row{parquet.ValueOf("a"), parquet.ValueOf(strings.Repeat("x", bytesAtOnce))}
	half := parquet.Row{parquet.ValueOf(strings.Repeat("x", bytesAtOnce/2))}
	for name, c := range map[string]struct {
		atOnce int64
		read   []parquet.Row
		want   int64
	}{
		"small ones":            {4, []parquet.Row{small, small, small, small}, 8},
		"never more than many":  {rowsAtOnce, []parquet.Row{small}, rowsAtOnce},
		"a large one":           {32, []parquet.Row{large}, 1},
		"two in the bound":      {32, []parquet.Row{half, half, half, half}, 2},
		"none were read":        {1, nil, 2},
		"a large one and small": {8, []parquet.Row{large, small, small, small}, 3},
	} {
		if got := next(c.atOnce, c.read); got != c.want {
			t.Errorf("%s: next = %d, want %d", name, got, c.want)
		}
	}
}
