package s3api_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"quarry/internal/standin/s3api"
	"quarry/internal/standin/store"
)

const unsigned = "UNSIGNED-PAYLOAD"

// signed makes a request signed in its header, over a path that is sent as it is spelled.
func (w *world) signed(t *testing.T, method, path, payload string, body io.Reader, header http.Header) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.url, body)
	if err != nil {
		t.Fatal(err)
	}
	path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	r.URL.Opaque = "//" + r.URL.Host + path
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("X-Amz-Content-Sha256", payload)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	creds := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}
	if err := signer.SignHTTP(t.Context(), creds, r, payload, "s3", "us-west-2", time.Now()); err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) do(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	resp, err := w.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body(t, resp)
}

// body reads an answer to its end.
func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestChunkedBodiesAreUnwrappedAndTheirTrailersChecked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := noise(4, 200_000)
	sum := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body)))
	for _, c := range []struct {
		name, sum string
		want      int
	}{
		{"a wrong trailer", "AAAAAA==", 400},
		{"the right trailer", sum, 200},
	} {
		var wire bytes.Buffer
		for rest := body; len(rest) > 0; {
			n := min(len(rest), 65_536)
			fmt.Fprintf(&wire, "%x\r\n%s\r\n", n, rest[:n])
			rest = rest[n:]
		}
		fmt.Fprintf(&wire, "0\r\nx-amz-checksum-crc32:%s\r\n\r\n", c.sum)
		r := w.signed(t, http.MethodPut, "/docs/chunked", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", &wire, http.Header{
			"Content-Encoding": {"zstd,aws-chunked"}, "X-Amz-Trailer": {"x-amz-checksum-crc32"},
			"X-Amz-Decoded-Content-Length": {fmt.Sprint(len(body))},
		})
		if got, text := w.do(t, r); got != c.want {
			t.Errorf("%s: %d %s, want %d", c.name, got, text, c.want)
		}
		head, err := w.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("chunked"), ChecksumMode: "ENABLED"})
		if c.want != 200 {
			if err == nil {
				t.Errorf("%s: an object is there", c.name)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if e := aws.ToString(head.ContentEncoding); e != "zstd" || aws.ToString(head.ChecksumCRC32) != sum {
			t.Errorf("%s: Content-Encoding %q, checksum %q", c.name, e, aws.ToString(head.ChecksumCRC32))
		}
		if got, err := w.get(t.Context(), "chunked"); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: got %d bytes, %v", c.name, len(got), err)
		}
	}
}

func TestTrailersOfPartsAreChecked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	up, err := w.s3.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String("k"), ChecksumAlgorithm: "CRC32"})
	if err != nil {
		t.Fatal(err)
	}
	sum := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte("hello"))))
	for value, want := range map[string]int{"AAAAAA==": 400, sum: 200} {
		body := strings.NewReader("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + value + "\r\n\r\n")
		r := w.signed(t, http.MethodPut, "/docs/k?partNumber=1&uploadId="+*up.UploadId, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", body, http.Header{
			"X-Amz-Trailer": {"x-amz-checksum-crc32"}, "X-Amz-Decoded-Content-Length": {"5"},
		})
		if got, text := w.do(t, r); got != want {
			t.Errorf("trailer %s: %d %s, want %d", value, got, text, want)
		}
	}
}

func TestUploadsThatAreCutOffStoreNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	st, err := store.Open(store.Config{Dir: dir, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // a test's store
	if err := st.MakeBucket(t.Context(), bucket, "us-west-2"); err != nil {
		t.Fatal(err)
	}
	api, err := s3api.New(s3api.Config{Store: st, Key: keys})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	defer server.Close()
	w := &world{store: st, api: api, url: server.URL}
	presigner := s3.NewPresignClient(w.client("us-west-2"))
	for _, end := range []struct {
		name string
		cut  func(*net.TCPConn) error
	}{
		{"the client stops sending", (*net.TCPConn).CloseWrite},
		{"the connection breaks", (*net.TCPConn).Close},
	} {
		u, err := presigner.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("cut")})
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := url.Parse(u.URL)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", parsed.Host)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 1000000\r\n\r\n%s", parsed.RequestURI(), parsed.Host, noise(1, 300_000)) //nolint:errcheck // cut below
		if err := end.cut(conn.(*net.TCPConn)); err != nil {
			t.Fatal(err)
		}
		if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			if resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: %s", end.name, resp.Status)
			}
			resp.Body.Close() //nolint:errcheck // only read
		}
		conn.Close() //nolint:errcheck // may be closed already
	}
	server.Close() // waits for the requests
	for o := range st.Objects(t.Context(), bucket, "") {
		t.Errorf("%s is there", o.Key)
	}
	err = filepath.WalkDir(filepath.Join(dir, "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("%s is left over", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// presignV2 presigns as the first S3 clients did.
func (w *world) presignV2(method, path string, expires time.Time, extra url.Values) string {
	toSign := fmt.Sprintf("%s\n\n\n%d\n%s", method, expires.Unix(), path)
	sep := "?"
	for _, name := range []string{"partNumber", "response-content-type", "uploadId"} {
		if extra.Has(name) {
			toSign += sep + name + "=" + extra.Get(name)
			sep = "&"
		}
	}
	mac := hmac.New(sha1.New, []byte(secretKey))
	mac.Write([]byte(toSign))
	q := url.Values{
		"AWSAccessKeyId": {accessKey}, "Expires": {fmt.Sprint(expires.Unix())},
		"Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	}
	for name, values := range extra {
		q[name] = values
	}
	return w.url + path + "?" + q.Encode()
}

func TestPresignedURLsOfTheOldSignature(t *testing.T) {
	t.Parallel()
	w := setup(t)
	later := time.Now().Add(time.Hour)
	const path = "/docs/a%20b/%E6%97%A5%2B%2F"
	fetch := func(method, u, body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, u, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return w.do(t, r)
	}
	if got, text := fetch(http.MethodPut, w.presignV2(http.MethodPut, path, later, nil), "hello"); got != 200 {
		t.Fatalf("put: %d %s", got, text)
	}
	if got, err := w.get(t.Context(), "a b/日+/"); err != nil || string(got) != "hello" {
		t.Errorf("the object is %q, %v", got, err)
	}
	if got, text := fetch(http.MethodGet, w.presignV2(http.MethodGet, path, later, url.Values{"response-content-type": {"text/x y"}}), ""); got != 200 || text != "hello" {
		t.Errorf("get: %d %s", got, text)
	}
	good := w.presignV2(http.MethodGet, path, later, nil)
	for _, c := range []struct{ name, method, url, want string }{
		{"another method", http.MethodDelete, good, "SignatureDoesNotMatch"},
		{"another key", http.MethodGet, strings.Replace(good, "/a%20b", "/a%20c", 1), "SignatureDoesNotMatch"},
		{"another date", http.MethodGet, strings.Replace(good, fmt.Sprint(later.Unix()), fmt.Sprint(later.Unix()+1), 1), "SignatureDoesNotMatch"},
		{"no date", http.MethodGet, strings.Replace(good, "Expires=", "Expires=x", 1), "AccessDenied"},
		{"an argument more", http.MethodGet, good + "&versionId=null", "SignatureDoesNotMatch"},
		{"an unknown key", http.MethodGet, strings.Replace(good, accessKey, "AKIDOTHER", 1), "InvalidAccessKeyId"},
		{"too late", http.MethodGet, w.presignV2(http.MethodGet, path, time.Now().Add(-time.Minute), nil), "AccessDenied"},
	} {
		if got, text := fetch(c.method, c.url, ""); got != 403 || !strings.Contains(text, "<Code>"+c.want+"</Code>") {
			t.Errorf("%s: %d %s, want 403 %s", c.name, got, text, c.want)
		}
	}
}

func TestPresignedURLs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put(t, "a+b/c d", []byte("hello"))
	presigner := s3.NewPresignClient(w.client("eu-central-1"))
	u, err := presigner.PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("a+b/c d")})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, url string
		want      int
		text      string
	}{
		{"as signed", u.URL, 200, "hello"},
		{"another key", strings.Replace(u.URL, "c%20d", "c%20e", 1), 403, "SignatureDoesNotMatch"},
		{"another signature", strings.Replace(u.URL, "X-Amz-Signature=", "X-Amz-Signature=0", 1), 403, "SignatureDoesNotMatch"},
		{"an unknown key", strings.Replace(u.URL, accessKey, "AKIDOTHER", 1), 403, "InvalidAccessKeyId"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, text := w.do(t, r); got != c.want || !strings.Contains(text, c.text) {
			t.Errorf("%s: %d %s, want %d %s", c.name, got, text, c.want, c.text)
		}
	}
}

func TestRequestsWithoutARightAreRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put(t, "k", []byte("x"))
	get := func(header http.Header) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/docs/k", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		return w.do(t, r)
	}
	if got, text := get(http.Header{}); got != 403 || !strings.Contains(text, "AccessDenied") {
		t.Errorf("anonymous: %d %s", got, text)
	}
	if got, text := get(http.Header{"X-Big": {strings.Repeat("x", 9<<10)}}); got != 400 || !strings.Contains(text, "RequestHeaderSectionTooLarge") {
		t.Errorf("9 KB of headers: %d %s", got, text)
	}
	odd := "AWS4-HMAC-SHA256 Credential=" + accessKey + "/20261121/nowhere/s3/aws4_request, SignedHeaders=host, Signature=0"
	if got, text := get(http.Header{"Authorization": {odd}}); got != 400 || !strings.Contains(text, "AuthorizationHeaderMalformed") {
		t.Errorf("no name of a Region: %d %s", got, text)
	}
	for _, c := range []struct {
		name, secret, id, region, want string
	}{
		{"a wrong secret", "x", accessKey, "us-west-2", "SignatureDoesNotMatch"},
		{"an unknown key", secretKey, "AKIDOTHER", "us-west-2", "InvalidAccessKeyId"},
	} {
		client := w.client(c.region, func(o *s3.Options) {
			o.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: c.id, SecretAccessKey: c.secret}, nil
			})
		})
		_, err := client.ListBuckets(t.Context(), &s3.ListBucketsInput{})
		if code(err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

func TestAnErrorBeforeTheBodyEndsTheConnection(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := w.signed(t, http.MethodPut, "/docs/k", unsigned, strings.NewReader("x"), http.Header{"Expect": {"100-continue"}, "If-Match": {`"none"`}})
	resp, err := w.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != 404 || !resp.Close {
		t.Errorf("%s, the connection ends: %v", resp.Status, resp.Close)
	}
}

func TestNothingIsWrittenToStdout(t *testing.T) {
	// Not parallel: it replaces the process's standard output.
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdout
	os.Stdout = out
	w := setup(t)
	w.put(t, "k", []byte("x"))
	_, errGet := w.get(t.Context(), "none")
	os.Stdout = before
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	printed, err := io.ReadAll(r)
	if err != nil || len(printed) != 0 || code(errGet) != "NoSuchKey" {
		t.Errorf("stdout has %q (%v, %v)", printed, err, errGet)
	}
}
