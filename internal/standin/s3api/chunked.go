package s3api

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"strconv"
	"strings"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/sigv4"
)

const (
	// maxChunkLine bounds the line before a chunk: 16 hex digits and a signature.
	maxChunkLine = 256
	// minChunkBytes is the least that every chunk but the last has.
	minChunkBytes = 8 << 10
	// maxTrailerBytes bounds the trailer, as a header's section is bounded.
	maxTrailerBytes = 8 << 10
)

// chunked unwraps a body in the encoding aws-chunked and verifies the chunks' signatures where there are any:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html. The end of the body is passed on only when the whole trailer
// was read and proved.
type chunked struct {
	from    *bufio.Reader
	chain   *sigv4.Chunks // nil: unsigned
	trailer string        // the name of the one trailer that is expected, "" for none
	signed  bool          // the trailer is signed
	values  map[string]string

	left      int64 // bytes left in the open chunk
	signature string
	hash      hash.Hash
	begun     bool
	small     bool // a chunk was smaller than all but the last may be
	err       error
}

func newChunked(from io.Reader, chain *sigv4.Chunks, trailer string, signed bool) *chunked {
	return &chunked{
		from: bufio.NewReaderSize(from, 64<<10), chain: chain, trailer: trailer, signed: signed,
		values: map[string]string{}, hash: sha256.New(),
	}
}

func (c *chunked) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.left == 0 {
		if c.err = c.next(); c.err != nil {
			return 0, c.err
		}
	}
	n, err := c.from.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if c.chain != nil {
		c.hash.Write(p[:n])
	}
	if err != nil {
		c.err = broken(err)
	}
	return n, c.err
}

// next closes the open chunk and reads the line before the next one. At the last chunk it reads the trailer and returns io.EOF.
func (c *chunked) next() error {
	if c.begun {
		if err := c.endChunk(); err != nil {
			return err
		}
	}
	c.begun = true
	line, err := c.line(maxChunkLine)
	if err != nil {
		return err
	}
	size, extension, _ := strings.Cut(line, ";")
	if c.left, err = strconv.ParseInt(strings.TrimSpace(size), 16, 64); err != nil || c.left < 0 {
		return s3err.New(s3err.IncompleteBody)
	}
	c.signature = strings.TrimPrefix(strings.TrimSpace(extension), "chunk-signature=")
	c.hash.Reset()
	if c.left > 0 {
		if c.small {
			return s3err.New(s3err.InvalidChunkSize)
		}
		c.small = c.left < minChunkBytes
		return nil
	}
	if err := c.prove(); err != nil {
		return err
	}
	return c.readTrailer()
}

// endChunk reads the line end after a chunk's bytes and proves the chunk.
func (c *chunked) endChunk() error {
	if line, err := c.line(2); err != nil {
		return err
	} else if line != "" {
		return s3err.New(s3err.IncompleteBody)
	}
	return c.prove()
}

func (c *chunked) prove() error {
	if c.chain == nil {
		return nil
	}
	if c.chain.Chunk(c.signature, c.hash.Sum(nil)) != nil {
		return s3err.New(s3err.SignatureMismatch)
	}
	return nil
}

// readTrailer reads "name:value" lines to the end of the body. Clients end lines with CRLF or LF, and may leave empty ones between:
// minio-go ends its trailer with "\n\r\n".
func (c *chunked) readTrailer() error {
	lines, signature, size := "", "", 0
	for {
		line, err := c.line(maxTrailerBytes)
		if errors.Is(err, errEnd) {
			break
		}
		if err != nil {
			return err
		}
		if size += len(line) + 2; size > maxTrailerBytes {
			return s3err.New(s3err.MalformedTrailer)
		}
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if !ok {
			return s3err.New(s3err.MalformedTrailer)
		}
		if name == "x-amz-trailer-signature" {
			signature = value
			continue
		}
		if name != c.trailer || c.values[name] != "" {
			return s3err.New(s3err.MalformedTrailer)
		}
		c.values[name] = value
		lines += name + ":" + value + "\n"
	}
	if c.trailer != "" && c.values[c.trailer] == "" {
		return s3err.New(s3err.MalformedTrailer)
	}
	if c.chain != nil && c.signed && c.chain.Trailer(signature, lines) != nil {
		return s3err.New(s3err.SignatureMismatch)
	}
	return io.EOF
}

// errEnd is the end of the body before a line began.
var errEnd = errors.New("no more lines")

// line reads up to a line end, which it leaves out.
func (c *chunked) line(most int) (string, error) {
	var b []byte
	for {
		one, err := c.from.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && len(b) == 0:
			if c.left == 0 && c.begun {
				return "", errEnd
			}
			return "", s3err.New(s3err.IncompleteBody)
		case errors.Is(err, io.EOF):
			return strings.TrimSuffix(string(b), "\r"), nil
		case err != nil:
			return "", broken(err)
		case one == '\n':
			return strings.TrimSuffix(string(b), "\r"), nil
		}
		if b = append(b, one); len(b) > most {
			return "", s3err.New(s3err.IncompleteBody)
		}
	}
}

func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return s3err.New(s3err.IncompleteBody)
	}
	return err
}
