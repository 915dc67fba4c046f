package s3api

import (
	"encoding/base64"
	"encoding/xml"
	"net/url"
	"strings"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/store"
)

// maxKeys is the most that S3 lists in one page.
const maxKeys = 1000

// wire writes names the way the client wants them. XML cannot carry control characters; url encoding can.
type wire struct{ encode bool }

func (q *request) wire() (wire, error) {
	switch text := q.query.Get("encoding-type"); {
	case text == "":
		return wire{}, nil
	case strings.EqualFold(text, "url"):
		return wire{encode: true}, nil
	default:
		return wire{}, s3err.Argument("Invalid Encoding Method specified in Request", "encoding-type", clip(text))
	}
}

func (w wire) name() string {
	if w.encode {
		return "url"
	}
	return ""
}

func (w wire) text(name string) string {
	if !w.encode {
		return name
	}
	return strings.ReplaceAll(url.QueryEscape(name), "%2F", "/")
}

type prefixXML struct{ Prefix string }

func (w wire) prefixes(names []string) (out []prefixXML) {
	for _, n := range names {
		out = append(out, prefixXML{w.text(n)})
	}
	return out
}

type contentXML struct {
	Key               string
	LastModified      string
	ETag              string
	ChecksumAlgorithm string `xml:",omitempty"`
	ChecksumType      string `xml:",omitempty"`
	Size              int64
	Owner             *owner
	StorageClass      string
}

func (w wire) contents(objects []store.Listed, by *owner) (out []contentXML) {
	for _, o := range objects {
		out = append(out, contentXML{
			Key: w.text(o.Key), LastModified: timestamp(o.Modified), ETag: quoted(o.ETag), Size: o.Size, Owner: by,
			ChecksumAlgorithm: string(o.Checksum.Algorithm), ChecksumType: o.Checksum.Type, StorageClass: class(o.Headers.StorageClass),
		})
	}
	return out
}

// class is a storage class in lists.
func class(name string) string {
	if name == "" {
		return "STANDARD"
	}
	return name
}

type listXML struct {
	XMLName        xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name           string
	Prefix         string
	Marker         *string
	NextMarker     string  `xml:",omitempty"`
	StartAfter     string  `xml:",omitempty"`
	Token          *string `xml:"ContinuationToken"`
	NextToken      string  `xml:"NextContinuationToken,omitempty"`
	KeyCount       *int
	MaxKeys        int
	Delimiter      string `xml:",omitempty"`
	EncodingType   string `xml:",omitempty"`
	IsTruncated    bool
	Contents       []contentXML
	CommonPrefixes []prefixXML
}

// page reads what all lists of keys share and gives the page.
func (q *request) page(after string) (store.Page, wire, listXML, error) {
	w, err := q.wire()
	if err != nil {
		return store.Page{}, w, listXML{}, err
	}
	limit, err := q.number("max-keys", maxKeys, maxKeys)
	if err != nil {
		return store.Page{}, w, listXML{}, err
	}
	prefix, delimiter := q.query.Get("prefix"), q.query.Get("delimiter")
	p, err := q.store.List(q.ctx(), q.bucket, store.Query{Prefix: prefix, Delimiter: delimiter, After: after, Limit: limit})
	return p, w, listXML{
		Name: q.bucket, Prefix: w.text(prefix), MaxKeys: limit, Delimiter: w.text(delimiter), EncodingType: w.name(),
		IsTruncated: p.Truncated, CommonPrefixes: w.prefixes(p.Prefixes),
	}, err
}

func (q *request) listObjects() error {
	if q.query.Get("list-type") == "2" {
		return q.listObjectsV2()
	}
	marker := q.query.Get("marker")
	p, w, out, err := q.page(marker)
	if err != nil {
		return err
	}
	text, by := w.text(marker), q.owner() // the first version of the operation always names the owner
	out.Marker, out.Contents = &text, w.contents(p.Objects, &by)
	if p.Truncated && out.Delimiter != "" {
		out.NextMarker = w.text(p.Last)
	}
	return q.document(out)
}

func (q *request) listObjectsV2() error {
	after := q.query.Get("start-after")
	var token *string
	if q.query.Has("continuation-token") {
		text := q.query.Get("continuation-token")
		last, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || text == "" {
			return s3err.Argument("The continuation token provided is incorrect", "continuation-token", clip(text))
		}
		token, after = &text, string(last)
	}
	p, w, out, err := q.page(after)
	if err != nil {
		return err
	}
	var by *owner
	if q.query.Get("fetch-owner") == "true" {
		o := q.owner()
		by = &o
	}
	count := len(p.Objects) + len(p.Prefixes)
	out.KeyCount, out.Contents, out.Token, out.StartAfter = &count, w.contents(p.Objects, by), token, w.text(q.query.Get("start-after"))
	if p.Truncated {
		out.NextToken = base64.RawURLEncoding.EncodeToString([]byte(p.Last))
	}
	return q.document(out)
}
