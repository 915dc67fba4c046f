package standin

import (
	"net/http"
	"net/url"
	"strings"

	"quarry/internal/standin/protocol"
)

// service is one of the AWS services that the port serves, named as in a signature's scope.
type service string

const (
	serviceS3      service = "s3"
	serviceBedrock service = "bedrock" // bedrock-runtime signs with the same name
	serviceIAM     service = "iam"
	serviceSTS     service = "sts"
	serviceQuotas  service = "servicequotas"
	serviceLocal   service = "quarry" // /_quarry/, where it needs a signature
)

// protocol returns the form a service's errors have.
func (s service) protocol() protocol.Protocol {
	switch s {
	case serviceS3:
		return protocol.S3
	case serviceIAM, serviceSTS:
		return protocol.Query
	case serviceQuotas:
		return protocol.JSON11
	default:
		return protocol.RestJSON
	}
}

// route tells which service a request is for: the one its signature is made for, else, for a request without one, the
// one that it looks like, so that its refusal has the form its client reads.
func route(r *http.Request) service {
	if scoped := scopedService(r); scoped != "" {
		return service(scoped)
	}
	if query := r.URL.RawQuery; strings.Contains(query, "AWSAccessKeyId=") {
		return serviceS3 // a presigned URL of version 2, which only S3 had
	}
	authorization := r.Header.Get("Authorization")
	switch {
	case strings.HasPrefix(authorization, "Bearer "):
		return serviceBedrock
	case strings.HasPrefix(r.Header.Get("X-Amz-Target"), "ServiceQuotas"):
		return serviceQuotas
	case r.URL.Path == "/" && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"), r.URL.Path == "/" && strings.Contains(r.URL.RawQuery, "Action="):
		return serviceSTS
	case isBedrockPath(r.URL.Path):
		return serviceBedrock
	}
	return serviceS3
}

// isBedrockPath knows the first segments of the paths of bedrock and bedrock-runtime.
func isBedrockPath(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch first {
	case "model", "model-invocation-job", "model-invocation-jobs", "foundation-models", "foundation-model-availability",
		"inference-profiles", "tagResource", "untagResource", "listTagsForResource":
		return true
	}
	return false
}

// scopedService reads the fourth part of the credential scope, from the header or from the query.
func scopedService(r *http.Request) string {
	credential := ""
	if authorization := r.Header.Get("Authorization"); authorization != "" {
		_, credential, _ = strings.Cut(authorization, "Credential=")
		credential, _, _ = strings.Cut(credential, ",")
	} else if strings.Contains(r.URL.RawQuery, "X-Amz-Credential=") {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return ""
		}
		credential = query.Get("X-Amz-Credential")
	}
	parts := strings.Split(strings.TrimSpace(credential), "/")
	if len(parts) != 5 {
		return ""
	}
	return parts[3]
}
