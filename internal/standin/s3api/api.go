// Package s3api answers S3 requests over a store, with versitygw's s3api for wire, signatures and checksums.
//
// It owns what stands between net/http and the store: one versitygw front per Region, made when it is first asked
// for, presigned URLs of the old signature (which versitygw refuses), and the bucket configurations that versitygw
// has no answer for. It does not keep data (package store does) and does not judge what a key may do: every known key
// may do everything here, and requests without one are refused.
//
// What always holds: bodies stream in both directions, nothing is held; there is no listener and no goroutine behind
// the API, so dozens live in one process and Close leaves nothing. It is the only importer of versitygw's s3api.
package s3api

import (
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"

	"quarry/internal/standin/store"
)

// Config is what an API needs.
type Config struct {
	// Store holds the data. The API does not close it.
	Store *store.Store
	// Secret gives the secret of an access key; ok is false for a key that does not exist. It is asked at every
	// request, so keys may come and go.
	Secret func(accessKeyID string) (secret string, ok bool)
	// Token gives the session token that requests of a temporary key must carry. Nil: tokens are not compared.
	Token func(accessKeyID string) string
}

// Validate reports what New would refuse.
func (c Config) Validate() error {
	if c.Store == nil || c.Secret == nil {
		return errors.New("s3api needs a store and the secrets of its keys")
	}
	return nil
}

// API is an http.Handler for S3. It may be used by many goroutines.
type API struct {
	cfg  Config
	keys keys

	mu      sync.Mutex
	regions map[string]fasthttp.RequestHandler
	closed  bool
	active  sync.WaitGroup
}

// New makes an API. It opens and starts nothing; the first front is made here so that a front that cannot be made
// shows now.
func New(cfg Config) (*API, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	a := &API{
		cfg:     cfg,
		keys:    keys{secret: cfg.Secret, token: cfg.Token, root: rand.Text()},
		regions: map[string]fasthttp.RequestHandler{},
	}
	if _, err := a.region(defaultRegion); err != nil {
		return nil, err
	}
	return a, nil
}

// Close waits for the requests under way and refuses those that come after.
func (a *API) Close() error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.active.Wait()
	return nil
}

func (a *API) enter() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.active.Add(1)
	return true
}

const (
	defaultRegion = "us-east-1"
	// maxHeaderBytes and maxURIBytes bound a request before it is looked at; S3 takes 8 KB of headers and a key of
	// 1,024 bytes may be three times as long when it is encoded.
	maxHeaderBytes = 8 << 10
	maxURIBytes    = 16 << 10
	// maxRegions bounds how many fronts a client can make us build by inventing Region names.
	maxRegions = 256
)

// ServeHTTP answers one S3 request, signed in the header or presigned.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !a.enter() {
		writeError(w, r, http.StatusServiceUnavailable, "ServiceUnavailable", "The server is going away.")
		return
	}
	defer a.active.Done()
	if headerBytes(r) > maxHeaderBytes {
		writeError(w, r, http.StatusBadRequest, "RequestHeaderSectionTooLarge", "Your request header section exceeds the maximum allowed size.")
		return
	}
	if len(requestURI(r)) > maxURIBytes {
		writeError(w, r, http.StatusBadRequest, "InvalidURI", "The request URI is too long.")
		return
	}
	query := r.URL.Query()
	if unserved(r, query) {
		writeError(w, r, http.StatusNotImplemented, "NotImplemented", "A header or parameter you provided implies functionality that is not implemented.")
		return
	}
	if isSigV2(query) {
		var ok bool
		if r, ok = a.acceptSigV2(w, r, query); !ok {
			return
		}
		query = r.URL.Query()
	}
	region, ok := scopeRegion(r, query)
	switch {
	case !ok && r.Method == http.MethodOptions: // CORS preflights are never signed
		region = defaultRegion
	case !ok && r.Header.Get("Authorization") == "" && !query.Has("X-Amz-Algorithm"):
		writeError(w, r, http.StatusForbidden, "AccessDenied", "Access Denied")
		return
	case !ok: // the front says what is wrong with it
		region = defaultRegion
	case !regionName.MatchString(region):
		writeError(w, r, http.StatusBadRequest, "AuthorizationHeaderMalformed", fmt.Sprintf("The authorization header is malformed; the region '%s' is wrong", region))
		return
	}
	front, err := a.region(region)
	if err != nil {
		writeError(w, r, http.StatusInternalServerError, "InternalError", err.Error())
		return
	}
	a.forward(front, w, r, query)
}

// regionName is the shape of the names in AWS's table of Regions, GovCloud and China included.
var regionName = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$`)

// scopeRegion reads the Region out of the credential scope: KEY/20060102/REGION/s3/aws4_request.
func scopeRegion(r *http.Request, query url.Values) (string, bool) {
	scope := query.Get("X-Amz-Credential")
	if auth := r.Header.Get("Authorization"); auth != "" {
		_, rest, _ := strings.Cut(auth, "Credential=")
		scope, _, _ = strings.Cut(rest, ",")
	}
	parts := strings.Split(strings.TrimSpace(scope), "/")
	if len(parts) < 5 {
		return "", false
	}
	return parts[len(parts)-3], true
}

// Serves reports whether the front of a Region exists already. The first request for a Region makes it; a server that is
// open to strangers proves who sent that request first.
func (a *API) Serves(region string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.regions[region]
	return ok
}

// region gives the front of a Region.
func (a *API) region(name string) (fasthttp.RequestHandler, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if front, ok := a.regions[name]; ok {
		return front, nil
	}
	if len(a.regions) >= maxRegions {
		return nil, errors.New("too many Regions")
	}
	front, err := newFront(a.cfg.Store, name, a.keys)
	if err != nil {
		return nil, err
	}
	a.regions[name] = front
	return front, nil
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
	if r.RequestURI != "" {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

// writeError answers in S3's error shape.
func writeError(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	id := rand.Text()[:16]
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("x-amz-request-id", id)
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	body, err := xml.Marshal(struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		Resource  string
		RequestID string `xml:"RequestId"`
	}{Code: code, Message: message, Resource: r.URL.Path, RequestID: id})
	if err == nil {
		_, _ = w.Write(append([]byte(xml.Header), body...)) // the client may be gone
	}
}
