package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// maxBytes is the longest text that IAM looks at.
const maxBytes = 131_072

// Fault is what IAM refuses in a document, in its words. Its code is MalformedPolicyDocument.
type Fault string

// Error gives IAM's words.
func (f Fault) Error() string { return string(f) }

// CheckText returns the words of IAM's ValidationError where a text has characters or a length that no document has; field is the
// request's parameter.
func CheckText(field, text string) error {
	if len(text) > maxBytes {
		return fmt.Errorf("1 validation error detected: Value at '%s' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d", field, maxBytes)
	}
	bad := func(r rune) bool { return r != '\t' && r != '\n' && r != '\r' && (r < 0x20 || r > 0xff) }
	if text == "" || strings.ContainsFunc(text, bad) {
		//lint:ignore ST1005 IAM's words
		return fmt.Errorf("The specified value for %s is invalid. It must contain only printable ASCII characters.", field) //nolint:revive,staticcheck // as above
	}
	return nil
}

// Check returns a Fault where IAM refuses a document as an identity policy.
func Check(text string) error {
	d, err := Parse(text)
	if err != nil || !validVersion(d.Version) || len(d.Statement) == 0 {
		return Fault("Syntax errors in policy.")
	}
	for _, s := range d.Statement {
		if err := s.check(); err != nil {
			return err
		}
	}
	if d.repeatsSid() {
		return Fault("Statement IDs (SID) in a single policy must be unique.")
	}
	return nil
}

func validVersion(v string) bool { return v == "" || v == Version2008 || v == Version2012 }

func (d Document) repeatsSid() bool {
	seen := map[string]bool{}
	for _, s := range d.Statement {
		if s.Sid != "" && seen[s.Sid] {
			return true
		}
		seen[s.Sid] = true
	}
	return false
}

func (s Statement) check() error {
	_, conditionErr := conditions(s.Condition)
	switch {
	case s.Effect != "Allow" && s.Effect != "Deny":
		return Fault("Syntax errors in policy.")
	case len(s.Principal) > 0 || len(s.NotPrincipal) > 0:
		return Fault("Policy document should not specify a principal.")
	case conditionErr != nil, len(s.Action) > 0 && len(s.NotAction) > 0:
		return Fault("Syntax errors in policy.")
	case len(s.Action) == 0 && len(s.NotAction) == 0:
		return Fault("Policy statement must contain actions.")
	}
	for _, action := range slices.Concat(s.Action, s.NotAction) {
		if err := checkAction(action); err != nil {
			return err
		}
	}
	switch {
	case len(s.Resource) > 0 && len(s.NotResource) > 0:
		return Fault("Syntax errors in policy.")
	case len(s.Resource) == 0 && len(s.NotResource) == 0:
		return Fault("Policy statement must contain resources.")
	}
	for _, resource := range slices.Concat(s.Resource, s.NotResource) {
		if err := checkResource(resource); err != nil {
			return err
		}
	}
	return nil
}

// notInVendor knows the characters that the name of a service has not.
func notInVendor(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
}

func checkAction(action string) error {
	if action == "*" {
		return nil
	}
	name, _, ok := strings.Cut(action, ":")
	switch {
	case !ok:
		return Fault("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
	case name == "" || strings.ContainsFunc(name, notInVendor):
		return Fault("Vendor " + name + " is not valid")
	}
	return nil
}

func checkResource(resource string) error {
	switch {
	case resource == "*":
		return nil
	case !strings.Contains(resource, ":"):
		return Fault(fmt.Sprintf("Resource %s must be in ARN format or \"*\".", resource))
	}
	fields := strings.SplitN(resource, ":", 6)
	if fields[0] == "arn" && len(fields) < 6 {
		return Fault("The policy failed legacy parsing")
	}
	if fields[0] == "arn" && fields[1] == "aws" {
		return nil
	}
	whole := resource
	if fields[0] != "arn" {
		for len(fields) < 6 {
			fields = append(fields, "*")
		}
		fields[0] = "arn"
		whole = strings.Join(fields, ":")
	}
	return Fault(fmt.Sprintf("Partition %q is not valid for resource %q.", fields[1], whole))
}

// CheckTrust returns a Fault where IAM refuses a document as the trust policy of a role. service recognizes the names of AWS's services.
func CheckTrust(text string, service func(name string) bool) error {
	d, err := Parse(text)
	switch {
	case err != nil:
		return Fault("This policy contains invalid Json")
	case !validVersion(d.Version):
		return Fault("The policy must contain a valid version string")
	case len(d.Statement) == 0:
		return Fault("Could not parse the policy: Statement is empty!")
	}
	for _, s := range d.Statement {
		if err := s.checkTrust(service); err != nil {
			return err
		}
	}
	if d.repeatsSid() {
		return Fault("The Statement Ids in the policy are not unique")
	}
	return nil
}

func (s Statement) checkTrust(service func(string) bool) error {
	switch {
	case s.Effect == "":
		return Fault("Missing required field Effect")
	case s.Effect != "Allow" && s.Effect != "Deny":
		return Fault("Invalid effect: " + s.Effect)
	case len(s.NotPrincipal) > 0 && s.Effect == "Allow":
		return Fault("Allow with NotPrincipal is not allowed.")
	case len(s.NotPrincipal) > 0:
		return Fault("AssumeRole policy must not contain NotPrincipal field.")
	}
	if err := checkPrincipal(s.Principal, service); err != nil {
		return err
	}
	_, conditionErr := conditions(s.Condition)
	switch {
	case conditionErr != nil, len(s.Action) > 0 && len(s.NotAction) > 0:
		return Fault("Syntax error in policy.")
	case len(s.Action) == 0 && len(s.NotAction) == 0:
		return Fault("Missing required field Action")
	case slices.ContainsFunc(slices.Concat(s.Action, s.NotAction), func(a string) bool { return !strings.HasPrefix(a, "sts:") }):
		return Fault("AssumeRole policy may only specify STS AssumeRole actions.")
	case len(s.Resource) > 0:
		return Fault("Has prohibited field Resource")
	case len(s.NotResource) > 0:
		return Fault("AssumeRole policy must not contain resources.")
	}
	return nil
}

func checkPrincipal(raw json.RawMessage, service func(string) bool) error {
	var named map[string]Texts
	var text string
	switch {
	case len(raw) == 0:
		return Fault("Missing required field Principal")
	case json.Unmarshal(raw, &text) == nil:
		return Fault("Principal must be a JSON object.")
	case json.Unmarshal(raw, &named) != nil:
		return Fault("Syntax error in policy.")
	case len(named) == 0:
		return Fault("Missing required field Principal cannot be empty!")
	}
	for kind, names := range named {
		switch kind {
		case "AWS", "Federated":
		case "Service":
			for _, name := range names {
				if !service(name) {
					return Fault(fmt.Sprintf("Invalid principal in policy: \"SERVICE\":%q", name))
				}
			}
		default:
			return Fault(fmt.Sprintf("Invalid principal in policy: %q", kind))
		}
	}
	return nil
}
