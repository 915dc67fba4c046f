package ask

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"quarry/internal/standin/model/family"
)

type types uint8

const (
	typeNull types = 1 << iota
	typeString
	typeNumber
	typeBool
	typeArray
	typeObject
	typeAny = typeNull | typeString | typeNumber | typeBool | typeArray | typeObject
)

var typeNames = map[string]types{
	"null": typeNull, "string": typeString, "number": typeNumber, "integer": typeNumber, "boolean": typeBool, "array": typeArray, "object": typeObject,
}

// Node is one place of the answer: which JSON types it may hold.
type Node struct {
	types types
	enum  []jsontext.Value // const counts as one
	props []prop           // in the schema's order
	items *Node
	min   int  // minItems
	loose bool // read out of words, not from a schema
}

type prop struct {
	name     string
	required bool
	node     *Node
}

// Null tells whether the place may hold null.
func (n *Node) Null() bool { return n.types&typeNull != 0 }

// String tells whether the place may hold text.
func (n *Node) String() bool { return n.types&typeString != 0 }

// Array tells whether the place may hold a list.
func (n *Node) Array() bool { return n.types&typeArray != 0 }

// Number tells whether the place may hold a number.
func (n *Node) Number() bool { return n.types&typeNumber != 0 }

// Bool tells whether the place may hold true or false.
func (n *Node) Bool() bool { return n.types&typeBool != 0 }

// Enum are the only values allowed, nil when any will do.
func (n *Node) Enum() []jsontext.Value { return n.enum }

// Items is what a list here holds, nil when the schema does not say.
func (n *Node) Items() *Node { return n.items }

// MinItems is the least length of a list here.
func (n *Node) MinItems() int { return n.min }

// maxNodes bounds a schema unfolded through its references.
const maxNodes = 2000

// ParseSchema reads the part of JSON Schema that structured output takes on Bedrock: type, properties, required, items, enum, const,
// anyOf, oneOf, allOf with one branch, and $ref into the schema itself, without recursion. The error is a *family.Invalid.
func ParseSchema(schema jsontext.Value) (*Node, error) {
	p := &schemaParser{root: schema}
	n, err := p.node(schema, 0)
	if err != nil {
		return nil, err
	}
	return n, nil
}

type schemaParser struct {
	root  jsontext.Value
	nodes int
}

func schemaError(format string, args ...any) error {
	return &family.Invalid{Message: "output schema: " + fmt.Sprintf(format, args...)}
}

type rawSchema struct {
	Type       jsontext.Value   `json:"type"`
	Properties jsontext.Value   `json:"properties"`
	Required   []string         `json:"required"`
	Items      jsontext.Value   `json:"items"`
	MinItems   int              `json:"minItems"`
	Enum       []jsontext.Value `json:"enum"`
	Const      jsontext.Value   `json:"const"`
	AnyOf      []jsontext.Value `json:"anyOf"`
	OneOf      []jsontext.Value `json:"oneOf"`
	AllOf      []jsontext.Value `json:"allOf"`
	Ref        string           `json:"$ref"`
}

func (p *schemaParser) node(schema jsontext.Value, depth int) (*Node, error) {
	if p.nodes++; p.nodes > maxNodes || depth > family.MaxDepth {
		return nil, schemaError("too large or recursive")
	}
	if k := schema.Kind(); k == jsontext.KindTrue || len(schema) == 0 {
		return &Node{types: typeAny}, nil
	}
	var raw rawSchema
	if err := json.Unmarshal(schema, &raw); err != nil {
		return nil, schemaError("cannot be read: %v", err)
	}
	if raw.Ref != "" {
		target, err := p.resolve(raw.Ref)
		if err != nil {
			return nil, err
		}
		return p.node(target, depth+1)
	}
	n := &Node{enum: raw.Enum, min: min(max(raw.MinItems, 0), 16)}
	if len(raw.Const) > 0 {
		n.enum = []jsontext.Value{raw.Const}
	}
	if err := n.setTypes(raw.Type); err != nil {
		return nil, err
	}
	branches := append(append(raw.AnyOf, raw.OneOf...), raw.AllOf...)
	if len(branches) > 0 {
		if err := p.merge(n, branches, depth, len(raw.Type) > 0); err != nil {
			return nil, err
		}
	}
	if len(raw.Properties) > 0 {
		if err := p.properties(n, raw, depth); err != nil {
			return nil, err
		}
	}
	if len(raw.Items) > 0 {
		items, err := p.node(raw.Items, depth+1)
		if err != nil {
			return nil, err
		}
		n.items = items
		if len(raw.Type) == 0 {
			n.types = typeArray
		}
	}
	return n, nil
}

func (n *Node) setTypes(v jsontext.Value) error {
	switch v.Kind() {
	case jsontext.KindString:
		var name string
		if err := json.Unmarshal(v, &name); err != nil || typeNames[name] == 0 {
			return schemaError("unknown type %s", v)
		}
		n.types = typeNames[name]
	case jsontext.KindBeginArray:
		var names []string
		if err := json.Unmarshal(v, &names); err != nil {
			return schemaError("type cannot be read: %v", err)
		}
		for _, name := range names {
			if typeNames[name] == 0 {
				return schemaError("unknown type %q", name)
			}
			n.types |= typeNames[name]
		}
	default:
		n.types = typeAny
		if len(n.enum) > 0 {
			n.types = 0
			for _, e := range n.enum {
				n.types |= typeOf(e)
			}
		}
	}
	return nil
}

func typeOf(v jsontext.Value) types {
	switch v.Kind() {
	case jsontext.KindNull:
		return typeNull
	case jsontext.KindString:
		return typeString
	case jsontext.KindNumber:
		return typeNumber
	case jsontext.KindBeginArray:
		return typeArray
	case jsontext.KindBeginObject:
		return typeObject
	}
	return typeBool
}

// merge makes one place of several alternatives: the first that says more than null gives the form, null is kept where allowed.
func (p *schemaParser) merge(n *Node, branches []jsontext.Value, depth int, typed bool) error {
	var form *Node
	null := typed && n.types&typeNull != 0
	for _, b := range branches {
		alt, err := p.node(b, depth+1)
		if err != nil {
			return err
		}
		null = null || alt.Null() && alt.types != typeAny
		if form == nil && alt.types != typeNull {
			form = alt
		}
	}
	if form == nil {
		n.types = typeNull
		return nil
	}
	enum := n.enum
	*n = *form
	if enum != nil {
		n.enum = enum
	}
	if null {
		n.types |= typeNull
	}
	return nil
}

func (p *schemaParser) properties(n *Node, raw rawSchema, depth int) error {
	required := map[string]bool{}
	for _, name := range raw.Required {
		required[name] = true
	}
	dec := jsontext.NewDecoder(bytes.NewReader(raw.Properties))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != jsontext.KindBeginObject {
		return schemaError("properties is not an object")
	}
	for dec.PeekKind() == jsontext.KindString {
		name, err := dec.ReadToken()
		if err != nil {
			return schemaError("properties cannot be read: %v", err)
		}
		key := name.String()
		v, err := dec.ReadValue()
		if err != nil {
			return schemaError("properties cannot be read: %v", err)
		}
		child, err := p.node(v.Clone(), depth+1)
		if err != nil {
			return err
		}
		n.props = append(n.props, prop{name: key, required: required[key], node: child})
	}
	if len(raw.Type) == 0 {
		n.types = typeObject
	}
	return nil
}

// resolve follows a reference of the form #/$defs/name.
func (p *schemaParser) resolve(ref string) (jsontext.Value, error) {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil, schemaError("$ref %q is outside of the schema", ref)
	}
	at := p.root
	for token := range jsontext.Pointer(path).Tokens() {
		var object map[string]jsontext.Value
		if err := json.Unmarshal(at, &object); err != nil || len(object[token]) == 0 {
			return nil, schemaError("$ref %q leads nowhere", ref)
		}
		at = object[token]
	}
	return at, nil
}

// Plain tells whether the place can hold something that is neither a list nor an object.
func (n *Node) Plain() bool {
	return n.types&(typeString|typeNumber|typeBool|typeNull) != 0
}
