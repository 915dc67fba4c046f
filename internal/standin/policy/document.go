// Package policy reads IAM's policy documents and decides what their statements say.
//
// It owns the grammar of a document, its faults in IAM's words, and the evaluation of one statement: action, resource, condition and
// policy variables. Which documents count for whom, and principals, are the caller's. The rules are those of IAM's User Guide
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html and reference_policies_elements.html there); the
// words of its errors are those that users quote from IAM.
//
// What always holds: what cannot be read is never an Allow. A condition that cannot be evaluated denies.
package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Versions of the language. Variables are replaced from 2012 on.
const (
	Version2008 = "2008-10-17"
	Version2012 = "2012-10-17"
)

// Document is one policy.
type Document struct {
	Version   string
	Statement []Statement
}

// Statement is one statement. Principal and Condition are read by those that need them.
type Statement struct {
	Sid          string
	Effect       string
	Action       Texts
	NotAction    Texts
	Resource     Texts
	NotResource  Texts
	Principal    json.RawMessage
	NotPrincipal json.RawMessage
	Condition    json.RawMessage
}

// Parse reads a document and refuses unknown members and members that come twice.
func Parse(text string) (Document, error) {
	var d Document
	if err := onceEach(json.NewDecoder(bytes.NewReader([]byte(text)))); err != nil {
		return d, err
	}
	var raw struct {
		Version   string
		Statement json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return d, err
	}
	d.Version = raw.Version
	switch statements := bytes.TrimSpace(raw.Statement); {
	case len(statements) == 0, string(statements) == "null":
		return d, nil
	case statements[0] == '[':
		return d, strict(statements, &d.Statement)
	default:
		d.Statement = make([]Statement, 1)
		return d, strict(statements, &d.Statement[0])
	}
}

func strict(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}

// onceEach reads one value and refuses an object with the same key twice: encoding/json would keep the last, and IAM refuses it.
func onceEach(dec *json.Decoder) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for dec.More() {
		if delim == '{' {
			key, err := dec.Token()
			if err != nil {
				return err
			}
			name, _ := key.(string)
			if seen[name] {
				return fmt.Errorf("key %q is given twice", name)
			}
			seen[name] = true
		}
		if err := onceEach(dec); err != nil {
			return err
		}
	}
	_, err = dec.Token() // the end of the object or list
	return err
}

// Texts is a text or a list of texts.
type Texts []string

// UnmarshalJSON takes a text for a list of one.
func (t *Texts) UnmarshalJSON(data []byte) error {
	var one string
	switch {
	case string(bytes.TrimSpace(data)) == "null":
		*t = nil
		return nil
	case json.Unmarshal(data, &one) == nil:
		*t = Texts{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}
