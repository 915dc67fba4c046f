package standin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"quarry/internal/standin/iamapi"
	"quarry/internal/standin/protocol"
	"quarry/internal/standin/sigv4"
)

// Bodies are read whole before they are believed, so their size has a limit: InvokeModel's own
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html), and for other calls more than
// any of them can use.
const (
	maxRuntimeBytes = 25_000_000
	maxCallBytes    = 1 << 20
)

// defaultRegion serves who sends a bearer token, which names none.
const defaultRegion = "us-west-2"

// regionOf returns the Region a request was signed for.
func regionOf(ctx context.Context) string { return iamapi.CallerOf(ctx).Region }

// authenticate proves the sender of a call to any service but S3 and returns the request with its body read and its
// caller in the context, or the refusal.
func (st *state) authenticate(w http.ResponseWriter, r *http.Request, to service) (*http.Request, *protocol.Error) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		account, known := st.keys.bearer(token)
		if to != serviceBedrock || !known {
			return nil, refuse(http.StatusForbidden, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.")
		}
		if _, refusal := readBody(r, to); refusal != nil {
			return nil, refusal
		}
		return withCaller(r, iamapi.AdminCaller(account), defaultRegion), nil
	}
	claim, err := sigv4.Read(r)
	if err != nil {
		return nil, signatureRefusal(to, err)
	}
	now := time.Now()
	if err := claim.CheckTime(now); err != nil {
		return nil, signatureRefusal(to, err)
	}
	key, caller, ok := st.find(claim.AccessKeyID)
	if !ok {
		return nil, signatureRefusal(to, sigv4.ErrUnknownKey)
	}
	if err := claim.CheckToken(key, now); err != nil {
		return nil, signatureRefusal(to, err)
	}
	announced, err := claim.VerifyAnnounced(r, key)
	if err != nil {
		return nil, signatureRefusal(to, err)
	}
	if !announced {
		leave, refusal := st.unproven.enter(w, r)
		if refusal != nil {
			return nil, refusal
		}
		defer leave()
	}
	body, refusal := readBody(r, to)
	if refusal != nil {
		return nil, refusal
	}
	if err := claim.Verify(r, body, key); err != nil {
		return nil, signatureRefusal(to, err)
	}
	return withCaller(r, caller, claim.Region), nil
}

// withCaller gives the request with its proven sender, and the Region and address of the request.
func withCaller(r *http.Request, caller iamapi.Caller, region string) *http.Request {
	caller.Region, caller.IP = region, hostOf(r.RemoteAddr)
	return r.WithContext(iamapi.WithCaller(r.Context(), caller))
}

// readBody takes the body in and puts it back for the service to read.
func readBody(r *http.Request, to service) ([]byte, *protocol.Error) {
	most := int64(maxCallBytes)
	if to == serviceBedrock && strings.HasPrefix(r.URL.Path, "/model/") {
		most = maxRuntimeBytes
	}
	tooLarge := refuse(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "The request body is larger than %d bytes.", most)
	if r.ContentLength > most {
		return nil, tooLarge
	}
	body, err := readAll(io.LimitReader(r.Body, most+1), r.ContentLength)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "IncompleteBody", "The request body could not be read.")
	}
	if int64(len(body)) > most {
		return nil, tooLarge
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	return body, nil
}

// words are what a service calls a fault of a signature; the status is that of JSON 1.1 for servicequotas, which
// answers every client's fault with 400.
type words struct {
	unsigned, incomplete, unknown, mismatch, token, tokenOld string
	status                                                   int
}

func wordsOf(to service) words {
	switch to.protocol() {
	case protocol.Query:
		return words{"MissingAuthenticationToken", "IncompleteSignature", "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidClientTokenId", "ExpiredToken", http.StatusForbidden}
	case protocol.JSON11:
		return words{"MissingAuthenticationTokenException", "IncompleteSignatureException", "UnrecognizedClientException", "InvalidSignatureException", "UnrecognizedClientException", "ExpiredTokenException", http.StatusBadRequest}
	default:
		return words{"MissingAuthenticationTokenException", "IncompleteSignatureException", "UnrecognizedClientException", "InvalidSignatureException", "UnrecognizedClientException", "ExpiredTokenException", http.StatusForbidden}
	}
}

// signatureRefusal words what package sigv4 found as the service would:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
func signatureRefusal(to service, err error) *protocol.Error {
	w := wordsOf(to)
	detail := err.Error()
	if _, after, ok := strings.Cut(detail, ": "); ok {
		detail = after
	}
	switch {
	case errors.Is(err, sigv4.ErrUnsigned):
		return refuse(w.status, w.unsigned, "Missing Authentication Token")
	case errors.Is(err, sigv4.ErrIncomplete):
		return refuse(http.StatusBadRequest, w.incomplete, "%s", detail)
	case errors.Is(err, sigv4.ErrUnknownKey), errors.Is(err, sigv4.ErrToken):
		return refuse(w.status, w.unknown, "The security token included in the request is invalid.")
	case errors.Is(err, sigv4.ErrTokenOld):
		return refuse(w.status, w.tokenOld, "The security token included in the request is expired")
	case errors.Is(err, sigv4.ErrSkew), errors.Is(err, sigv4.ErrScope):
		return refuse(w.status, w.mismatch, "%s", detail)
	default:
		return refuse(w.status, w.mismatch, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
}
