package s3api

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strings"

	"quarry/internal/standin/s3err"
)

// maxPolicyBytes is S3's limit for a bucket policy.
const maxPolicyBytes = 20 << 10

func (q *request) getPolicy() error {
	if q.info.Policy == nil {
		return s3err.New(s3err.NoSuchBucketPolicy).With("BucketName", q.bucket)
	}
	return q.text(q.info.Policy, "application/json")
}

// putPolicy keeps a policy that S3 would take; nothing here evaluates it.
func (q *request) putPolicy() error {
	doc, err := q.whole()
	if err != nil {
		return err
	}
	if err := checkPolicy(doc, q.bucket); err != nil {
		return err
	}
	if err := q.store.SetPolicy(q.ctx(), q.bucket, doc); err != nil {
		return err
	}
	return q.status(http.StatusNoContent)
}

func (q *request) deletePolicy() error {
	if err := q.store.SetPolicy(q.ctx(), q.bucket, nil); err != nil {
		return err
	}
	return q.status(http.StatusNoContent)
}

// statement is one of a bucket policy; members may be a text or a list of texts.
type statement struct {
	Sid                     string
	Effect                  string
	Principal, NotPrincipal json.RawMessage
	Action, NotAction       texts
	Resource, NotResource   texts
	Condition               map[string]map[string]json.RawMessage
}

type texts []string

// UnmarshalJSON takes a text for a list of one.
func (t *texts) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}

type policy struct {
	Version   string
	ID        string `json:"Id"`
	Statement statements
}

type statements []statement

// UnmarshalJSON takes a statement for a list of one.
func (s *statements) UnmarshalJSON(data []byte) error {
	if trimmed := strings.TrimSpace(string(data)); strings.HasPrefix(trimmed, "[") {
		return strict(data, (*[]statement)(s))
	}
	var one statement
	if err := strict(data, &one); err != nil {
		return err
	}
	*s = statements{one}
	return nil
}

func strict(data []byte, v any) error {
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}

// checkPolicy refuses what S3 refuses in a bucket policy, in its words
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html and the policy grammar of IAM).
func checkPolicy(doc []byte, bucket string) error {
	bad := func(why string) error { return s3err.Text(s3err.MalformedPolicy, why) }
	if len(doc) > maxPolicyBytes {
		return bad("Normalized policy document exceeds the maximum allowed size of 20480 bytes.")
	}
	if !json.Valid(doc) || len(doc) == 0 || doc[0] != '{' {
		return bad("Policies must be valid JSON and the first byte must be '{'")
	}
	var p policy
	if err := strict(doc, &p); err != nil {
		return bad("Unknown field or wrong type in the policy")
	}
	if p.Version != "" && p.Version != "2012-10-17" && p.Version != "2008-10-17" {
		return bad("The policy must contain a valid version string")
	}
	if len(p.Statement) == 0 {
		return bad("Missing required field Statement")
	}
	for _, s := range p.Statement {
		if why := s.fault(bucket); why != "" {
			return bad(why)
		}
	}
	return nil
}

// fault says what S3 refuses in a statement, "" for nothing.
func (s statement) fault(bucket string) string {
	switch {
	case s.Effect != "Allow" && s.Effect != "Deny":
		return "Invalid effect: " + clip(s.Effect)
	case len(s.Principal) == 0 && len(s.NotPrincipal) == 0:
		return "Missing required field Principal"
	case len(s.Principal) > 0 && !validPrincipal(s.Principal), len(s.NotPrincipal) > 0 && !validPrincipal(s.NotPrincipal):
		return "Invalid principal in policy"
	case len(s.Action) == 0 && len(s.NotAction) == 0:
		return "Missing required field Action"
	case len(s.Resource) == 0 && len(s.NotResource) == 0:
		return "Missing required field Resource"
	}
	for _, action := range append(s.Action, s.NotAction...) {
		if action != "*" && !strings.HasPrefix(strings.ToLower(action), "s3:") {
			return "Policy has invalid action"
		}
	}
	for _, resource := range append(s.Resource, s.NotResource...) {
		name, ok := strings.CutPrefix(resource, "arn:aws:s3:::")
		if !ok {
			name, ok = strings.CutPrefix(resource, "arn:aws-us-gov:s3:::")
		}
		if !ok {
			name, ok = strings.CutPrefix(resource, "arn:aws-cn:s3:::")
		}
		if !ok || name != bucket && !strings.HasPrefix(name, bucket+"/") && !strings.ContainsAny(strings.SplitN(name, "/", 2)[0], "*?$") {
			return "Policy has invalid resource"
		}
	}
	return ""
}

func validPrincipal(raw json.RawMessage) bool {
	var anyone string
	if json.Unmarshal(raw, &anyone) == nil {
		return anyone == "*"
	}
	var named map[string]texts
	if json.Unmarshal(raw, &named) != nil || len(named) == 0 {
		return false
	}
	for kind, values := range named {
		switch kind {
		case "AWS", "Service", "Federated", "CanonicalUser":
		default:
			return false
		}
		if len(values) == 0 {
			return false
		}
	}
	return true
}

type policyStatusXML struct {
	XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ PolicyStatus"`
	IsPublic bool
}

// policyStatus reports whether a policy lets everybody in, by the part of S3's rule (User Guide, "The meaning of
// public") that needs no evaluation: an Allow for every principal without a condition.
func (q *request) policyStatus() error {
	if q.info.Policy == nil {
		return s3err.New(s3err.NoSuchBucketPolicy).With("BucketName", q.bucket)
	}
	var p policy
	if err := json.Unmarshal(q.info.Policy, &p); err != nil {
		return err
	}
	out := policyStatusXML{}
	for _, s := range p.Statement {
		if s.Effect == "Allow" && len(s.Condition) == 0 && strings.Contains(string(s.Principal), `"*"`) {
			out.IsPublic = true
		}
	}
	return q.document(out)
}
