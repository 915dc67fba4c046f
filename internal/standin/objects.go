package standin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"quarry/internal/standin/iamapi"
	"quarry/internal/standin/protocol"
	"quarry/internal/standin/sigv4"
)

// serveS3 hands a request to s3api, which verifies its signature and token and lets every key do everything. So what a
// role may do comes first.
func (s *Server) serveS3(w http.ResponseWriter, r *http.Request) {
	refusal := s.checkSession(r)
	if refusal == nil {
		refusal = s.checkRegion(r)
	}
	if refusal != nil {
		protocol.S3.WriteError(w, r, refusal)
		return
	}
	s.s3.ServeHTTP(w, r)
}

// checkRegion proves the signature of a request for a Region that no request has named yet: s3api builds a front for
// each Region before it verifies, and a stranger must not make it build any. It also refuses a presigned URL from the
// future, which s3api accepts.
func (s *Server) checkRegion(r *http.Request) *protocol.Error {
	claim, err := sigv4.Read(r)
	if err != nil {
		return nil // unsigned or signed in the old way: no new front is built, and s3api judges it
	}
	if err := claim.CheckTime(time.Now()); claim.Presigned && errors.Is(err, sigv4.ErrEarly) {
		return refuse(http.StatusForbidden, "AccessDenied", "Request is not valid yet")
	}
	if s.s3.Serves(claim.Region) {
		return nil
	}
	key, _, ok := s.keys.find(claim.AccessKeyID)
	if !ok {
		return refuse(http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
	}
	if err := claim.VerifyObject(r, key); err != nil {
		return signatureRefusal(serviceS3, err)
	}
	return nil
}

// checkSession refuses temporary keys past their time, and roles without the right. A signature that cannot be read is
// refused too, lest s3api read another key out of it.
func (s *Server) checkSession(r *http.Request) *protocol.Error {
	id, refusal := s3KeyID(r)
	if refusal != nil || id == "" { // s3api judges the anonymous
		return refusal
	}
	key, caller, ok := s.keys.find(id)
	if !ok {
		return nil // the signature decides
	}
	if !key.Expires.IsZero() && time.Now().After(key.Expires) {
		return refuse(http.StatusBadRequest, "ExpiredToken", "The provided token has expired.")
	}
	if caller.Role == "" {
		return nil // the administrator
	}
	return s.mayS3(caller, r)
}

// s3KeyID returns the access key that a request is signed with, in the order in which s3api looks: presigned with
// Signature Version 2, then version 4.
func s3KeyID(r *http.Request) (string, *protocol.Error) {
	query := r.URL.Query()
	if query.Has("AWSAccessKeyId") && query.Has("Signature") {
		return query.Get("AWSAccessKeyId"), nil
	}
	signed := r.Header.Get("Authorization") != ""
	if signed && query.Has("X-Amz-Credential") {
		return "", refuse(http.StatusBadRequest, "InvalidArgument", "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified")
	}
	claim, err := sigv4.Read(r)
	if errors.Is(err, sigv4.ErrUnsigned) {
		return "", nil
	}
	if err != nil {
		refusal := signatureRefusal(serviceS3, err)
		if !signed {
			refusal.Code = "AuthorizationQueryParametersError"
		}
		return "", refusal
	}
	return claim.AccessKeyID, nil
}

// mayS3 refuses what a role's policies do not allow; its signature is still to be verified.
func (s *Server) mayS3(caller iamapi.Caller, r *http.Request) *protocol.Error {
	if caller.Role == "" {
		return nil
	}
	if host := strings.ToLower(r.Host); host != r.Host && strings.Contains(host, ".localhost") {
		// Whether such a host names a bucket is a matter of taste, and rights are not.
		return refuse(http.StatusBadRequest, "InvalidRequest", "A bucket's host name has small letters only.")
	}
	ctx := withCaller(r, caller, "").Context()
	for _, need := range s3Needs(r) {
		if err := s.roles.Access(ctx, caller.ARN, need.action, need.resource, map[string]string{"aws:ResourceAccount": iamapi.Account}); err != nil {
			return refuse(http.StatusForbidden, "AccessDenied", "%s", err.Error())
		}
	}
	return nil
}

// need is one right that a request wants.
type need struct{ action, resource string }

// bucketActions names the rights to a bucket's settings by their query parameter; the first word is left to the method:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
var bucketActions = [...][2]string{
	{"policyStatus", "BucketPolicyStatus"},
	{"policy", "BucketPolicy"},
	{"lifecycle", "LifecycleConfiguration"},
	{"encryption", "EncryptionConfiguration"},
	{"versioning", "BucketVersioning"},
	{"tagging", "BucketTagging"},
	{"publicAccessBlock", "BucketPublicAccessBlock"},
	{"ownershipControls", "BucketOwnershipControls"},
	{"acl", "BucketAcl"},
	{"cors", "BucketCORS"},
	{"location", "BucketLocation"},
	{"object-lock", "BucketObjectLockConfiguration"},
	{"notification", "BucketNotification"},
	{"website", "BucketWebsite"},
	{"logging", "BucketLogging"},
}

// s3Needs gives the rights a request wants, most of them one. What it does not know wants s3:*, so that nobody gets in
// by a door that is not on the list.
func s3Needs(r *http.Request) []need {
	bucket, key := s3Target(r)
	query := r.URL.Query()
	query.Del("x-id") // the name of the operation, which SDKs add
	arn := "arn:aws:s3:::" + bucket
	if key != "" {
		return objectNeeds(r, arn+"/"+key)
	}
	if bucket == "" {
		return []need{{"s3:ListAllMyBuckets", "*"}}
	}
	for _, setting := range bucketActions {
		if !query.Has(setting[0]) {
			continue
		}
		switch r.Method {
		case http.MethodGet:
			return []need{{"s3:Get" + setting[1], arn}}
		case http.MethodPut:
			return []need{{"s3:Put" + setting[1], arn}}
		case http.MethodDelete:
			if setting[0] == "policy" || setting[0] == "website" {
				return []need{{"s3:Delete" + setting[1], arn}}
			}
			return []need{{"s3:Put" + setting[1], arn}}
		}
	}
	switch {
	case r.Method == http.MethodPut && len(query) == 0:
		return []need{{"s3:CreateBucket", arn}}
	case r.Method == http.MethodDelete && len(query) == 0:
		return []need{{"s3:DeleteBucket", arn}}
	case r.Method == http.MethodPost && query.Has("delete"):
		return []need{{"s3:DeleteObject", arn + "/*"}} // the keys are in the body
	case r.Method == http.MethodGet && query.Has("uploads"):
		return []need{{"s3:ListBucketMultipartUploads", arn}}
	case r.Method == http.MethodGet && query.Has("versions"):
		return []need{{"s3:ListBucketVersions", arn}}
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return []need{{"s3:ListBucket", arn}}
	}
	return []need{{"s3:*", arn}}
}

// s3Target gives bucket and key of a request, the bucket from its host's name where s3api takes it from there.
func s3Target(r *http.Request) (bucket, key string) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if bucket, _, ok := strings.Cut(strings.ToLower(r.Host), ".localhost"); ok && bucket != "" {
		return bucket, path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

func objectNeeds(r *http.Request, arn string) []need {
	query := r.URL.Query()
	tagging, acl := query.Has("tagging"), query.Has("acl")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		switch {
		case tagging:
			return []need{{"s3:GetObjectTagging", arn}}
		case acl:
			return []need{{"s3:GetObjectAcl", arn}}
		case query.Has("uploadId"):
			return []need{{"s3:ListMultipartUploadParts", arn}}
		}
		return []need{{"s3:GetObject", arn}}
	case http.MethodPut, http.MethodPost:
		needs := []need{{"s3:PutObject", arn}}
		switch {
		case tagging:
			return []need{{"s3:PutObjectTagging", arn}}
		case acl:
			return []need{{"s3:PutObjectAcl", arn}}
		}
		if source := r.Header.Get("X-Amz-Copy-Source"); source != "" {
			source, _, _ = strings.Cut(strings.TrimPrefix(source, "/"), "?")
			if plain, err := url.PathUnescape(source); err == nil {
				source = plain
			}
			needs = append(needs, need{"s3:GetObject", "arn:aws:s3:::" + source})
		}
		return needs
	case http.MethodDelete:
		switch {
		case tagging:
			return []need{{"s3:DeleteObjectTagging", arn}}
		case query.Has("uploadId"):
			return []need{{"s3:AbortMultipartUpload", arn}}
		}
		return []need{{"s3:DeleteObject", arn}}
	}
	return []need{{"s3:*", arn}}
}
