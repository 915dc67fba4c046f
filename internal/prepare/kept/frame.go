package kept

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// A frame holds one block. Before it is a skippable frame (RFC 8878, 3.1.2) that says how long it is, so that reading can
// begin at any block, and any tool that knows zstd reads the whole.
const (
	headMagic = 0x184d2a50
	headBytes = 16
)

// ErrBroken says that the file is not what was written.
var ErrBroken = errors.New("the kept data is damaged")

// appendFrame writes a frame and what is before it.
func appendFrame(dst []byte, z *zstd.Encoder, content []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, headBytes)...)
	dst = z.EncodeAll(content, dst)
	binary.LittleEndian.PutUint32(dst[start:], headMagic)
	binary.LittleEndian.PutUint32(dst[start+4:], headBytes-8)
	binary.LittleEndian.PutUint64(dst[start+8:], uint64(len(dst)-start-headBytes))
	return dst
}

// readFrame reads the packed frame at an offset, of a file whose whole frames end at end. next is where the following begins.
func readFrame(in io.ReaderAt, offset, end int64) (packed []byte, next int64, err error) {
	var head [headBytes]byte
	if _, err := in.ReadAt(head[:], offset); err != nil {
		return nil, 0, fmt.Errorf("%w: byte %d: %w", ErrBroken, offset, err)
	}
	n := binary.LittleEndian.Uint64(head[8:])
	if binary.LittleEndian.Uint32(head[:]) != headMagic || binary.LittleEndian.Uint32(head[4:]) != headBytes-8 ||
		n > uint64(end-offset-headBytes) {
		return nil, 0, fmt.Errorf("%w: no block begins at byte %d", ErrBroken, offset)
	}
	packed = make([]byte, n)
	if _, err := in.ReadAt(packed, offset+headBytes); err != nil {
		return nil, 0, fmt.Errorf("%w: byte %d: %w", ErrBroken, offset, err)
	}
	return packed, offset + headBytes + int64(n), nil
}
