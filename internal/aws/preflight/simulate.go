package preflight

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/smithy-go"

	"quarry"
	"quarry/internal/aws/iam"
)

// right is one action on some resources that a principal must have.
type right struct {
	name      string // of the check
	action    string
	resources []string
	context   map[string]string            // besides what every request has
	condition map[string]map[string]string // of the statement that grants it
	lacking   string                       // what fails without it
}

// principal is a user or a role whose rights are simulated.
type principal struct {
	arn   string
	who   string             // "role R", "the caller"
	grant func(right) string // how to give it the right
}

// context has every key that the policies of setup look at, for each question: the simulator calls a key of any policy
// missing that the question does not have
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html).
func (k *checker) context() map[string]string {
	return map[string]string{
		"aws:ResourceAccount": k.Account, "aws:RequestedRegion": k.Region, "aws:SecureTransport": "true", "aws:SourceAccount": k.Account,
		"aws:PrincipalAccount": k.Account, "aws:PrincipalArn": k.Role, "kms:ViaService": "s3." + k.Region + ".amazonaws.com",
		"kms:CallerAccount":   k.Account,
		"iam:PassedToService": "bedrock.amazonaws.com", "s3:prefix": "quarry/",
	}
}

// decision is what the simulator says of one resource.
type decision struct {
	resource string
	allowed  bool
	explicit bool
	limit    string   // what is above the policies and does not allow it
	missing  []string // context keys
}

// check simulates one right and makes one check of it: the subject of a fault is the resources that are denied.
func (k *checker) check(ctx context.Context, p principal, r right) Check {
	c := Check{Name: r.name, Status: OK, Subject: strings.Join(r.resources, ", "), Action: r.action, Message: p.who + " may " + r.action}
	found, err := k.simulate(ctx, p.arn, r)
	if err != nil {
		c.Status = Unknown
		var api smithy.APIError
		if errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "AccessDenied") {
			c.Message = "could not be checked: the caller may not iam:SimulatePrincipalPolicy on " + p.arn
			c.Fix = k.grantCaller("iam:SimulatePrincipalPolicy", []string{p.arn}, nil)
			return c
		}
		c.Message, c.Fix = "could not be checked: "+oneLine(err), "run it again"
		return c
	}
	var denied []string
	why, open := "no policy allows it", ""
	for _, d := range found {
		switch {
		case d.allowed:
			continue
		case len(d.missing) > 0 && d.limit == "":
			open = fmt.Sprintf("it depends on %s, which is known only when a job runs: on %s", strings.Join(d.missing, ", "), d.resource)
			continue
		case d.limit != "":
			why = d.limit
		case d.explicit:
			why = "a policy denies it"
		}
		denied = append(denied, d.resource)
	}
	switch {
	case len(denied) > 0:
		c.Status, c.Kind, c.Subject = Fault, quarry.Denied, strings.Join(denied, ", ")
		c.Message = fmt.Sprintf("%s may not %s on %s: %s; without it %s", p.who, r.action, strings.Join(denied, " and "), why, r.lacking)
		switch why {
		case "a policy denies it":
			c.Fix = "take " + r.action + " on this resource out of the Deny: only its owner can"
		case "no policy allows it":
			r.resources = denied
			c.Fix = p.grant(r)
		default:
			c.Fix = "ask the administrator of the account to allow " + r.action + " there"
		}
	case open != "":
		c.Status, c.Message = Unknown, open
		c.Fix = "check the conditions in the policies of " + p.arn
	}
	return c
}

func (k *checker) simulate(ctx context.Context, arn string, r right) ([]decision, error) {
	keys := k.context()
	keys["aws:PrincipalArn"] = arn
	maps.Copy(keys, r.context)
	q := iam.Question{Principal: arn, Action: r.action, Resources: r.resources}
	for key, v := range keys {
		q.Context = append(q.Context, iam.ContextKey{Name: key, Value: v, Boolean: key == "aws:SecureTransport"})
	}
	results, err := k.iam.Simulate(ctx, q)
	if err != nil {
		return nil, err
	}
	var out []decision
	for i := range results {
		out = append(out, decisions(&results[i])...)
	}
	for _, resource := range r.resources { // what is not answered is not allowed, nor denied
		if !slices.ContainsFunc(out, func(d decision) bool { return d.resource == resource }) {
			return nil, fmt.Errorf("the policy simulator gave no answer for %s", resource)
		}
	}
	return out, nil
}

// decisions gives one for each resource: the result's own fields are about all of them together.
func decisions(r *iam.Result) []decision {
	limit := ""
	if d := r.Organizations; d != nil && !d.Allowed {
		limit = "a service control policy of the organization does not allow it"
	}
	bounded := func(d *iam.Boundary) string {
		if d != nil && !d.Allowed && limit == "" {
			return "its permissions boundary does not allow it"
		}
		return limit
	}
	if len(r.PerResource) == 0 {
		return []decision{{r.Resource, r.Decision == iam.Allowed, r.Decision == iam.ExplicitDeny, bounded(r.Boundary), r.MissingContext}}
	}
	var out []decision
	for i := range r.PerResource {
		s := &r.PerResource[i]
		boundary := s.Boundary
		if boundary == nil {
			boundary = r.Boundary
		}
		out = append(out, decision{s.Resource, s.Decision == iam.Allowed, s.Decision == iam.ExplicitDeny, bounded(boundary), s.MissingContext})
	}
	return out
}

// statementText is the statement that grants a right.
func statementText(r right) string {
	s := struct {
		Effect    string
		Action    []string
		Resource  []string
		Condition map[string]map[string]string `json:",omitempty"`
	}{"Allow", []string{r.action}, r.resources, r.condition}
	b, err := json.Marshal(s)
	if err != nil {
		return "" // strings and maps of strings always marshal
	}
	return string(b)
}

func policyText(statement string) string {
	return `{"Version":"2012-10-17","Statement":[` + statement + `]}`
}

// policyName is a name of its own for each right on each resource, so that no fix overwrites another.
func policyName(r right) string {
	sum := sha256.Sum256([]byte(statementText(r)))
	return fmt.Sprintf("quarry-%s-%x", strings.ReplaceAll(r.action, ":", "-"), sum[:3])
}

// grantCaller says how the caller gets a right.
func (k *checker) grantCaller(action string, resources []string, condition map[string]map[string]string) string {
	return k.callerStatement(right{action: action, resources: resources, condition: condition})
}

func (k *checker) callerStatement(r right) string {
	r.resources = k.wide(r.resources)
	statement := statementText(r)
	name := k.Caller[strings.LastIndexByte(k.Caller, '/')+1:]
	switch {
	case strings.Contains(k.Caller, ":user/"):
		return fmt.Sprintf("aws iam put-user-policy --user-name %s --policy-name %s --policy-document '%s'", name, policyName(r),
			policyText(statement))
	case strings.Contains(k.Caller, ":assumed-role/AWSReservedSSO_"):
		return "add to the permission set in IAM Identity Center: " + statement
	case strings.Contains(k.Caller, ":assumed-role/"):
		return fmt.Sprintf("aws iam put-role-policy --role-name %s --policy-name %s --policy-document '%s'", sessionRole(k.Caller), policyName(r),
			policyText(statement))
	}
	return "add to the policies of " + k.Caller + ": " + statement
}

// sessionRole is the name of the role whose session an ARN names.
func sessionRole(arn string) string {
	if parts := strings.Split(arn, "/"); len(parts) > 1 && strings.Contains(arn, ":assumed-role/") {
		return parts[1]
	}
	return ""
}
