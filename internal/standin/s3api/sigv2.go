package s3api

import (
	"crypto/hmac"
	"crypto/sha1" // the old signature is defined by it
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"quarry/internal/standin/s3err"
)

// isSigV2 recognizes a presigned URL of the old signature, which the AWS CLI and boto3 still make by default in the
// Regions that took it.
func isSigV2(query url.Values) bool {
	return query.Has("AWSAccessKeyId") || query.Has("Signature")
}

// acceptSigV2 proves such a URL.
func (q *request) acceptSigV2() error {
	access := q.query.Get("AWSAccessKeyId")
	key, err := q.findKey(access)
	if err != nil {
		return err
	}
	expires, err := strconv.ParseInt(q.query.Get("Expires"), 10, 64)
	if err != nil {
		return s3err.Text(s3err.AccessDenied, "Invalid date (should be seconds since epoch): "+clip(q.query.Get("Expires")))
	}
	token := q.query.Get("x-amz-security-token")
	if subtle.ConstantTimeCompare([]byte(token), []byte(key.Token)) != 1 {
		return s3err.New(s3err.InvalidToken)
	}
	now := time.Now()
	if !key.Expires.IsZero() && now.After(key.Expires) {
		return s3err.New(s3err.ExpiredToken)
	}
	path, _, _ := strings.Cut(requestURI(q.r), "?")
	if bucket, ok := hostBucket(q.r.Host); ok {
		path = "/" + bucket + path
	}
	good := validV2(q.r, q.query, key.Secret, path)
	if !good && strings.Count(path, "/") == 1 {
		good = validV2(q.r, q.query, key.Secret, path+"/") // botocore signs a bucket with a slash after it
	}
	if !good {
		return s3err.New(s3err.SignatureMismatch).With("AWSAccessKeyId", access)
	}
	if now.Unix() > expires { // after the signature: the date is part of it
		return s3err.Text(s3err.AccessDenied, "Request has expired").With("ServerTime", timestamp(now))
	}
	q.accessKey, q.region, q.secret = access, defaultRegion, key
	for _, name := range []string{"Content-Type", "Content-MD5"} { // signed in the query by those who presign
		if v := q.query.Get(strings.ToLower(name)); v != "" && q.header(name) == "" {
			q.r.Header.Set(name, v)
		}
	}
	return nil
}

// signedArguments are the query parameters that belong to the resource (S3 developer guide, "Signing and
// Authenticating REST Requests", with those that botocore's HmacV1Auth adds).
var signedArguments = []string{
	"accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle", "location", "logging",
	"metrics", "notification", "object-lock", "partNumber", "policy", "replication", "requestPayment",
	"response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language",
	"response-content-type", "response-expires", "restore", "select", "select-type", "storageClass", "tagging", "torrent",
	"uploadId", "uploads", "versionId", "versioning", "versions", "website",
}

func validV2(r *http.Request, query url.Values, secret, path string) bool {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(stringToSignV2(r, query, path)))
	want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return subtle.ConstantTimeCompare([]byte(want), []byte(query.Get("Signature"))) == 1
}

// stringToSignV2 writes a request as the old signature covers it. Clients that presign put the headers they sign into
// the query, so both places count.
func stringToSignV2(r *http.Request, query url.Values, path string) string {
	value := func(name string) string {
		if v := r.Header.Get(name); v != "" {
			return v
		}
		return query.Get(strings.ToLower(name))
	}
	var b strings.Builder
	for _, line := range []string{r.Method, value("Content-MD5"), value("Content-Type"), query.Get("Expires")} {
		b.WriteString(line + "\n")
	}
	amz := map[string]string{}
	for name, values := range query {
		if n := strings.ToLower(name); strings.HasPrefix(n, "x-amz-") {
			amz[n] = strings.Join(values, ",")
		}
	}
	for name, values := range r.Header {
		if n := strings.ToLower(name); strings.HasPrefix(n, "x-amz-") {
			amz[n] = strings.Join(values, ",")
		}
	}
	for _, name := range sortedKeys(amz) {
		b.WriteString(name + ":" + strings.TrimSpace(amz[name]) + "\n")
	}
	b.WriteString(path)
	sep := "?"
	for _, name := range signedArguments {
		if !query.Has(name) {
			continue
		}
		b.WriteString(sep + name)
		if v := query.Get(name); v != "" {
			b.WriteString("=" + v)
		}
		sep = "&"
	}
	return b.String()
}
