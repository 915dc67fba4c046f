package setup

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// written is a policy as it is in the account. What is not ours is kept byte for byte.
type written struct {
	rest       map[string]json.RawMessage // all members but the statements
	statements []json.RawMessage
}

// read takes a policy in JSON; an empty one has no statements.
func read(text string) (written, error) {
	w := written{rest: map[string]json.RawMessage{}}
	if strings.TrimSpace(text) == "" {
		w.rest["Version"] = json.RawMessage(`"2012-10-17"`)
		return w, nil
	}
	if err := json.Unmarshal([]byte(text), &w.rest); err != nil {
		return written{}, err
	}
	statements := w.rest["Statement"]
	delete(w.rest, "Statement")
	if len(statements) > 0 && statements[0] == '{' { // IAM takes one statement without a list
		w.statements = []json.RawMessage{statements}
		return w, nil
	}
	if len(statements) > 0 {
		if err := json.Unmarshal(statements, &w.statements); err != nil {
			return written{}, err
		}
	}
	return w, nil
}

// decode undoes the URL encoding in which IAM gives policies
// (https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html).
func decode(encoded string) string {
	for _, unescape := range []func(string) (string, error){url.PathUnescape, url.QueryUnescape} {
		if text, err := unescape(encoded); err == nil && json.Valid([]byte(text)) {
			return text
		}
	}
	return encoded
}

// text writes the policy again.
func (w written) text() (string, error) {
	out := object{}
	for _, key := range slices.Sorted(maps.Keys(w.rest)) {
		out = append(out, member{key, w.rest[key]})
	}
	text, err := compact(append(out, member{"Statement", w.statements}))
	return string(text), err
}

// facts are what a statement says, free of its notation: each element with its values, sorted. The same statement has
// the same facts however it is written.
type facts map[string][]string

var errNotStatement = errors.New("a statement that is not an object")

func factsOf(statement any) (facts, error) {
	text, err := compact(statement)
	if err != nil {
		return nil, err
	}
	var raw map[string]any
	if err := json.Unmarshal(text, &raw); err != nil || raw == nil {
		return nil, errNotStatement
	}
	out := facts{}
	for name, value := range raw {
		switch name {
		case "Sid":
		case "Principal", "NotPrincipal":
			if value == "*" { // which AWS takes for every principal too
				value = map[string]any{"AWS": "*"}
			}
			out.add(name, value)
		case "Condition":
			operators, _ := value.(map[string]any)
			for operator, keys := range operators {
				byKey, _ := keys.(map[string]any)
				for key, values := range byKey { // keys are compared without case
					out["Condition "+operator+" "+strings.ToLower(key)] = valuesOf(values)
				}
			}
		default:
			out.add(name, value)
		}
	}
	return out, nil
}

func (f facts) add(name string, value any) {
	if members, ok := value.(map[string]any); ok {
		for key, v := range members {
			f[name+" "+key] = valuesOf(v)
		}
		return
	}
	f[name] = valuesOf(value)
}

// valuesOf gives one value or many as a sorted list of texts.
func valuesOf(v any) []string {
	list, many := v.([]any)
	if !many {
		list = []any{v}
	}
	out := make([]string, 0, len(list))
	for _, one := range list {
		out = append(out, fmt.Sprint(one))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (f facts) equal(other facts) bool { return maps.EqualFunc(f, other, slices.Equal[[]string]) }

// sid gives a statement's name, or nothing.
func sid(statement json.RawMessage) string {
	var s struct{ Sid string }
	if json.Unmarshal(statement, &s) != nil {
		return ""
	}
	return s.Sid
}

// difference says what turns one statement into the other.
func difference(from, to facts) string {
	var parts []string
	keys := slices.Compact(slices.Sorted(func(yield func(string) bool) {
		for _, m := range []facts{from, to} {
			for k := range m {
				if !yield(k) {
					return
				}
			}
		}
	}))
	for _, key := range keys {
		for _, value := range to[key] {
			if !slices.Contains(from[key], value) {
				parts = append(parts, "+ "+key+" "+value)
			}
		}
		for _, value := range from[key] {
			if !slices.Contains(to[key], value) {
				parts = append(parts, "- "+key+" "+value)
			}
		}
	}
	return strings.Join(parts, ", ")
}

// summary says what a statement is about.
func (f facts) summary() string {
	out := strings.Join(append(f["Effect"], f["Action"]...), " ")
	if r := f["Resource"]; len(r) > 0 {
		out += " on " + strings.Join(r, ", ")
	}
	for _, key := range slices.Sorted(maps.Keys(f)) {
		if strings.HasPrefix(key, "Principal ") {
			out += " for " + strings.Join(f[key], ", ")
		}
	}
	return out
}

// named says which statement is meant, for people.
func named(statement json.RawMessage, i int) string {
	if s := sid(statement); s != "" {
		return s
	}
	return fmt.Sprintf("number %d", i+1)
}
