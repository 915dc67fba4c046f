package iamapi

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"quarry/internal/standin/policy"
)

// document is one policy that a decision looks at.
type document struct {
	name string // a role policy's name or a managed policy's name
	kind string // SourcePolicyType of the simulator
	text string
}

// question is what a decision is about. A context key may hold several values; names are compared without case.
type question struct {
	action, resource string
	context          map[string][]string
}

func (q question) ask() policy.Question {
	return policy.Question{Action: q.action, Resource: q.resource, Context: q.context}
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
	missing  []string // context keys that a statement needs and the question does not have
}

// decide evaluates identity policies: an explicit deny wins, and what nothing allows has no match.
func decide(documents []document, q question) verdict {
	var v verdict
	for _, d := range documents {
		parsed, err := policy.Parse(d.text)
		if err != nil {
			v.decision = policy.Deny // a deny may hide in what cannot be read
			continue
		}
		spans := spans(d.text)
		for i, s := range parsed.Statement {
			m := match{document: d}
			if i < len(spans) {
				m.from, m.to = spans[i][0], spans[i][1]
			}
			v.add(s, parsed.Version, m, q)
		}
	}
	return v.sorted()
}

// decideByPrincipal evaluates trust and bucket policies: of each statement whose principal accepts the caller, what is
// left is decided like an identity policy. A trust policy names no resource; the role is meant.
func decideByPrincipal(d document, accepts func(key, value string) bool, q question) verdict {
	var v verdict
	parsed, err := policy.Parse(d.text)
	if err != nil {
		v.decision = policy.Deny
		return v
	}
	spans := spans(d.text)
	for i, s := range parsed.Statement {
		if !principalMatches(s, accepts) {
			continue
		}
		s.Principal, s.NotPrincipal = nil, nil
		if len(s.Resource) == 0 && len(s.NotResource) == 0 {
			s.Resource = policy.Texts{"*"}
		}
		m := match{document: d}
		if i < len(spans) {
			m.from, m.to = spans[i][0], spans[i][1]
		}
		v.add(s, parsed.Version, m, q)
	}
	return v.sorted()
}

// add puts one statement's say into the verdict.
func (v *verdict) add(s policy.Statement, version string, m match, q question) {
	unconditional := s
	unconditional.Condition = nil
	if unconditional.Decide(version, q.ask()) == policy.NoMatch {
		return
	}
	v.missing = append(v.missing, missingKeys(s.Condition, q.context)...)
	switch s.Decide(version, q.ask()) {
	case policy.Deny:
		v.decision = policy.Deny
	case policy.Allow:
		if v.decision != policy.Deny {
			v.decision = policy.Allow
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

// missingKeys lists the condition keys that the question leaves open, other than those that test for just that.
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
	var named map[string]policy.Texts
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
		case "*", c.Account, "arn:aws:iam::" + c.Account + ":root":
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
	// Read again token by token: only the decoder knows the offset of a value.
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
	err := checkDocument(field, text, func() error { return policy.CheckTrust(text, servicePrincipal().MatchString) })
	if err == nil && solid(text) > maxTrust {
		return refuse(http.StatusConflict, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: %d", maxTrust)
	}
	return err
}

// checkIdentity refuses what AWS refuses in a role's inline policy.
func checkIdentity(field, text string) error {
	return checkDocument(field, text, func() error { return policy.Check(text) })
}

func checkDocument(field, text string, check func() error) error {
	if err := policy.CheckText(field, text); err != nil {
		return refuse(http.StatusBadRequest, "ValidationError", "%v", err)
	}
	if err := check(); err != nil {
		return refuse(http.StatusBadRequest, "MalformedPolicyDocument", "%v", err)
	}
	return nil
}
