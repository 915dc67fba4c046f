package s3api

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"time"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/store"
)

func (q *request) deleteObject() error {
	cond := store.Conditions{Match: q.header("If-Match")}
	if text := q.header("X-Amz-If-Match-Last-Modified-Time"); text != "" {
		t, err := http.ParseTime(text)
		if err != nil {
			return s3err.Argument("Invalid date", "x-amz-if-match-last-modified-time", clip(text))
		}
		cond.LastModified = t
	}
	if text := q.header("X-Amz-If-Match-Size"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return s3err.Argument("Invalid size", "x-amz-if-match-size", clip(text))
		}
		cond.Size = &n
	}
	gone, err := q.store.Delete(q.ctx(), q.bucket, q.key, q.version(), cond)
	if err != nil {
		return err
	}
	q.set("x-amz-version-id", gone.Version)
	if gone.Marker {
		q.set("x-amz-delete-marker", "true")
	}
	return q.status(http.StatusNoContent)
}

type deleteXML struct {
	XMLName xml.Name `xml:"Delete"`
	Quiet   bool
	Objects []struct {
		Key              string
		VersionID        string `xml:"VersionId"`
		ETag             string
		LastModifiedTime string
		Size             *int64
	} `xml:"Object"`
}

type deleteResultXML struct {
	XMLName xml.Name     `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
	Deleted []deletedXML `xml:"Deleted"`
	Errors  []refusedXML `xml:"Error"`
}

type deletedXML struct {
	Key           string
	VersionID     string `xml:"VersionId,omitempty"`
	DeleteMarker  bool   `xml:",omitempty"`
	MarkerVersion string `xml:"DeleteMarkerVersionId,omitempty"`
}

type refusedXML struct {
	Key       string
	VersionID string `xml:"VersionId,omitempty"`
	Code      s3err.Code
	Message   string
}

// deleteObjects deletes up to 1,000 keys; what is refused is said per key.
func (q *request) deleteObjects() error {
	if a, err := q.announced(); err != nil {
		return err
	} else if a.algorithm == "" && q.header("Content-MD5") == "" {
		return s3err.Request("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	var in deleteXML
	if err := q.read(&in); err != nil {
		return err
	}
	if len(in.Objects) == 0 || len(in.Objects) > maxKeys {
		return s3err.New(s3err.MalformedXML)
	}
	doomed := make([]store.Doomed, len(in.Objects))
	for i, o := range in.Objects {
		doomed[i] = store.Doomed{Key: o.Key, Version: o.VersionID, If: store.Conditions{Match: o.ETag, Size: o.Size}}
		if o.Key == "" {
			return s3err.New(s3err.MalformedXML)
		}
		if o.VersionID != "" {
			if err := q.allow("s3:DeleteObjectVersion", "arn:aws:s3:::"+q.bucket+"/"+o.Key); err != nil {
				return err
			}
		}
		if o.LastModifiedTime != "" {
			t, err := parseTime(o.LastModifiedTime)
			if err != nil {
				return s3err.New(s3err.MalformedXML)
			}
			doomed[i].If.LastModified = t
		}
	}
	if err := q.store.DeleteMany(q.ctx(), q.bucket, doomed); err != nil {
		return err
	}
	var out deleteResultXML
	for i, d := range doomed {
		version := in.Objects[i].VersionID
		switch {
		case d.Err != nil:
			out.Errors = append(out.Errors, refusedXML{d.Key, version, d.Err.Code, d.Err.Message})
		case !in.Quiet:
			done := deletedXML{Key: d.Key, VersionID: version, DeleteMarker: d.Gone.Marker}
			if d.Gone.Marker {
				done.MarkerVersion = d.Gone.Version
			}
			out.Deleted = append(out.Deleted, done)
		}
	}
	return q.document(out)
}

// parseTime reads the forms that SDKs write a time in.
func parseTime(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return http.ParseTime(text)
}
