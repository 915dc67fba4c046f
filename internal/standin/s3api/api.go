// Package s3api answers S3 requests over a store.
//
// It owns the wire of S3: which operation a request is, its signature, its body's hashes and checksums, XML in both directions and
// errors. It keeps no data (package store does) and knows neither keys nor rights: Config.Key and Config.Allow do.
//
// What always holds: the signature is proved before any body is read; bodies stream in both directions and their hashes are compared
// before an object is visible; there is no listener and no goroutine of the API, so dozens live in one process and Close leaves
// nothing.
package s3api

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/sigv4"
	"quarry/internal/standin/store"
)

// Config is what an API needs.
type Config struct {
	// Store holds the data. The API does not close it.
	Store *store.Store
	// Key gives what is known of an access key, and the account that it belongs to (12 digits), which owns the buckets that the key
	// creates and reaches no other account's. ok is false for a key that does not exist. It is called at every request, so keys
	// may come and go.
	Key func(accessKeyID string) (key sigv4.Key, account string, ok bool)
	// Allow returns an error where the proven holder of a key may not do action on resource, an ARN or *. The error's text is shown
	// to the client. Nil: every key may do everything.
	Allow func(r *http.Request, accessKeyID, action, resource string) error
}

// Validate reports what New would refuse.
func (c Config) Validate() error {
	if c.Store == nil || c.Key == nil {
		return errors.New("s3api needs a store and the keys")
	}
	return nil
}

// API is an http.Handler for S3. It may be used by many goroutines.
type API struct {
	cfg Config

	mu     sync.Mutex
	closed bool
	active sync.WaitGroup
}

// New makes an API. It opens and starts nothing.
func New(cfg Config) (*API, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &API{cfg: cfg}, nil
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
	// maxHeaderBytes and maxURIBytes bound a request before it is looked at; S3 takes 8 KB of headers and a key of
	// 1,024 bytes may be three times as long when it is encoded.
	maxHeaderBytes = 8 << 10
	maxURIBytes    = 16 << 10
)

// request is one request on its way through the API.
type request struct {
	api    *API
	store  *store.Store
	w      http.ResponseWriter
	r      *http.Request
	query  url.Values
	bucket string
	key    string
	id     string // of the request
	hostID string // S3's second id of the same answer; set by begin

	accessKey string
	account   string       // of accessKey
	region    string       // that the request was signed for
	proof     *sigv4.Claim // nil with Signature Version 2
	secret    sigv4.Key    // of accessKey
	info      store.BucketInfo
}

func (q *request) ctx() context.Context { return q.r.Context() }

// header is a request header's first value.
func (q *request) header(name string) string { return q.r.Header.Get(name) }

// ServeHTTP answers one S3 request, signed in the header or presigned.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{api: a, store: a.cfg.Store, w: w, r: r, query: r.URL.Query(), id: rand.Text()[:16]}
	if !a.enter() {
		q.writeError(s3err.New(s3err.ServiceUnavailable))
		return
	}
	defer a.active.Done()
	if err := q.serve(); err != nil {
		if marker := (*store.MarkerError)(nil); errors.As(err, &marker) {
			q.set("x-amz-delete-marker", "true")
			q.set("x-amz-version-id", marker.Version)
		}
		q.writeError(store.S3Error(err, q.bucket, q.key))
	}
}

// serve does the steps that all operations share: read the target, prove the sender, find the operation, check rights and bucket.
func (q *request) serve() error {
	if err := q.target(); err != nil {
		return err
	}
	if q.r.Method == http.MethodOptions { // never signed
		return q.preflight()
	}
	if err := q.authenticate(); err != nil {
		return err
	}
	q.hoist()
	op, err := q.operation()
	if err != nil {
		return err
	}
	if err := q.authorize(op); err != nil {
		return err
	}
	if q.bucket != "" && op.action != "s3:CreateBucket" {
		if err := q.openBucket(); err != nil {
			return err
		}
	}
	if op.copies {
		if err := q.openSource(); err != nil {
			return err
		}
	}
	return op.serve(q)
}

// openBucket looks the bucket up and holds the client to the owner that it expects.
func (q *request) openBucket() error {
	info, err := q.store.Bucket(q.ctx(), q.bucket)
	if err != nil {
		return err
	}
	q.info = info
	if err := q.owned(info, "X-Amz-Expected-Bucket-Owner"); err != nil {
		return err
	}
	q.allowOrigin()
	return nil
}

// owned refuses a bucket of another account, whose policy could let others in at AWS but is not evaluated here, and one whose owner is
// not the one that the client expects.
func (q *request) owned(info store.BucketInfo, expected string) error {
	if owner := q.header(expected); info.Account != q.account || owner != "" && owner != info.Account {
		return s3err.New(s3err.AccessDenied)
	}
	return nil
}

// openSource holds the bucket of a copy's source to the same rules. One that does not exist is the copy's to refuse.
func (q *request) openSource() error {
	source, err := q.copySource()
	if err != nil {
		return err
	}
	info, err := q.store.Bucket(q.ctx(), source.Bucket)
	if errors.Is(err, store.ErrNoSuchBucket) {
		return nil
	}
	if err != nil {
		return err
	}
	return q.owned(info, "X-Amz-Source-Expected-Bucket-Owner")
}

// authorize checks the rights of an operation.
func (q *request) authorize(op *operation) error {
	for action := range strings.FieldsSeq(op.action) {
		if q.key != "" && q.query.Has("versionId") {
			action = ofVersion(action)
		}
		if err := q.allow(action, op.resource(q)); err != nil {
			return err
		}
	}
	if !op.copies {
		return nil
	}
	source, err := q.copySource()
	if err != nil {
		return err
	}
	action := "s3:GetObject"
	if source.Version != "" {
		action = ofVersion(action)
	}
	return q.allow(action, "arn:aws:s3:::"+source.Bucket+"/"+source.Key)
}

// ofVersion is the right to a version where action is that to an object: s3:GetObjectVersionTagging, for example.
func ofVersion(action string) string { return strings.Replace(action, "Object", "ObjectVersion", 1) }

// allow checks one right of the sender.
func (q *request) allow(action, resource string) error {
	if q.api.cfg.Allow == nil {
		return nil
	}
	if err := q.api.cfg.Allow(q.r, q.accessKey, action, resource); err != nil {
		return s3err.Text(s3err.AccessDenied, err.Error())
	}
	return nil
}
