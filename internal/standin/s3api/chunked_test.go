package s3api_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"quarry/internal/standin/store"
)

// chain signs chunks as a client does.
type chain struct {
	key             []byte
	scope, previous string
}

// newChain reads the signature of a request's head.
func newChain(r *http.Request) *chain {
	_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	at := r.Header.Get("X-Amz-Date")
	scope := at[:8] + "/us-west-2/s3/aws4_request"
	key := []byte("AWS4" + secretKey)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	return &chain{key: key, scope: at + "\n" + scope, previous: signature}
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func (c *chain) sign(kind, rest string) string {
	c.previous = hex.EncodeToString(mac(c.key, kind+"\n"+c.scope+"\n"+c.previous+"\n"+rest))
	return c.previous
}

func (c *chain) chunk(data []byte) string {
	empty, sum := sha256.Sum256(nil), sha256.Sum256(data)
	signature := c.sign("AWS4-HMAC-SHA256-PAYLOAD", hex.EncodeToString(empty[:])+"\n"+hex.EncodeToString(sum[:]))
	return fmt.Sprintf("%x;chunk-signature=%s\r\n%s\r\n", len(data), signature, data)
}

func (c *chain) trailer(line string) string {
	sum := sha256.Sum256([]byte(line + "\n"))
	return c.sign("AWS4-HMAC-SHA256-TRAILER", hex.EncodeToString(sum[:]))
}

func TestSignedChunksAreProved(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := noise(7, 150_000)
	sum := "x-amz-checksum-crc32c:" + base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))))
	for _, c := range []struct {
		name    string
		trailer bool
		change  func(wire string) string
		status  int
		code    string
	}{
		{"as signed", false, nil, 200, ""},
		{"as signed, with a trailer", true, nil, 200, ""},
		{"a trailer in minio-go's form", true, func(s string) string { return strings.Replace(s, sum+"\r\n", sum+"\n\r\n", 1) }, 200, ""},
		{"another byte", false, func(s string) string { return s[:200] + "\x00" + s[201:] }, 403, "SignatureDoesNotMatch"},
		{"another signature of a chunk", false, func(s string) string { return strings.Replace(s, "chunk-signature=", "chunk-signature=0", 1) }, 403, "SignatureDoesNotMatch"},
		{"no signature of the trailer", true, func(s string) string { return s[:strings.Index(s, "x-amz-trailer-signature")] + "\r\n" }, 403, "SignatureDoesNotMatch"},
		{"another trailer", true, func(s string) string { return strings.Replace(s, "crc32c:", "crc32:", 1) }, 400, "MalformedTrailerError"},
		{"the last chunk is missing", false, func(s string) string { return s[:strings.LastIndex(s, "0;chunk")] }, 400, "IncompleteBody"},
		{"a chunk is cut off", false, func(s string) string { return s[:70_000] }, 400, "IncompleteBody"},
		{"a length that is no number", false, func(s string) string { return "x" + s }, 400, "IncompleteBody"},
	} {
		payload, header := "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", http.Header{"X-Amz-Decoded-Content-Length": {strconv.Itoa(len(body))}}
		if c.trailer {
			payload += "-TRAILER"
			header.Set("X-Amz-Trailer", "x-amz-checksum-crc32c")
		}
		key := "signed"
		r := w.signed(t, http.MethodPut, "/docs/"+key, payload, http.NoBody, header)
		signer := newChain(r)
		var wire strings.Builder
		for rest := body; len(rest) > 0; rest = rest[min(len(rest), 65_536):] {
			wire.WriteString(signer.chunk(rest[:min(len(rest), 65_536)]))
		}
		last := signer.chunk(nil)
		wire.WriteString(strings.TrimSuffix(last, "\r\n"))
		if c.trailer {
			wire.WriteString(sum + "\r\nx-amz-trailer-signature:" + signer.trailer(sum) + "\r\n")
		}
		wire.WriteString("\r\n")
		text := wire.String()
		if c.change != nil {
			text = c.change(text)
		}
		again, err := http.NewRequestWithContext(t.Context(), http.MethodPut, w.url, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		again.URL, again.Header = r.URL, r.Header
		status, answer := w.do(t, again)
		if status != c.status || !strings.Contains(answer, c.code) {
			t.Errorf("%s: %d %s, want %d %s", c.name, status, answer, c.status, c.code)
		}
		if got, err := w.get(t.Context(), key); c.status == 200 && (err != nil || !bytes.Equal(got, body)) {
			t.Errorf("%s: got %d bytes, %v", c.name, len(got), err)
		}
	}
}

func TestBodiesAreComparedWithWhatWasSaidOfThem(t *testing.T) {
	t.Parallel()
	w := setup(t)
	other := hex.EncodeToString(make([]byte, sha256.Size))
	chunks := func(sizes ...int) string {
		var b strings.Builder
		for _, n := range sizes {
			fmt.Fprintf(&b, "%x\r\n%s\r\n", n, strings.Repeat("x", n))
		}
		return b.String() + "0\r\n\r\n"
	}
	for _, c := range []struct {
		name, payload, body string
		header              http.Header
		status              int
		code                string
	}{
		{"another hash", other, "x", nil, 400, "XAmzContentSHA256Mismatch"},
		{"no hash", "a-hash", "x", nil, 400, "InvalidArgument"},
		{"an MD5 that is none", unsigned, "x", http.Header{"Content-Md5": {"x"}}, 400, "InvalidDigest"},
		{"a checksum that is none", unsigned, "x", http.Header{"X-Amz-Checksum-Crc32": {"x"}}, 400, "InvalidRequest"},
		{"two checksums", unsigned, "x", http.Header{"X-Amz-Checksum-Crc32": {"AAAAAA=="}, "X-Amz-Checksum-Crc32c": {"AAAAAA=="}}, 400, "InvalidRequest"},
		{"an algorithm without its checksum", unsigned, "x", http.Header{"X-Amz-Sdk-Checksum-Algorithm": {"CRC32"}}, 400, "InvalidRequest"},
		{"chunks of another length", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", chunks(5), http.Header{"X-Amz-Decoded-Content-Length": {"6"}}, 400, "IncompleteBody"},
		{"chunks without a length", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", chunks(5), nil, 411, "MissingContentLength"},
		{"a small chunk before the last", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", chunks(5, 5), http.Header{"X-Amz-Decoded-Content-Length": {"10"}}, 403, "InvalidChunkSizeError"},
		{"chunks as they should be", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", chunks(8192, 5), http.Header{"X-Amz-Decoded-Content-Length": {"8197"}}, 200, ""},
		{"signatures of another kind", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "x", nil, 501, "NotImplemented"},
	} {
		if c.header == nil {
			c.header = http.Header{}
		}
		status, answer := w.do(t, w.signed(t, http.MethodPut, "/docs/k", c.payload, strings.NewReader(c.body), c.header))
		if status != c.status || !strings.Contains(answer, c.code) {
			t.Errorf("%s: %d %s, want %d %s", c.name, status, answer, c.status, c.code)
		}
		_, err := w.get(t.Context(), "k")
		if (err == nil) != (c.status == 200) {
			t.Errorf("%s: the object is there: %v", c.name, err)
		}
		if _, err := w.store.Delete(t.Context(), bucket, "k", "", store.Conditions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestABodyOfUnknownLengthIsUnwrapped sends what the SDK for JavaScript sends of a stream.
func TestABodyOfUnknownLengthIsUnwrapped(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := noise(8, 9<<20)
	var wire bytes.Buffer
	for rest := body; len(rest) > 0; rest = rest[min(len(rest), 65_536):] {
		n := min(len(rest), 65_536)
		fmt.Fprintf(&wire, "%x\r\n%s\r\n", n, rest[:n])
	}
	sum := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body)))
	fmt.Fprintf(&wire, "0\r\nx-amz-checksum-crc32:%s\r\n\r\n", sum)
	r := w.signed(t, http.MethodPut, "/docs/stream", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", struct{ *bytes.Buffer }{&wire}, http.Header{
		"Content-Encoding": {"aws-chunked"}, "X-Amz-Trailer": {"x-amz-checksum-crc32"}, "X-Amz-Decoded-Content-Length": {strconv.Itoa(len(body))},
	})
	r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
	if status, answer := w.do(t, r); status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	if got, err := w.get(t.Context(), "stream"); err != nil || !bytes.Equal(got, body) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}
