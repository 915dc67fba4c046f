package rules

import "quarry/internal/base/jsonl"

// The part of JSON Schema that structured output takes
// (https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html): no limits on numbers and lengths, no open
// objects, no external references. The provider answers 400 to the rest.
var refusedKeywords = map[string]bool{
	"minimum": true, "maximum": true, "exclusiveMinimum": true, "exclusiveMaximum": true, "multipleOf": true,
	"minLength": true, "maxLength": true, "maxItems": true, "uniqueItems": true, "minProperties": true, "maxProperties": true,
}

const maxSchemaDepth = 32

// answerSchema checks the schema of an answer.
func answerSchema(w *walk, value []byte) {
	if value[0] != '{' {
		w.fault(value, message{kind: wrongType, want: "object", got: value}, "")
		return
	}
	said := false
	for raw := range w.c.Members(value) {
		switch string(raw) {
		case "type", "properties", "anyOf", "oneOf", "allOf", "$ref", "enum", "const":
			said = true
		}
	}
	if !said {
		w.say(value, w.pathWith(".")+": Schema must have a 'type'",
			`describe the answer: {"type": "object", "properties": {…}, "required": […], "additionalProperties": false}`)
		return
	}
	w.schema(value, 0)
}

func (w *walk) schema(value []byte, depth int) {
	if value[0] != '{' || depth > maxSchemaDepth {
		return
	}
	isObject, closed := false, false
	for raw, v := range w.c.Members(value) {
		name := string(jsonl.Unescape(nil, raw))
		switch {
		case refusedKeywords[name]:
			w.push(name)
			w.say(v, "For this schema, property '"+name+"' is not supported", "remove it: Quarry's own check of the answers can hold them to it")
			w.pop()
		case name == "type":
			isObject = string(v) == `"object"`
		case name == "additionalProperties":
			closed = string(v) == "false"
			if !closed {
				w.push(name)
				w.say(v, "For 'object' type, 'additionalProperties' must be explicitly set to false", "set it to false")
				w.pop()
				closed = true
			}
		case name == "minItems":
			if n, ok := wholeNumber(v); ok && n > 1 {
				w.push(name)
				w.say(v, "For 'array' type, 'minItems' values other than 0 or 1 are not supported", "set it to 0 or 1")
				w.pop()
			}
		case name == "items":
			w.at(name, func() { w.schema(v, depth+1) })
		case name == "anyOf", name == "allOf", name == "oneOf", name == "prefixItems":
			w.at(name, func() { w.schemas(v, depth+1) })
		case name == "properties", name == "$defs", name == "definitions":
			w.at(name, func() {
				for raw, v := range w.c.Members(v) {
					w.at(shown(raw), func() { w.schema(v, depth+1) })
				}
			})
		}
	}
	if isObject && !closed {
		w.say(value, "For 'object' type, 'additionalProperties' must be explicitly set to false", `add "additionalProperties": false`)
	}
}

func (w *walk) schemas(list []byte, depth int) {
	n := 0
	for v := range w.c.Elements(list) {
		w.pushIndex(n)
		w.schema(v, depth)
		w.pop()
		n++
	}
}
