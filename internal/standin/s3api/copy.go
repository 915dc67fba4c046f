package s3api

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/store"
)

// copySource reads x-amz-copy-source: BUCKET/KEY with the key URL-encoded, perhaps after a slash, perhaps with a version.
func (q *request) copySource() (store.Source, error) {
	invalid := func(why string) error {
		return s3err.Argument(why, "x-amz-copy-source", clip(q.header("X-Amz-Copy-Source")))
	}
	text, version, _ := strings.Cut(q.header("X-Amz-Copy-Source"), "?versionId=")
	plain, err := url.PathUnescape(text)
	if err != nil {
		return store.Source{}, invalid("Invalid copy source encoding")
	}
	bucket, key, ok := strings.Cut(strings.TrimPrefix(plain, "/"), "/")
	switch {
	case !ok || bucket == "" || key == "":
		return store.Source{}, invalid("Invalid copy source object key")
	case leavesBucket(key):
		return store.Source{}, invalid("Invalid copy source object key")
	}
	return store.Source{Bucket: bucket, Key: key, Version: version, If: q.conditions("X-Amz-Copy-Source-")}, nil
}

// copySums are the elements that both results of a copy share.
type copySums struct {
	LastModified string
	ETag         string
	sums
}

type copyObjectXML struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CopyObjectResult"`
	copySums
	ChecksumType string `xml:",omitempty"`
}

func (q *request) copyObject() error {
	source, err := q.copySource()
	if err != nil {
		return err
	}
	headers, tags, err := q.attributesOfNew()
	if err != nil {
		return err
	}
	in := store.Copy{
		Bucket: q.bucket, Key: q.key, Source: source, Redirect: headers.Redirect, If: q.writeConditions(),
		Class: headers.StorageClass, Encryption: headers.Encryption, KMSKeyID: headers.KMSKeyID,
	}
	replace, err := q.directive("X-Amz-Metadata-Directive")
	if err != nil {
		return err
	}
	if replace {
		in.Headers = &headers
	}
	retag, err := q.directive("X-Amz-Tagging-Directive")
	if err != nil {
		return err
	}
	if retag {
		in.Tags = &tags
	}
	changes := replace || headers.Redirect != "" || q.header("X-Amz-Storage-Class") != "" || q.header("X-Amz-Server-Side-Encryption") != ""
	if source.Bucket == q.bucket && source.Key == q.key && source.Version == "" && !changes {
		return s3err.Request("This copy request is illegal because it is trying to copy an object to itself without changing the object's " +
			"metadata, storage class, website redirect location or encryption attributes.")
	}
	if in.Algorithm, err = q.checksumAlgorithm(); err != nil {
		return err
	}
	o, err := q.store.Copy(q.ctx(), in)
	if err != nil {
		return err
	}
	q.setEncryption(o.Headers)
	q.setNewVersion(o)
	q.set("x-amz-copy-source-version-id", source.Version)
	return q.document(copyObjectXML{copySums: copied(o), ChecksumType: o.Checksum.Type})
}

func copied(o store.Info) copySums {
	return copySums{timestamp(o.Modified), quoted(o.ETag), sumsOf(o.Checksum.Algorithm, o.Checksum.Value)}
}

// directive reports whether a directive says REPLACE.
func (q *request) directive(name string) (bool, error) {
	switch text := q.header(name); text {
	case "", "COPY":
		return false, nil
	case "REPLACE":
		return true, nil
	default:
		name = strings.ToLower(name)
		return false, s3err.Argument("Unknown "+strings.ReplaceAll(strings.TrimPrefix(name, "x-amz-"), "-", " ")+".", name, clip(text))
	}
}

type copyPartXML struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CopyPartResult"`
	copySums
}

func (q *request) copyPart() error {
	source, err := q.copySource()
	if err != nil {
		return err
	}
	number, err := q.partNumber()
	if err != nil {
		return err
	}
	o, err := q.store.CopyPart(q.ctx(), store.PartCopy{
		Upload: q.upload(), Number: number, Source: source,
		Stretch: func(size int64) (int64, int64, error) { return sourceRange(q.header("X-Amz-Copy-Source-Range"), size) },
	})
	if err != nil {
		return err
	}
	q.setEncryption(o.Headers)
	return q.document(copyPartXML{copySums: copied(o)})
}

// sourceRange reads x-amz-copy-source-range, which, unlike Range, must be within the object.
func sourceRange(text string, size int64) (offset, length int64, err error) {
	if text == "" {
		return 0, size, nil
	}
	span, isBytes := strings.CutPrefix(text, "bytes=")
	first, last, dash := strings.Cut(span, "-")
	from, goodFirst := decimal(first)
	to, goodLast := decimal(last)
	if !isBytes || !dash || !goodFirst || !goodLast || to < from {
		return 0, 0, s3err.Argument("The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are "+
			"the zero-based offsets of the first and last bytes to copy", "x-amz-copy-source-range", clip(text))
	}
	if to >= size {
		return 0, 0, s3err.Argument(fmt.Sprintf("Range specified is not valid for source object of size: %d", size),
			"x-amz-copy-source-range", clip(text))
	}
	return from, to - from + 1, nil
}
