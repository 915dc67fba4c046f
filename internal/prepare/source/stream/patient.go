package stream

import (
	"context"
	"io"
	"os"
	"sync"
)

// patientBytes is how much is read at once.
const patientBytes = 256 << 10

// UntilDone reads from r until ctx ends; the error is then the cause of that. A read of a pipe or a terminal that no process writes
// to cannot be broken off: it is left alone, and the process ends without it. For one goroutine at a time.
func UntilDone(ctx context.Context, r io.Reader) io.Reader {
	return &patient{ctx: ctx, open: func() (io.Reader, error) { return r, nil }}
}

type patient struct {
	ctx  context.Context // of the command, or in which the file was opened last
	open func() (io.Reader, error)
	r    io.Reader // once it was opened
	buf  []byte
	rest []byte       // of buf, not given yet
	err  error        // after rest
	got  chan gotRead // of the read under way; nil: there is none
}

type gotRead struct {
	n   int
	err error
}

// Read gives what there is.
func (p *patient) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		if p.got == nil {
			p.begin()
		}
		select {
		case <-p.ctx.Done():
			return 0, context.Cause(p.ctx)
		case g := <-p.got:
			p.got, p.rest, p.err = nil, p.buf[:g.n], g.err
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	if n == 0 {
		return 0, p.err
	}
	return n, nil
}

// begin reads, and opens first what was not opened, which waits too: a pipe by name opens when a process writes to it.
func (p *patient) begin() {
	if p.buf == nil {
		p.buf = make([]byte, patientBytes)
	}
	got := make(chan gotRead, 1)
	r := p.r
	go func() {
		var g gotRead
		if r == nil {
			if r, g.err = p.open(); g.err == nil {
				p.r = r // read only after got
			}
		}
		if g.err == nil {
			g.n, g.err = r.Read(p.buf)
		}
		got <- g
	}()
	p.got = got
}

// pipe is a pipe by name, or another file that is no regular one.
type pipe struct {
	mu     sync.Mutex
	path   string
	file   *os.File
	closed bool
}

func (p *pipe) open() (io.Reader, error) {
	f, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = f.Close()
		return nil, os.ErrClosed
	}
	p.file = f
	return f, nil
}

// Close closes the file, now or as soon as it opens.
func (p *pipe) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed = true; p.file == nil {
		return nil
	}
	return p.file.Close()
}
