package ask

import (
	"math/big"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
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

// Node is one place of the answer: which JSON types it may hold, and within which limits.
type Node struct {
	types types
	enum  []jsontext.Value // const counts as one
	props []prop           // in the schema's order
	extra *Node            // what a property that is not listed holds; nil: anything
	shut  bool             // no property but the listed ones
	few   int              // minProperties
	names string           // propertyNames' pattern, or that of the first patternProperties
	needs map[string][]string
	items *Node
	cut   bool // a reference that leads back to itself: it can only be left out
	Limits
}

// Limits are the keywords of JSON Schema that narrow what a place of its types may hold. A Max of -1 is no limit.
type Limits struct {
	MinLength, MaxLength int // characters
	Patterns             []string
	Format               string

	MinItems, MaxItems int
	Unique             bool
	Prefix             []*Node // the first items
	Contains           *Node   // at least MinContains of the items
	MinContains        int

	Integer          bool
	Min, Max         *big.Rat // nil: no limit
	OpenMin, OpenMax bool     // the limit itself is not allowed
	MultipleOf       *big.Rat
	Default, Example jsontext.Value
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

// Object tells whether the place may hold an object.
func (n *Node) Object() bool { return n.types&typeObject != 0 }

// Any tells whether the place may hold anything at all.
func (n *Node) Any() bool { return n.types == typeAny }

// Enum are the only values allowed, nil when any will do.
func (n *Node) Enum() []jsontext.Value { return n.enum }

// Items is what a list here holds after its Prefix, nil when the schema does not say.
func (n *Node) Items() *Node { return n.items }

// Plain tells whether the place can hold something that is neither a list nor an object.
func (n *Node) Plain() bool {
	return n.types&(typeString|typeNumber|typeBool|typeNull) != 0
}

func newNode(t types) *Node {
	return &Node{types: t, Limits: Limits{MaxLength: -1, MaxItems: -1, MinContains: 1}}
}

// narrow adds the demands of another schema for the same place, as allOf does. It reports false where no type is left.
func (n *Node) narrow(o *Node) bool {
	n.types &= o.types
	if o.enum != nil {
		n.enum = both(n.enum, o.enum)
	}
	for _, p := range o.props {
		n.addProp(p)
	}
	n.shut = n.shut || o.shut
	n.cut = n.cut || o.cut
	if n.extra == nil {
		n.extra = o.extra
	}
	n.few = max(n.few, o.few)
	if n.names == "" {
		n.names = o.names
	}
	if len(o.needs) > 0 {
		needs := map[string][]string{}
		for name, others := range n.needs {
			needs[name] = others
		}
		for name, others := range o.needs {
			needs[name] = append(slices.Clone(needs[name]), others...)
		}
		n.needs = needs
	}
	if n.items == nil {
		n.items = o.items
	}
	n.Limits.narrow(o.Limits)
	return n.types != 0
}

func (n *Node) addProp(p prop) {
	for i := range n.props {
		if n.props[i].name != p.name {
			continue
		}
		n.props[i].required = n.props[i].required || p.required
		if p.node != nil {
			if n.props[i].node == nil {
				n.props[i].node = newNode(typeAny)
			}
			merged := *n.props[i].node
			merged.narrow(p.node)
			n.props[i].node = &merged
		}
		return
	}
	n.props = append(n.props, p)
}

func (l *Limits) narrow(o Limits) {
	l.MinLength, l.MaxLength = max(l.MinLength, o.MinLength), lower(l.MaxLength, o.MaxLength)
	l.Patterns = append(l.Patterns[:len(l.Patterns):len(l.Patterns)], o.Patterns...)
	if l.Format == "" {
		l.Format = o.Format
	}
	l.MinItems, l.MaxItems = max(l.MinItems, o.MinItems), lower(l.MaxItems, o.MaxItems)
	l.Unique = l.Unique || o.Unique
	if l.Prefix == nil {
		l.Prefix = o.Prefix
	}
	if l.Contains == nil {
		l.Contains, l.MinContains = o.Contains, o.MinContains
	}
	l.Integer = l.Integer || o.Integer
	if o.Min != nil && (l.Min == nil || l.Min.Cmp(o.Min) < 0) {
		l.Min, l.OpenMin = o.Min, o.OpenMin
	}
	if o.Max != nil && (l.Max == nil || l.Max.Cmp(o.Max) > 0) {
		l.Max, l.OpenMax = o.Max, o.OpenMax
	}
	if l.MultipleOf == nil {
		l.MultipleOf = o.MultipleOf
	}
	if l.Default == nil {
		l.Default = o.Default
	}
	if l.Example == nil {
		l.Example = o.Example
	}
}

// lower is the lower of two limits of which -1 is none.
func lower(a, b int) int {
	if a < 0 || b >= 0 && b < a {
		return b
	}
	return a
}

// both keeps the values that both lists have; a list that is nil has all.
func both(a, b []jsontext.Value) []jsontext.Value {
	if a == nil {
		return b
	}
	out := []jsontext.Value{}
	for _, v := range a {
		for _, w := range b {
			if string(v) == string(w) {
				out = append(out, v)
				break
			}
		}
	}
	return out
}
