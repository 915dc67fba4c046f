package s3api

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"quarry/internal/standin/s3err"
)

// target reads bucket and key out of host and path, and refuses what is too long to be looked at.
func (q *request) target() error {
	if headerBytes(q.r) > maxHeaderBytes {
		return s3err.New(s3err.HeadersTooLarge).With("MaxSizeAllowed", "8192")
	}
	uri := requestURI(q.r)
	if len(uri) > maxURIBytes {
		return s3err.Text(s3err.InvalidURI, "The request URI is too long.")
	}
	path, _, _ := strings.Cut(uri, "?")
	plain, err := url.PathUnescape(path)
	if err != nil || !strings.HasPrefix(plain, "/") {
		return s3err.New(s3err.InvalidURI).With("URI", path)
	}
	plain = plain[1:]
	if bucket, ok := hostBucket(q.r.Host); ok {
		q.bucket, q.key = bucket, plain
	} else {
		q.bucket, q.key, _ = strings.Cut(plain, "/")
	}
	if q.bucket == "" && q.key != "" || leavesBucket(q.key) || !utf8.ValidString(q.key) {
		return s3err.New(s3err.InvalidURI).With("URI", path)
	}
	return nil
}

func headerBytes(r *http.Request) int {
	n := 0
	for k, vs := range r.Header {
		for _, v := range vs {
			n += len(k) + len(v) + 4
		}
	}
	return n
}

// requestURI is the target as the client wrote it: the signature covers its spelling.
func requestURI(r *http.Request) string {
	if r.RequestURI != "" && !strings.HasPrefix(r.RequestURI, "http") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

// hostBucket reads the bucket out of a virtual-hosted name.
func hostBucket(host string) (string, bool) {
	bucket, rest, found := strings.Cut(host, ".localhost")
	return bucket, found && bucket != "" && (rest == "" || rest[0] == ':')
}

// leavesBucket recognizes a key that S3 takes for a path out of its bucket: one whose ".." segments outnumber those before them, or that
// names nothing.
func leavesBucket(key string) bool {
	if key == "" {
		return false
	}
	depth, dots := 0, false
	for part := range strings.SplitSeq(key, "/") {
		switch part {
		case ".":
			dots = true
		case "..":
			dots = true
			if depth--; depth < 0 {
				return true
			}
		default:
			depth++
		}
	}
	return dots && depth == 0
}
