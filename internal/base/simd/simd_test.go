package simd_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"quarry/internal/base/simd"
)

var (
	unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'n': '\n', 't': '\t'}
	shortForm = [256]byte{'"': '"', '\\': '\\', '\n': 'n', '\t': 't'}
	set       = simd.NewSet("\\`*_~[]!<&{\n:")
)

// The twins do the same byte by byte, and to the end.

func walkTwin(src []byte) (read, escaped int, said []byte) {
	for read < len(src) {
		c := src[read]
		if c == '\\' && read+1 < len(src) && unescaped[src[read+1]] != 0 {
			said = append(said, unescaped[src[read+1]])
			escaped++
			read += 2
			continue
		}
		r, size := utf8.DecodeRune(src[read:])
		if c < ' ' || c == '"' || c == '\\' || r == utf8.RuneError && size == 1 {
			break
		}
		said = append(said, src[read:read+size]...)
		read += size
	}
	return read, escaped, said
}

func escapeTwin(src []byte) (read int, wrote []byte) {
	for _, c := range src {
		switch {
		case shortForm[c] != 0:
			wrote = append(wrote, '\\', shortForm[c])
		case c < ' ':
			return read, wrote
		default:
			wrote = append(wrote, c)
		}
		read++
	}
	return read, wrote
}

func plainTwin(src []byte, inWord uint64) (read int, counts uint64, words int) {
	var last byte
	for _, c := range src {
		if c < ' ' || c >= 0x7F || c == '<' || c == '&' || c == ' ' && last == ' ' {
			break
		}
		switch {
		case c == ' ':
			counts += 1 << 48
		case c >= '0' && c <= '9':
			counts += 1 << 16
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			counts++
			words += int(1 - inWord)
		default:
			counts += 1 << 32
		}
		inWord = 0
		if c|0x20 >= 'a' && c|0x20 <= 'z' {
			inWord = 1
		}
		last = c
		read++
	}
	return read, counts, words
}

// guarded gives n bytes, and what fails if something was written after them.
func guarded(n int) (dst []byte, intact func(t *testing.T, name string, src []byte)) {
	const guard = 2 * simd.Width
	mem := bytes.Repeat([]byte{0xEE}, n+guard)
	return mem[:n:n], func(t *testing.T, name string, src []byte) {
		t.Helper()
		if bytes.Count(mem[n:], []byte{0xEE}) != guard {
			t.Fatalf("%s(%q) wrote after its room: %q", name, src, mem[n:])
		}
	}
}

// check runs everything over src and compares. Where a function stopped early, the twin must have stopped there too, or
// less than a vector was left.
func check(t *testing.T, src []byte) {
	t.Helper()
	early := func(name string, read, want, left int) bool {
		broken := want < len(src) && src[want] >= 0x80 && want-read < simd.Width // UTF-8, within the next vector
		if read > want || read < want && left >= simd.Width && !broken && simd.On() {
			t.Fatalf("%s(%q) read %d of %d, and could have read %d", name, src, read, len(src), want)
		}
		return read < want
	}

	read, escaped := simd.Walk(src, &unescaped)
	want, wantEscaped, _ := walkTwin(src)
	if early("Walk", read, want, len(src)-read) {
		_, wantEscaped, _ = walkTwin(src[:read])
	}
	if escaped != wantEscaped {
		t.Fatalf("Walk(%q) saw %d escapes, want %d", src, escaped, wantEscaped)
	}

	dst, intact := guarded(len(src) + simd.Width)
	read, wrote := simd.Unescape(dst, src, &unescaped)
	early("Unescape", read, want, len(src)-read)
	if _, _, said := walkTwin(src[:read]); !bytes.Equal(dst[:wrote], said) {
		t.Fatalf("Unescape(%q) = %q, want %q", src, dst[:wrote], said)
	}

	intact(t, "Unescape", src)

	dst, intact = guarded(2*len(src) + simd.Width + 2)
	read, wrote = simd.Escape(dst, src, &shortForm)
	want, _ = escapeTwin(src)
	early("Escape", read, want, len(src)-read)
	if _, form := escapeTwin(src[:read]); !bytes.Equal(dst[:wrote], form) {
		t.Fatalf("Escape(%q) = %q, want %q", src, dst[:wrote], form)
	}

	intact(t, "Escape", src)

	for inWord := range uint64(2) {
		dst, intact = guarded(len(src) + simd.Width)
		read, counts, words := simd.CopyPlain(dst, src, inWord)
		want, wantCounts, wantWords := plainTwin(src, inWord)
		if early("CopyPlain", read, want, cap(src)-read) {
			_, wantCounts, wantWords = plainTwin(src[:read], inWord)
		}
		if !bytes.Equal(dst[:read], src[:read]) {
			t.Fatalf("CopyPlain(%q) copied %q", src, dst[:read])
		}
		if counts != wantCounts || words != wantWords {
			t.Fatalf("CopyPlain(%q, %d) = %d bytes, counts %#x, %d words, want %#x, %d", src, inWord, read, counts, words, wantCounts, wantWords)
		}
		intact(t, "CopyPlain", src)
	}

	var marks simd.Marks
	marks.Find(src, set)
	for i := range len(src) + 1 {
		want := len(src)
		if n := bytes.IndexAny(src[i:], "\\`*_~[]!<&{\n:"); n >= 0 {
			want = i + n
		}
		if got := marks.Next(i); got != want {
			t.Fatalf("Next(%d) in %q = %d, want %d", i, src, got, want)
		}
	}
}

// Text of the kinds that matter: letters with something else now and then, at every length around the width.
func TestVectorsAndBytesSayTheSame(t *testing.T) {
	t.Parallel()
	if !simd.On() {
		t.Log("no vectors on this processor: only that nothing is read is looked at")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	const rare = "\"\\/ntu<& \n\t\x00\x1f\x7f\x80\xe3\xff`*_09AZaz@[{"
	for length := range 5 * simd.Width {
		for _, every := range []int{1, 3, 10, 50, 1000} {
			for range 20 {
				src := make([]byte, length, length+rng.IntN(2*simd.Width))
				for i := range src {
					src[i] = "abcdefgh XYZ 0123,.-"[rng.IntN(20)]
					if rng.IntN(every) == 0 {
						src[i] = rare[rng.IntN(len(rare))]
					}
				}
				for i := rng.IntN(2 * (length + 4)); i+4 < length; i += 3 + rng.IntN(2*every) { // in half of them
					copy(src[i:], []string{"日", "本", "é", "😀", "\u07ff", "\ud7ff", "\U0010ffff"}[rng.IntN(7)])
				}
				check(t, src)
			}
		}
	}
}

// Everything that is UTF-8 and everything that is nearly, across the end of a vector too.
func TestBrokenCharactersStopTheWalk(t *testing.T) {
	t.Parallel()
	leads := []byte{0x7F, 0x80, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF8, 0xFF}
	others := []byte{'a', '"', 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE3, 0xF0, 0xFF}
	src := make([]byte, 3*simd.Width)
	for at := range simd.Width + 2 {
		for _, a := range leads {
			for _, b := range others {
				for _, c := range others {
					for _, d := range others {
						for i := range src {
							src[i] = 'x'
						}
						copy(src[at:], []byte{a, b, c, d})
						read, _ := simd.Walk(src, &unescaped)
						if want, _, _ := walkTwin(src); read > want || simd.On() && want-read >= simd.Width && len(src)-read >= simd.Width {
							t.Fatalf("Walk(%q) read %d, want up to %d", src, read, want)
						}
					}
				}
			}
		}
	}
}

func TestEveryByteAtEveryPlace(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		for at := range simd.Width + 3 {
			src := bytes.Repeat([]byte{'x'}, 2*simd.Width)
			src[at] = byte(c)
			check(t, src)
		}
	}
}

// What a vector does not tell by itself: how the one before ended, and that the text ends inside it.
func TestWhereVectorsMeetAndEnd(t *testing.T) {
	t.Parallel()
	for at := simd.Width - 3; at <= simd.Width; at++ { // two blanks and a word across a border
		check(t, []byte(strings.Repeat("a", at)+"  "+strings.Repeat("b", 64)))
		check(t, []byte(strings.Repeat("a", at)+" b "+strings.Repeat("c", 64)))
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		b := make([]byte, rng.IntN(300))
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGH 0123456789,.-"[rng.IntN(48)]
		}
		check(t, b[:rng.IntN(len(b)+1)]) // what is after it, up to the capacity, is text too
	}
}

func TestAnEscapeThatTheEndCuts(t *testing.T) {
	t.Parallel()
	full := []byte(strings.Repeat("x", 2*simd.Width-1) + `\nnn`)
	src := full[: 2*simd.Width : 2*simd.Width]
	if read, escaped := simd.Walk(src, &unescaped); read >= len(src) || escaped > 0 {
		t.Errorf("Walk(%q) read %d with %d escapes", src, read, escaped)
	}
	dst := make([]byte, 4*simd.Width)
	if read, _ := simd.Unescape(dst, src, &unescaped); read >= len(src) {
		t.Errorf("Unescape(%q) read %d", src, read)
	}
}

func TestEscapeStopsWhereRoomEnds(t *testing.T) {
	t.Parallel()
	for _, plain := range []int{0, 1, simd.Width - 1, simd.Width, simd.Width + 1} { // before each escape
		src := bytes.Repeat(append(bytes.Repeat([]byte{'a'}, plain), '\n'), 100)
		for room := range 400 {
			dst, intact := guarded(room)
			read, wrote := simd.Escape(dst, src, &shortForm)
			if _, form := escapeTwin(src[:read]); wrote > room || !bytes.Equal(dst[:wrote], form) {
				t.Fatalf("with room for %d: read %d, wrote %d: %q", room, read, wrote, dst[:wrote])
			}
			intact(t, "Escape", src)
		}
	}
}

func FuzzVectorsAndBytesSayTheSame(f *testing.F) {
	f.Add([]byte(`{"text":"a plain line\nand another, with a \"quote\" and a tab\tin it"}`))
	f.Add([]byte("# Titel\n\nEin *Wort* und 日本語の文 <b>fett</b> &amp; [link](https://example.org/a_b_c) 0123456789"))
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 1<<12 {
			return
		}
		check(t, src)
		check(t, src[:len(src):len(src)])
	})
}

func BenchmarkCopyPlain(b *testing.B) {
	text := []byte("Runs of text between two marks are about this long,<b>")
	text = append(text, make([]byte, simd.Width)...)[:len(text)]
	dst := make([]byte, len(text)+simd.Width)
	b.Run("vectors", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			simd.CopyPlain(dst, text, 0)
		}
	})
	b.Run("bytes", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			n, _, _ := plainTwin(text, 0)
			copy(dst, text[:n])
		}
	})
}
