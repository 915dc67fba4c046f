package prompt

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"quarry"
	"quarry/internal/base/jsonl"
)

// schemaName names the schema where a shape wants a name.
const schemaName = "answer"

// structuredMember is the member that makes the provider hold the model to a schema, or an empty one where the body has
// no place for it (https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html).
func structuredMember(t quarry.InvocationType, f family, schema []byte) (member, error) {
	return structuredForm(t, f, schema, true)
}

// structuredForm also makes the form without limits in the descriptions, which records of earlier versions have.
func structuredForm(t quarry.InvocationType, f family, schema []byte, limits bool) (member, error) {
	if schema == nil || (t != quarry.Converse && f != anthropic && f != chat) {
		return member{}, nil
	}
	reduced, err := reduceSchema(schema, limits)
	if err != nil {
		return member{}, err
	}
	kind := member{"type", quoted("json_schema")}
	switch {
	case t == quarry.Converse:
		s := objectOf(member{"name", quoted(schemaName)}, member{"schema", quoted(string(reduced))})
		return member{"outputConfig", objectOf(member{"textFormat", objectOf(kind,
			member{"structure", objectOf(member{"jsonSchema", s})})})}, nil
	case f == anthropic:
		return member{"output_config", objectOf(member{"format", objectOf(kind, member{"schema", raw(string(reduced))})})}, nil
	}
	return member{"response_format", objectOf(kind,
		member{"json_schema", objectOf(member{"name", quoted(schemaName)}, member{"schema", raw(string(reduced))})})}, nil
}

// limitsLead is before the limits at the end of a place's description.
const limitsLead = "Limits: "

// unsupportedKeywords are answered with 400 by the provider. Dropping one asks less of the model, so it is given the limit in
// the place's description, as Anthropic's own SDKs do (https://docs.claude.com/en/docs/build-with-claude/structured-outputs);
// the answer is checked against the whole schema all the same.
var unsupportedKeywords = []string{
	"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
	"minLength", "maxLength", "pattern", "maxItems", "uniqueItems", "minProperties", "maxProperties",
	"$schema", "$id", "$comment", "examples",
}

// reduceSchema gives the part of a schema that structured output takes, its members in their own order: models write an
// answer's members as the schema names them. Objects are closed, which it demands; an answer that a closed object allows,
// the open one allows too.
func reduceSchema(schema []byte, limits bool) ([]byte, error) {
	v, err := compact(schema)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return reducer{limits}.reduce(v), nil
}

// reducer says limits in descriptions, or leaves them out.
type reducer struct{ limits bool }

// compact takes white space out and leaves the order of members.
func compact(value []byte) ([]byte, error) {
	return jsontext.AppendFormat(nil, value,
		jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false), jsontext.PreserveRawStrings(false))
}

// reduce walks the places of a schema where schemas are, so that a property called "pattern" stays.
func (r reducer) reduce(schema []byte) []byte {
	if jsontext.Value(schema).Kind() != '{' {
		return schema
	}
	_, closed := jsonl.Lookup(schema, "properties")
	out := []byte{'{'}
	var description []byte
	var limits []member
	put := func(name, value []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), name...), '"', ':')
		out = append(out, value...)
	}
	for name, value := range jsonl.Members(schema) {
		switch n := string(name); {
		case slices.Contains(unsupportedKeywords, n):
			if isLimit(n) {
				limits = append(limits, member{n, raw(string(value))})
			}
			continue
		case n == "additionalProperties" && closed:
			continue
		case n == "minItems" && string(value) != "0":
			if string(value) != "1" {
				limits = append(limits, member{n, raw(string(value))})
			}
			value = []byte("1")
		case n == "description" && r.limits:
			description = value
			continue
		case n == "items":
			value = r.reduce(value)
		// Not below allOf, not and if: closing an object or asking less there can turn what they mean around.
		case n == "anyOf", n == "oneOf", n == "prefixItems":
			value = r.reduceEach(value)
		case n == "properties", n == "$defs", n == "definitions":
			value = r.reduceNamed(value)
		}
		put(name, value)
	}
	if len(limits) > 0 && r.limits {
		description = withLimits(description, objectOf(limits...))
	}
	if description != nil {
		put([]byte("description"), description)
	}
	if closed {
		put([]byte("additionalProperties"), []byte("false"))
	}
	return append(out, '}')
}

// isLimit tells the keywords that say something to a model from those that say something about the schema.
func isLimit(keyword string) bool { return keyword[0] != '$' && keyword != "examples" }

// withLimits puts the limits at the end of a description, which is quoted JSON or nil.
func withLimits(description []byte, limits []piece) []byte {
	text, err := jsontext.AppendUnquote(nil, description)
	if err != nil || len(text) == 0 {
		text = nil
	} else {
		text = append(text, ' ')
	}
	out, err := jsontext.AppendQuote(nil, string(text)+limitsLead+string(merge(limits)[0].literal))
	if err != nil {
		return description // broken UTF-8, which a schema that was read cannot hold
	}
	return out
}

func (r reducer) reduceEach(list []byte) []byte {
	if jsontext.Value(list).Kind() != '[' {
		return list
	}
	var values []jsontext.Value
	for e := range jsonl.Elements(list) {
		values = append(values, r.reduce(e))
	}
	return joined(values)
}

func (r reducer) reduceNamed(object []byte) []byte {
	if jsontext.Value(object).Kind() != '{' {
		return object
	}
	out := []byte{'{'}
	for name, value := range jsonl.Members(object) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), name...), '"', ':')
		out = append(out, r.reduce(value)...)
	}
	return append(out, '}')
}
