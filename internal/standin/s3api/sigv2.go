package s3api

import (
	"crypto/hmac"
	"crypto/sha1" // the old signature is defined by it
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// isSigV2 tells a presigned URL of the old signature, which the AWS CLI and boto3 still make by default in the
// Regions that took it.
func isSigV2(query url.Values) bool {
	return query.Has("AWSAccessKeyId") && query.Has("Signature")
}

// acceptSigV2 checks such a URL and gives the same request signed the new way, for versitygw knows only that. When it
// is refused the answer is written and ok is false.
func (a *API) acceptSigV2(w http.ResponseWriter, r *http.Request, query url.Values) (signed *http.Request, ok bool) {
	access := query.Get("AWSAccessKeyId")
	secret, known := a.cfg.Secret(access)
	if !known {
		writeError(w, r, http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
		return nil, false
	}
	expires, err := strconv.ParseInt(query.Get("Expires"), 10, 64)
	if err != nil {
		writeError(w, r, http.StatusForbidden, "AccessDenied", "Invalid date (should be seconds since epoch): "+query.Get("Expires"))
		return nil, false
	}
	path, _, _ := strings.Cut(requestURI(r), "?")
	if bucket, ok := hostBucket(r.Host); ok {
		path = "/" + bucket + path
	}
	good := validV2(r, query, secret, path)
	if !good && strings.Count(path, "/") == 1 {
		good = validV2(r, query, secret, path+"/") // botocore signs a bucket with a slash behind it
	}
	if !good {
		writeError(w, r, http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.")
		return nil, false
	}
	if time.Now().Unix() > expires { // after the signature: the date is part of it
		writeError(w, r, http.StatusForbidden, "AccessDenied", "Request has expired")
		return nil, false
	}
	signed, err = resign(r, query, aws.Credentials{AccessKeyID: access, SecretAccessKey: secret})
	if err != nil {
		writeError(w, r, http.StatusInternalServerError, "InternalError", err.Error())
		return nil, false
	}
	return signed, true
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

// hostBucket reads the bucket out of a virtual-hosted name.
func hostBucket(host string) (string, bool) {
	bucket, rest, found := strings.Cut(host, ".localhost")
	return bucket, found && bucket != "" && (rest == "" || rest[0] == ':')
}

func sortedKeys(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// resign gives the request without its old signature and with a new one. The body is not hashed: the old signature
// did not cover it either.
func resign(r *http.Request, query url.Values, creds aws.Credentials) (*http.Request, error) {
	out := r.Clone(r.Context())
	path, raw, _ := strings.Cut(requestURI(r), "?")
	plain, err := url.PathUnescape(path)
	if err != nil {
		return nil, err
	}
	path = escapePath(plain) // versitygw signs this spelling whatever it was sent
	var kept []string
	for arg := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(arg, "=")
		switch n := strings.ToLower(name); {
		case name == "AWSAccessKeyId", name == "Signature", name == "Expires", name == "":
		case n == "content-type", n == "content-md5", strings.HasPrefix(n, "x-amz-"):
			if out.Header.Get(name) == "" {
				out.Header.Set(name, query.Get(name))
			}
		default:
			kept = append(kept, arg)
		}
	}
	out.RequestURI = path
	if len(kept) > 0 {
		out.RequestURI += "?" + strings.Join(kept, "&")
	}
	u, err := url.ParseRequestURI(out.RequestURI)
	if err != nil {
		return nil, err
	}
	u.Scheme, u.Host = "http", r.Host
	out.URL = u
	const unsigned = "UNSIGNED-PAYLOAD"
	out.Header.Set("X-Amz-Content-Sha256", unsigned)
	out.Header.Del("Authorization")
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	u.Opaque = "//" + r.Host + path
	err = signer.SignHTTP(r.Context(), creds, out, unsigned, "s3", defaultRegion, time.Now())
	u.Opaque = ""
	return out, err
}

// escapePath writes a path in the spelling of the new signature: all but unreserved characters and slashes as %XX.
func escapePath(path string) string {
	var b strings.Builder
	for i := range len(path) {
		switch c := path[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
