package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
)

// gateway is the store as versitygw's s3api wants to see it. It holds nothing of its own.
type gateway struct {
	backend.BackendUnsupported
	s *Store
}

// Backend is the store for versitygw's s3api. Any number of them may serve one store; Shutdown does not close it.
func (s *Store) Backend() backend.Backend { return &gateway{s: s} }

func (g *gateway) String() string { return "quarry" }

func (g *gateway) Shutdown() {}

// NormalizeObjectKey leaves keys alone: every one stands for itself.
func (g *gateway) NormalizeObjectKey(_, object string) string { return object }

// apiError makes an S3 error of err. s3api prints whatever is none and hides its text, so nothing else may leave.
func apiError(err error, bucket, key string) error {
	if err == nil {
		return nil
	}
	var api s3err.S3Error
	switch {
	case errors.As(err, &api):
		return api
	case errors.Is(err, ErrNoSuchBucket):
		return s3err.GetBucketErr(s3err.ErrNoSuchBucket, bucket)
	case errors.Is(err, ErrNoSuchKey):
		return s3err.GetAPIError(s3err.ErrNoSuchKey)
	case errors.Is(err, ErrKeyTooLong):
		return s3err.GetKeyTooLongErr(int64(len(key)), 1024)
	case errors.Is(err, ErrKeyEncoding):
		return s3err.GetAPIError(s3err.ErrInvalidURI)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return s3err.GetAPIError(s3err.ErrIncompleteBody)
	case errors.Is(err, context.Canceled):
		return s3err.APIError{Code: "RequestTimeout", Description: "The request was canceled.", HTTPStatusCode: http.StatusBadRequest}
	case errors.Is(err, ErrClosed):
		return s3err.APIError{Code: "ServiceUnavailable", Description: "The store is closed.", HTTPStatusCode: http.StatusServiceUnavailable}
	}
	return s3err.APIError{
		Code:           "InternalError",
		Description:    fmt.Sprintf("We encountered an internal error. Please try again. (%v)", err),
		HTTPStatusCode: http.StatusInternalServerError,
	}
}

func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// some is nil for the zero value: s3api leaves nil out.
func some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func quoted(etag string) string { return `"` + etag + `"` }
