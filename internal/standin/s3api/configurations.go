package s3api

import (
	"encoding/xml"
	"net/http"
	"slices"

	"quarry/internal/standin/s3err"
)

// kind is one bucket configuration that is kept and given back as it came; S3 would write it in its own order.
type kind struct {
	query string // the parameter that names it
	right string // its name in the rights
	// whenAbsent is what a bucket without one answers; empty when it answers the error absent.
	whenAbsent string
	absent     s3err.Code
	// check refuses a document that S3 would; nil where nothing but reading is served.
	check func(doc []byte) error
	// deletes is the right to delete it where that is not the right to put it.
	deletes string
}

const xmlns = ` xmlns="` + namespace + `"`

// kinds are the configurations, in the S3 API reference under their Get operations. Since 2023 a new bucket is
// encrypted with AES256 and blocks public access (User Guide, "Setting default server-side encryption behavior",
// "Blocking public access").
var kinds = []kind{
	{
		query: "encryption", right: "EncryptionConfiguration", check: validEncryption,
		whenAbsent: `<ServerSideEncryptionConfiguration` + xmlns + `><Rule>` +
			`<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>` +
			`<BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>`,
	},
	{
		query: "publicAccessBlock", right: "BucketPublicAccessBlock", check: validPublicAccessBlock,
		absent: s3err.NoPublicAccessBlock,
		whenAbsent: `<PublicAccessBlockConfiguration` + xmlns + `><BlockPublicAcls>true</BlockPublicAcls>` +
			`<IgnorePublicAcls>true</IgnorePublicAcls>` +
			`<BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>`,
	},
	{query: "lifecycle", right: "LifecycleConfiguration", check: validLifecycle, absent: s3err.NoLifecycle},
	{query: "cors", right: "BucketCORS", check: validCORS, absent: s3err.NoCORS},
	{query: "website", right: "BucketWebsite", check: validWebsite, absent: s3err.NoWebsite, deletes: "s3:DeleteBucketWebsite"},
	{query: "accelerate", right: "AccelerateConfiguration", whenAbsent: `<AccelerateConfiguration` + xmlns + `/>`},
	{query: "logging", right: "BucketLogging", whenAbsent: `<BucketLoggingStatus` + xmlns + `/>`},
	{query: "notification", right: "BucketNotification", whenAbsent: `<NotificationConfiguration` + xmlns + `/>`},
	{
		query: "requestPayment", right: "BucketRequestPayment",
		whenAbsent: `<RequestPaymentConfiguration` + xmlns + `><Payer>BucketOwner</Payer></RequestPaymentConfiguration>`,
	},
	{query: "replication", right: "ReplicationConfiguration", absent: s3err.NoReplication},
	{query: "object-lock", right: "BucketObjectLockConfiguration", absent: s3err.NoObjectLock},
}

// gone marks a configuration that was deleted where S3 starts with one.
var gone = []byte{}

// operations are what is served of a configuration.
func (k kind) operations() []operation {
	get := operation{method: "GET", level: ofBucket, query: k.query, action: "s3:Get" + k.right, serve: k.get}
	if k.check == nil {
		return []operation{get}
	}
	put := operation{method: "PUT", level: ofBucket, query: k.query, action: "s3:Put" + k.right, serve: k.put}
	del := operation{method: "DELETE", level: ofBucket, query: k.query, action: put.action, serve: k.delete}
	if k.deletes != "" {
		del.action = k.deletes
	}
	return []operation{get, put, del}
}

func (k kind) get(q *request) error {
	doc, err := q.store.Document(q.ctx(), q.bucket, k.query)
	switch {
	case err != nil:
		return err
	case len(doc) > 0:
		return q.text(doc, "application/xml")
	case doc == nil && k.whenAbsent != "":
		return q.text([]byte(xml.Header+k.whenAbsent), "application/xml")
	}
	return s3err.New(k.absent).With("BucketName", q.bucket)
}

func (k kind) put(q *request) error {
	doc, err := q.whole()
	if err != nil {
		return err
	}
	if len(doc) == 0 {
		return s3err.New(s3err.MissingRequestBody)
	}
	if err := k.check(doc); err != nil {
		return err
	}
	if err := q.store.SetDocument(q.ctx(), q.bucket, k.query, doc); err != nil {
		return err
	}
	return q.status(http.StatusOK)
}

func (k kind) delete(q *request) error {
	var doc []byte
	if k.whenAbsent != "" && k.absent != "" {
		doc = gone
	}
	if err := q.store.SetDocument(q.ctx(), q.bucket, k.query, doc); err != nil {
		return err
	}
	return q.status(http.StatusNoContent)
}

func malformedXML() error { return s3err.New(s3err.MalformedXML) }

func validEncryption(doc []byte) error {
	var conf struct {
		XMLName xml.Name `xml:"ServerSideEncryptionConfiguration"`
		Rules   []struct {
			Algorithm string `xml:"ApplyServerSideEncryptionByDefault>SSEAlgorithm"`
		} `xml:"Rule"`
	}
	if xml.Unmarshal(doc, &conf) != nil || len(conf.Rules) == 0 {
		return malformedXML()
	}
	for _, r := range conf.Rules {
		if !slices.Contains([]string{"", "AES256", "aws:kms", "aws:kms:dsse"}, r.Algorithm) {
			return malformedXML()
		}
	}
	return nil
}

func validPublicAccessBlock(doc []byte) error {
	var conf struct {
		XMLName xml.Name `xml:"PublicAccessBlockConfiguration"`
		A       bool     `xml:"BlockPublicAcls"`
		B       bool     `xml:"IgnorePublicAcls"`
		C       bool     `xml:"BlockPublicPolicy"`
		D       bool     `xml:"RestrictPublicBuckets"`
	}
	if xml.Unmarshal(doc, &conf) != nil {
		return malformedXML()
	}
	return nil
}

func validLifecycle(doc []byte) error {
	var conf struct {
		XMLName xml.Name `xml:"LifecycleConfiguration"`
		Rules   []struct {
			Status string `xml:"Status"`
		} `xml:"Rule"`
	}
	if xml.Unmarshal(doc, &conf) != nil || len(conf.Rules) == 0 || len(conf.Rules) > 1000 {
		return malformedXML()
	}
	for _, r := range conf.Rules {
		if r.Status != "Enabled" && r.Status != "Disabled" {
			return malformedXML()
		}
	}
	return nil
}

func validWebsite(doc []byte) error {
	var conf struct {
		XMLName  xml.Name  `xml:"WebsiteConfiguration"`
		Index    *struct{} `xml:"IndexDocument"`
		Redirect *struct {
			Host     string `xml:"HostName"`
			Protocol string
		} `xml:"RedirectAllRequestsTo"`
	}
	if xml.Unmarshal(doc, &conf) != nil || (conf.Index == nil) == (conf.Redirect == nil) {
		return malformedXML()
	}
	if r := conf.Redirect; r != nil && !slices.Contains([]string{"", "http", "https"}, r.Protocol) {
		return s3err.Request("Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.")
	}
	return nil
}
