package store

import (
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/s3err"
)

// copyBuffers are lent to uploads under way.
var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

// trailing is the body of a request whose checksum comes at its end: s3api has checked it by then and says which.
type trailing interface {
	io.Reader
	Algorithm() string
	Checksum() string
}

// wanted is the checksum a client announced: the algorithm, and the value when it came in a header.
type wanted struct {
	algorithm types.ChecksumAlgorithm
	value     string
}

// wantedChecksum picks the one value that was sent; S3 takes one algorithm per request.
func wantedChecksum(a types.ChecksumAlgorithm, values map[types.ChecksumAlgorithm]*string) wanted {
	w := wanted{algorithm: types.ChecksumAlgorithm(strings.ToUpper(string(a)))}
	for alg, v := range values {
		if str(v) != "" {
			w.algorithm, w.value = alg, str(v)
		}
	}
	return w
}

// receive stores a body of exactly length bytes and checks it. On an error nothing is left of it.
func (s *Store) receive(body io.Reader, length int64, want wanted, inline bool) (content, error) {
	if want.algorithm == "" {
		// S3 adds CRC64NVME when the client asks for none (User Guide, "Checking object integrity").
		want.algorithm = types.ChecksumAlgorithmCrc64nvme
	}
	sum, ok := newHasher(want.algorithm)
	if !ok {
		return content{}, s3err.GetNotImplementedErr("x-amz-checksum-"+strings.ToLower(string(want.algorithm)), "")
	}
	in := s.newIntake(sum, inline)
	if body == nil {
		body = strings.NewReader("")
	}
	buf, _ := copyBuffers.Get().(*[]byte)
	// One byte more than announced, to see a body that is too long. WriterTo of the source would leave the buffer out.
	n, err := io.CopyBuffer(in, struct{ io.Reader }{io.LimitReader(body, length+1)}, *buf)
	copyBuffers.Put(buf)
	if err == nil && n == length { // a trailing checksum is judged when the reader sees the end
		err = expectEnd(body)
	}
	switch {
	case err != nil:
	case n < length:
		// s3api's readers turn a connection that broke into a plain end: without this a cut-off upload is an object.
		err = s3err.GetAPIError(s3err.ErrIncompleteBody)
	case n > length:
		err = s3err.GetAPIError(s3err.ErrContentLengthMismatch)
	}
	if err != nil {
		return content{}, errors.Join(err, in.abort())
	}
	c, err := in.seal()
	if err != nil {
		return content{}, err
	}
	if t, ok := body.(trailing); ok && want.value == "" && strings.EqualFold(t.Algorithm(), string(want.algorithm)) {
		want.value = t.Checksum()
	}
	if want.value != "" && want.value != c.checksum.Value {
		s.giveBack(c, nil)
		return content{}, s3err.GetChecksumBadDigestErr(want.algorithm)
	}
	return c, nil
}

func expectEnd(body io.Reader) error {
	var one [1]byte
	for range 8 {
		n, err := body.Read(one[:])
		switch {
		case n > 0:
			return s3err.GetAPIError(s3err.ErrContentLengthMismatch)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}

// sumsOf spreads a checksum over the fields that S3's answers have for each algorithm.
func sumsOf(c checksum) types.Checksum {
	out := types.Checksum{ChecksumType: c.Type}
	v := some(c.Value)
	switch c.Algorithm {
	case types.ChecksumAlgorithmCrc32:
		out.ChecksumCRC32 = v
	case types.ChecksumAlgorithmCrc32c:
		out.ChecksumCRC32C = v
	case types.ChecksumAlgorithmCrc64nvme:
		out.ChecksumCRC64NVME = v
	case types.ChecksumAlgorithmSha1:
		out.ChecksumSHA1 = v
	case types.ChecksumAlgorithmSha256:
		out.ChecksumSHA256 = v
	case types.ChecksumAlgorithmSha512:
		out.ChecksumSHA512 = v
	case types.ChecksumAlgorithmMd5:
		out.ChecksumMD5 = v
	}
	return out
}
