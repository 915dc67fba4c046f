package parse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"quarry/internal/base/jsonl"
)

const schemaURL = "quarry:answer"

// noLoader refuses what a schema would fetch from elsewhere: a check of answers opens no file and no connection.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is outside the schema", url)
}

// compileSchema also gives the bracket with which a valid answer begins; 0 where the schema requires neither object nor
// array.
func compileSchema(raw []byte) (*jsonschema.Schema, byte, error) {
	if _, err := strict(nil, string(raw)); err != nil {
		return nil, 0, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, 0, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource(schemaURL, doc); err != nil {
		return nil, 0, err
	}
	s, err := c.Compile(schemaURL)
	var invalid *jsonschema.SchemaValidationError
	var why *jsonschema.ValidationError
	switch {
	case errors.As(err, &invalid) && errors.As(invalid.Err, &why):
		return nil, 0, notASchema(why)
	case err != nil:
		return nil, 0, err
	}
	return s, opener(s), nil
}

// SchemaError says where a JSON Schema is not one.
type SchemaError struct {
	Path   []string // from the schema's root: properties, title, type
	Reason string
}

// Error gives the path and the reason on one line.
func (e *SchemaError) Error() string {
	if len(e.Path) == 0 {
		return e.Reason
	}
	return strings.Join(e.Path, ".") + ": " + e.Reason
}

// notASchema picks one of the metaschema's complaints: the deepest place, and there the complaint about the value rather
// than about an alternative of it (a type may be a name or a list of names; "strng" is a wrong name, not a missing list).
func notASchema(e *jsonschema.ValidationError) *SchemaError {
	var best *SchemaError
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) > 0 {
			for _, cause := range e.Causes {
				walk(cause)
			}
			return
		}
		found := &SchemaError{Path: e.InstanceLocation, Reason: e.ErrorKind.LocalizedString(message.NewPrinter(language.English))}
		_, aboutValue := e.ErrorKind.(*kind.Enum)
		at, bestAt := strings.Join(found.Path, "/"), ""
		if best != nil {
			bestAt = strings.Join(best.Path, "/")
		}
		switch {
		case best == nil, len(found.Path) > len(best.Path), len(found.Path) == len(best.Path) && at < bestAt, at == bestAt && aboutValue:
			best = found
		}
	}
	walk(e)
	return best
}

// opener reads the type of a schema. One that names none is taken for an object's, which is what answers are.
func opener(s *jsonschema.Schema) byte {
	if s.Types == nil || s.Types.IsEmpty() {
		return '{'
	}
	types := s.Types.ToStrings()
	switch {
	case slices.Contains(types, "object"):
		return '{'
	case slices.Contains(types, "array"):
		return '['
	}
	return 0
}

// decode gives the value of strict JSON, numbers as they are written, in the types that the schema's library takes.
func decode(b []byte) (any, string) {
	v := tree(b)
	if n, ok := hugeNumber(v); ok {
		return nil, clip("the number " + n + " is out of range")
	}
	return v, ""
}

func tree(b []byte) any {
	switch kindOf(b) {
	case '{':
		object := map[string]any{}
		for name, value := range jsonl.Members(b) {
			object[string(jsonl.Unescape(nil, name))] = tree(value)
		}
		return object
	case '[':
		array := []any{}
		for value := range jsonl.Elements(b) {
			array = append(array, tree(value))
		}
		return array
	case '"':
		s, _ := text(b)
		return s
	case '0':
		return json.Number(b)
	case 't', 'f':
		return b[0] == 't'
	}
	return nil
}

// hugeNumber finds a number beyond what a float can hold, or close to its edge. The schema's library computes with
// exact fractions: 1e999999 would take it megabytes, and a larger exponent it cannot read at all.
func hugeNumber(v any) (string, bool) {
	switch v := v.(type) {
	case json.Number:
		s := string(v)
		if len(s) > 400 {
			return s, true
		}
		if i := strings.IndexAny(s, "eE"); i >= 0 {
			e, err := strconv.Atoi(s[i+1:])
			return s, err != nil || e > 400 || e < -400
		}
	case []any:
		for _, e := range v {
			if n, ok := hugeNumber(e); ok {
				return n, true
			}
		}
	case map[string]any:
		for _, e := range v {
			if n, ok := hugeNumber(e); ok {
				return n, true
			}
		}
	}
	return "", false
}

const maxComplaints = 5

// complain gives what the schema rejects, "" where nothing. The same answer always gets the same words: the library
// walks members in random order.
func (c *Checker) complain(v any) string {
	err := c.schema.Validate(v)
	if err == nil {
		return ""
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return clip(err.Error())
	}
	all := complaints(nil, invalid)
	slices.Sort(all)
	all = slices.Compact(all)
	if n := len(all); n > maxComplaints {
		all = append(all[:maxComplaints], fmt.Sprintf("and %d more", n-maxComplaints))
	}
	return clip(strings.Join(all, "; "))
}

// complaints collects the innermost errors, which say what is wrong and not that something is.
func complaints(dst []string, e *jsonschema.ValidationError) []string {
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			dst = complaints(dst, cause)
		}
		return dst
	}
	what := ""
	if k, ok := e.ErrorKind.(*kind.AdditionalProperties); ok {
		names := slices.Sorted(slices.Values(k.Properties))
		what = fmt.Sprintf("members that the schema does not know: %q", names)
	} else {
		what = e.ErrorKind.LocalizedString(message.NewPrinter(language.English))
	}
	if at := strings.Join(e.InstanceLocation, "."); at != "" {
		what = at + ": " + what
	}
	return append(dst, what)
}

// Fits says what the schema rejects of JSON that was checked, such as an answer that a person wrote; nil: nothing. It does not look at
// languages. There must be a schema.
func (c *Checker) Fits(output []byte) error {
	v, problem := decode(output)
	if problem == "" {
		problem = c.complain(v)
	}
	if problem != "" {
		return errors.New(problem)
	}
	return nil
}
