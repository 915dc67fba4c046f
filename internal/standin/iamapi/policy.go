package iamapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/versity/versitygw/iamapi/policy"
	"github.com/versity/versitygw/iamapi/types"
)

// document is one policy that a decision looks at.
type document struct {
	name string // a role policy's name or a managed policy's name
	kind string // SourcePolicyType of the simulator
	text string
}

// statement has the grammar's fields alone, so that an absent one stays absent when it is written again.
type statement struct {
	Effect      string
	Action      policy.StringOrSlice `json:",omitempty"`
	NotAction   policy.StringOrSlice `json:",omitempty"`
	Resource    policy.StringOrSlice `json:",omitempty"`
	NotResource policy.StringOrSlice `json:",omitempty"`
	Condition   json.RawMessage      `json:",omitempty"`
}

// question is what a decision is about. A context key may hold several values; names are compared without case.
type question struct {
	action, resource string
	context          map[string][]string
}

// match is one statement that took part in a decision; from and to are byte offsets in the document.
type match struct {
	document document
	from, to int
}

// verdict is the outcome over all documents.
type verdict struct {
	decision policy.Decision
	matched  []match
	missing  []string // context keys that a statement asked for and the question has not
}

// decide evaluates identity policies: an explicit deny wins, and what nothing allows has no match.
func decide(documents []document, q question) verdict {
	var v verdict
	for _, d := range documents {
		var parsed policy.Document
		if err := json.Unmarshal([]byte(d.text), &parsed); err != nil {
			v.decision = policy.DecisionDeny // a deny may hide in what cannot be read
			continue
		}
		spans := spans(d.text)
		for i, s := range parsed.Statement {
			one := statement{s.Effect, s.Action, s.NotAction, s.Resource, s.NotResource, s.Condition}
			m := match{document: d}
			if i < len(spans) {
				m.from, m.to = spans[i][0], spans[i][1]
			}
			v.add(one, parsed.Version, m, q)
		}
	}
	return v.sorted()
}

// decideByPrincipal evaluates trust and bucket policies: of each statement whose principal accepts the caller, what is
// left is decided like an identity policy. A trust policy names no resource; the role is meant.
func decideByPrincipal(d document, accepts func(key, value string) bool, q question) verdict {
	var v verdict
	var parsed policy.Document
	if err := json.Unmarshal([]byte(d.text), &parsed); err != nil {
		v.decision = policy.DecisionDeny
		return v
	}
	spans := spans(d.text)
	for i, s := range parsed.Statement {
		if !principalMatches(s, accepts) {
			continue
		}
		one := statement{s.Effect, s.Action, s.NotAction, s.Resource, s.NotResource, s.Condition}
		if len(one.Resource) == 0 && len(one.NotResource) == 0 {
			one.Resource = policy.StringOrSlice{"*"}
		}
		m := match{document: d}
		if i < len(spans) {
			m.from, m.to = spans[i][0], spans[i][1]
		}
		v.add(one, parsed.Version, m, q)
	}
	return v.sorted()
}

// add puts one statement's say into the verdict.
func (v *verdict) add(s statement, version string, m match, q question) {
	unconditional := s
	unconditional.Condition = nil
	if evaluate(unconditional, version, q) == policy.DecisionNoMatch {
		return
	}
	v.missing = append(v.missing, missingKeys(s.Condition, q.context)...)
	switch evaluate(s, version, q) {
	case policy.DecisionDeny:
		v.decision = policy.DecisionDeny
	case policy.DecisionAllow:
		if v.decision != policy.DecisionDeny {
			v.decision = policy.DecisionAllow
		}
	default:
		return
	}
	v.matched = append(v.matched, m)
}

func (v verdict) sorted() verdict {
	slices.Sort(v.missing)
	v.missing = slices.Compact(v.missing)
	return v
}

func evaluate(s statement, version string, q question) policy.Decision {
	text, err := json.Marshal(struct {
		Version   string `json:",omitempty"`
		Statement []statement
	}{version, []statement{s}})
	if err != nil {
		return policy.DecisionDeny
	}
	return policy.EvaluateIdentityPolicies([]types.PolicyEntry{{PolicyDocument: string(text)}},
		policy.RequestContext{Action: q.action, Resource: q.resource, Condition: q.context})
}

// missingKeys lists the condition keys that the question leaves open, other than those that ask for just that.
func missingKeys(raw json.RawMessage, context map[string][]string) []string {
	var block map[string]map[string]json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &block) != nil {
		return nil
	}
	var missing []string
	for operator, keys := range block {
		if operator == "Null" {
			continue
		}
		for key := range keys {
			known := slices.ContainsFunc(slices.Collect(maps.Keys(context)), func(have string) bool { return strings.EqualFold(have, key) })
			if !known {
				missing = append(missing, key)
			}
		}
	}
	return missing
}

func principalMatches(s policy.Statement, accepts func(key, value string) bool) bool {
	if len(s.NotPrincipal) > 0 && string(s.NotPrincipal) != "null" {
		return !namesPrincipal(s.NotPrincipal, accepts)
	}
	return namesPrincipal(s.Principal, accepts)
}

func namesPrincipal(raw json.RawMessage, accepts func(key, value string) bool) bool {
	var anyone string
	if json.Unmarshal(raw, &anyone) == nil {
		return anyone == "*" && accepts("AWS", "*")
	}
	var named map[string]policy.StringOrSlice
	if json.Unmarshal(raw, &named) != nil {
		return false
	}
	for key, values := range named {
		if slices.ContainsFunc(values, func(v string) bool { return accepts(key, v) }) {
			return true
		}
	}
	return false
}

// isService accepts an AWS service as principal.
func isService(service string) func(key, value string) bool {
	return func(key, value string) bool { return key == "Service" && value == service }
}

// isCaller accepts a user or session: by its own ARN, by its role's, or as part of the account
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html).
func isCaller(c Caller) func(key, value string) bool {
	return func(key, value string) bool {
		if key != "AWS" {
			return false
		}
		switch value {
		case "*", Account, "arn:aws:iam::" + Account + ":root":
			return true
		}
		return value == c.ARN || c.Role != "" && value == c.Role
	}
}

// spans returns where each statement begins and ends in the text of a document that parses.
func spans(text string) [][2]int {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &fields) != nil {
		return nil
	}
	// Read again token by token: only the decoder knows where a value lies.
	dec := json.NewDecoder(strings.NewReader(text))
	if _, err := dec.Token(); err != nil {
		return nil
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil
		}
		if key != "Statement" {
			var skip json.RawMessage
			if dec.Decode(&skip) != nil {
				return nil
			}
			continue
		}
		raw := strings.TrimSpace(string(fields["Statement"]))
		if !strings.HasPrefix(raw, "[") {
			return element(dec, nil)
		}
		if _, err := dec.Token(); err != nil {
			return nil
		}
		var out [][2]int
		for dec.More() {
			out = element(dec, out)
		}
		return out
	}
	return nil
}

func element(dec *json.Decoder, out [][2]int) [][2]int {
	var raw json.RawMessage
	if dec.Decode(&raw) != nil {
		return out
	}
	end := int(dec.InputOffset())
	return append(out, [2]int{end - len(raw), end})
}

// servicePrincipal is the form of a service's name. AWS checks it against its list of services, which is not public.
var servicePrincipal = pattern(`^[a-z0-9][a-z0-9.-]*\.amazonaws\.com(\.cn)?$`)

// checkTrust refuses what AWS refuses in AssumeRolePolicyDocument.
func checkTrust(field, text string) error {
	if err := policy.Validate(field, text); err != nil {
		return refuse(http.StatusBadRequest, "ValidationError", "%v", err)
	}
	var d policy.Document
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return refuse(http.StatusBadRequest, "MalformedPolicyDocument", "This policy contains invalid Json")
	}
	for i, s := range d.Statement {
		var named map[string]policy.StringOrSlice
		if json.Unmarshal(s.Principal, &named) != nil {
			continue // the evaluator's own check names the fault
		}
		for n, service := range named["Service"] {
			if !servicePrincipal().MatchString(service) {
				return refuse(http.StatusBadRequest, "MalformedPolicyDocument", "Invalid principal in policy: \"SERVICE\":%q", service)
			}
			// The evaluator knows the three services it serves; the grammar is the same for all.
			named["Service"][n] = "s3.amazonaws.com"
		}
		principal, err := json.Marshal(named)
		if err != nil {
			return fmt.Errorf("check a trust policy: %w", err)
		}
		d.Statement[i].Principal = principal
	}
	return malformed(d.ValidateTrust())
}

// checkIdentity refuses what AWS refuses in a role's inline policy.
func checkIdentity(field, text string) error {
	if err := policy.Validate(field, text); err != nil {
		return refuse(http.StatusBadRequest, "ValidationError", "%v", err)
	}
	return malformed(policy.Parse(text))
}

func malformed(err error) error {
	if err == nil {
		return nil
	}
	message := err.Error()
	if _, text, ok := strings.Cut(message, "MalformedPolicyDocument: "); ok {
		message = text
	}
	return refuse(http.StatusBadRequest, "MalformedPolicyDocument", "%s", message)
}
