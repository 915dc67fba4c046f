package simd_test

import (
	"os"
	"syscall"
	"testing"
)

// The kernel kills a caller that touches the page after the text.
func TestNothingIsReadAfterTheText(t *testing.T) {
	t.Parallel()
	page := os.Getpagesize()
	mem, err := syscall.Mmap(-1, 0, 2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(mem) })
	if err := syscall.Mprotect(mem[page:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	for length := range 200 {
		src := mem[page-length : page : page]
		for i := range src {
			src[i] = "plain text, 0123456789 \\n \"\n"[i%28]
		}
		check(t, src)
		for i := range src {
			src[i] = 'a'
		}
		check(t, src)
	}
}
