package s3api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/sigv4"
)

// authenticate proves who sent the request. It reads no body.
func (q *request) authenticate() error {
	authorization := q.header("Authorization")
	if host := strings.ToLower(q.r.Host); host != q.r.Host && strings.Contains(host, ".localhost") {
		// Whether such a host names a bucket is a matter of taste, and rights are not.
		return s3err.Request("A bucket's host name has small letters only.")
	}
	switch presigned := q.query.Has("X-Amz-Algorithm") || q.query.Has("X-Amz-Credential") || q.query.Has("X-Amz-Signature"); {
	case presigned && isSigV2(q.query), authorization != "" && (presigned || isSigV2(q.query)):
		return s3err.Argument("Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter "+
			"or the Authorization header should be specified", "Authorization", clip(authorization))
	case isSigV2(q.query):
		return q.acceptSigV2()
	case authorization != "" && !strings.HasPrefix(authorization, "AWS4-HMAC-SHA256"):
		return unknownMechanism(authorization)
	case authorization == "" && !presigned:
		return s3err.New(s3err.AccessDenied)
	}
	claim, err := sigv4.Read(q.r)
	if err != nil {
		return malformedClaim(err, authorization != "")
	}
	if claim.Service != "s3" {
		return s3err.Text(s3err.BadAuthorizationHeader,
			fmt.Sprintf("The authorization header is malformed; incorrect service %q. This endpoint belongs to \"s3\".", claim.Service))
	}
	if !regions[claim.Region] {
		return s3err.Text(s3err.BadAuthorizationHeader,
			fmt.Sprintf("The authorization header is malformed; the region '%s' is wrong", claim.Region))
	}
	return q.prove(claim)
}

// prove checks time, key, token and signature, in the order in which S3 finds fault with them.
func (q *request) prove(claim sigv4.Claim) error {
	key, err := q.findKey(claim.AccessKeyID)
	if err != nil {
		return err
	}
	now := time.Now()
	switch err := claim.CheckTime(now); {
	case err == nil:
	case claim.Presigned && errors.Is(err, sigv4.ErrEarly):
		return s3err.Text(s3err.AccessDenied, "Request is not valid yet")
	case claim.Presigned:
		return s3err.Text(s3err.AccessDenied, "Request has expired").With("ServerTime", timestamp(now))
	default:
		return s3err.New(s3err.TimeTooSkewed).With("RequestTime", q.header("X-Amz-Date")).With("ServerTime", timestamp(now)).
			With("MaxAllowedSkewMilliseconds", "900000")
	}
	switch err := claim.CheckToken(key, now); {
	case errors.Is(err, sigv4.ErrTokenOld):
		return s3err.New(s3err.ExpiredToken)
	case err != nil:
		return s3err.New(s3err.InvalidToken)
	}
	switch err := claim.VerifyObject(q.r, key); {
	case errors.Is(err, sigv4.ErrIncomplete):
		return s3err.Text(s3err.AccessDenied, "There were headers present in the request which were not signed")
	case err != nil:
		return s3err.New(s3err.SignatureMismatch).With("AWSAccessKeyId", claim.AccessKeyID)
	}
	if !claim.Presigned && q.header("X-Amz-Content-Sha256") == "" {
		return s3err.Request("Missing required header for this request: x-amz-content-sha256")
	}
	q.accessKey, q.region, q.proof, q.secret = claim.AccessKeyID, claim.Region, &claim, key
	return nil
}

func (q *request) findKey(id string) (sigv4.Key, error) {
	key, account, ok := q.api.cfg.Key(id)
	if q.account = account; !ok {
		return key, s3err.New(s3err.InvalidAccessKeyID).With("AWSAccessKeyId", clip(id))
	}
	return key, nil
}

// malformedClaim words what package sigv4 could not read.
func malformedClaim(err error, inHeader bool) error {
	detail := err.Error()
	if _, after, ok := strings.Cut(detail, ": "); ok {
		detail = after
	}
	if inHeader {
		return s3err.Text(s3err.BadAuthorizationHeader, "The authorization header is malformed; "+detail)
	}
	return s3err.Text(s3err.BadAuthorizationQuery, detail)
}

func unknownMechanism(authorization string) error {
	if strings.HasPrefix(authorization, "AWS ") {
		return s3err.Request("The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
	}
	return s3err.Argument("Unsupported Authorization Type", "Authorization", clip(authorization))
}

// hoist makes headers of the parameters that a presigned URL holds in their place. Checksums stay where they are: SDKs put that of an
// empty body into the URLs that they presign.
func (q *request) hoist() {
	if q.proof != nil && !q.proof.Presigned {
		return
	}
	for name, values := range q.query {
		lower := strings.ToLower(name)
		switch {
		case !strings.HasPrefix(lower, "x-amz-"), ofSignature[lower], q.header(name) != "", len(values) == 0:
		case strings.Contains(lower, "-checksum-"):
		default:
			q.r.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
}

// ofSignature are the parameters of a presigned URL that are no headers.
var ofSignature = map[string]bool{
	"x-amz-algorithm": true, "x-amz-credential": true, "x-amz-date": true, "x-amz-expires": true, "x-amz-signedheaders": true,
	"x-amz-signature": true, "x-amz-security-token": true, "x-amz-content-sha256": true,
}

// clip keeps a stranger's text short enough for an answer.
func clip(s string) string {
	const most = 128
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
