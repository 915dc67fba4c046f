package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"quarry/internal/standin/s3err"
)

// S3Error makes an S3 error of an error of the store. bucket and key are those of the request; key may be empty. Every error but nil
// becomes one: what S3 has no word for is InternalError with its text.
func S3Error(err error, bucket, key string) *s3err.Error {
	var api *s3err.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &api):
		return api
	case errors.Is(err, ErrNoSuchBucket):
		return s3err.New(s3err.NoSuchBucket).With("BucketName", bucket)
	case errors.Is(err, ErrNoSuchKey):
		return s3err.New(s3err.NoSuchKey).With("Key", key)
	case errors.Is(err, ErrBucketName):
		return s3err.New(s3err.InvalidBucketName).With("BucketName", bucket)
	case errors.Is(err, ErrKeyTooLong):
		return s3err.New(s3err.KeyTooLong).With("Size", fmt.Sprint(len(key))).With("MaxSizeAllowed", "1024")
	case errors.Is(err, ErrKeyEncoding):
		return s3err.New(s3err.InvalidURI).With("URI", key)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return s3err.New(s3err.IncompleteBody)
	case errors.Is(err, context.Canceled):
		return s3err.Text(s3err.RequestTimeout, "The request was canceled.")
	case errors.Is(err, ErrClosed):
		return s3err.New(s3err.ServiceUnavailable)
	}
	return s3err.Text(s3err.InternalError, fmt.Sprintf("We encountered an internal error. Please try again. (%v)", err))
}
