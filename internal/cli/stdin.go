package cli

import (
	"context"
	"io"
)

// stdinBytes is how much of standard input is read at once.
const stdinBytes = 256 << 10

// untilDone reads until ctx ends. A read of a pipe or a terminal that nobody writes to cannot be broken off: it is left
// behind, and the process ends without it. For one goroutine at a time.
type untilDone struct {
	ctx  context.Context
	r    io.Reader
	buf  []byte
	rest []byte       // of buf, not given yet
	err  error        // behind rest
	got  chan gotRead // of the read under way; nil: there is none
}

type gotRead struct {
	n   int
	err error
}

// Read gives what there is. Its error is the cause of ctx's end, or the reader's.
func (u *untilDone) Read(p []byte) (int, error) {
	if len(u.rest) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		if u.got == nil {
			if u.buf == nil {
				u.buf = make([]byte, stdinBytes)
			}
			got := make(chan gotRead, 1)
			go func() {
				n, err := u.r.Read(u.buf)
				got <- gotRead{n, err}
			}()
			u.got = got
		}
		select {
		case <-u.ctx.Done():
			return 0, context.Cause(u.ctx)
		case g := <-u.got:
			u.got, u.rest, u.err = nil, u.buf[:g.n], g.err
		}
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	if n == 0 {
		return 0, u.err
	}
	return n, nil
}
