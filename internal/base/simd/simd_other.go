//go:build !amd64

package simd

// On reports whether vectors are used.
func On() bool { return false }

// Walk reads nothing here.
func Walk([]byte, *[256]byte) (read, escaped int) { return 0, 0 }

// Unescape reads nothing here.
func Unescape(_, _ []byte, _ *[256]byte) (read, wrote int) { return 0, 0 }

// Escape reads nothing here.
func Escape(_, _ []byte, _ *[256]byte) (read, wrote int) { return 0, 0 }

// CopyPlain reads nothing here.
func CopyPlain(_, _ []byte, _ uint64) (read int, counts uint64, words int) { return 0, 0, 0 }

func findWhole([]uint32, []byte, *Set) int { return 0 }
