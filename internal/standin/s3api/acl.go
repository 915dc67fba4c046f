package s3api

import (
	"encoding/xml"
	"net/http"
	"strings"

	"quarry/internal/standin/s3err"
)

// enforced is the ownership of new buckets, which disables ACLs:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
const enforced = "BucketOwnerEnforced"

// preferred is the ownership of a bucket that was made with the ACL private: it takes ACLs.
const preferred = "BucketOwnerPreferred"

type ownershipXML struct {
	XMLName xml.Name `xml:"OwnershipControls"`
	Space   string   `xml:"xmlns,attr,omitempty"`
	Rules   []struct {
		ObjectOwnership string
	} `xml:"Rule"`
}

func (q *request) getOwnership() error {
	if q.info.Ownership == "" {
		return s3err.New(s3err.NoOwnershipControls).With("BucketName", q.bucket)
	}
	out := ownershipXML{Space: namespace}
	out.Rules = append(out.Rules, struct{ ObjectOwnership string }{q.info.Ownership})
	return q.document(out)
}

func (q *request) putOwnership() error {
	var conf ownershipXML
	if err := q.read(&conf); err != nil {
		return err
	}
	if len(conf.Rules) != 1 {
		return s3err.New(s3err.MalformedXML)
	}
	ownership := conf.Rules[0].ObjectOwnership
	switch ownership {
	case enforced, preferred, "ObjectWriter":
	default:
		return s3err.New(s3err.MalformedXML)
	}
	if err := q.store.SetOwnership(q.ctx(), q.bucket, ownership); err != nil {
		return err
	}
	return q.status(http.StatusOK)
}

func (q *request) deleteOwnership() error {
	if err := q.store.SetOwnership(q.ctx(), q.bucket, ""); err != nil {
		return err
	}
	return q.status(http.StatusNoContent)
}

type aclXML struct {
	XMLName xml.Name   `xml:"http://s3.amazonaws.com/doc/2006-03-01/ AccessControlPolicy"`
	Owner   owner      `xml:"Owner"`
	Grants  []grantXML `xml:"AccessControlList>Grant"`
}

type grantXML struct {
	Grantee    granteeXML
	Permission string
}

type granteeXML struct {
	XSI         string `xml:"xmlns:xsi,attr"`
	Type        string `xml:"xsi:type,attr"`
	ID          string
	DisplayName string
}

// getACL says what ACLs say since they are disabled by default: the owner has full control.
func (q *request) getACL() error {
	if q.key != "" {
		if _, _, err := q.store.Head(q.ctx(), q.bucket, q.key, q.version()); err != nil {
			return err
		}
	}
	full := granteeXML{"http://www.w3.org/2001/XMLSchema-instance", "CanonicalUser", q.account, q.account}
	return q.document(aclXML{Owner: q.owner(), Grants: []grantXML{{full, "FULL_CONTROL"}}})
}

// putACL takes what changes nothing: with ACLs disabled the owner's full control, else the default.
func (q *request) putACL() error {
	if q.key != "" {
		if _, _, err := q.store.Head(q.ctx(), q.bucket, q.key, q.version()); err != nil {
			return err
		}
	}
	if q.header("X-Amz-Acl") == "" {
		if q.info.Ownership == "" || q.info.Ownership == enforced {
			return s3err.New(s3err.ACLNotSupported)
		}
		return s3err.NotImplemented("acl", "Grants are not kept.")
	}
	if err := q.checkACL(q.info.Ownership); err != nil {
		return err
	}
	return q.status(http.StatusOK)
}

// grants reports whether a request names grantees.
func (q *request) grants() bool {
	for name := range q.r.Header {
		if strings.HasPrefix(name, "X-Amz-Grant-") {
			return true
		}
	}
	return false
}

// cannedACLs are those of https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl
var cannedACLs = map[string]bool{
	"private": true, "public-read": true, "public-read-write": true, "aws-exec-read": true, "authenticated-read": true,
	"bucket-owner-read": true, "bucket-owner-full-control": true, "log-delivery-write": true,
}

// checkACL refuses the ACL of a request where it would have to be kept. With ACLs disabled S3 takes the one that says what holds anyway.
func (q *request) checkACL(ownership string) error {
	acl := q.header("X-Amz-Acl")
	if acl != "" && !cannedACLs[acl] {
		return s3err.Argument("Invalid canned ACL", "x-amz-acl", clip(acl))
	}
	if acl != "" && q.grants() {
		return s3err.Request("Specifying both Canned ACLs and Header Grants is not allowed")
	}
	if ownership == "" || ownership == enforced {
		if acl != "" && acl != "bucket-owner-full-control" || q.grants() {
			return s3err.New(s3err.ACLNotSupported)
		}
		return nil
	}
	switch {
	case q.grants():
		return s3err.NotImplemented("x-amz-grant", "Grants are not kept.")
	case acl == "", acl == "private", acl == "bucket-owner-full-control", acl == "bucket-owner-read":
		return nil
	}
	return s3err.NotImplemented("x-amz-acl", "The ACL "+acl+" is not kept.")
}
