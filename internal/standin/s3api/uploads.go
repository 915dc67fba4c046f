package s3api

import (
	"encoding/xml"

	"quarry/internal/standin/store"
)

type partsXML struct {
	XMLName              xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListPartsResult"`
	Bucket               string
	Key                  string
	UploadID             string `xml:"UploadId"`
	PartNumberMarker     int
	NextPartNumberMarker int
	MaxParts             int
	IsTruncated          bool
	ChecksumAlgorithm    string `xml:",omitempty"`
	ChecksumType         string `xml:",omitempty"`
	Initiator            owner
	Owner                owner
	StorageClass         string
	Parts                []partXML `xml:"Part"`
}

type partXML struct {
	PartNumber   int
	LastModified string
	ETag         string
	Size         int64
	sums
}

func (q *request) listParts() error {
	after, err := q.number("part-number-marker", 0, 10_000)
	if err != nil {
		return err
	}
	limit, err := q.number("max-parts", maxKeys, maxKeys)
	if err != nil {
		return err
	}
	page, err := q.store.ListParts(q.ctx(), q.upload(), after, limit)
	if err != nil {
		return err
	}
	out := partsXML{
		Bucket: q.bucket, Key: q.key, UploadID: q.upload().ID, PartNumberMarker: after, MaxParts: limit, IsTruncated: page.Truncated,
		ChecksumAlgorithm: string(page.Algorithm), ChecksumType: page.Type, Initiator: q.owner(), Owner: q.owner(),
		StorageClass: class(page.Class),
	}
	for _, p := range page.Parts {
		out.Parts = append(out.Parts, partXML{
			p.Number, timestamp(p.Modified), quoted(p.ETag), p.Size, sumsOf(p.Checksum.Algorithm, p.Checksum.Value),
		})
		out.NextPartNumberMarker = p.Number
	}
	return q.document(out)
}

type uploadsXML struct {
	XMLName            xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListMultipartUploadsResult"`
	Bucket             string
	KeyMarker          string
	UploadIDMarker     string `xml:"UploadIdMarker"`
	NextKeyMarker      string `xml:",omitempty"`
	NextUploadIDMarker string `xml:"NextUploadIdMarker,omitempty"`
	Prefix             string
	Delimiter          string `xml:",omitempty"`
	EncodingType       string `xml:",omitempty"`
	MaxUploads         int
	IsTruncated        bool
	Uploads            []uploadXML `xml:"Upload"`
	CommonPrefixes     []prefixXML
}

type uploadXML struct {
	Key               string
	UploadID          string `xml:"UploadId"`
	Initiator         owner
	Owner             owner
	StorageClass      string
	Initiated         string
	ChecksumAlgorithm string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
}

func (q *request) listUploads() error {
	w, err := q.wire()
	if err != nil {
		return err
	}
	limit, err := q.number("max-uploads", maxKeys, maxKeys)
	if err != nil {
		return err
	}
	query := store.Query{Prefix: q.query.Get("prefix"), Delimiter: q.query.Get("delimiter"), After: q.query.Get("key-marker"), Limit: limit}
	marker := q.query.Get("upload-id-marker")
	page, err := q.store.ListUploads(q.ctx(), q.bucket, query, marker)
	if err != nil {
		return err
	}
	out := uploadsXML{
		Bucket: q.bucket, KeyMarker: w.text(query.After), UploadIDMarker: marker, Prefix: w.text(query.Prefix),
		Delimiter: w.text(query.Delimiter), EncodingType: w.name(), MaxUploads: limit, IsTruncated: page.Truncated,
		CommonPrefixes: w.prefixes(page.Prefixes),
	}
	for _, u := range page.Uploads {
		out.Uploads = append(out.Uploads, uploadXML{
			Key: w.text(u.Key), UploadID: u.ID, Initiator: q.owner(), Owner: q.owner(), StorageClass: class(u.Class),
			Initiated: timestamp(u.Initiated), ChecksumAlgorithm: string(u.Algorithm), ChecksumType: u.Type,
		})
	}
	if page.Truncated {
		out.NextKeyMarker, out.NextUploadIDMarker = w.text(page.LastKey), page.LastID
	}
	return q.document(out)
}
