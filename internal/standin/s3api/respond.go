package s3api

import (
	"bytes"
	"crypto/rand"
	"encoding/xml"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/store"
)

// namespace is that of S3's documents.
const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// maxDrain is how much of a body that is not needed is read, so that a client that sends before it listens sees the answer.
const maxDrain = 64 << 20

// timestamp writes a time as S3's XML has it.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func quoted(etag string) string { return `"` + etag + `"` }

// set writes a header in S3's spelling, which some clients compare; an empty value is left out.
func (q *request) set(name, value string) {
	if value != "" {
		q.w.Header()[name] = []string{value}
	}
}

// begin writes what every answer has.
func (q *request) begin() {
	q.set("x-amz-request-id", q.id)
	q.hostID = rand.Text()
	q.set("x-amz-id-2", q.hostID)
}

// status ends an answer without a body.
func (q *request) status(code int) error {
	q.begin()
	if code != http.StatusNoContent && code != http.StatusNotModified && q.r.Method != http.MethodHead {
		q.set("Content-Length", "0")
	}
	q.w.WriteHeader(code)
	return nil
}

// document answers 200 with XML.
func (q *request) document(v any) error {
	body, err := xml.Marshal(v)
	if err != nil {
		return err
	}
	return q.text(append([]byte(xml.Header), body...), "application/xml")
}

// text answers 200 with a text that is ready.
func (q *request) text(body []byte, contentType string) error {
	q.begin()
	q.set("Content-Type", contentType)
	q.set("Content-Length", strconv.Itoa(len(body)))
	q.w.WriteHeader(http.StatusOK)
	_, _ = q.w.Write(body) // the client may be gone
	return nil
}

type errorXML struct {
	XMLName xml.Name `xml:"Error"`
	Code    s3err.Code
	Message string
	Fields  []fieldXML
	ID      string `xml:"RequestId"`
	HostID  string `xml:"HostId"`
}

type fieldXML struct {
	XMLName xml.Name
	Value   string `xml:",chardata"`
}

// writeError answers with an error. What the client still sends is read first where its sender is known: HTTP/1.1 has no way to
// stop it, and an answer that it cannot read looks like a broken connection.
func (q *request) writeError(e *s3err.Error) {
	if q.accessKey != "" && q.header("Expect") == "" {
		_, _ = io.CopyN(io.Discard, q.r.Body, maxDrain)
	}
	q.begin()
	if q.header("Expect") != "" {
		// An error before the body was read ends the connection, as at S3: botocore takes the next answer on it for
		// one to this request otherwise.
		q.set("Connection", "close")
	}
	if e.Status == http.StatusNotModified || q.r.Method == http.MethodHead {
		q.w.WriteHeader(e.Status)
		return
	}
	out := errorXML{Code: e.Code, Message: e.Message, ID: q.id, HostID: q.hostID}
	for _, f := range e.Fields {
		out.Fields = append(out.Fields, fieldXML{xml.Name{Local: f.Name}, f.Value})
	}
	body, err := xml.Marshal(out)
	if err != nil {
		body = nil
	}
	body = append([]byte(xml.Header), body...)
	q.set("Content-Type", "application/xml")
	q.set("Content-Length", strconv.Itoa(len(body)))
	q.w.WriteHeader(e.Status)
	_, _ = io.Copy(q.w, bytes.NewReader(body)) // the client may be gone
}

// sums are a checksum as S3's XML has it: one element for each algorithm.
type sums struct {
	CRC32     string `xml:"ChecksumCRC32,omitempty"`
	CRC32C    string `xml:"ChecksumCRC32C,omitempty"`
	CRC64NVME string `xml:"ChecksumCRC64NVME,omitempty"`
	SHA1      string `xml:"ChecksumSHA1,omitempty"`
	SHA256    string `xml:"ChecksumSHA256,omitempty"`
	SHA512    string `xml:"ChecksumSHA512,omitempty"`
	MD5       string `xml:"ChecksumMD5,omitempty"`
}

func (s *sums) of(a store.Algorithm) *string {
	switch a {
	case store.CRC32:
		return &s.CRC32
	case store.CRC32C:
		return &s.CRC32C
	case store.CRC64NVME:
		return &s.CRC64NVME
	case store.SHA1:
		return &s.SHA1
	case store.SHA256:
		return &s.SHA256
	case store.SHA512:
		return &s.SHA512
	case store.MD5:
		return &s.MD5
	}
	return nil
}

func sumsOf(a store.Algorithm, value string) (s sums) {
	if p := s.of(a); p != nil {
		*p = value
	}
	return s
}

// given collects the checksums that a client's document has.
func (s sums) given() map[store.Algorithm]string {
	out := map[store.Algorithm]string{}
	for _, a := range algorithms {
		if v := *s.of(a); v != "" {
			out[a] = v
		}
	}
	return out
}

// setSum writes a checksum's headers.
func (q *request) setSum(c store.Checksum) {
	if c.Value == "" {
		return
	}
	q.set("x-amz-checksum-"+strings.ToLower(string(c.Algorithm)), c.Value)
	q.set("x-amz-checksum-type", c.Type)
}

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

// stream sends exactly length bytes. The status is out before; a broken connection is the only way left to say that the body
// is not whole.
func (q *request) stream(body io.Reader, length int64) {
	buf, _ := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	n, err := io.CopyBuffer(struct{ io.Writer }{q.w}, struct{ io.Reader }{body}, *buf)
	if err != nil || n != length {
		panic(http.ErrAbortHandler)
	}
}
