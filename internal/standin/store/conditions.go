package store

import (
	"strings"
	"time"

	"quarry/internal/standin/s3err"
)

// Conditions are the headers that make a request depend on what is there. Empty and zero mean not given.
type Conditions struct {
	Match, NoneMatch     string // ETags, or *
	Modified, Unmodified time.Time
	LastModified         time.Time // x-amz-if-match-last-modified-time
	Size                 *int64    // x-amz-if-match-size
}

// sameETag looks for an ETag in a list of them (RFC 9110, section 13.1.1).
func sameETag(want, etag string) bool {
	for w := range strings.SplitSeq(want, ",") {
		w = strings.TrimPrefix(strings.TrimSpace(w), "W/")
		if w = strings.Trim(w, `"`); w == "*" || w == etag {
			return true
		}
	}
	return false
}

// Read decides a GET, a HEAD or the source of a copy, in RFC 9110's order: If-Match before If-Unmodified-Since,
// If-None-Match before If-Modified-Since. Dates have whole seconds on both sides. The error is PreconditionFailed or NotModified.
func (c Conditions) Read(h *Info) error {
	switch {
	case c.Match != "":
		if !sameETag(c.Match, h.ETag) {
			return failed("If-Match")
		}
	case !c.Unmodified.IsZero() && h.Modified.After(c.Unmodified):
		return failed("If-Unmodified-Since")
	}
	switch {
	case c.NoneMatch != "":
		if sameETag(c.NoneMatch, h.ETag) {
			return s3err.New(s3err.NotModified)
		}
	case !c.Modified.IsZero() && !h.Modified.After(c.Modified):
		return s3err.New(s3err.NotModified)
	}
	return nil
}

func failed(condition string) error {
	return s3err.New(s3err.PreconditionFailed).With("Condition", condition)
}

// write decides a PutObject or CompleteMultipartUpload; old is nil when the key is free. It runs inside the index
// transaction, so that of many writers with If-None-Match one wins.
func (c Conditions) write(old *Info) error {
	switch {
	case c.Match != "" && c.NoneMatch != "":
		return s3err.NotImplemented("If-Match,If-None-Match", "Multiple conditional request headers present in the request")
	case c.NoneMatch != "" && c.NoneMatch != "*":
		return s3err.NotImplemented("If-None-Match", "We don't accept the provided value of If-None-Match header for this API")
	case c.NoneMatch != "" && old != nil:
		return failed("If-None-Match")
	case c.Match != "" && old == nil:
		return ErrNoSuchKey
	case c.Match != "" && !sameETag(c.Match, old.ETag):
		return failed("If-Match")
	}
	return nil
}

// remove decides a DeleteObject; old is nil when the key is free.
func (c Conditions) remove(old *Info) error {
	switch {
	case old == nil && c.Match != "":
		return ErrNoSuchKey
	case old == nil:
		return nil
	case c.Match != "" && !sameETag(c.Match, old.ETag):
		return failed("If-Match")
	case !c.LastModified.IsZero() && c.LastModified.Unix() != old.Modified.Unix():
		return failed("x-amz-if-match-last-modified-time")
	case c.Size != nil && *c.Size != old.Size:
		return failed("x-amz-if-match-size")
	}
	return nil
}
