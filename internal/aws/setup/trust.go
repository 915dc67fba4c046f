package setup

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// completeTrust brings a role's trust policy into shape and says what it did. A way in that is open to Bedrock jobs of other
// accounts is closed (https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html); who else may take the
// role on is left in, and noted.
func completeTrust(text string, w Wants, where string) (completed string, lines, notes []string, err error) {
	doc, err := read(text)
	if err != nil { // IAM stores no such thing
		return "", nil, nil, fmt.Errorf("read %s: %w", where, err)
	}
	var kept []json.RawMessage
	seen := false
	for i, statement := range doc.statements {
		f, err := factsOf(statement)
		if err != nil {
			return "", nil, nil, fmt.Errorf("read %s: %w", where, err)
		}
		switch {
		case sid(statement) == trustSid(w.Account.Region) && !seen: // merge restores the first of this name
			seen = true
		case !slices.Contains(f["Principal Service"], bedrockService):
			notes = append(notes, fmt.Sprintf("statement %s of %s is not from setup and is kept: %s", named(statement, i), where, f.summary()))
		case slices.Contains(f["Effect"], "Deny"):
			notes = append(notes,
				fmt.Sprintf("statement %s of %s denies Bedrock access and setup keeps it: jobs fail until it is removed", named(statement, i), where))
		case !guarded(f, w.Account.ID):
			rest, err := without(statement, bedrockService)
			if err != nil {
				return "", nil, nil, fmt.Errorf("read %s: %w", where, err)
			}
			lines = append(lines, fmt.Sprintf("drop %s from statement %s of %s: it let jobs of other accounts assume the role", bedrockService,
				named(statement, i), where))
			if rest == nil {
				continue
			}
			statement = rest
		}
		kept = append(kept, statement)
	}
	doc.statements = kept
	merged, err := doc.merge(trust(w), where)
	if err != nil {
		return "", nil, nil, err
	}
	lines = append(lines, merged...)
	completed, err = doc.text()
	return completed, lines, notes, err
}

// guarded reports whether a statement lets in the service for this account alone.
func guarded(f facts, account string) bool {
	for key, values := range f {
		operator, name, _ := strings.Cut(strings.TrimPrefix(key, "Condition "), " ")
		if strings.HasPrefix(key, "Condition ") && name == "aws:sourceaccount" && (operator == "StringEquals" || operator == "StringLike") {
			return slices.Equal(values, []string{account})
		}
	}
	return false
}

// without takes a service from a statement's principals; nil when no one is left.
func without(statement json.RawMessage, service string) (json.RawMessage, error) {
	var s, principal map[string]json.RawMessage
	if err := json.Unmarshal(statement, &s); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(s["Principal"], &principal); err != nil {
		return nil, err
	}
	var services []string
	if json.Unmarshal(principal["Service"], &services) == nil {
		services = slices.DeleteFunc(services, func(one string) bool { return one == service })
	}
	delete(principal, "Service")
	if len(services) > 0 {
		text, err := compact(services)
		if err != nil {
			return nil, err
		}
		principal["Service"] = text
	}
	if len(principal) == 0 {
		return nil, nil
	}
	text, err := compact(principal)
	if err != nil {
		return nil, err
	}
	s["Principal"] = text
	return compact(s)
}
