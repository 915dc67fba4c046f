package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go/aws-http-auth/credentials"
	"github.com/aws/smithy-go/aws-http-auth/sigv4"
	v4 "github.com/aws/smithy-go/aws-http-auth/v4"
)

// Key is what the caller knows of an access key.
type Key struct {
	Secret  string
	Token   string    // the session token of temporary keys, else empty
	Expires time.Time // zero: never
}

// CheckTime returns ErrSkew when now is too far from the time of signing, or past the life of a presigned URL; it is also
// ErrEarly when the request was signed more than 15 minutes from now. It needs no secret and no body, so it comes before either is looked up.
func (c Claim) CheckTime(now time.Time) error {
	now = now.UTC()
	if c.Time.After(now.Add(maxSkew)) {
		return fmt.Errorf("%w: Signature not yet current: %s is still later than %s (%s + 15 min.)", ErrEarly,
			c.Time.Format(timeFormat), now.Add(maxSkew).Format(timeFormat), now.Format(timeFormat))
	}
	life := maxSkew
	if c.Presigned {
		life = c.expires
	}
	if now.After(c.Time.Add(life)) {
		return fmt.Errorf("%w: Signature expired: %s is now earlier than %s (%s - %d min.)", ErrSkew,
			c.Time.Format(timeFormat), now.Add(-life).Format(timeFormat), now.Format(timeFormat), int(life.Minutes()))
	}
	return nil
}

// CheckToken returns ErrToken when the session token sent is not the key's own, and ErrTokenOld when its time is over.
func (c Claim) CheckToken(key Key, now time.Time) error {
	if subtle.ConstantTimeCompare([]byte(c.token), []byte(key.Token)) != 1 {
		return ErrToken
	}
	if !key.Expires.IsZero() && now.After(key.Expires) {
		return ErrTokenOld
	}
	return nil
}

// Verify proves that the holder of key signed r with exactly this body. r is the request as it came in, its Body
// already read. Time and token are checked by CheckTime and CheckToken.
func (c Claim) Verify(r *http.Request, body []byte, key Key) error {
	if err := c.checkHeaders(r); err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if sent := r.Header.Get("X-Amz-Content-Sha256"); sent != "" && !strings.EqualFold(sent, hex.EncodeToString(sum[:])) {
		return fmt.Errorf("%w: X-Amz-Content-Sha256 is not the hash of the body", ErrMismatch)
	}
	want, err := c.sign(r, sum[:], key.Secret)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	if subtle.ConstantTimeCompare([]byte(c.signature), []byte(want)) != 1 {
		return ErrMismatch
	}
	return nil
}

// VerifyAnnounced proves the signature before the body is read, where the request says the body's hash in
// X-Amz-Content-Sha256; announced is false where it does not. Verify must follow: only it looks at the body.
func (c Claim) VerifyAnnounced(r *http.Request, key Key) (announced bool, err error) {
	sum, err := hex.DecodeString(r.Header.Get("X-Amz-Content-Sha256"))
	if err != nil || len(sum) != sha256.Size {
		return false, nil
	}
	if err := c.checkHeaders(r); err != nil {
		return true, err
	}
	want, err := c.sign(r, sum, key.Secret)
	if err != nil {
		return true, fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	if subtle.ConstantTimeCompare([]byte(c.signature), []byte(want)) != 1 {
		return true, ErrMismatch
	}
	return true, nil
}

// authority is HTTP/2's name for the host, which the JavaScript SDK signs in its place.
const authority = ":authority"

// checkHeaders holds the rule that host and every x-amz-* header must be signed, without which the target of a call
// could be changed on its way: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func (c Claim) checkHeaders(r *http.Request) error {
	if !slices.Contains(c.SignedHeaders, "host") && !(r.ProtoMajor == 2 && slices.Contains(c.SignedHeaders, authority)) {
		return fmt.Errorf("%w: 'Host' must be a 'SignedHeader' in the AWS Authorization", ErrIncomplete)
	}
	for name := range r.Header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") && !slices.Contains(c.SignedHeaders, lower) {
			return fmt.Errorf("%w: '%s' must be a 'SignedHeader' in the AWS Authorization", ErrIncomplete, clip(lower))
		}
	}
	return nil
}

// sign returns the signature AWS's own signer makes for the request, over the headers that the client chose.
func (c Claim) sign(r *http.Request, payloadHash []byte, secret string) (string, error) {
	clone := &http.Request{Method: r.Method, Host: r.Host, Header: make(http.Header, len(c.SignedHeaders)+2)}
	location := *r.URL
	clone.URL = &location
	for _, name := range c.SignedHeaders {
		if name == authority && r.ProtoMajor == 2 {
			clone.Header[authority] = []string{r.Host}
			continue
		}
		canonical := http.CanonicalHeaderKey(name)
		values := r.Header.Values(canonical)
		if len(values) == 0 && name == "content-length" && r.ContentLength >= 0 {
			values = []string{strconv.FormatInt(r.ContentLength, 10)}
		}
		for _, value := range values {
			// Canonical headers have runs of spaces made one; the signer only trims the ends.
			clone.Header.Add(canonical, strings.Join(strings.Fields(value), " "))
		}
	}
	in := &sigv4.SignRequestInput{
		Request:     clone,
		PayloadHash: payloadHash,
		Credentials: credentials.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: secret},
		Service:     c.Service,
		Region:      c.Region,
		Time:        c.Time,
	}
	if c.Presigned {
		in.SignatureType = v4.SignatureTypeQueryString
		query := clone.URL.Query()
		query.Del("X-Amz-Signature")
		clone.URL.RawQuery = query.Encode()
	}
	only := func(o *v4.SignerOptions) { o.HeaderRules = exactly(c.SignedHeaders) }
	if err := sigv4.New(only).SignRequest(in); err != nil {
		return "", err
	}
	if c.Presigned {
		return clone.URL.Query().Get("X-Amz-Signature"), nil
	}
	_, signature, _ := strings.Cut(clone.Header.Get("Authorization"), "Signature=")
	return signature, nil
}

// exactly signs the headers a client named and no others.
type exactly []string

func (e exactly) IsSigned(name string) bool { return slices.Contains(e, name) }
