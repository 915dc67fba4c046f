package jsonl_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/base/jsonl"
)

// gather writes down lines and skipped lines as `line@offset:text`.
func gather(t *testing.T, r io.Reader, from jsonl.Place, limit int) ([]string, error) {
	t.Helper()
	var got []string
	for c, err := range jsonl.Chunks(t.Context(), r, from, limit) {
		if err != nil {
			return got, err
		}
		if c.Skipped > 0 {
			got = append(got, fmt.Sprintf("%d@%d:skipped %d", c.Line, c.Offset, c.Skipped))
		}
		for l := range c.Lines() {
			got = append(got, fmt.Sprintf("%d@%d:%s", l.Line, l.Offset, l.Text))
		}
	}
	return got, nil
}

func TestChunksCountLinesAndOffsets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		limit    int
		want     []string
	}{
		{"nothing", "", 10, nil},
		{"one line without an end", "abc", 10, []string{"1@0:abc"}},
		{"an empty line between two", "a\n\nb\n", 10, []string{"1@0:a", "2@2:", "3@3:b"}},
		{"a line of just the limit", "aaa\nbbbb\ncc", 4, []string{"1@0:aaa", "2@4:bbbb", "3@9:cc"}},
		{"a long first line", "aaaaa\nb\n", 4, []string{"1@0:skipped 5", "2@6:b"}},
		{"a long line in the middle", "a\nbbbbb\nc\n", 4, []string{"1@0:a", "2@2:skipped 5", "3@8:c"}},
		{"a long last line without an end", "a\nbbbbb", 4, []string{"1@0:a", "2@2:skipped 5"}},
		{"long lines alone", "aaaaa\nbbbbbb\n", 4, []string{"1@0:skipped 5", "2@6:skipped 6"}},
	} {
		for _, reader := range []struct {
			name string
			of   func(io.Reader) io.Reader
		}{
			{"whole", func(r io.Reader) io.Reader { return r }},
			{"byte by byte", iotest.OneByteReader},
			{"end with data", iotest.DataErrReader},
		} {
			t.Run(c.name+", "+reader.name, func(t *testing.T) {
				t.Parallel()
				got, err := gather(t, reader.of(strings.NewReader(c.in)), jsonl.Place{}, c.limit)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestChunksLargerThanTheBuffer(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	var want []string
	for i, n := range []int{10, 3 << 20, 1<<20 - 1, 1 << 20, 0, 1<<20 + 1, 5 << 20, 7, 9 << 20} {
		text := strings.Repeat(string(rune('a'+i)), n)
		if n > 4<<20 {
			want = append(want, fmt.Sprintf("%d@%d:skipped %d", i+1, in.Len(), n))
		} else {
			want = append(want, fmt.Sprintf("%d@%d:%s", i+1, in.Len(), text))
		}
		in.WriteString(text + "\n")
	}
	got, err := gather(t, strings.NewReader(in.String()), jsonl.Place{}, 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("got %d lines, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("line %d: %.40s… of %d bytes, want %.40s… of %d", i+1, got[i], len(got[i]), want[i], len(want[i]))
		}
	}
}

func TestChunksContinueFromAPlace(t *testing.T) {
	t.Parallel()
	got, err := gather(t, strings.NewReader("c\nd"), jsonl.Place{Line: 3, Offset: 40}, 10)
	if diff := cmp.Diff([]string{"3@40:c", "4@42:d"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestChunksGiveWhatCameBeforeAnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("cable out")
	got, err := gather(t, io.MultiReader(strings.NewReader("a\nb\nhalf"), iotest.ErrReader(broken)), jsonl.Place{}, 10)
	if diff := cmp.Diff([]string{"1@0:a", "2@2:b"}, got); diff != "" || !errors.Is(err, broken) {
		t.Error(diff, err)
	}
	_, err = gather(t, stuck{}, jsonl.Place{}, 10)
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that gives nothing: %v, want %v", err, io.ErrNoProgress)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range jsonl.Chunks(ctx, strings.NewReader("a\n"), jsonl.Place{}, 10) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after cancel: %v", err)
		}
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// endless gives n bytes without a newline, then tail.
type endless struct {
	left int64
	tail *strings.Reader
}

var xs = bytes.Repeat([]byte{'x'}, 64<<10)

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return e.tail.Read(p)
	}
	n := int(min(int64(len(p)), e.left))
	for i := 0; i < n; {
		i += copy(p[i:n], xs)
	}
	e.left -= int64(n)
	return n, nil
}

func TestALineOfAGigabyteIsNotHeld(t *testing.T) { // not parallel: it reads the heap
	const size = 1 << 30
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	got, err := gather(t, &endless{size, strings.NewReader("\nnext\n")}, jsonl.Place{}, 1<<20)
	runtime.ReadMemStats(&after)
	if diff := cmp.Diff([]string{fmt.Sprintf("1@0:skipped %d", size), fmt.Sprintf("2@%d:next", size+1)}, got); diff != "" || err != nil {
		t.Fatal(diff, err)
	}
	if held := after.TotalAlloc - before.TotalAlloc; held > 32<<20 {
		t.Errorf("reading over a line of 1 GiB took %d MiB in all, want at most 32", held>>20)
	}
}

// Whatever the reader's habits and the limit, the lines are those that bytes.Split gives.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("a\nbb\n\nccc"), uint16(2))
	f.Add([]byte("\n\n\n"), uint16(1))
	f.Fuzz(func(t *testing.T, in []byte, limit uint16) {
		most := int(limit) + 1
		var want []string
		offset := 0
		lines := bytes.Split(in, []byte{'\n'})
		if len(lines[len(lines)-1]) == 0 {
			lines = lines[:len(lines)-1]
		}
		for i, l := range lines {
			if len(l) > most {
				want = append(want, fmt.Sprintf("%d@%d:skipped %d", i+1, offset, len(l)))
			} else {
				want = append(want, fmt.Sprintf("%d@%d:%s", i+1, offset, l))
			}
			offset += len(l) + 1
		}
		got, err := gather(t, iotest.HalfReader(bytes.NewReader(in)), jsonl.Place{}, most)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatal(diff, err)
		}
	})
}

// Long lines that come one after the other are in one buffer, where each is given back before the next is cut.
func TestLongLinesShareABuffer(t *testing.T) { // not parallel: it reads the heap
	var in bytes.Buffer
	var want []int
	for i := range 24 {
		n := 3<<20 + i*250_001
		if i%5 == 0 {
			n = 100_000 * i
		}
		want = append(want, n)
		in.Write(bytes.Repeat([]byte{byte('a' + i)}, n))
		in.WriteByte('\n')
	}
	buffers := jsonl.NewBuffers(2)
	buffers.KeepLong()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var got []int
	for c, err := range jsonl.ChunksIn(t.Context(), buffers, &in, jsonl.Place{}, 16<<20) {
		if err != nil {
			t.Fatal(err)
		}
		for l := range c.Lines() {
			if w := bytes.Trim(l.Text, string(rune('a'+len(got)))); len(w) > 0 {
				t.Errorf("line %d holds %q too", l.Line, w[:1])
			}
			got = append(got, len(l.Text))
		}
		buffers.Give(c)
	}
	runtime.ReadMemStats(&after)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if held := after.TotalAlloc - before.TotalAlloc; held > 32<<20 {
		t.Errorf("%d lines of at most 9 MiB took %d MiB in all, want at most 32", len(want), held>>20)
	}
}
