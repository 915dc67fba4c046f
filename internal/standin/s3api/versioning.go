package s3api

import (
	"encoding/xml"
	"net/http"

	"quarry/internal/standin/s3err"
)

type versioningXML struct {
	XMLName xml.Name `xml:"VersioningConfiguration"`
	Space   string   `xml:"xmlns,attr,omitempty"`
	Status  string   `xml:",omitempty"`
}

func (q *request) getVersioning() error {
	return q.document(versioningXML{Space: namespace, Status: q.info.Versioning})
}

// putVersioning takes Suspended, which is what a bucket without versions does. Enabled would be a promise to
// keep old versions, which the store does not.
func (q *request) putVersioning() error {
	var conf versioningXML
	if err := q.read(&conf); err != nil {
		return err
	}
	switch conf.Status {
	case "Suspended":
	case "Enabled":
		return s3err.Text(s3err.NotImplementedCode, "This store keeps no old versions; versioning cannot be enabled.")
	default:
		return s3err.New(s3err.MalformedXML)
	}
	if err := q.store.SetVersioning(q.ctx(), q.bucket, conf.Status); err != nil {
		return err
	}
	return q.status(http.StatusOK)
}
