package store

import (
	"strings"
	"time"

	"github.com/versity/versitygw/s3err"
)

// conditions are the headers that make a request depend on what is there. Nil means not given.
type conditions struct {
	match, noneMatch     *string
	modified, unmodified *time.Time
	lastModified         *time.Time // x-amz-if-match-last-modified-time
	size                 *int64     // x-amz-if-match-size
}

func sameETag(want *string, etag string) bool {
	w := strings.Trim(*want, `"`)
	return w == "*" || w == etag
}

// read decides a GET, a HEAD or the source of a copy, in RFC 9110's order: If-Match before If-Unmodified-Since,
// If-None-Match before If-Modified-Since. Dates have whole seconds on both sides.
func (c conditions) read(h *header) error {
	switch {
	case c.match != nil:
		if !sameETag(c.match, h.ETag) {
			return s3err.GetPreconditionFailedErr(s3err.ConditionIfMatch)
		}
	case c.unmodified != nil && h.Modified.After(*c.unmodified):
		return s3err.GetPreconditionFailedErr(s3err.ConditionIfUnmodifiedSince)
	}
	switch {
	case c.noneMatch != nil:
		if sameETag(c.noneMatch, h.ETag) {
			return s3err.GetAPIError(s3err.ErrNotModified)
		}
	case c.modified != nil && !h.Modified.After(*c.modified):
		return s3err.GetAPIError(s3err.ErrNotModified)
	}
	return nil
}

// write decides a PutObject or CompleteMultipartUpload; old is nil when the key is free. It runs inside the index
// transaction, so that of many writers with If-None-Match one wins.
func (c conditions) write(old *header) error {
	switch {
	case c.match != nil && c.noneMatch != nil:
		return s3err.GetNotImplementedErr("If-Match,If-None-Match", s3err.NmpAdditionalMessageMultipleCondHeaders)
	case c.noneMatch != nil && *c.noneMatch != "*":
		return s3err.GetNotImplementedErr("If-None-Match", s3err.NmpAdditionalMessageIfNoneMatch)
	case c.noneMatch != nil && old != nil:
		return s3err.GetPreconditionFailedErr(s3err.ConditionIfNoneMatch)
	case c.match != nil && old == nil:
		return s3err.GetAPIError(s3err.ErrNoSuchKey)
	case c.match != nil && !sameETag(c.match, old.ETag):
		return s3err.GetPreconditionFailedErr(s3err.ConditionIfMatch)
	}
	return nil
}

// remove decides a DeleteObject of an object that is there.
func (c conditions) remove(old *header) error {
	switch {
	case c.match != nil && !sameETag(c.match, old.ETag):
		return s3err.GetPreconditionFailedErr(s3err.ConditionIfMatch)
	case c.lastModified != nil && c.lastModified.Unix() != old.Modified.Unix():
		return s3err.GetPreconditionFailedErr(s3err.ConditionIfMatchLastModTime)
	case c.size != nil && *c.size != old.Size:
		return s3err.GetPreconditionFailedErr(s3err.ConditionIfMatchSize)
	}
	return nil
}
