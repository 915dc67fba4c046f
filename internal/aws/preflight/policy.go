package preflight

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// verdict is an answer that may not be known.
type verdict int

const (
	no verdict = iota
	maybe
	yes
)

// policyDoc is a policy as its owner wrote it. IAM's grammar lets most members be one value or a list
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
type policyDoc struct {
	Statement many[policyStatement]
}

type policyStatement struct {
	Sid, Effect             string
	Principal, NotPrincipal principals
	Action, NotAction       many[string]
	Resource, NotResource   many[string]
	Condition               map[string]map[string]many[scalar]
}

// many is one value or a list.
type many[T any] []T

// UnmarshalJSON takes both forms.
func (m *many[T]) UnmarshalJSON(b []byte) error {
	var list []T
	if json.Unmarshal(b, &list) == nil {
		*m = list
		return nil
	}
	var one T
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*m = many[T]{one}
	return nil
}

// scalar is a string, a number or a truth value, as text.
type scalar string

// UnmarshalJSON takes all three.
func (s *scalar) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*s = scalar(text)
		return nil
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	switch v.(type) {
	case bool, float64:
		*s = scalar(strings.TrimSpace(string(b)))
		return nil
	}
	return fmt.Errorf("%s is not a string, a number or a boolean", b)
}

// principals are by kind: AWS, Service, Federated. "*" alone is everybody.
type principals map[string]many[string]

// UnmarshalJSON takes the word "*" and the object.
func (p *principals) UnmarshalJSON(b []byte) error {
	var anyone string
	if json.Unmarshal(b, &anyone) == nil {
		*p = principals{"AWS": {anyone}, "Service": {anyone}}
		return nil
	}
	var named map[string]many[string]
	if err := json.Unmarshal(b, &named); err != nil {
		return err
	}
	*p = named
	return nil
}

// question is what a policy is asked.
type question struct {
	principalKind, principal string
	action, resource         string // an empty resource: the policy hangs on the resource itself, as a trust policy does
	context                  map[string]string
}

func parsePolicy(text string) (policyDoc, error) {
	var d policyDoc
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return d, fmt.Errorf("read the policy: %w", err)
	}
	return d, nil
}

// denies tells whether a Deny of the document meets the question, and why or on what it depends.
func (d policyDoc) denies(q question) (verdict, string) {
	out, why := no, ""
	for i := range d.Statement {
		s := &d.Statement[i]
		if s.Effect != "Deny" || !s.about(q) || !s.meets(q) {
			continue
		}
		holds, reason := s.holds(q.context)
		switch {
		case holds == yes:
			return yes, s.named()
		case holds == maybe:
			out, why = maybe, reason
		}
	}
	return out, why
}

// allows tells whether an Allow of the document meets the question. Where none does, why says what is nearest to it.
func (d policyDoc) allows(q question) (verdict, string) {
	out, why := no, ""
	near := 0
	for i := range d.Statement {
		s := &d.Statement[i]
		if s.Effect != "Allow" {
			continue
		}
		if !s.meets(q) {
			continue
		}
		if !s.about(q) {
			if near < 1 {
				near, why = 1, "it names "+q.principal+" but does not allow it "+q.action
			}
			continue
		}
		holds, reason := s.holds(q.context)
		switch {
		case holds == yes:
			return yes, ""
		case holds == maybe:
			out, why, near = maybe, reason, 3
		case near < 2:
			near, why = 2, reason
		}
	}
	if why == "" {
		why = "it does not name " + q.principal + " as a principal"
	}
	return out, why
}

func (s *policyStatement) named() string {
	if s.Sid == "" {
		return ""
	}
	return " in statement " + s.Sid
}

// about tells whether the statement speaks of the action on the resource.
func (s *policyStatement) about(q question) bool {
	match := func(patterns many[string], text string, fold bool) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return wild(p, text, fold) })
	}
	if len(s.NotAction) > 0 && match(s.NotAction, q.action, true) || len(s.NotAction) == 0 && !match(s.Action, q.action, true) {
		return false
	}
	if q.resource == "" {
		return true
	}
	if len(s.NotResource) > 0 {
		return !match(s.NotResource, q.resource, false)
	}
	return match(s.Resource, q.resource, false)
}

// meets tells whether the statement speaks of the principal: of itself, of its account, or of everybody.
func (s *policyStatement) meets(q question) bool {
	if len(s.NotPrincipal) > 0 {
		return !s.NotPrincipal.name(q)
	}
	return s.Principal.name(q)
}

func (p principals) name(q question) bool {
	for _, v := range p[q.principalKind] {
		if v == "*" || v == q.principal {
			return true
		}
		if parts := strings.Split(q.principal, ":"); q.principalKind == "AWS" && len(parts) == 6 {
			if account := parts[4]; v == account || strings.HasSuffix(v, "::"+account+":root") {
				return true
			}
		}
	}
	return false
}

// holds evaluates the conditions. A key that the context does not have leaves it open; the reason names all conditions
// that fail, else the first that is open.
func (s *policyStatement) holds(context map[string]string) (verdict, string) {
	var failed, open []string
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		keys := s.Condition[operator]
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			switch v, reason := condition(operator, key, keys[key], context); v {
			case no:
				failed = append(failed, reason)
			case maybe:
				open = append(open, reason)
			}
		}
	}
	switch {
	case len(failed) > 0:
		return no, strings.Join(failed, "; ")
	case len(open) > 0:
		return maybe, open[0]
	}
	return yes, ""
}

func condition(operator, key string, wanted many[scalar], context map[string]string) (verdict, string) {
	have, known := "", false
	for k, v := range context {
		if strings.EqualFold(k, key) {
			have, known = v, true
		}
	}
	text := make([]string, len(wanted))
	for i, w := range wanted {
		text[i] = string(w)
	}
	shown := fmt.Sprintf("its condition %s on %s wants %s", operator, key, strings.Join(text, " or "))
	base, _ := strings.CutSuffix(operator, "IfExists")
	base = base[strings.LastIndexByte(base, ':')+1:]
	if !known {
		return maybe, shown + ", and it is not known what a job sends there"
	}
	shown += ", a job has " + have
	some := func(equal func(w string) bool) verdict {
		if slices.ContainsFunc(text, equal) {
			return yes
		}
		return no
	}
	not := func(v verdict) verdict { return yes - v }
	exact := func(w string) bool { return w == have }
	like := func(w string) bool { return wild(w, have, false) }
	switch base {
	case "StringEquals":
		return some(exact), shown
	case "StringNotEquals":
		return not(some(exact)), shown
	case "StringEqualsIgnoreCase", "Bool":
		return some(func(w string) bool { return strings.EqualFold(w, have) }), shown
	case "StringNotEqualsIgnoreCase":
		return not(some(func(w string) bool { return strings.EqualFold(w, have) })), shown
	case "StringLike":
		return some(like), shown
	case "StringNotLike":
		return not(some(like)), shown
	case "ArnEquals", "ArnLike":
		return some(func(w string) bool { return wildARN(w, have) }), shown
	case "ArnNotEquals", "ArnNotLike":
		return not(some(func(w string) bool { return wildARN(w, have) })), shown
	case "Null":
		return some(func(w string) bool { return strings.EqualFold(w, "false") }), shown
	}
	return maybe, shown + ", which is not evaluated here"
}

// wildARN matches part by part: a wildcard does not reach over a colon, but in the last part
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
func wildARN(pattern, arn string) bool {
	p, a := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	if len(p) != len(a) {
		return false
	}
	for i := range p {
		if !wild(p[i], a[i], false) {
			return false
		}
	}
	return true
}

// wild matches * and ?.
func wild(pattern, text string, fold bool) bool {
	if fold {
		pattern, text = strings.ToLower(pattern), strings.ToLower(text)
	}
	star, from := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
