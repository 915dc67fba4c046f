package s3api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/store"
)

// span is which bytes a request wants.
type span struct {
	offset, length int64
	contentRange   string         // "" for the whole object
	checksum       store.Checksum // zero if the requested bytes have none
}

func (q *request) getObject() error {
	o, err := q.store.Open(q.ctx(), q.bucket, q.key, q.version())
	if err != nil {
		return err
	}
	sp, err := q.describe(o.Info, o.Parts)
	if err != nil {
		o.Close()
		return err
	}
	body := o.Section(sp.offset, sp.length)
	defer body.Close() //nolint:errcheck // a reader of the store; what it read was checked
	q.w.WriteHeader(sp.status())
	q.stream(body, sp.length)
	return nil
}

func (q *request) headObject() error {
	o, parts, err := q.store.Head(q.ctx(), q.bucket, q.key, q.version())
	if err != nil {
		return err
	}
	sp, err := q.describe(o, parts)
	if err != nil {
		return err
	}
	q.w.WriteHeader(sp.status())
	return nil
}

func (sp span) status() int {
	if sp.contentRange != "" {
		return http.StatusPartialContent
	}
	return http.StatusOK
}

// describe decides the conditions, finds the requested bytes and writes the headers of the answer.
func (q *request) describe(o store.Info, parts []store.Part) (span, error) {
	cond := q.conditions("")
	if err := cond.Read(&o); err != nil {
		q.set("ETag", quoted(o.ETag))
		q.set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
		return span{}, err
	}
	sp, err := q.span(o, parts)
	if err != nil {
		return span{}, err
	}
	h := o.Headers
	if h.ContentType == "" {
		h.ContentType = defaultType
	}
	for _, p := range [][3]string{
		{"Content-Type", "response-content-type", h.ContentType},
		{"Content-Encoding", "response-content-encoding", h.ContentEncoding},
		{"Content-Disposition", "response-content-disposition", h.ContentDisposition},
		{"Content-Language", "response-content-language", h.ContentLanguage},
		{"Cache-Control", "response-cache-control", h.CacheControl},
		{"Expires", "response-expires", h.Expires},
	} {
		if override := q.query.Get(p[1]); override != "" {
			p[2] = override
		}
		q.set(p[0], p[2])
	}
	q.begin()
	q.set("Accept-Ranges", "bytes")
	q.set("ETag", quoted(o.ETag))
	q.set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	q.set("Content-Length", strconv.FormatInt(sp.length, 10))
	q.set("Content-Range", sp.contentRange)
	q.set("x-amz-website-redirect-location", h.Redirect)
	q.set("x-amz-storage-class", h.StorageClass)
	q.setEncryption(h)
	q.setVersion(o)
	q.setSum(sp.checksum)
	for name, value := range h.Metadata {
		q.w.Header()["x-amz-meta-"+name] = []string{value}
	}
	if len(o.Tags) > 0 {
		q.set("x-amz-tagging-count", strconv.Itoa(len(o.Tags)))
	}
	if o.PartCount > 0 && q.query.Has("partNumber") {
		q.set("x-amz-mp-parts-count", strconv.Itoa(o.PartCount))
	}
	return sp, nil
}

// setEncryption says how an object is encrypted. Since 2023 every object is, by default with AES256.
func (q *request) setEncryption(h store.Headers) {
	algorithm := h.Encryption
	if algorithm == "" {
		algorithm = "AES256"
	}
	q.set("x-amz-server-side-encryption", algorithm)
	q.set("x-amz-server-side-encryption-aws-kms-key-id", h.KMSKeyID)
}

// span resolves Range and partNumber. A range has no checksum: the stored one is the whole object's.
func (q *request) span(o store.Info, parts []store.Part) (span, error) {
	sp := span{length: o.Size}
	wanted := strings.EqualFold(q.header("X-Amz-Checksum-Mode"), "ENABLED")
	header := q.header("Range")
	if text := q.query.Get("partNumber"); text != "" {
		number, err := strconv.Atoi(text)
		if err != nil || number < 1 || number > 10_000 {
			return sp, s3err.Argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", clip(text))
		}
		if header != "" {
			return sp, s3err.Request("Cannot specify both Range header and partNumber query parameter")
		}
		return partSpan(o, parts, number, wanted)
	}
	if header != "" {
		offset, length, ok, err := parseRange(header, o.Size)
		if err != nil {
			return sp, err
		}
		if ok {
			return span{offset: offset, length: length, contentRange: contentRange(offset, length, o.Size)}, nil
		}
	}
	if wanted {
		sp.checksum = o.Checksum
	}
	return sp, nil
}

func contentRange(offset, length, size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", offset, offset+length-1, size)
}

func partSpan(o store.Info, parts []store.Part, number int, wanted bool) (span, error) {
	sp := span{length: o.Size}
	if number > max(len(parts), 1) {
		return sp, s3err.New(s3err.InvalidPartNumber).With("ActualPartCount", strconv.Itoa(max(len(parts), 1))).
			With("PartNumberRequested", strconv.Itoa(number))
	}
	if len(parts) == 0 { // an object put in one piece is its own part 1
		if wanted {
			sp.checksum = o.Checksum
		}
	} else {
		for _, p := range parts[:number-1] {
			sp.offset += p.Size
		}
		p := parts[number-1]
		sp.length = p.Size
		if wanted && p.Checksum != "" && o.Checksum.Algorithm != "" {
			sp.checksum = store.Checksum{Algorithm: o.Checksum.Algorithm, Type: o.Checksum.Type, Value: p.Checksum}
		}
	}
	if o.Size > 0 {
		sp.contentRange = contentRange(sp.offset, sp.length, o.Size)
	}
	return sp, nil
}

// parseRange reads a Range header. ok is false where it is ignored, as RFC 9110 and S3 ignore what they do not understand and
// several ranges.
func parseRange(header string, size int64) (offset, length int64, ok bool, err error) {
	text, isBytes := strings.CutPrefix(header, "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(text), "-")
	if !isBytes || !dash {
		return 0, 0, false, nil
	}
	unsatisfiable := s3err.New(s3err.InvalidRange).With("RangeRequested", clip(header)).With("ActualObjectSize", strconv.FormatInt(size, 10))
	if first == "" {
		n, valid := decimal(last)
		switch {
		case !valid:
			return 0, 0, false, nil
		case n == 0:
			return 0, 0, false, unsatisfiable
		case size == 0:
			return 0, 0, false, nil
		}
		n = min(n, size)
		return size - n, n, true, nil
	}
	from, valid := decimal(first)
	if !valid {
		return 0, 0, false, nil
	}
	to := size - 1
	if last != "" {
		n, valid := decimal(last)
		if !valid || n < from {
			return 0, 0, false, nil
		}
		to = min(n, to)
	}
	if from >= size {
		return 0, 0, false, unsatisfiable
	}
	return from, to - from + 1, true, nil
}

// decimal reads digits; what is too large is the largest number.
func decimal(text string) (int64, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 1<<63 - 1, true
	}
	return n, true
}

// conditions reads the headers of a condition; prefix is "X-Amz-Copy-Source-" for those on the source of a copy.
func (q *request) conditions(prefix string) store.Conditions {
	at := func(name string) time.Time {
		t, err := http.ParseTime(q.header(prefix + name))
		if err != nil {
			return time.Time{} // RFC 9110: a date that cannot be read is none
		}
		return t
	}
	return store.Conditions{
		Match: q.header(prefix + "If-Match"), NoneMatch: q.header(prefix + "If-None-Match"),
		Modified: at("If-Modified-Since"), Unmodified: at("If-Unmodified-Since"),
	}
}
