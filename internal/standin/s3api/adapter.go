package s3api

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"quarry/internal/standin/store"
)

// maxDocumentBytes bounds the bodies that versitygw reads whole: XML of at most 1,000 keys to delete or 10,000 parts
// to complete, and policies.
const maxDocumentBytes = 8 << 20

// forward hands a net/http request to a front and copies the answer back. The body goes through as a stream: the
// front reads from the client's connection and the client's connection is written from the store's reader.
func (a *API) forward(front fasthttp.RequestHandler, w http.ResponseWriter, r *http.Request, query url.Values) {
	ctx := &fasthttp.RequestCtx{}
	ctx.Init2(&clientConn{control: http.NewResponseController(w), remote: remoteAddr(r)}, silent{}, true)
	if err := fillRequest(ctx, w, r, query); err != nil {
		writeError(w, r, http.StatusBadRequest, "BadRequest", "The request could not be parsed.")
		return
	}
	if strings.EqualFold(query.Get("encoding-type"), "url") {
		ctx.SetUserValue(store.EncodingType, "url")
	}
	ctx.Response.Header.SetNoDefaultContentType(true)
	front(ctx)
	defer ctx.Response.CloseBodyStream() //nolint:errcheck // a reader of the store; what it read was checked
	a.copyResponse(ctx, w, r)
}

// fillRequest writes the head of the request out again and lets fasthttp parse it, as it would from a connection:
// versitygw also reads the headers in their raw form.
func fillRequest(ctx *fasthttp.RequestCtx, w http.ResponseWriter, r *http.Request, query url.Values) error {
	head := make([]byte, 0, 2048)
	head = fmt.Appendf(head, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, requestURI(r), r.Host)
	for name, values := range r.Header {
		if name == "Content-Length" || name == "Transfer-Encoding" { // as net/http understood them
			continue
		}
		for _, v := range values {
			head = fmt.Appendf(head, "%s: %s\r\n", name, v)
		}
	}
	if r.ContentLength > 0 || r.ContentLength == 0 && (r.Method == http.MethodPut || r.Method == http.MethodPost) {
		head = fmt.Appendf(head, "Content-Length: %d\r\n", r.ContentLength)
	}
	head = append(head, "\r\n"...)
	if err := ctx.Request.Header.Read(bufio.NewReaderSize(bytes.NewReader(head), len(head)+16)); err != nil {
		return err
	}
	switch {
	case r.ContentLength > 0:
		body := io.Reader(r.Body)
		if !streams(r, query) {
			body = http.MaxBytesReader(w, r.Body, maxDocumentBytes)
		}
		ctx.Request.SetBodyStream(onlyReader{body}, int(r.ContentLength))
	case r.ContentLength < 0: // chunked: the front asks object uploads for a length and reads documents whole
		ctx.Request.SetBodyStream(onlyReader{http.MaxBytesReader(w, r.Body, maxDocumentBytes)}, -1)
	}
	return nil
}

// streams reports whether the body is object data, which may be of any size: a PUT of an object or a part.
func streams(r *http.Request, query url.Values) bool {
	if r.Method != http.MethodPut || r.Header.Get("X-Amz-Copy-Source") != "" {
		return false
	}
	for name := range query {
		switch {
		case name == "partNumber", name == "uploadId", name == "x-id":
		case strings.HasPrefix(strings.ToLower(name), "x-amz-"):
		default:
			return false
		}
	}
	return true
}

// onlyReader hides Close: net/http closes the body itself, after what is left of it was drained.
type onlyReader struct{ io.Reader }

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

func (a *API) copyResponse(ctx *fasthttp.RequestCtx, w http.ResponseWriter, r *http.Request) {
	resp := &ctx.Response
	out := w.Header()
	for k, v := range resp.Header.All() {
		name := string(k)
		switch http.CanonicalHeaderKey(name) {
		case "Connection", "Transfer-Encoding", "Date":
			continue
		case "Content-Length":
			if r.Method == http.MethodHead {
				out["Content-Length"] = []string{string(v)}
			}
			continue
		case "X-Amz-Bucket-Region": // the front says its own Region, S3 the bucket's
			v = []byte(a.bucketRegion(r, string(v)))
		}
		// Not Add: S3 writes ETag and x-amz-…, and some clients compare.
		if !slices.Contains(out.Values(name), string(v)) { // the front writes its request ids twice
			out[name] = append(out[name], string(v))
		}
	}
	status := resp.StatusCode()
	// An error before the body was asked for ends the connection, as at S3: botocore takes the next answer on it for
	// one to this request otherwise.
	if resp.Header.ConnectionClose() || status >= 300 && r.Header.Get("Expect") != "" {
		out.Set("Connection", "close")
	}
	stream := resp.BodyStream()
	if r.Method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified {
		w.WriteHeader(status)
		return
	}
	if stream == nil {
		body := resp.Body()
		out["Content-Length"] = []string{strconv.Itoa(len(body))}
		w.WriteHeader(status)
		_, _ = w.Write(body) // the client may be gone
		return
	}
	length := resp.Header.ContentLength()
	if length >= 0 {
		out["Content-Length"] = []string{strconv.Itoa(length)}
	}
	w.WriteHeader(status)
	buf, _ := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{stream}, *buf)
	if err != nil || length >= 0 && n != int64(length) {
		// The status is out; a broken connection is the only way left to say that the body is not whole.
		panic(http.ErrAbortHandler)
	}
}

func (a *API) bucketRegion(r *http.Request, otherwise string) string {
	bucket, ok := hostBucket(r.Host)
	if !ok {
		bucket, _, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	}
	info, err := a.cfg.Store.Bucket(r.Context(), bucket)
	if err != nil {
		return otherwise
	}
	return info.Region
}

// clientConn is the connection as far as versitygw looks at one: it sets read deadlines while it drains a body that
// it has refused, and asks for the address.
type clientConn struct {
	net.Conn // never used
	control  *http.ResponseController
	remote   net.Addr
}

func (c *clientConn) SetReadDeadline(t time.Time) error {
	err := c.control.SetReadDeadline(t)
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

func (c *clientConn) RemoteAddr() net.Addr { return c.remote }
func (c *clientConn) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *clientConn) Close() error         { return nil }

func remoteAddr(r *http.Request) net.Addr {
	host, port, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return &net.TCPAddr{}
	}
	n, _ := strconv.Atoi(port)
	return &net.TCPAddr{IP: net.ParseIP(host), Port: n}
}

// silent keeps fasthttp from writing to the standard error.
type silent struct{}

func (silent) Printf(string, ...any) {}
