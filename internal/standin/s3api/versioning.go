package s3api

import (
	"encoding/xml"
	"net/http"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/store"
)

type versioningXML struct {
	XMLName   xml.Name `xml:"VersioningConfiguration"`
	Space     string   `xml:"xmlns,attr,omitempty"`
	Status    string   `xml:",omitempty"`
	MFADelete string   `xml:"MfaDelete,omitempty"`
}

func (q *request) getVersioning() error {
	return q.document(versioningXML{Space: namespace, Status: q.info.Versioning})
}

func (q *request) putVersioning() error {
	var conf versioningXML
	if err := q.read(&conf); err != nil {
		return err
	}
	switch {
	case conf.Status != store.Enabled && conf.Status != store.Suspended:
		return s3err.New(s3err.MalformedXML)
	case conf.MFADelete == "Enabled":
		return s3err.NotImplemented("MfaDelete", "")
	}
	if err := q.store.SetVersioning(q.ctx(), q.bucket, conf.Status); err != nil {
		return err
	}
	return q.status(http.StatusOK)
}

// version is the id that a request names, "" for the current version.
func (q *request) version() string { return q.query.Get("versionId") }

// setNewVersion writes the id of a version that was made, unless it is the null one.
func (q *request) setNewVersion(o store.Info) { q.set("x-amz-version-id", o.VersionID) }

// setVersion writes a version's id where the bucket ever had versions.
func (q *request) setVersion(o store.Info) {
	if q.info.Versioning != "" {
		q.set("x-amz-version-id", o.Version())
	}
}

type versionsXML struct {
	XMLName        xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListVersionsResult"`
	Name           string
	Prefix         string
	KeyMarker      string
	IDMarker       string `xml:"VersionIdMarker"`
	NextKeyMarker  string `xml:",omitempty"`
	NextIDMarker   string `xml:"NextVersionIdMarker,omitempty"`
	MaxKeys        int
	Delimiter      string `xml:",omitempty"`
	EncodingType   string `xml:",omitempty"`
	IsTruncated    bool
	Versions       []any
	CommonPrefixes []prefixXML
}

// versionXML is <Version>, and <DeleteMarker> with markerXML: they come mixed, in their order.
type versionXML struct {
	XMLName xml.Name `xml:"Version"`
	contentXML
	VersionID string `xml:"VersionId"`
	IsLatest  bool
}

type markerXML struct {
	XMLName      xml.Name `xml:"DeleteMarker"`
	Key          string
	VersionID    string `xml:"VersionId"`
	IsLatest     bool
	LastModified string
	Owner        owner
}

func (q *request) listVersions() error {
	w, err := q.wire()
	if err != nil {
		return err
	}
	limit, err := q.number("max-keys", maxKeys, maxKeys)
	if err != nil {
		return err
	}
	query := store.Query{Prefix: q.query.Get("prefix"), Delimiter: q.query.Get("delimiter"), After: q.query.Get("key-marker"), Limit: limit}
	marker := q.query.Get("version-id-marker")
	if marker != "" && query.After == "" {
		return s3err.Argument("A version-id marker cannot be specified without a key marker.", "version-id-marker", clip(marker))
	}
	page, err := q.store.ListVersions(q.ctx(), q.bucket, query, marker)
	if err != nil {
		return err
	}
	out := versionsXML{
		Name: q.bucket, Prefix: w.text(query.Prefix), KeyMarker: w.text(query.After), IDMarker: marker, MaxKeys: limit,
		Delimiter: w.text(query.Delimiter), EncodingType: w.name(), IsTruncated: page.Truncated, CommonPrefixes: w.prefixes(page.Prefixes),
	}
	by := q.owner()
	for _, v := range page.Versions {
		if v.Marker {
			out.Versions = append(out.Versions, markerXML{
				Key: w.text(v.Key), VersionID: v.Version(), IsLatest: v.Latest, LastModified: timestamp(v.Modified), Owner: by,
			})
			continue
		}
		c := w.contents([]store.Listed{{Key: v.Key, Info: v.Info}}, &by)[0]
		out.Versions = append(out.Versions, versionXML{contentXML: c, VersionID: v.Version(), IsLatest: v.Latest})
	}
	if page.Truncated {
		out.NextKeyMarker, out.NextIDMarker = w.text(page.LastKey), page.LastID
	}
	return q.document(out)
}
