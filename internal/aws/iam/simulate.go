package iam

import (
	"context"
	"fmt"
	"net/url"
)

// What the simulator decides; any other word is an implicit denial.
const (
	Allowed      = "allowed"
	ExplicitDeny = "explicitDeny"
)

// Question is what the simulator evaluates: actions of a principal on resources.
type Question struct {
	Principal string // its ARN
	Action    string
	Resources []string
	Context   []ContextKey
}

// ContextKey is a condition key of the request with its one value.
type ContextKey struct {
	Name, Value string
	Boolean     bool // else it is a string
}

// Result is a page's answer about one action.
type Result struct {
	Resource       string           `xml:"EvalResourceName"`
	Decision       string           `xml:"EvalDecision"`
	MissingContext []string         `xml:"MissingContextValues>member"`
	Organizations  *Organizations   `xml:"OrganizationsDecisionDetail"`
	Boundary       *Boundary        `xml:"PermissionsBoundaryDecisionDetail"`
	PerResource    []ResourceResult `xml:"ResourceSpecificResults>member"`
}

// ResourceResult is the answer about one resource of several.
type ResourceResult struct {
	Resource       string    `xml:"EvalResourceName"`
	Decision       string    `xml:"EvalResourceDecision"`
	MissingContext []string  `xml:"MissingContextValues>member"`
	Boundary       *Boundary `xml:"PermissionsBoundaryDecisionDetail"`
}

// Organizations says whether the service control policies allow it.
type Organizations struct {
	Allowed bool `xml:"AllowedByOrganizations"`
}

// Boundary says whether the principal's permissions boundary allows it.
type Boundary struct {
	Allowed bool `xml:"AllowedByPermissionsBoundary"`
}

// Simulate calls SimulatePrincipalPolicy and reads all pages.
func (c *Client) Simulate(ctx context.Context, q Question) ([]Result, error) {
	in := url.Values{"PolicySourceArn": {q.Principal}, "ActionNames.member.1": {q.Action}}
	for i, r := range q.Resources {
		in.Set(fmt.Sprintf("ResourceArns.member.%d", i+1), r)
	}
	for i, k := range q.Context {
		kind, entry := "string", fmt.Sprintf("ContextEntries.member.%d.", i+1)
		if k.Boolean {
			kind = "boolean"
		}
		in.Set(entry+"ContextKeyName", k.Name)
		in.Set(entry+"ContextKeyType", kind)
		in.Set(entry+"ContextKeyValues.member.1", k.Value)
	}
	var all []Result
	for {
		var page struct {
			Results []Result `xml:"SimulatePrincipalPolicyResult>EvaluationResults>member"`
			Marker  string   `xml:"SimulatePrincipalPolicyResult>Marker"`
		}
		if err := c.do(ctx, "SimulatePrincipalPolicy", in, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Results...)
		if page.Marker == "" || page.Marker == in.Get("Marker") {
			return all, nil
		}
		in.Set("Marker", page.Marker)
	}
}
