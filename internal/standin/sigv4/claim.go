// Package sigv4 proves who sent a request to an AWS API: it verifies Signature Version 4, sent in the Authorization
// header or in the query of a presigned URL.
//
// It owns the reading of a signature's claim and its check against a secret; which key has which secret, which service
// a path belongs to and how a refusal looks on the wire is the caller's. It reads no body of its own and never writes
// to the request; of S3's bodies in chunks it proves each chunk that it is given. A request passes only
// when its signature is the one that AWS's own signer makes for the same headers, the same body and the known secret.
package sigv4

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Why a request is refused; a caller tells them apart to answer in the form of its protocol.
var (
	ErrUnsigned   = errors.New("request is not signed")
	ErrIncomplete = errors.New("signature is incomplete")
	ErrScope      = errors.New("credential scope is wrong")
	ErrUnknownKey = errors.New("access key is not known")
	ErrToken      = errors.New("security token is invalid")
	ErrTokenOld   = errors.New("security token is expired")
	ErrSkew       = errors.New("signature has expired or is not yet valid")
	ErrEarly      = error(early{}) // one kind of ErrSkew
	ErrMismatch   = errors.New("signature does not match")
)

type early struct{}

func (early) Error() string        { return "signature is not yet current" }
func (early) Is(target error) bool { return target == ErrSkew }

const (
	algorithm  = "AWS4-HMAC-SHA256"
	timeFormat = "20060102T150405Z"
	dateFormat = "20060102"

	// maxSkew is the difference of clocks that AWS accepts:
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
	maxSkew = 15 * time.Minute
	// maxExpires is the longest life of a presigned URL, in seconds.
	maxExpires = 7 * 24 * 60 * 60
)

// Claim is what a request says about its own signature, read and checked for form, not yet proved.
type Claim struct {
	AccessKeyID   string
	Region        string
	Service       string
	Time          time.Time
	SignedHeaders []string // lower case
	Presigned     bool     // the signature came in the query

	token     string
	signature string
	expires   time.Duration // presigned only
}

// Read takes the claim out of r. It returns ErrUnsigned when there is none and ErrIncomplete or ErrScope when its form
// is broken.
func Read(r *http.Request) (Claim, error) {
	if authorization := r.Header.Get("Authorization"); authorization != "" {
		return readHeader(r, authorization)
	}
	// The parser drops what it cannot read, and a signature must cover the whole query.
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return Claim{}, fmt.Errorf("%w: the query cannot be read", ErrIncomplete)
	}
	if !query.Has("X-Amz-Signature") && !query.Has("X-Amz-Algorithm") && !query.Has("X-Amz-Credential") {
		return Claim{}, ErrUnsigned
	}
	return readQuery(query)
}

func readHeader(r *http.Request, authorization string) (Claim, error) {
	if len(r.Header.Values("Authorization")) > 1 {
		return Claim{}, fmt.Errorf("%w: more than one Authorization header", ErrIncomplete)
	}
	fields, ok := strings.CutPrefix(authorization, algorithm)
	if !ok || !strings.HasPrefix(fields, " ") {
		return Claim{}, fmt.Errorf("%w: Authorization header requires the algorithm %s", ErrIncomplete, algorithm)
	}
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
		return Claim{}, fmt.Errorf("%w: the query cannot be read", ErrIncomplete)
	}
	parts := map[string]string{}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(field), "=")
		if _, twice := parts[name]; !ok || twice {
			return Claim{}, fmt.Errorf("%w: Authorization header cannot be read at %q", ErrIncomplete, clip(field))
		}
		parts[name] = value
	}
	c := Claim{signature: parts["Signature"], token: r.Header.Get("X-Amz-Security-Token")}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if parts[name] == "" {
			return Claim{}, fmt.Errorf("%w: Authorization header requires '%s' parameter", ErrIncomplete, name)
		}
	}
	date := r.Header.Get("X-Amz-Date")
	if date == "" {
		// The Date header does as well: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html
		// botocore writes the zone as -0000.
		for _, form := range []string{http.TimeFormat, time.RFC1123Z} {
			if at, err := time.Parse(form, r.Header.Get("Date")); err == nil {
				date = at.UTC().Format(timeFormat)
			}
		}
	}
	return c.read(parts["Credential"], parts["SignedHeaders"], date)
}

func readQuery(query url.Values) (Claim, error) {
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature"} {
		if values := query[name]; len(values) != 1 || values[0] == "" {
			return Claim{}, fmt.Errorf("%w: a presigned URL requires '%s' once", ErrIncomplete, name)
		}
	}
	if got := query.Get("X-Amz-Algorithm"); got != algorithm {
		return Claim{}, fmt.Errorf("%w: X-Amz-Algorithm must be %s", ErrIncomplete, algorithm)
	}
	seconds, err := strconv.Atoi(query.Get("X-Amz-Expires"))
	if err != nil || seconds < 1 || seconds > maxExpires {
		return Claim{}, fmt.Errorf("%w: X-Amz-Expires must be between 1 and %d seconds", ErrIncomplete, maxExpires)
	}
	c := Claim{
		Presigned: true,
		signature: query.Get("X-Amz-Signature"),
		token:     query.Get("X-Amz-Security-Token"),
		expires:   time.Duration(seconds) * time.Second,
	}
	return c.read(query.Get("X-Amz-Credential"), query.Get("X-Amz-SignedHeaders"), query.Get("X-Amz-Date"))
}

// read fills in what both places of a signature have in common.
func (c Claim) read(credential, signedHeaders, date string) (Claim, error) {
	scope := strings.Split(credential, "/")
	if len(scope) != 5 || scope[0] == "" || scope[2] == "" || scope[3] == "" {
		return Claim{}, fmt.Errorf("%w: credential must have 5 slash-delimited elements", ErrIncomplete)
	}
	if scope[4] != "aws4_request" {
		return Claim{}, fmt.Errorf("%w: credential should be scoped with a valid terminator: 'aws4_request'", ErrScope)
	}
	at, err := time.Parse(timeFormat, date)
	if err != nil {
		return Claim{}, fmt.Errorf("%w: X-Amz-Date must be in ISO-8601 basic format, not %q", ErrIncomplete, clip(date))
	}
	if scope[1] != at.Format(dateFormat) {
		return Claim{}, fmt.Errorf("%w: date in credential scope does not match X-Amz-Date", ErrScope)
	}
	c.AccessKeyID, c.Region, c.Service, c.Time = scope[0], scope[2], scope[3], at
	c.SignedHeaders = strings.Split(strings.ToLower(signedHeaders), ";")
	return c, nil
}

// clip keeps a stranger's text short enough for a message.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
