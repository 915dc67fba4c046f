package store

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"quarry/internal/standin/s3err"
)

// copyBuffers are lent to uploads under way.
var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

// Body is what a client uploads.
type Body struct {
	// Reader gives the bytes. An error of it refuses the upload; it is returned as it is.
	Reader io.Reader
	// Length is how many bytes there must be.
	Length int64
	// Algorithm is the checksum to compute and keep; empty: CRC64NVME.
	Algorithm Algorithm
	// Want gives the checksum that the client sent, "" for none. It is called once the reader has ended, as the checksum may be
	// in the trailer. Nil: none.
	Want func() string
}

// receive stores a body of exactly its length and checks it. On an error nothing is left of it.
func (s *Store) receive(body Body, inline bool) (content, error) {
	if body.Algorithm == "" {
		body.Algorithm = CRC64NVME
	}
	sum, ok := newHasher(body.Algorithm)
	if !ok {
		return content{}, unknownAlgorithm(body.Algorithm)
	}
	in := s.newIntake(sum, inline)
	buf, _ := copyBuffers.Get().(*[]byte)
	// One byte more than announced, to see a body that is too long. WriterTo of the source would leave the buffer out.
	n, err := io.CopyBuffer(in, struct{ io.Reader }{io.LimitReader(body.Reader, body.Length+1)}, *buf)
	copyBuffers.Put(buf)
	if err == nil && n == body.Length { // hashes and trailers are judged when the reader sees the end
		err = expectEnd(body.Reader)
	}
	if err == nil && n != body.Length {
		err = s3err.New(s3err.IncompleteBody)
	}
	if err != nil {
		return content{}, errors.Join(err, in.abort())
	}
	c, err := in.seal()
	if err != nil {
		return content{}, err
	}
	if body.Want == nil {
		return c, nil
	}
	if want := body.Want(); want != "" && want != c.checksum.Value {
		s.giveBack(c, nil)
		return content{}, badChecksum(body.Algorithm)
	}
	return c, nil
}

func badChecksum(a Algorithm) error {
	return s3err.Text(s3err.BadDigest, fmt.Sprintf("The %s you specified did not match the calculated checksum.", a))
}

func unknownAlgorithm(a Algorithm) error {
	return s3err.NotImplemented("x-amz-checksum-"+strings.ToLower(string(a)), "")
}

func expectEnd(body io.Reader) error {
	var one [1]byte
	for range 8 {
		n, err := body.Read(one[:])
		switch {
		case n > 0:
			return s3err.New(s3err.IncompleteBody)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}
