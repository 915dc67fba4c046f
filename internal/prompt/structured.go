package prompt

import (
	"bytes"
	"encoding/json"
	"fmt"

	"quarry"
)

// schemaName names the schema where a shape wants a name.
const schemaName = "answer"

// structuredMember is the member that makes the provider hold the model to a schema, or an empty one where the body has
// no place for it (https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html).
func structuredMember(t quarry.InvocationType, f family, schema []byte) (member, error) {
	if schema == nil || (t != quarry.Converse && f != anthropic && f != chat) {
		return member{}, nil
	}
	reduced, err := reduceSchema(schema)
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

// unsupportedKeywords are answered with 400 by the provider. Dropping one asks less of the model; the answer is checked
// against the whole schema all the same.
var unsupportedKeywords = []string{
	"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
	"minLength", "maxLength", "pattern", "maxItems", "uniqueItems", "minProperties", "maxProperties",
	"$schema", "$id", "$comment", "examples",
}

// reduceSchema gives the part of a schema that structured output takes. Objects are closed, which it demands; an answer
// that a closed object allows, the open one allows too.
func reduceSchema(schema []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(schema))
	d.UseNumber()
	var s any
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	reduce(s)
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return canonical(b)
}

// reduce walks the places of a schema where schemas stand, so that a property called "pattern" stays.
func reduce(s any) {
	m, ok := s.(map[string]any)
	if !ok {
		return
	}
	for _, k := range unsupportedKeywords {
		delete(m, k)
	}
	if n, ok := m["minItems"].(json.Number); ok && n != "0" && n != "1" {
		m["minItems"] = json.Number("1")
	}
	if _, ok := m["properties"]; ok {
		m["additionalProperties"] = false
	}
	reduce(m["items"])
	// Not below allOf, not and if: closing an object or asking less there can turn what they mean around.
	for _, k := range []string{"anyOf", "oneOf", "prefixItems"} {
		if list, ok := m[k].([]any); ok {
			for _, e := range list {
				reduce(e)
			}
		}
	}
	for _, k := range []string{"properties", "$defs", "definitions"} {
		if named, ok := m[k].(map[string]any); ok {
			for _, e := range named {
				reduce(e)
			}
		}
	}
}
