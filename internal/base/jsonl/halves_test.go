package jsonl_test

import (
	"errors"
	"testing"

	"quarry/internal/base/jsonl"
)

func TestReplaceHalfPairs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in, want string
		n              int
	}{
		{"a high half at the end", `"a\ud83d"`, `"a\ufffd"`, 1},
		{"a low half", `"\ude00a"`, `"\ufffda"`, 1},
		{"a high half before text", `"\ud83d a"`, `"\ufffd a"`, 1},
		{"a high half before another escape", `"\ud83d\n"`, `"\ufffd\n"`, 1},
		{"a high half before a character's escape", `"\ud83d\u0041"`, `"\ufffd\u0041"`, 1},
		{"two high halves", `"\ud83d\ud83d"`, `"\ufffd\ufffd"`, 2},
		{"a high half before a pair", `"\ud83d\ud83d\ude00"`, `"\ufffd\ud83d\ude00"`, 1},
		{"a pair before a low half", `"\ud83d\ude00\ude00"`, `"\ud83d\ude00\ufffd"`, 1},
		{"the halves in the wrong order", `"\ude00\ud83d"`, `"\ufffd\ufffd"`, 2},
		{"capital digits", `"\uD83D\uDE00\uDBFF"`, `"\uD83D\uDE00\ufffd"`, 1},
		{"an escaped backslash", `"\\ud83d"`, `"\\ud83d"`, 0},
		{"an escaped backslash before a half", `"\\\ud83d"`, `"\\\ufffd"`, 1},
		{"a half in a name", `{"\ud83d":"\ud83d"}`, `{"\ufffd":"\ufffd"}`, 2},
		{"no escape", `"a"`, `"a"`, 0},
		{"other escapes", `"\u00e9\u0041\n"`, `"\u00e9\u0041\n"`, 0},
		{"cut off", `"\ud83`, `"\ud83`, 0},
		{"cut off after a backslash", `"\`, `"\`, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := []byte(tt.in)
			got, n := jsonl.ReplaceHalfPairs([]byte("x"), in)
			if string(got) != "x"+tt.want || n != tt.n || string(in) != tt.in {
				t.Errorf("ReplaceHalfPairs(%s) = %s, %d, want x%s, %d", tt.in, got, n, tt.want, tt.n)
			}
			before, after := jsonl.Check([]byte(tt.in)), jsonl.Check([]byte(tt.want))
			if errors.Is(before, jsonl.ErrHalfPair) != (tt.n > 0) || errors.Is(after, jsonl.ErrHalfPair) {
				t.Errorf("the check says %v before and %v after", before, after)
			}
		})
	}
}

// Whatever the text: a check never finds half a pair after the replacement, and finds what it found before where there was
// none.
func FuzzReplaceHalfPairs(f *testing.F) {
	f.Add([]byte(`{"a":"\ud83d\ude00\ud83d"}`))
	f.Add([]byte(`["\\\ud83d\"\udc00`))
	f.Fuzz(func(t *testing.T, in []byte) {
		out, n := jsonl.ReplaceHalfPairs(nil, in)
		if len(out) != len(in) {
			t.Fatalf("%d bytes of %d", len(out), len(in))
		}
		before, after := jsonl.Check(in), jsonl.Check(out)
		if errors.Is(after, jsonl.ErrHalfPair) {
			t.Fatalf("half a pair is left in %q", out)
		}
		if n == 0 && (before == nil) != (after == nil) {
			t.Fatalf("%v became %v", before, after)
		}
	})
}
