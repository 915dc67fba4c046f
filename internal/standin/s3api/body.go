package s3api

import (
	"crypto/md5" // Content-MD5 is defined by it
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"hash"
	"io"
	"strconv"
	"strings"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/sigv4"
	"quarry/internal/standin/store"
)

const (
	// maxDocumentBytes bounds the bodies that are read whole: XML of at most 1,000 keys to delete or 10,000 parts
	// to complete, and policies.
	maxDocumentBytes = 8 << 20
	// maxObjectBytes is S3's limit for PutObject and UploadPart.
	maxObjectBytes = 5 << 30
)

// What X-Amz-Content-Sha256 says in the place of a hash:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
const (
	unsignedPayload   = "UNSIGNED-PAYLOAD"
	unsignedChunks    = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	signedChunks      = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	signedWithTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
)

// body gives the object data of a request. Its reader compares what the client said of the bytes with what came, and ends in an
// error where they differ.
func (q *request) body() (store.Body, error) {
	announced, err := q.announced()
	if err != nil {
		return store.Body{}, err
	}
	out := store.Body{Length: q.r.ContentLength, Algorithm: announced.algorithm}
	payload := q.header("X-Amz-Content-Sha256")
	var trailers *chunked
	if strings.HasPrefix(payload, "STREAMING-") {
		if trailers, err = q.chunks(payload, announced.trailer); err != nil {
			return store.Body{}, err
		}
		if out.Length, err = strconv.ParseInt(q.header("X-Amz-Decoded-Content-Length"), 10, 64); err != nil || out.Length < 0 {
			return store.Body{}, s3err.New(s3err.MissingLength)
		}
		out.Reader = trailers
	} else {
		out.Reader = q.r.Body
	}
	switch {
	case out.Length < 0:
		return store.Body{}, s3err.New(s3err.MissingLength)
	case out.Length > maxObjectBytes:
		return store.Body{}, s3err.New(s3err.EntityTooLarge).With("ProposedSize", strconv.FormatInt(out.Length, 10)).
			With("MaxSizeAllowed", strconv.FormatInt(maxObjectBytes, 10))
	}
	if out.Reader, err = q.hashed(out.Reader, payload); err != nil {
		return store.Body{}, err
	}
	out.Want = func() string {
		if trailers != nil && announced.trailer != "" {
			return trailers.values[announced.trailer]
		}
		return announced.value
	}
	return out, nil
}

// hashed adds the comparisons with X-Amz-Content-Sha256 and Content-MD5.
func (q *request) hashed(body io.Reader, payload string) (io.Reader, error) {
	body = &received{body}
	if want, err := hex.DecodeString(payload); err == nil && len(want) == sha256.Size {
		body = &checked{from: body, hash: sha256.New(), want: want, fault: s3err.New(s3err.ContentSHA256Mismatch).
			With("ClientComputedContentSHA256", payload)}
	} else if payload != "" && payload != unsignedPayload && !strings.HasPrefix(payload, "STREAMING-") {
		return nil, s3err.Argument("x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "+
			"STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
			"x-amz-content-sha256", clip(payload))
	}
	if values, ok := q.r.Header["Content-Md5"]; ok {
		want, err := base64.StdEncoding.DecodeString(values[0])
		if err != nil || len(want) != md5.Size {
			return nil, s3err.New(s3err.InvalidDigest).With("Content-MD5", clip(values[0]))
		}
		body = &checked{from: body, hash: md5.New(), want: want, fault: s3err.New(s3err.BadDigest).With("ExpectedDigest", values[0])}
	}
	return body, nil
}

// chunks reads a body that is sent in aws-chunked.
func (q *request) chunks(payload string, trailer string) (*chunked, error) {
	var chain *sigv4.Chunks
	switch payload {
	case unsignedChunks:
	case signedChunks, signedWithTrailer:
		if q.proof == nil {
			return nil, s3err.Request("Chunks can only be signed by AWS4-HMAC-SHA256.")
		}
		chain = q.proof.Chunks(q.secret)
	default:
		return nil, s3err.NotImplemented("x-amz-content-sha256", "This form of a streamed body is not served: "+clip(payload))
	}
	return newChunked(q.r.Body, chain, trailer, payload == signedWithTrailer), nil
}

// whole reads a document: XML or a policy.
func (q *request) whole() ([]byte, error) {
	if q.r.ContentLength > maxDocumentBytes {
		return nil, s3err.New(s3err.MessageTooLong).With("MaxMessageLengthBytes", strconv.Itoa(maxDocumentBytes))
	}
	announced, err := q.announced()
	if err != nil {
		return nil, err
	}
	payload := q.header("X-Amz-Content-Sha256")
	var body io.Reader = q.r.Body
	var trailers *chunked
	if strings.HasPrefix(payload, "STREAMING-") {
		if trailers, err = q.chunks(payload, announced.trailer); err != nil {
			return nil, err
		}
		body = trailers
	}
	if body, err = q.hashed(body, payload); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(body, maxDocumentBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxDocumentBytes {
		return nil, s3err.New(s3err.MessageTooLong).With("MaxMessageLengthBytes", strconv.Itoa(maxDocumentBytes))
	}
	if trailers != nil && announced.trailer != "" {
		announced.value = trailers.values[announced.trailer]
	}
	return text, announced.compare(text)
}

// read reads the request's XML into v, whose XMLName has no namespace.
func (q *request) read(v any) error {
	text, err := q.whole()
	if err != nil {
		return err
	}
	if len(text) == 0 {
		return s3err.New(s3err.MissingRequestBody)
	}
	if xml.Unmarshal(text, v) != nil {
		return s3err.New(s3err.MalformedXML)
	}
	return nil
}

// received turns a connection that broke into S3's word for it.
type received struct{ from io.Reader }

func (r *received) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	var known *s3err.Error
	if err != nil && !errors.Is(err, io.EOF) && !errors.As(err, &known) {
		err = s3err.New(s3err.IncompleteBody)
	}
	return n, err
}

// checked compares the hash of what was read at its end.
type checked struct {
	from  io.Reader
	hash  hash.Hash
	want  []byte
	fault error
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.hash.Write(p[:n])
	if errors.Is(err, io.EOF) && subtle.ConstantTimeCompare(c.hash.Sum(nil), c.want) != 1 {
		err = c.fault
	}
	return n, err
}
