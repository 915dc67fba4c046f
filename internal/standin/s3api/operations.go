package s3api

import (
	"net/http"
	"strings"

	"quarry/internal/standin/s3err"
)

// level is what a request's path names.
type level int

const (
	ofAccount level = iota
	ofBucket
	ofObject
)

// operation is one operation of S3: how a request says that it means it, the right it needs, and who answers it.
type operation struct {
	method string
	level  level
	query  string // the parameter that names it; "" for the operation without one
	copies bool   // it has x-amz-copy-source
	action string // the rights, with spaces between them
	serve  func(*request) error
}

// operations are all that is served. The right of each is that of the service authorization reference
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html).
var operations = func() []operation {
	ops := []operation{
		{http.MethodGet, ofAccount, "", false, "s3:ListAllMyBuckets", (*request).listBuckets},

		{http.MethodPut, ofBucket, "", false, "s3:CreateBucket", (*request).createBucket},
		{http.MethodDelete, ofBucket, "", false, "s3:DeleteBucket", (*request).deleteBucket},
		{http.MethodHead, ofBucket, "", false, "s3:ListBucket", (*request).headBucket},
		{http.MethodGet, ofBucket, "", false, "s3:ListBucket", (*request).listObjects},
		{http.MethodGet, ofBucket, "versions", false, "s3:ListBucketVersions", (*request).listVersions},
		{http.MethodGet, ofBucket, "uploads", false, "s3:ListBucketMultipartUploads", (*request).listUploads},
		{http.MethodPost, ofBucket, "delete", false, "s3:DeleteObject", (*request).deleteObjects},
		{http.MethodGet, ofBucket, "location", false, "s3:GetBucketLocation", (*request).location},
		{http.MethodGet, ofBucket, "versioning", false, "s3:GetBucketVersioning", (*request).getVersioning},
		{http.MethodPut, ofBucket, "versioning", false, "s3:PutBucketVersioning", (*request).putVersioning},
		{http.MethodGet, ofBucket, "tagging", false, "s3:GetBucketTagging", (*request).getBucketTags},
		{http.MethodPut, ofBucket, "tagging", false, "s3:PutBucketTagging", (*request).putBucketTags},
		{http.MethodDelete, ofBucket, "tagging", false, "s3:PutBucketTagging", (*request).deleteBucketTags},
		{http.MethodGet, ofBucket, "policyStatus", false, "s3:GetBucketPolicyStatus", (*request).policyStatus},
		{http.MethodGet, ofBucket, "policy", false, "s3:GetBucketPolicy", (*request).getPolicy},
		{http.MethodPut, ofBucket, "policy", false, "s3:PutBucketPolicy", (*request).putPolicy},
		{http.MethodDelete, ofBucket, "policy", false, "s3:DeleteBucketPolicy", (*request).deletePolicy},
		{http.MethodGet, ofBucket, "ownershipControls", false, "s3:GetBucketOwnershipControls", (*request).getOwnership},
		{http.MethodPut, ofBucket, "ownershipControls", false, "s3:PutBucketOwnershipControls", (*request).putOwnership},
		{http.MethodDelete, ofBucket, "ownershipControls", false, "s3:PutBucketOwnershipControls", (*request).deleteOwnership},
		{http.MethodGet, ofBucket, "acl", false, "s3:GetBucketAcl", (*request).getACL},
		{http.MethodPut, ofBucket, "acl", false, "s3:PutBucketAcl", (*request).putACL},

		{http.MethodPut, ofObject, "", false, "s3:PutObject", (*request).putObject},
		{http.MethodPut, ofObject, "", true, "s3:PutObject", (*request).copyObject},
		{http.MethodGet, ofObject, "", false, "s3:GetObject", (*request).getObject},
		{http.MethodHead, ofObject, "", false, "s3:GetObject", (*request).headObject},
		{http.MethodDelete, ofObject, "", false, "s3:DeleteObject", (*request).deleteObject},
		{http.MethodGet, ofObject, "attributes", false, "s3:GetObject s3:GetObjectAttributes", (*request).attributes},
		{http.MethodGet, ofObject, "tagging", false, "s3:GetObjectTagging", (*request).getObjectTags},
		{http.MethodPut, ofObject, "tagging", false, "s3:PutObjectTagging", (*request).putObjectTags},
		{http.MethodDelete, ofObject, "tagging", false, "s3:DeleteObjectTagging", (*request).deleteObjectTags},
		{http.MethodGet, ofObject, "acl", false, "s3:GetObjectAcl", (*request).getACL},
		{http.MethodPut, ofObject, "acl", false, "s3:PutObjectAcl", (*request).putACL},
		{http.MethodPost, ofObject, "uploads", false, "s3:PutObject", (*request).createUpload},
		{http.MethodPut, ofObject, "uploadId", false, "s3:PutObject", (*request).putPart},
		{http.MethodPut, ofObject, "uploadId", true, "s3:PutObject", (*request).copyPart},
		{http.MethodPost, ofObject, "uploadId", false, "s3:PutObject", (*request).completeUpload},
		{http.MethodGet, ofObject, "uploadId", false, "s3:ListMultipartUploadParts", (*request).listParts},
		{http.MethodDelete, ofObject, "uploadId", false, "s3:AbortMultipartUpload", (*request).abortUpload},
	}
	for _, k := range kinds {
		ops = append(ops, k.operations()...)
	}
	return ops
}()

// subresources are the parameters that name an operation of S3, served or not. A request with one of them never means the operation
// without it.
var subresources = strings.Fields(`abac accelerate acl analytics annotation attributes cors delete encryption intelligent-tiering
	inventory legal-hold lifecycle location logging metadataConfiguration metadataInventoryTable metadataJournalTable metadataTable
	metrics notification object-lock ownershipControls policy policyStatus publicAccessBlock renameObject replication requestPayment
	restore retention select session tagging torrent updateObjectEncryption uploadId uploads versioning versions website`)

// unservedHeaders change a plain operation into what the store cannot do: it would replace an object that was to be added to, and keep
// in plain, for everybody, what was to be kept under the client's own key.
var unservedHeaders = []string{
	"X-Amz-Write-Offset-Bytes",
	"X-Amz-Server-Side-Encryption-Customer-Algorithm",
	"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Algorithm",
}

func (q *request) level() level {
	switch {
	case q.bucket == "":
		return ofAccount
	case q.key == "":
		return ofBucket
	}
	return ofObject
}

// operation finds what a request means.
func (q *request) operation() (*operation, error) {
	for _, name := range unservedHeaders {
		if q.header(name) == "" {
			continue
		}
		if name == "X-Amz-Server-Side-Encryption-Customer-Algorithm" && q.header("X-Amz-Server-Side-Encryption") != "" {
			return nil, s3err.Argument("Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
				"x-amz-server-side-encryption", clip(q.header("X-Amz-Server-Side-Encryption")))
		}
		return nil, s3err.NotImplemented(strings.ToLower(name), "")
	}
	named := ""
	for _, name := range subresources {
		if q.query.Has(name) {
			named = name
			break
		}
	}
	copies := q.r.Method == http.MethodPut && q.header("X-Amz-Copy-Source") != ""
	elsewhere := false
	for i := range operations {
		op := &operations[i]
		if op.level != q.level() || op.query != named {
			continue
		}
		if op.method == q.r.Method && op.copies == copies {
			return op, nil
		}
		elsewhere = true
	}
	switch {
	case named != "" && (q.r.Method == http.MethodPut || q.r.Method == http.MethodDelete), named != "" && !elsewhere:
		return nil, s3err.NotImplemented(named, "")
	case q.r.Method == http.MethodPost:
		return nil, s3err.NotImplemented("POST", "Uploads of browser forms are not served.")
	}
	return nil, s3err.New(s3err.MethodNotAllowed).With("Method", q.r.Method).With("ResourceType", strings.ToUpper(named))
}

// resource is the ARN that the right of an operation is checked for.
func (op *operation) resource(q *request) string {
	arn := "arn:aws:s3:::" + q.bucket
	switch {
	case op.level == ofAccount:
		return "*"
	case op.level == ofObject:
		return arn + "/" + q.key
	case op.query == "delete": // the keys are in the body
		return arn + "/*"
	}
	return arn
}
