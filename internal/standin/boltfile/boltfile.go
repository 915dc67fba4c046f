// Package boltfile looks at a bbolt file before it is opened: bbolt maps a file into memory and takes its size on trust, so
// one that was cut off ends the process with SIGBUS, and one that was emptied becomes a new one without a word.
package boltfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Why a file is refused.
var (
	ErrEmptied = errors.New("the file is empty, but files that belong to it have data; restore it from a backup, or remove all of them to start with no data")
	ErrCutOff  = errors.New("the file is cut off; restore it from a backup, or remove it and the files that belong to it to start with no data")
)

// The layout of bbolt's meta pages (internal/common/meta.go and page.go of go.etcd.io/bbolt): a header of 16 bytes, then magic,
// version, page size, flags, root (16), freelist, and the number of pages in use.
const (
	magic      = 0xED0CDAED
	headerSize = 16
	metaSize   = 64
	pagesAt    = 40 // of the number of pages, in the meta
)

// Check refuses a file that bbolt would not open as what it was. used says that other data shows that the file held some;
// a file that is not there is no fault.
func Check(path string, used bool) (err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		if used {
			return fmt.Errorf("%s: %w", path, ErrEmptied)
		}
		return nil
	}
	// Each commit writes one of the two metas; the file must hold what either says. One that cannot be read is bbolt's to judge.
	first, size := meta(f, 0)
	if size == 0 {
		return nil
	}
	second, _ := meta(f, size)
	if need := max(first, second) * size; info.Size() < need {
		return fmt.Errorf("%s has %d bytes of %d: %w", path, info.Size(), need, ErrCutOff)
	}
	return nil
}

// meta reads the pages in use and the page size out of the meta at an offset; zeros where there is none.
func meta(f io.ReaderAt, at int64) (pages, pageSize int64) {
	var b [headerSize + metaSize]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		return 0, 0
	}
	m := b[headerSize:]
	if binary.NativeEndian.Uint32(m) != magic {
		return 0, 0
	}
	pageSize, pages = int64(binary.NativeEndian.Uint32(m[8:])), int64(binary.NativeEndian.Uint64(m[pagesAt:]))
	if pageSize < 512 || pageSize > 1<<20 || pages < 0 || pages > 1<<40 {
		return 0, 0
	}
	return pages, pageSize
}
