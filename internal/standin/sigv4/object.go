package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// unsignedPayload is what a request signs in the place of its body's hash when it does not cover the body.
const unsignedPayload = "UNSIGNED-PAYLOAD"

// VerifyObject proves that the holder of key signed the head of an S3 request: method, path, query, the signed headers
// and what X-Amz-Content-Sha256 says of the body. It reads no body, so it does not prove that the body is the one
// announced. S3 escapes a path once where other services escape it twice, and takes STREAMING-… and UNSIGNED-PAYLOAD in
// the place of a hash: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
func (c Claim) VerifyObject(r *http.Request, key Key) error {
	if err := c.checkHeaders(r); err != nil {
		return err
	}
	path := r.URL.EscapedPath()
	if r.RequestURI != "" && !strings.HasPrefix(r.RequestURI, "http") {
		path, _, _ = strings.Cut(r.RequestURI, "?")
	}
	// Clients sign the path as they sent it or with every byte escaped; both are the same key.
	spellings := []string{path}
	if plain, err := url.PathUnescape(path); err == nil {
		if escaped := escapeURI(plain, true); escaped != path {
			spellings = append(spellings, escaped)
		}
	}
	for _, path := range spellings {
		want := c.objectSignature(r, path, key.Secret)
		if subtle.ConstantTimeCompare([]byte(want), []byte(c.signature)) == 1 {
			return nil
		}
	}
	return ErrMismatch
}

func (c Claim) objectSignature(r *http.Request, path, secret string) string {
	var canonical strings.Builder
	canonical.WriteString(r.Method + "\n" + path + "\n" + canonicalQuery(r.URL.RawQuery) + "\n")
	for _, name := range c.SignedHeaders {
		canonical.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	payload := r.Header.Get("X-Amz-Content-Sha256")
	if payload == "" {
		payload = unsignedPayload
	}
	canonical.WriteString("\n" + strings.Join(c.SignedHeaders, ";") + "\n" + payload)
	sum := sha256.Sum256([]byte(canonical.String()))
	mac := hmac.New(sha256.New, c.signingKey(secret))
	mac.Write([]byte(algorithm + "\n" + c.Time.Format(timeFormat) + "\n" + c.scope() + "\n" + hex.EncodeToString(sum[:])))
	return hex.EncodeToString(mac.Sum(nil))
}

func headerValue(r *http.Request, name string) string {
	switch name {
	case "host", authority:
		return r.Host
	case "content-length":
		if r.Header.Get("Content-Length") == "" && r.ContentLength >= 0 {
			return strconv.FormatInt(r.ContentLength, 10)
		}
	case "transfer-encoding":
		return strings.Join(r.TransferEncoding, ",")
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(values, ",")
}

// canonicalQuery sorts the parameters by name and value, each escaped once, without the signature itself.
func canonicalQuery(raw string) string {
	var pairs []string
	for field := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(field, "=")
		name, value = reescape(name), reescape(value)
		if name == "" || name == "X-Amz-Signature" {
			continue
		}
		pairs = append(pairs, name+"="+value)
	}
	slices.SortFunc(pairs, func(x, y string) int {
		xName, xValue, _ := strings.Cut(x, "=")
		yName, yValue, _ := strings.Cut(y, "=")
		if n := strings.Compare(xName, yName); n != 0 {
			return n
		}
		return strings.Compare(xValue, yValue)
	})
	return strings.Join(pairs, "&")
}

func reescape(s string) string {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return escapeURI(plain, false)
}

// escapeURI writes everything but unreserved characters as %XX, and keeps slashes where they separate.
func escapeURI(s string, slashes bool) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0, c == '/' && slashes:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
