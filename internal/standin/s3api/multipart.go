package s3api

import (
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/store"
)

// upload is the upload that a request names.
func (q *request) upload() store.UploadID {
	return store.UploadID{Bucket: q.bucket, Key: q.key, ID: q.query.Get("uploadId")}
}

func (q *request) partNumber() (int, error) {
	text := q.query.Get("partNumber")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 10_000 {
		return 0, s3err.Argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", clip(text))
	}
	return n, nil
}

type initiatedXML struct {
	XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ InitiateMultipartUploadResult"`
	Bucket   string
	Key      string
	UploadID string `xml:"UploadId"`
}

func (q *request) createUpload() error {
	in := store.NewUpload{Bucket: q.bucket, Key: q.key}
	var err error
	if in.Headers, in.Tags, err = q.attributesOfNew(); err != nil {
		return err
	}
	if in.Algorithm, in.Type, err = q.uploadChecksum(); err != nil {
		return err
	}
	id, err := q.store.CreateUpload(q.ctx(), in)
	if err != nil {
		return err
	}
	q.setEncryption(in.Headers)
	q.set("x-amz-checksum-algorithm", string(in.Algorithm))
	q.set("x-amz-checksum-type", in.Type)
	return q.document(initiatedXML{Bucket: q.bucket, Key: q.key, UploadID: id.ID})
}

func (q *request) putPart() error {
	number, err := q.partNumber()
	if err != nil {
		return err
	}
	body, err := q.body()
	if err != nil {
		return err
	}
	p, err := q.store.PutPart(q.ctx(), q.upload(), number, body)
	if err != nil {
		return err
	}
	q.set("ETag", quoted(p.ETag))
	q.setEncryption(store.Headers{Encryption: q.info.Encryption, KMSKeyID: q.info.KMSKeyID})
	q.setSum(store.Checksum{Algorithm: p.Checksum.Algorithm, Value: p.Checksum.Value})
	return q.status(http.StatusOK)
}

type completeXML struct {
	XMLName xml.Name `xml:"CompleteMultipartUpload"`
	Parts   []struct {
		PartNumber *int
		ETag       *string
		sums
	} `xml:"Part"`
}

type completedXML struct {
	XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUploadResult"`
	Location string
	Bucket   string
	Key      string
	ETag     string
	sums
	ChecksumType string `xml:",omitempty"`
}

func (q *request) completeUpload() error {
	in := store.Complete{Upload: q.upload(), If: q.writeConditions(), Type: strings.ToUpper(q.header("X-Amz-Checksum-Type"))}
	whole, err := q.checksumHeader()
	if err != nil {
		return err
	}
	if whole.value != "" {
		in.Sums = map[store.Algorithm]string{whole.algorithm: whole.value}
	}
	if text := q.header("X-Amz-Mp-Object-Size"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return s3err.Request("Value for x-amz-mp-object-size header is invalid.")
		}
		in.Size = &n
	}
	var doc completeXML
	if err := q.readUnsummed(&doc); err != nil {
		return err
	}
	for _, p := range doc.Parts {
		if p.PartNumber == nil || p.ETag == nil {
			return s3err.New(s3err.MalformedXML)
		}
		in.Parts = append(in.Parts, store.Named{Number: *p.PartNumber, ETag: *p.ETag, Sums: p.given()})
	}
	o, err := q.store.Complete(q.ctx(), in)
	if err != nil {
		return err
	}
	q.setEncryption(o.Headers)
	q.setNewVersion(o)
	return q.document(completedXML{
		Location: "http://" + q.r.Host + "/" + q.bucket + "/" + q.key, Bucket: q.bucket, Key: q.key, ETag: quoted(o.ETag),
		sums: sumsOf(o.Checksum.Algorithm, o.Checksum.Value), ChecksumType: o.Checksum.Type,
	})
}

// readUnsummed reads the XML of CompleteMultipartUpload, whose x-amz-checksum-… is the object's and not the document's.
func (q *request) readUnsummed(v any) error {
	for name := range q.r.Header {
		if strings.HasPrefix(name, "X-Amz-Checksum-") || name == "X-Amz-Sdk-Checksum-Algorithm" {
			delete(q.r.Header, name)
		}
	}
	err := q.read(v)
	if errors.Is(err, s3err.New(s3err.MissingRequestBody)) {
		return s3err.New(s3err.MalformedXML)
	}
	return err
}

func (q *request) abortUpload() error {
	var initiated time.Time
	if text := q.header("X-Amz-If-Match-Initiated-Time"); text != "" {
		t, err := http.ParseTime(text)
		if err != nil {
			return s3err.Argument("Invalid date", "x-amz-if-match-initiated-time", clip(text))
		}
		initiated = t
	}
	if err := q.store.Abort(q.ctx(), q.upload(), initiated); err != nil {
		return err
	}
	return q.status(http.StatusNoContent)
}
