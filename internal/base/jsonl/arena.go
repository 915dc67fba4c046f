package jsonl

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"quarry/internal/base/simd"
)

// An Arena gives memory for texts. What it gave is never given again, so it lives as long as someone holds it, until
// Reset says that no one does. The zero value is ready. One goroutine at a time.
type Arena struct {
	buf   []byte
	taken int // bytes in all since Reset
}

// arenaBytes is how much memory is taken at a time, maxArena how much is worth being kept.
const (
	arenaBytes = 256 << 10
	maxArena   = 2 << 20
)

// Room makes sure of n bytes, and gives what is there to append to. What was appended is kept by Keep.
func (a *Arena) Room(n int) []byte {
	if cap(a.buf)-len(a.buf) < n {
		a.taken += cap(a.buf)
		a.buf = make([]byte, 0, max(arenaBytes, n)) // the old memory stays with the texts in it
	}
	return a.buf
}

// Keep takes what Room gave, with what was appended to it, and gives that.
func (a *Arena) Keep(buf []byte) []byte {
	n := len(a.buf)
	a.buf = buf
	return buf[n:len(buf):len(buf)]
}

// Reset takes all memory back, which no one may hold any more. It reports whether the arena is worth being used again:
// what a giant text left over is not.
func (a *Arena) Reset() bool {
	if cap(a.buf) > maxArena {
		return false
	}
	if a.taken > 0 {
		a.taken += cap(a.buf)
	}
	if a.taken > cap(a.buf) { // once in one piece, it is never taken again
		a.buf = make([]byte, 0, min(a.taken+a.taken/8, maxArena))
	}
	a.buf, a.taken = a.buf[:0], 0
	return true
}

// text walks a string's content as the function text does, and gives what it says.
func (a *Arena) text(b []byte, i int) (end int, said []byte, escaped bool, err *SyntaxError) {
	from := i
	for {
		if i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			m := ((w - spaces) | ((w ^ quotes) - ones) | ((w ^ slants) - ones) | w) & highs // as in text
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		} else if i >= len(b) {
			return i, nil, false, fault(i, "unexpected end inside a string")
		}
		switch c := b[i]; {
		case c == '"':
			return i, b[from:i:i], false, nil
		case c == '\\':
			// Text is never longer than its escaped form, so there is room for whole words until the end of the line.
			buf := a.Room(len(b) - from + simd.Width)
			n := len(buf)
			out := append(buf, b[from:i]...)
			end, n, err = unescape(b, i, out[:cap(out)], n+i-from)
			if err != nil {
				return end, nil, true, err
			}
			return end, a.Keep(out[:n]), true, nil
		case c < ' ':
			return i, nil, false, fault(i, "control character in a string")
		case c < 0x80:
			i++ // within the last eight bytes
		default:
			j := wide(b, i)
			if j == i {
				return i, nil, false, &SyntaxError{Offset: i, Reason: ErrUTF8.Error(), Err: ErrUTF8}
			}
			i = j
		}
	}
}

// unescape walks a string's content from i on and writes what it says to out from n on. It gives the index of the
// closing quote, and how far it wrote.
func unescape(b []byte, i int, out []byte, n int) (end, to int, err *SyntaxError) {
	for {
		read, wrote := simd.Unescape(out[n:], b[i:], &unescaped)
		i += read
		n += wrote
		if i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			binary.LittleEndian.PutUint64(out[n:], w)
			m := ((w - spaces) | ((w ^ quotes) - ones) | ((w ^ slants) - ones) | w) & highs // as in text
			if m == 0 {
				i += 8
				n += 8
				continue
			}
			k := bits.TrailingZeros64(m) >> 3
			i += k
			n += k
		} else if i >= len(b) {
			return i, n, fault(i, "unexpected end inside a string")
		}
		switch c := b[i]; {
		case c == '"':
			return i, n, nil
		case c == '\\':
			if i+1 < len(b) && unescaped[b[i+1]] != 0 {
				out[n] = unescaped[b[i+1]]
				i += 2
				n++
				continue
			}
			size, err := escape(b, i)
			if err != nil {
				return i, n, err
			}
			u, _ := hex4(b, i+2)
			if size == 12 {
				low, _ := hex4(b, i+8)
				u = 0x10000 + (u-0xD800)<<10 + (low - 0xDC00)
			}
			i += size
			n += utf8.EncodeRune(out[n:n+4:len(out)], u)
		case c < ' ':
			return i, n, fault(i, "control character in a string")
		case c < 0x80: // within the last eight bytes
			out[n] = c
			i++
			n++
		default:
			j := i
			if i, n = wideCopy(b, i, out, n); i == j {
				return i, n, &SyntaxError{Offset: i, Reason: ErrUTF8.Error(), Err: ErrUTF8}
			}
		}
	}
}

// wideCopy is wide, and copies what it walks over.
func wideCopy(b []byte, i int, out []byte, n int) (end, to int) {
	for {
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			if w&0xC0C0F0C0C0F0 != 0x8080E08080E0 || (1<<(w&15)|1<<(w>>24&15))&(1<<0|1<<13) != 0 {
				break
			}
			binary.LittleEndian.PutUint64(out[n:], w)
			i += 6
			n += 6
		}
		size := wideLen(b, i)
		if size == 0 {
			return i, n
		}
		n += copy(out[n:n+size], b[i:])
		i += size
	}
}
