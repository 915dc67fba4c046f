package s3api

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/store"
)

type attributesXML struct {
	XMLName      xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ GetObjectAttributesResponse"`
	ETag         string   `xml:",omitempty"`
	Checksum     *wholeXML
	ObjectParts  *objectPartsXML
	StorageClass string `xml:",omitempty"`
	ObjectSize   *int64
}

type wholeXML struct {
	sums
	ChecksumType string `xml:",omitempty"`
}

type objectPartsXML struct {
	PartsCount           int
	PartNumberMarker     *int
	NextPartNumberMarker *int
	MaxParts             *int
	IsTruncated          *bool
	Parts                []objectPartXML `xml:"Part"`
}

type objectPartXML struct {
	PartNumber int
	Size       int64
	sums
}

var attributeNames = []string{"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}

// attributes answers GetObjectAttributes: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html
func (q *request) attributes() error {
	wanted, err := q.wantedAttributes()
	if err != nil {
		return err
	}
	o, parts, err := q.store.Head(q.ctx(), q.bucket, q.key, q.version())
	if err != nil {
		return err
	}
	if err := q.conditions("").Read(&o); err != nil {
		return err
	}
	var out attributesXML
	if wanted["ETag"] {
		out.ETag = o.ETag
	}
	if wanted["Checksum"] && o.Checksum.Value != "" {
		value, _, _ := strings.Cut(o.Checksum.Value, "-") // here S3 leaves the number of parts out
		out.Checksum = &wholeXML{sumsOf(o.Checksum.Algorithm, value), o.Checksum.Type}
	}
	if wanted["StorageClass"] {
		out.StorageClass = class(o.Headers.StorageClass)
	}
	if wanted["ObjectSize"] {
		out.ObjectSize = &o.Size
	}
	if wanted["ObjectParts"] && len(parts) > 0 {
		if out.ObjectParts, err = q.objectParts(o, parts); err != nil {
			return err
		}
	}
	q.setVersion(o)
	q.set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	return q.document(out)
}

// wantedAttributes reads x-amz-object-attributes, which clients send as one list or as several headers.
func (q *request) wantedAttributes() (map[string]bool, error) {
	out := map[string]bool{}
	for _, line := range q.r.Header.Values("X-Amz-Object-Attributes") {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			if !slices.Contains(attributeNames, name) {
				return nil, s3err.Argument("Invalid attribute name specified.", "x-amz-object-attributes", clip(name))
			}
			out[name] = true
		}
	}
	if len(out) == 0 {
		return nil, s3err.Request("The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty")
	}
	return out, nil
}

// objectParts lists the parts an object was uploaded in.
func (q *request) objectParts(o store.Info, parts []store.Part) (*objectPartsXML, error) {
	limit, err := q.countHeader("X-Amz-Max-Parts", maxKeys)
	if err != nil {
		return nil, err
	}
	after, err := q.countHeader("X-Amz-Part-Number-Marker", 0)
	if err != nil {
		return nil, err
	}
	limit = min(limit, maxKeys)
	truncated, next := false, 0
	out := &objectPartsXML{
		PartsCount: len(parts), PartNumberMarker: &after, MaxParts: &limit, IsTruncated: &truncated, NextPartNumberMarker: &next,
	}
	for _, p := range parts {
		if p.Number <= after {
			continue
		}
		if len(out.Parts) == limit {
			truncated = true
			break
		}
		out.Parts = append(out.Parts, objectPartXML{p.Number, p.Size, sumsOf(o.Checksum.Algorithm, p.Checksum)})
		next = p.Number
	}
	return out, nil
}

func (q *request) countHeader(name string, otherwise int) (int, error) {
	text := q.header(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, s3err.Argument("Provided "+strings.ToLower(name)+" not an integer or within integer range", strings.ToLower(name), clip(text))
	}
	return n, nil
}
