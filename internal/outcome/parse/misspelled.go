package parse

import (
	"bytes"
	"maps"
	"slices"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"quarry/internal/base/nearest"
)

// Misspelled is a member of a schema that is no keyword and looks like one. JSON Schema takes unknown members for notes, so it
// checks nothing.
type Misspelled struct {
	Path []string // from the schema's root, the member's own name last
	Near string   // the keyword that was probably meant
}

// Misspellings finds them in a schema, in the order of their paths. A schema that is not JSON has none.
func Misspellings(schema []byte) []Misspelled {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil
	}
	var found []Misspelled
	misspellings(&found, nil, doc)
	return found
}

// What the value of a keyword holds.
const (
	plain   = iota
	schema  // a schema, or a list of schemas
	schemas // schemas by names of the author's own
)

// keywords are those of JSON Schema 2020-12 (https://json-schema.org/draft/2020-12/json-schema-validation), of the drafts
// before it, and of OpenAPI, which model providers take.
var keywords = map[string]int{
	"$schema": plain, "$id": plain, "$ref": plain, "$anchor": plain, "$dynamicRef": plain, "$dynamicAnchor": plain, "$vocabulary": plain, "$comment": plain,
	"$recursiveRef": plain, "$recursiveAnchor": plain, "id": plain,
	"type": plain, "enum": plain, "const": plain, "multipleOf": plain, "maximum": plain, "exclusiveMaximum": plain, "minimum": plain, "exclusiveMinimum": plain,
	"maxLength": plain, "minLength": plain, "pattern": plain, "maxItems": plain, "minItems": plain, "uniqueItems": plain, "maxContains": plain, "minContains": plain,
	"maxProperties": plain, "minProperties": plain, "required": plain, "dependentRequired": plain, "format": plain, "contentEncoding": plain, "contentMediaType": plain,
	"title": plain, "description": plain, "default": plain, "deprecated": plain, "readOnly": plain, "writeOnly": plain, "examples": plain, "example": plain, "nullable": plain,
	"items": schema, "additionalItems": schema, "additionalProperties": schema, "not": schema, "if": schema, "then": schema, "else": schema, "contains": schema,
	"propertyNames": schema, "unevaluatedItems": schema, "unevaluatedProperties": schema, "contentSchema": schema,
	"allOf": schema, "anyOf": schema, "oneOf": schema, "prefixItems": schema,
	"properties": schemas, "patternProperties": schemas, "$defs": schemas, "definitions": schemas, "dependentSchemas": schemas, "dependencies": schemas,
}

var keywordNames = slices.Sorted(maps.Keys(keywords))

func misspellings(found *[]Misspelled, path []string, v any) {
	if list, ok := v.([]any); ok {
		for i, e := range list {
			misspellings(found, deeper(path, strconv.Itoa(i)), e)
		}
		return
	}
	members, ok := v.(map[string]any)
	if !ok {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		at := deeper(path, name)
		holds, ok := keywords[name]
		switch {
		case !ok:
			if near := nearest.Of(name, keywordNames); near != "" {
				*found = append(*found, Misspelled{at, near})
			}
		case holds == schema:
			misspellings(found, at, members[name])
		case holds == schemas:
			inner, _ := members[name].(map[string]any)
			for _, own := range slices.Sorted(maps.Keys(inner)) {
				misspellings(found, deeper(at, own), inner[own])
			}
		}
	}
}

// deeper is a path with one more name; the path itself stays as it is.
func deeper(path []string, name string) []string { return append(slices.Clone(path), name) }
