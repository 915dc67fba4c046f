package ask

import (
	"bytes"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"quarry/internal/standin/model/family"
)

// maxNodes bounds a schema unfolded through its references.
const maxNodes = 2000

// ParseSchema reads a JSON Schema: types, properties, items and the keywords that limit them, enum, const, allOf, anyOf and
// oneOf (the first branch that can hold more than null), and $ref into the schema itself. A reference that leads back to
// itself is a place that can only be left out. Keywords that no rule can fill by (not, if, dependentSchemas) are passed
// over: what is written is to be checked against the schema by who needs to know. The error is a *family.Invalid.
func ParseSchema(schema jsontext.Value) (*Node, error) {
	p := &schemaParser{root: schema}
	n, err := p.node(schema, 0)
	if err != nil {
		return nil, err
	}
	if n.cut {
		return nil, schemaError("it leads back to itself")
	}
	return n, nil
}

type schemaParser struct {
	root  jsontext.Value
	refs  []string // that are being followed
	nodes int
}

func schemaError(format string, args ...any) error {
	return &family.Invalid{Message: "output schema: " + fmt.Sprintf(format, args...)}
}

type rawSchema struct {
	Description   string         `json:"description"`
	Type          jsontext.Value `json:"type"`
	Properties    jsontext.Value `json:"properties"`
	Required      []string       `json:"required"`
	Additional    jsontext.Value `json:"additionalProperties"`
	MinProperties int            `json:"minProperties"`
	PatternProps  jsontext.Value `json:"patternProperties"`
	PropertyNames *struct {
		Pattern string `json:"pattern"`
	} `json:"propertyNames"`
	DependentReq map[string][]string `json:"dependentRequired"`
	Items        jsontext.Value      `json:"items"`
	PrefixItems  []jsontext.Value    `json:"prefixItems"`
	Contains     jsontext.Value      `json:"contains"`
	MinContains  *int                `json:"minContains"`
	MinItems     int                 `json:"minItems"`
	MaxItems     *int                `json:"maxItems"`
	Unique       bool                `json:"uniqueItems"`
	MinLength    int                 `json:"minLength"`
	MaxLength    *int                `json:"maxLength"`
	Pattern      string              `json:"pattern"`
	Format       string              `json:"format"`
	Minimum      jsontext.Value      `json:"minimum"`
	Maximum      jsontext.Value      `json:"maximum"`
	OverMinimum  jsontext.Value      `json:"exclusiveMinimum"` // a number, or in draft 4 true
	UnderMaximum jsontext.Value      `json:"exclusiveMaximum"`
	MultipleOf   jsontext.Value      `json:"multipleOf"`
	Enum         []jsontext.Value    `json:"enum"`
	Const        jsontext.Value      `json:"const"`
	Default      jsontext.Value      `json:"default"`
	Examples     []jsontext.Value    `json:"examples"`
	Nullable     bool                `json:"nullable"` // OpenAPI 3.0
	AnyOf        []jsontext.Value    `json:"anyOf"`
	OneOf        []jsontext.Value    `json:"oneOf"`
	AllOf        []jsontext.Value    `json:"allOf"`
	Ref          string              `json:"$ref"`
}

func (p *schemaParser) node(schema jsontext.Value, depth int) (*Node, error) {
	if p.nodes++; p.nodes > maxNodes || depth > family.MaxDepth {
		return nil, schemaError("too large or recursive")
	}
	if k := schema.Kind(); k == jsontext.KindTrue || len(schema) == 0 {
		return newNode(typeAny), nil
	}
	var raw rawSchema
	if err := json.Unmarshal(schema, &raw); err != nil {
		return nil, schemaError("cannot be read: %v", err)
	}
	raw.addLimits()
	n := newNode(typeAny)
	if raw.Ref != "" {
		if slices.Contains(p.refs, raw.Ref) {
			return &Node{types: typeAny, cut: true, Limits: newNode(0).Limits}, nil
		}
		target, err := p.resolve(raw.Ref)
		if err != nil {
			return nil, err
		}
		p.refs = append(p.refs, raw.Ref)
		n, err = p.node(target, depth+1)
		p.refs = p.refs[:len(p.refs)-1]
		if err != nil {
			return nil, err
		}
	}
	own, err := p.own(raw, depth)
	if err != nil {
		return nil, err
	}
	n.narrow(own)
	for _, b := range raw.AllOf {
		branch, err := p.node(b, depth+1)
		if err != nil {
			return nil, err
		}
		n.narrow(branch)
	}
	for _, branches := range [][]jsontext.Value{raw.AnyOf, raw.OneOf} {
		if err := p.choose(n, branches, depth); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// addLimits reads the keywords that structured output refuses, and that clients say in the description of a place: Quarry as
// "Limits: {…}", Anthropic's SDKs as "{…}".
func (raw *rawSchema) addLimits() {
	start := strings.LastIndexByte(raw.Description, '{')
	if start < 0 || !strings.HasSuffix(strings.TrimSpace(raw.Description), "}") {
		return
	}
	for _, from := range []int{strings.Index(raw.Description, "Limits: {"), start} {
		if from < 0 {
			continue
		}
		text := strings.TrimPrefix(raw.Description[from:], "Limits: ")
		var said struct {
			MinItems   *int           `json:"minItems"`
			MaxItems   *int           `json:"maxItems"`
			Unique     bool           `json:"uniqueItems"`
			MinLength  *int           `json:"minLength"`
			MaxLength  *int           `json:"maxLength"`
			Pattern    string         `json:"pattern"`
			Minimum    jsontext.Value `json:"minimum"`
			Maximum    jsontext.Value `json:"maximum"`
			Over       jsontext.Value `json:"exclusiveMinimum"`
			Under      jsontext.Value `json:"exclusiveMaximum"`
			Multiple   jsontext.Value `json:"multipleOf"`
			Properties *int           `json:"minProperties"`
		}
		if json.Unmarshal([]byte(text), &said) != nil {
			continue // words of its own
		}
		for _, n := range []struct{ from, into *int }{{said.MinItems, &raw.MinItems}, {said.MinLength, &raw.MinLength}, {said.Properties, &raw.MinProperties}} {
			if n.from != nil {
				*n.into = max(*n.into, *n.from)
			}
		}
		for _, n := range []struct {
			from *int
			into **int
		}{{said.MaxItems, &raw.MaxItems}, {said.MaxLength, &raw.MaxLength}} {
			if *n.into == nil {
				*n.into = n.from
			}
		}
		for _, n := range []struct {
			from jsontext.Value
			into *jsontext.Value
		}{{said.Minimum, &raw.Minimum}, {said.Maximum, &raw.Maximum}, {said.Over, &raw.OverMinimum}, {said.Under, &raw.UnderMaximum}, {said.Multiple, &raw.MultipleOf}} {
			if len(*n.into) == 0 {
				*n.into = n.from
			}
		}
		raw.Unique = raw.Unique || said.Unique
		if raw.Pattern == "" {
			raw.Pattern = said.Pattern
		}
		return
	}
}

// own reads the keywords of a schema itself.
func (p *schemaParser) own(raw rawSchema, depth int) (*Node, error) {
	n := newNode(typeAny)
	n.enum = raw.Enum
	if len(raw.Const) > 0 {
		n.enum = []jsontext.Value{raw.Const}
	}
	if err := n.setTypes(raw); err != nil {
		return nil, err
	}
	if err := n.setLimits(raw); err != nil {
		return nil, err
	}
	var err error
	if len(raw.Properties) > 0 {
		if err := p.properties(n, raw.Properties, depth); err != nil {
			return nil, err
		}
	}
	for _, name := range raw.Required {
		n.addProp(prop{name: name, required: true})
	}
	if k := raw.Additional.Kind(); k == jsontext.KindFalse {
		n.shut = true
	} else if k == jsontext.KindBeginObject {
		if n.extra, err = p.node(raw.Additional, depth+1); err != nil {
			return nil, err
		}
	}
	if err := p.patternProperties(n, raw, depth); err != nil {
		return nil, err
	}
	if k := raw.Items.Kind(); k == jsontext.KindFalse {
		n.MaxItems = lower(n.MaxItems, len(raw.PrefixItems))
	} else if len(raw.Items) > 0 {
		if n.items, err = p.node(raw.Items, depth+1); err != nil {
			return nil, err
		}
	}
	for _, v := range raw.PrefixItems {
		item, err := p.node(v, depth+1)
		if err != nil {
			return nil, err
		}
		n.Prefix = append(n.Prefix, item)
	}
	if len(raw.Contains) > 0 {
		if n.Contains, err = p.node(raw.Contains, depth+1); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// setTypes reads the type, which a schema may leave to its other keywords.
func (n *Node) setTypes(raw rawSchema) error {
	switch v := raw.Type; v.Kind() {
	case jsontext.KindString:
		var name string
		if err := json.Unmarshal(v, &name); err != nil || typeNames[name] == 0 {
			return schemaError("unknown type %s", v)
		}
		n.types, n.Integer = typeNames[name], name == "integer"
	case jsontext.KindBeginArray:
		var names []string
		if err := json.Unmarshal(v, &names); err != nil {
			return schemaError("type cannot be read: %v", err)
		}
		n.types = 0
		for _, name := range names {
			if typeNames[name] == 0 {
				return schemaError("unknown type %q", name)
			}
			n.types |= typeNames[name]
		}
		n.Integer = slices.Contains(names, "integer") && !slices.Contains(names, "number")
	default:
		switch {
		case len(n.enum) > 0:
			n.types = 0
			for _, e := range n.enum {
				n.types |= typeOf(e)
			}
		case len(raw.Properties) > 0 || len(raw.Required) > 0 || len(raw.PatternProps) > 0:
			n.types = typeObject
		case len(raw.Items) > 0 || len(raw.PrefixItems) > 0:
			n.types = typeArray
		case raw.Pattern != "" || raw.MinLength > 0 || raw.MaxLength != nil:
			n.types = typeString
		case len(raw.Minimum) > 0 || len(raw.Maximum) > 0 || len(raw.MultipleOf) > 0:
			n.types = typeNumber
		}
	}
	if raw.Nullable {
		n.types |= typeNull
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

func (n *Node) setLimits(raw rawSchema) error {
	n.MinLength, n.MinItems, n.few = max(raw.MinLength, 0), max(raw.MinItems, 0), max(raw.MinProperties, 0)
	if raw.MaxLength != nil {
		n.MaxLength = max(*raw.MaxLength, 0)
	}
	if raw.MaxItems != nil {
		n.MaxItems = max(*raw.MaxItems, 0)
	}
	if raw.MinContains != nil {
		n.MinContains = max(*raw.MinContains, 0)
	}
	if raw.Pattern != "" {
		n.Patterns = []string{raw.Pattern}
	}
	n.Format, n.Unique, n.needs, n.Default = raw.Format, raw.Unique, raw.DependentReq, raw.Default
	if len(raw.Examples) > 0 {
		n.Example = raw.Examples[0]
	}
	for _, bound := range []struct {
		keyword string
		value   jsontext.Value
		into    **big.Rat
		open    *bool // nil: the bound is part of what is allowed
	}{
		{"minimum", raw.Minimum, &n.Min, nil},
		{"maximum", raw.Maximum, &n.Max, nil},
		{"exclusiveMinimum", raw.OverMinimum, &n.Min, &n.OpenMin},
		{"exclusiveMaximum", raw.UnderMaximum, &n.Max, &n.OpenMax},
		{"multipleOf", raw.MultipleOf, &n.MultipleOf, nil},
	} {
		switch bound.value.Kind() {
		case jsontext.KindTrue: // draft 4
			if bound.open != nil {
				*bound.open = true
			}
		case jsontext.KindNumber:
			r, ok := number(bound.value)
			if !ok {
				return schemaError("%s %s cannot be read", bound.keyword, bound.value)
			}
			if *bound.into == nil || bound.open != nil {
				*bound.into = r
			}
			if bound.open != nil {
				*bound.open = true
			}
		}
	}
	if n.MultipleOf != nil && n.MultipleOf.Sign() <= 0 {
		return schemaError("multipleOf must be above 0")
	}
	return nil
}

// number reads a JSON number of ordinary size exactly.
func number(v jsontext.Value) (*big.Rat, bool) {
	if f, err := strconv.ParseFloat(string(v), 64); err != nil || len(v) > 64 || f > 1e300 || f < -1e300 {
		return nil, false
	}
	return new(big.Rat).SetString(string(v))
}

// choose adds the first alternative that agrees with the schema's other keywords and allows more than null. null stays allowed
// if an alternative allows it.
func (p *schemaParser) choose(n *Node, branches []jsontext.Value, depth int) error {
	if len(branches) == 0 {
		return nil
	}
	var form *Node
	null, cut := false, true
	for _, b := range branches {
		alt, err := p.node(b, depth+1)
		if err != nil {
			return err
		}
		null, cut = null || alt.Null() && alt.types != typeAny, cut && alt.cut
		merged := *n
		merged.props = slices.Clone(n.props)
		if !merged.narrow(alt) || merged.types == typeNull || alt.cut || form != nil {
			continue
		}
		form = &merged
	}
	allowed := n.types & typeNull
	if form == nil {
		n.types &= typeNull
		n.cut = n.cut || cut
		return nil
	}
	*n = *form
	if null && allowed != 0 {
		n.types |= typeNull
	}
	return nil
}

func (p *schemaParser) properties(n *Node, v jsontext.Value, depth int) error {
	dec := jsontext.NewDecoder(bytes.NewReader(v))
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
		n.props = append(n.props, prop{name: key, node: child})
	}
	return nil
}

// patternProperties keeps the first pattern of names and what it holds: enough to make names by.
func (p *schemaParser) patternProperties(n *Node, raw rawSchema, depth int) error {
	if raw.PropertyNames != nil {
		n.names = raw.PropertyNames.Pattern
	}
	if raw.PatternProps.Kind() != jsontext.KindBeginObject {
		return nil
	}
	dec := jsontext.NewDecoder(bytes.NewReader(raw.PatternProps))
	_, _ = dec.ReadToken() // the brace that was just seen
	name, err := dec.ReadToken()
	if err != nil || name.Kind() != jsontext.KindString {
		return nil // empty
	}
	key := name.String()
	v, err := dec.ReadValue()
	if err != nil {
		return schemaError("patternProperties cannot be read: %v", err)
	}
	child, err := p.node(v.Clone(), depth+1)
	if err != nil {
		return err
	}
	n.names, n.extra, n.shut = key, child, false
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
		if at.Kind() == jsontext.KindBeginArray {
			var list []jsontext.Value
			i, err := strconv.Atoi(token)
			if json.Unmarshal(at, &list) != nil || err != nil || i < 0 || i >= len(list) {
				return nil, schemaError("$ref %q leads nowhere", ref)
			}
			at = list[i]
			continue
		}
		var object map[string]jsontext.Value
		if err := json.Unmarshal(at, &object); err != nil || len(object[token]) == 0 {
			return nil, schemaError("$ref %q leads nowhere", ref)
		}
		at = object[token]
	}
	return at, nil
}
