package simd

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// The loops also use the bit instructions that came to processors with or before AVX2; a hypervisor can hide each alone.
var on = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasBMI2 && cpu.X86.HasPOPCNT

// On reports whether vectors are used.
func On() bool { return on }

// Walk reads the content of a JSON string, whole characters in UTF-8 and escapes of two characters, which are those that
// have an entry in escapes. It stops before anything else, a quote above all, and may stop 31 bytes before UTF-8 that is
// broken. It gives how much it read, and how many of that were escapes.
func Walk(src []byte, escapes *[256]byte) (read, escaped int) {
	if !on || len(src) < Width {
		return 0, 0
	}
	return walk(&src[0], len(src), escapes)
}

// Unescape is Walk, and writes to dst what it reads, each escape as its entry in escapes. It does nothing unless dst is
// longer than src by Width. It gives how much it read and wrote.
func Unescape(dst, src []byte, escapes *[256]byte) (read, wrote int) {
	if !on || len(src) < Width || len(dst) < len(src)+Width {
		return 0, 0
	}
	return unescape(&dst[0], &src[0], len(src), escapes)
}

// Escape writes text as the content of a JSON string: all as it is but control characters, quotes and backslashes. These
// become a backslash and their entry in escapes; before one without an entry it stops, and when dst is nearly full. It
// gives how much it read and wrote.
func Escape(dst, src []byte, escapes *[256]byte) (read, wrote int) {
	if !on || len(src) < Width || len(dst) < Width+2 {
		return 0, 0
	}
	return escape(&dst[0], len(dst), &src[0], len(src), escapes)
}

// CopyPlain copies printable ASCII up to a '<' or '&', or to the second of two blanks, and counts it: letters in the
// lowest 16 bits of counts, then digits, punctuation and blanks in 16 bits each, and the words that begin in it. inWord
// is 1 if the first letter continues with a word. It reads 32,767 bytes at most, and nothing unless dst is longer than src
// by Width. It may look at, and pass over, what is after src up to its capacity.
func CopyPlain(dst, src []byte, inWord uint64) (read int, counts uint64, words int) {
	if !on || cap(src) < Width || len(dst) < len(src)+Width {
		return 0, 0, 0
	}
	return copyPlain(&dst[0], unsafe.SliceData(src), min(len(src), 1<<15-1), cap(src), inWord)
}

// findWhole fills the words of found for which a whole vector can be read from src, and gives how many these are.
func findWhole(found []uint32, src []byte, set *Set) int {
	vectors := min(len(found), cap(src)/Width)
	if !on || vectors == 0 {
		return 0
	}
	find(&found[0], unsafe.SliceData(src), vectors, &set.low, &set.high)
	return vectors
}

//go:noescape
func walk(src *byte, n int, escapes *[256]byte) (read, escaped int)

//go:noescape
func unescape(dst, src *byte, n int, escapes *[256]byte) (read, wrote int)

//go:noescape
func escape(dst *byte, room int, src *byte, n int, escapes *[256]byte) (read, wrote int)

//go:noescape
func copyPlain(dst, src *byte, n, readable int, inWord uint64) (read int, counts uint64, words int)

//go:noescape
func find(dst *uint32, src *byte, vectors int, low, high *[16]byte)
