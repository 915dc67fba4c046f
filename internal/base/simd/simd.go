// Package simd walks text 32 bytes at a time, where the processor can (AVX2, on amd64): the inner loops of reading JSON
// and of cleaning, which are bound by branches that no one can foretell when they go byte by byte.
//
// A function that reads a part of its source may read less than it could, and reads nothing on another processor. So
// every caller has a loop of its own that continues from there, byte by byte or word by word, and what comes out is the
// same. GODEBUG=cpu.avx2=off in the environment takes the vectors away.
package simd

import "math/bits"

// Width is how many bytes are read and written at a time. Where a function writes, so many bytes after what it reports
// may be overwritten, and there must be room for them.
const Width = 32

// A Set is a set of ASCII characters.
type Set struct {
	has [256]uint32 // 1 where the character is in the set
	// A character is in the set if the entries of its two halves share a bit.
	low, high [16]byte
}

// NewSet makes a set of the characters in chars, which are all ASCII.
func NewSet(chars string) *Set {
	s := &Set{}
	for _, c := range []byte(chars) {
		s.has[c] = 1
		s.low[c&15] |= 1 << (c >> 4)
		s.high[c>>4] = 1 << (c >> 4)
	}
	return s
}

// Marks say where in a text the characters of a set are. The zero value is ready, and is used for one text after the
// other.
type Marks struct {
	bits []uint32 // bit i&31 of word i>>5 belongs to byte i; those after the text may be set
	n    int      // how long the text is
}

// Find looks for all characters of the set in src, on every processor.
func (m *Marks) Find(src []byte, set *Set) {
	m.n = len(src)
	words := (len(src) + Width - 1) / Width
	if cap(m.bits) < words {
		m.bits = make([]uint32, 2*words)
	}
	m.bits = m.bits[:words]
	for at := findWhole(m.bits, src, set); at < words; at++ {
		var w uint32
		for i, c := range src[at*Width : min(len(src), at*Width+Width)] {
			w |= set.has[c] << (i & 31) // no branch: no one can foretell it
		}
		m.bits[at] = w
	}
}

// Next gives the first place from i on, which is not negative, at which a character of the set is; the text's length
// if there is none.
func (m *Marks) Next(i int) int {
	for at := i / Width; at < len(m.bits); at++ {
		if w := m.bits[at] >> (i & 31); w != 0 {
			return min(m.n, i+bits.TrailingZeros32(w))
		}
		i = (at + 1) * Width
	}
	return m.n
}
