package pack_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"runtime"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/prepare/pack"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// of gives items of the given sizes, ordered from 1.
func of(sizes ...int64) iter.Seq2[pack.Item, error] {
	return func(yield func(pack.Item, error) bool) {
		for i, b := range sizes {
			if !yield(pack.Item{Order: int64(i) + 1, Bytes: b}, nil) {
				return
			}
		}
	}
}

func same(n int, bytes int64) []int64 {
	sizes := make([]int64, n)
	for i := range sizes {
		sizes[i] = bytes
	}
	return sizes
}

func limits(minRecords, maxRecords, maxBytes int64) pack.Config {
	return pack.Config{
		Quotas: quarry.Quotas{MinRecords: minRecords, RecordsPerFile: maxRecords, FileBytes: maxBytes},
		Margin: 1,
	}
}

func collect(t *testing.T, items iter.Seq2[pack.Item, error], cfg pack.Config) []pack.Span {
	t.Helper()
	var spans []pack.Span
	for s, err := range pack.Spans(t.Context(), items, cfg) {
		if err != nil {
			t.Fatalf("Spans: %v", err)
		}
		spans = append(spans, s)
	}
	return spans
}

func records(spans []pack.Span) []int64 {
	var n []int64
	for _, s := range spans {
		n = append(n, s.Records)
	}
	return n
}

func TestSpans(t *testing.T) {
	t.Parallel()
	heavy := append(append(same(40, 1), same(10, 30)...), same(40, 1)...)
	for _, tt := range []struct {
		name  string
		sizes []int64
		cfg   pack.Config
		want  []int64
	}{
		{"nothing gives nothing", nil, limits(100, 1000, 0), nil},
		{"below the minimum there is one span", same(7, 1), limits(100, 1000, 0), []int64{7}},
		{"exactly the maximum", same(1000, 1), limits(100, 1000, 0), []int64{1000}},
		{"a remainder at the minimum stays", same(1100, 1), limits(100, 1000, 0), []int64{1000, 100}},
		{"a remainder below the minimum takes from the span before", same(1001, 1), limits(100, 1000, 0), []int64{901, 100}},
		{"a remainder takes from several spans", same(320, 1), limits(100, 150, 0), []int64{120, 100, 100}},
		{"spans of the minimum alone leave a remainder last", same(250, 1), limits(100, 100, 0), []int64{100, 100, 50}},
		{"bytes cut before records do", same(10, 30), limits(0, 1000, 100), []int64{3, 3, 3, 1}},
		{"the remainder of bytes takes from the span before", same(10, 30), limits(2, 1000, 100), []int64{3, 3, 2, 2}},
		{"no minimum holds nothing back", same(11, 1), limits(0, 5, 0), []int64{5, 5, 1}},
		{"nothing known gives one span", same(5000, 1), limits(0, 0, 0), []int64{5000}},
		{"one item as large as a file", []int64{100}, limits(1, 10, 100), []int64{1}},
		{"large records are shared out among their neighbours", heavy, limits(20, 60, 200), []int64{45, 45}},
		{"where a few records fill a file, there is no other way", same(6, 60), limits(2, 10, 100), []int64{1, 1, 1, 1, 1, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, records(collect(t, of(tt.sizes...), tt.cfg))); diff != "" {
				t.Errorf("records per span (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheOriginsRunFitsIntoOneJob(t *testing.T) {
	t.Parallel()
	cfg := pack.Config{Quotas: quarry.Quotas{
		MinRecords: 100, RecordsPerFile: 100_000, RecordsPerJob: 100_000, FileBytes: 1_000_000_000, JobBytes: 5_000_000_000,
	}}
	got := collect(t, of(same(14_108, 6222)...), cfg)
	want := []pack.Span{{First: 1, Last: 14_108, Records: 14_108, Bytes: 14_108 * 6222}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Spans (-want +got):\n%s", diff)
	}
	if got := cfg.MaxBytes(); got != 950_000_000 {
		t.Errorf("MaxBytes() = %d, want the margin taken off", got)
	}
}

func TestTheLowerOfFileAndJobHolds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		quotas         quarry.Quotas
		records, bytes int64
	}{
		{"nothing is known", quarry.Quotas{}, 0, 0},
		{"the file is smaller", quarry.Quotas{RecordsPerFile: 10, RecordsPerJob: 20, FileBytes: 100, JobBytes: 500}, 10, 100},
		{"the job is smaller", quarry.Quotas{RecordsPerFile: 20, RecordsPerJob: 10, FileBytes: 500, JobBytes: 100}, 10, 100},
		{"only the job is known", quarry.Quotas{RecordsPerJob: 10, JobBytes: 100}, 10, 100},
		{"the largest number there is", quarry.Quotas{FileBytes: math.MaxInt64}, 0, math.MaxInt64},
	} {
		cfg := pack.Config{Quotas: tt.quotas, Margin: 1}
		if cfg.MaxRecords() != tt.records || cfg.MaxBytes() != tt.bytes {
			t.Errorf("%s: %d records, %d bytes, want %d and %d", tt.name, cfg.MaxRecords(), cfg.MaxBytes(), tt.records, tt.bytes)
		}
	}
}

func TestATooLargeRecordIsNamedAndLeftOut(t *testing.T) {
	t.Parallel()
	var spans []pack.Span
	var named []string
	for s, err := range pack.Spans(t.Context(), of(10, 101, 10, 1000, 10), limits(1, 100, 100)) {
		var large *pack.TooLargeError
		switch {
		case errors.As(err, &large):
			named = append(named, fmt.Sprint(large.Item.Order))
			if !strings.Contains(err.Error(), fmt.Sprintf("record %d: it has %s bytes", large.Item.Order, figure.Thousands(large.Item.Bytes))) {
				t.Errorf("error %q does not name the record", err)
			}
		case err != nil:
			t.Fatal(err)
		default:
			spans = append(spans, s)
		}
	}
	if diff := cmp.Diff([]string{"2", "4"}, named); diff != "" {
		t.Errorf("records named (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]pack.Span{{First: 1, Last: 5, Records: 3, Bytes: 30}}, spans); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}

func TestFaultsEndTheSequence(t *testing.T) {
	t.Parallel()
	broken := errors.New("the source broke")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	one := func(items ...pack.Item) iter.Seq2[pack.Item, error] {
		return func(yield func(pack.Item, error) bool) {
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
	for _, tt := range []struct {
		name  string
		ctx   context.Context
		items iter.Seq2[pack.Item, error]
		cfg   pack.Config
		want  error
	}{
		{"an error of the source", t.Context(), func(yield func(pack.Item, error) bool) { yield(pack.Item{}, broken) }, limits(1, 10, 0), broken},
		{"a context that has ended", cancelled, of(1, 2, 3), limits(1, 10, 0), context.Canceled},
		{"a context that has ended before an empty source", cancelled, of(), limits(1, 10, 0), context.Canceled},
		{"an order twice", t.Context(), one(pack.Item{Order: 3, Bytes: 1}, pack.Item{Order: 3, Bytes: 1}), limits(1, 10, 0), pack.ErrOrder},
		{"an order that falls", t.Context(), one(pack.Item{Order: 3, Bytes: 1}, pack.Item{Order: 2, Bytes: 1}), limits(1, 10, 0), pack.ErrOrder},
		{"a record of no bytes", t.Context(), one(pack.Item{Order: 3}), limits(1, 10, 0), pack.ErrOrder},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var errs int
			for s, err := range pack.Spans(tt.ctx, tt.items, tt.cfg) {
				if err == nil {
					t.Fatalf("a span %+v before the fault", s)
				}
				if errs++; errs > 1 || !errors.Is(err, tt.want) {
					t.Errorf("error %d: %v, want %v once", errs, err, tt.want)
				}
			}
			if errs == 0 {
				t.Error("no error")
			}
		})
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		cfg  pack.Config
		good bool
	}{
		{"the zero Config", pack.Config{}, true},
		{"a margin above the whole", pack.Config{Margin: 1.01}, false},
		{"a margin below nothing", pack.Config{Margin: -0.1}, false},
		{"no number", pack.Config{Margin: math.NaN()}, false},
		{"a quota below nothing", limits(-1, 10, 10), false},
		{"a minimum that no file can hold", limits(100, 99, 0), false},
		{"a minimum that just fits", limits(100, 100, 0), true},
	} {
		if err := tt.cfg.Validate(); (err == nil) != tt.good {
			t.Errorf("%s: Validate() = %v", tt.name, err)
		}
	}
	for s, err := range pack.Spans(t.Context(), of(1), limits(100, 99, 0)) {
		if err == nil {
			t.Errorf("Spans against limits that cannot be kept gives %+v", s)
		}
	}
}

func TestReadingCanStopAnywhereAndBeginAgain(t *testing.T) {
	t.Parallel()
	seq := pack.Spans(t.Context(), of(same(57, 1)...), limits(2, 10, 0))
	for n := range 6 {
		got := 0
		for range seq {
			if got == n {
				break
			}
			got++
		}
		if got != n {
			t.Errorf("got %d spans before stopping, want %d", got, n)
		}
	}
}

// canCut reports by brute force whether sizes can be cut into spans within the limits, none below the minimum.
func canCut(sizes []int64, minRecords, maxRecords, maxBytes int64) bool {
	good := make([]bool, len(sizes)+1)
	good[len(sizes)] = true
	for i := len(sizes) - 1; i >= 0; i-- {
		var n, bytes int64
		for j := i; j < len(sizes); j++ {
			n++
			bytes += sizes[j]
			if (maxRecords > 0 && n > maxRecords) || (maxBytes > 0 && bytes > maxBytes) {
				break
			}
			if n >= minRecords && good[j+1] {
				good[i] = true
				break
			}
		}
	}
	return good[0]
}

func TestPropertiesOfAllSpans(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		minRecords := rapid.Int64Range(0, 8).Draw(t, "minimum")
		maxRecords := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(max(1, minRecords), max(1, minRecords)*4)).Draw(t, "records")
		maxBytes := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(1, 200)).Draw(t, "bytes")
		biggest := rapid.Int64Range(1, 60).Draw(t, "biggest")
		n := rapid.IntRange(0, 400).Draw(t, "n") // a slice of its own choice would have five
		sizes := rapid.SliceOfN(rapid.Int64Range(1, biggest), n, n).Draw(t, "sizes")
		cfg := limits(minRecords, maxRecords, maxBytes)

		var fits []int64
		var orders []int64
		for i, b := range sizes {
			if maxBytes == 0 || b <= maxBytes {
				fits = append(fits, b)
				orders = append(orders, int64(i)+1)
			}
		}
		at, small := 0, 0
		for s, err := range pack.Spans(ctx, of(sizes...), cfg) {
			var large *pack.TooLargeError
			if errors.As(err, &large) {
				if b := sizes[large.Item.Order-1]; b <= maxBytes {
					t.Fatalf("record %d of %d bytes left out", large.Item.Order, b)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if s.Records < 1 || at+int(s.Records) > len(fits) {
				t.Fatalf("span %+v at record %d of %d", s, at, len(fits))
			}
			var bytes int64
			for _, b := range fits[at : at+int(s.Records)] {
				bytes += b
			}
			if s.First != orders[at] || s.Last != orders[at+int(s.Records)-1] || s.Bytes != bytes {
				t.Fatalf("span %+v, want it from %d to %d with %d bytes", s, orders[at], orders[at+int(s.Records)-1], bytes)
			}
			if (maxRecords > 0 && s.Records > maxRecords) || (maxBytes > 0 && s.Bytes > maxBytes) {
				t.Fatalf("span %+v is over the limits", s)
			}
			if s.Records < minRecords {
				small++
			}
			at += int(s.Records)
		}
		if at != len(fits) {
			t.Fatalf("%d records in spans, want %d", at, len(fits))
		}
		// What is held back is bounded, so with limits as tight as 7 to 8 records a way can be farther ahead.
		tight := maxRecords > 0 && maxRecords < 2*minRecords && maxBytes > 0
		if small > 0 && !tight && canCut(fits, minRecords, maxRecords, maxBytes) {
			t.Fatalf("%d spans below the minimum, where there is a way without", small)
		}
	})
}

func TestTheTailIsNeverBelowTheMinimum(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		// As with AWS's quotas: records are so small that the minimum of them always fits into a file many times.
		minRecords := rapid.Int64Range(1, 100).Draw(t, "minimum")
		maxRecords := rapid.Int64Range(2*minRecords, 20*minRecords).Draw(t, "records")
		maxBytes := 4 * minRecords * 100
		n := rapid.IntRange(int(minRecords), 3000).Draw(t, "n")
		seed := rapid.Int64Range(1, math.MaxInt32).Draw(t, "seed")
		sizes := make([]int64, n)
		for i := range sizes {
			seed = seed * 48271 % math.MaxInt32
			sizes[i] = 1 + seed%100
		}
		for s, err := range pack.Spans(ctx, of(sizes...), limits(minRecords, maxRecords, maxBytes)) {
			if err != nil {
				t.Fatal(err)
			}
			if s.Records < minRecords {
				t.Fatalf("span %+v is below %d", s, minRecords)
			}
		}
	})
}

//nolint:paralleltest // it measures what the whole process allocates
func TestWhatIsHeldDoesNotGrow(t *testing.T) {
	const n = 1_000_000
	items := func(yield func(pack.Item, error) bool) {
		for i := range int64(n) {
			if !yield(pack.Item{Order: i, Bytes: 300}, nil) {
				return
			}
		}
	}
	for _, cfg := range []pack.Config{
		limits(100, 0, 0), // no limit known: one span of everything
		limits(100, 100_000, 0),
		limits(0, 0, 100_000_000),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var total int64
		for s, err := range pack.Spans(t.Context(), items, cfg) {
			if err != nil {
				t.Error(err)
			}
			total += s.Records
		}
		runtime.ReadMemStats(&after)
		if total != n {
			t.Errorf("%d records in spans, want %d", total, n)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 14<<20 {
			t.Errorf("%d bytes allocated for %d records", got, n)
		}
	}
}

func BenchmarkSpans(b *testing.B) {
	cfg := pack.Config{Quotas: quarry.Quotas{MinRecords: 100, RecordsPerFile: 100_000, FileBytes: 1_000_000_000}}
	items := func(yield func(pack.Item, error) bool) {
		for i := range int64(1_000_000) {
			if !yield(pack.Item{Order: i, Bytes: 6000 + i%1000}, nil) {
				return
			}
		}
	}
	for b.Loop() {
		for _, err := range pack.Spans(b.Context(), items, cfg) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/record")
}
