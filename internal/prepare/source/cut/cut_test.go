package cut_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/cut"
)

// The items of these tests begin with < and end with >; between them is what no rule wants.
var angles = cut.Rules{
	Next: func(data []byte, more cut.More) (start, end, skip int) {
		start = bytes.IndexByte(data, '<')
		if start < 0 {
			return len(data), 0, len(data)
		}
		if n := bytes.IndexByte(data[start:], '>'); n >= 0 {
			return start, start + n + 1, 0
		}
		if more == cut.None { // a broken item goes to the end
			return start, len(data), 0
		}
		return start, 0, start
	},
	Skipper: func() func([]byte) int {
		return func(data []byte) int {
			if n := bytes.IndexByte(data, '>'); n >= 0 {
				return n + 1
			}
			return -1
		}
	},
}

// found is an item, or one that was skipped, with its place.
type found struct {
	text    string
	line    int64
	offset  int64
	skipped int64
}

// naive finds what a stream holds by looking at all of it at once.
func naive(text string, limit int) (list []found) {
	at := 0
	for {
		n := strings.IndexByte(text[at:], '<')
		if n < 0 {
			return list
		}
		start := at + n
		end := len(text)
		if n := strings.IndexByte(text[start:], '>'); n >= 0 {
			end = start + n + 1
		}
		f := found{text: text[start:end], line: 1 + int64(strings.Count(text[:start], "\n")), offset: int64(start)}
		if end-start > limit {
			f.text, f.skipped = "", int64(end-start)
		}
		list = append(list, f)
		at = end
	}
}

func collect(t *testing.T, r io.Reader, from jsonl.Place, limit int) (list []found) {
	t.Helper()
	for chunk, err := range cut.Chunks(t.Context(), r, from, angles, limit) {
		if err != nil {
			t.Fatal(err)
		}
		if chunk.Skipped > 0 {
			list = append(list, found{line: chunk.Item.Line, offset: chunk.Item.Offset, skipped: chunk.Skipped})
			continue
		}
		for item := range chunk.Items() {
			list = append(list, found{text: string(item.Text), line: item.Line, offset: item.Offset})
		}
	}
	return list
}

// stream makes a stream of items of many lengths, with lines in and between them.
func stream(r *rand.Rand, limit int, closed bool) string {
	var b strings.Builder
	for range 1 + r.IntN(40) {
		fmt.Fprintf(&b, "%s<%s>", strings.Repeat("\n ", r.IntN(4)), strings.Repeat("ab\nc", r.IntN(1+limit/3)))
	}
	if !closed {
		b.WriteString("<cut off\n")
	}
	return b.String()
}

func TestItemsAreFoundHoweverTheStreamComes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		limit := []int{50, 5000, 300_000}[r.IntN(3)]
		text := stream(r, limit, r.IntN(2) == 0)
		want := naive(text, limit)
		readers := map[string]io.Reader{
			"whole": strings.NewReader(text), "in halves": iotest.HalfReader(strings.NewReader(text)), "with its end": iotest.DataErrReader(strings.NewReader(text)),
		}
		if len(text) < 100_000 {
			readers["byte by byte"] = iotest.OneByteReader(strings.NewReader(text))
		}
		for name, reader := range readers {
			if got := collect(t, reader, jsonl.Place{}, limit); !slices.Equal(got, want) {
				t.Fatalf("stream %d, limit %d, %s: %d items, want %d: %s", seed, limit, name, len(got), len(want), differ(got, want))
			}
		}
	}
}

func differ(got, want []found) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			got[i].text, want[i].text = fmt.Sprint(len(got[i].text)), fmt.Sprint(len(want[i].text))
			return fmt.Sprintf("item %d is %+v, want %+v (text: its length)", i, got[i], want[i])
		}
	}
	return "one is longer"
}

// Reading begins again at any chunk and finds what followed there.
func TestReadingBeginsAgainAtEveryChunk(t *testing.T) {
	t.Parallel()
	const limit = 400_000
	text := stream(rand.New(rand.NewPCG(7, 2)), limit, true)
	want := naive(text, limit)
	chunks := 0
	for chunk, err := range cut.Chunks(t.Context(), strings.NewReader(text), jsonl.Place{}, angles, limit) {
		if err != nil {
			t.Fatal(err)
		}
		chunks++
		first := slices.IndexFunc(want, func(f found) bool { return f.offset >= chunk.Offset })
		got := collect(t, strings.NewReader(text[chunk.Offset:]), jsonl.Place{Line: chunk.Line, Offset: chunk.Offset}, limit)
		if !slices.Equal(got, want[first:]) {
			t.Errorf("from byte %d: %s", chunk.Offset, differ(got, want[first:]))
		}
	}
	if chunks < 3 {
		t.Errorf("%d chunks, want several", chunks)
	}
}

func TestWhatCameBeforeAReadErrorIsGiven(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	r := io.MultiReader(strings.NewReader("<a> <b> <half"), iotest.ErrReader(broken))
	var got []string
	var last error
	for chunk, err := range cut.Chunks(t.Context(), r, jsonl.Place{}, angles, 100) {
		last = err
		for item := range chunk.Items() {
			got = append(got, string(item.Text))
		}
	}
	if !slices.Equal(got, []string{"<a>", "<b>"}) || !errors.Is(last, broken) {
		t.Errorf("items %q, then %v, want two items and the error", got, last)
	}
}

func TestARuleSaysWhatIsWrongWithTheEnd(t *testing.T) {
	t.Parallel()
	rules := angles
	rules.End = func() string { return "the array has no end" }
	var fault string
	var line int64
	for chunk, err := range cut.Chunks(t.Context(), strings.NewReader("<a>\n<b>\n"), jsonl.Place{}, rules, 100) {
		if err != nil {
			t.Fatal(err)
		}
		if fault != "" {
			t.Error("a chunk came after the fault")
		}
		fault, line = chunk.Fault, chunk.Line
	}
	if fault != "the array has no end" || line != 3 {
		t.Errorf("fault %q at line %d, want one at line 3", fault, line)
	}
}

func TestCuttingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range cut.Chunks(ctx, strings.NewReader("<a>"), jsonl.Place{}, angles, 100) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v, want the context's", err)
		}
	}
}

func TestAReaderThatGivesNothingIsAnError(t *testing.T) {
	t.Parallel()
	var last error
	for _, err := range cut.Chunks(t.Context(), nothing{}, jsonl.Place{}, angles, 100) {
		last = err
	}
	if !errors.Is(last, io.ErrNoProgress) {
		t.Errorf("err = %v, want io.ErrNoProgress", last)
	}
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }
