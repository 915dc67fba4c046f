package parquet

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"quarry/internal/base/jsonl"
)

// tree is the schema, made ready to put rows together again from their columns' values
// (https://research.google/pubs/dremel-interactive-analysis-of-web-scale-datasets-2/).
type tree struct {
	top    []*node
	leaves int
	cells  [][]parquet.Value // of the row at hand, by leaf
}

// node is one column or one group of columns.
type node struct {
	name          []byte // as a JSON string
	optional      bool
	repeated      bool
	present       int // definition level from which there is something
	repetition    int // repetition level of its elements
	list, mapping bool
	first, end    int // leaves below it
	fields        []*node
	kind          parquet.Kind
	logical       format.LogicalTypeValue
}

// maxDepth bounds what a hostile schema can nest.
const maxDepth = 60

// errBroken says of a row that its levels do not fit the schema.
var errBroken = errors.New("its levels do not fit the schema")

func newTree(schema *parquet.Schema) (t *tree, err error) {
	defer caught(&err)
	t = &tree{}
	for _, f := range schema.Fields() {
		n, err := t.add(f, 0, 0, 1)
		if err != nil {
			return nil, err
		}
		t.top = append(t.top, n)
	}
	t.cells = make([][]parquet.Value, t.leaves)
	return t, nil
}

func (t *tree) add(f parquet.Field, defined, repeated, depth int) (*node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("columns are nested more than %d deep", maxDepth)
	}
	n := &node{
		name: jsonl.AppendString(nil, []byte(f.Name())), optional: f.Optional(), repeated: f.Repeated(), present: defined, repetition: repeated,
		first: t.leaves,
	}
	if n.optional || n.repeated {
		n.present++
	}
	if n.repeated {
		n.repetition++
	}
	if f.Leaf() {
		t.leaves++
		n.end = t.leaves
		n.kind = f.Type().Kind()
		if l := f.Type().LogicalType(); l != nil {
			n.logical = l.Value
		}
		return n, nil
	}
	for _, inner := range f.Fields() {
		c, err := t.add(inner, n.present, n.repetition, depth+1)
		if err != nil {
			return nil, err
		}
		n.fields = append(n.fields, c)
	}
	n.end = t.leaves
	if n.first == n.end {
		return nil, fmt.Errorf("%w: a group without columns", ErrBroken)
	}
	if typ := f.Type(); typ != nil {
		if l := typ.LogicalType(); l != nil {
			switch l.Value.(type) {
			case *format.ListType:
				n.list = len(n.fields) == 1 && n.fields[0].repeated
			case *format.MapType:
				n.mapping = len(n.fields) == 1 && n.fields[0].repeated && len(n.fields[0].fields) == 2
			}
		}
	}
	return n, nil
}

// object writes a row as a JSON object; a reason says why it cannot be.
func (t *tree) object(row parquet.Row) (obj []byte, reason string) {
	for i := range t.cells {
		t.cells[i] = t.cells[i][:0]
	}
	bytes := 1024
	for _, v := range row {
		c := v.Column()
		if c < 0 || c >= len(t.cells) {
			return nil, errBroken.Error()
		}
		t.cells[c] = append(t.cells[c], v)
		if k := v.Kind(); k == parquet.ByteArray || k == parquet.FixedLenByteArray {
			bytes += len(v.ByteArray()) + len(v.ByteArray())/16 // of which some are escaped: to grow a large text copies it
		}
	}
	obj = append(make([]byte, 0, bytes), '{')
	for i, n := range t.top {
		if i > 0 {
			obj = append(obj, ',')
		}
		obj = append(append(obj, n.name...), ':')
		var err error
		if obj, err = t.write(obj, n); err != nil {
			return nil, err.Error()
		}
	}
	return append(obj, '}'), ""
}

// head gives the next value of a leaf.
func (t *tree) head(leaf int) (parquet.Value, error) {
	if len(t.cells[leaf]) == 0 {
		return parquet.Value{}, errBroken
	}
	return t.cells[leaf][0], nil
}

// skip takes the placeholder of something that is not there off all leaves below a node.
func (t *tree) skip(n *node) error {
	for i := n.first; i < n.end; i++ {
		if len(t.cells[i]) == 0 {
			return errBroken
		}
		t.cells[i] = t.cells[i][1:]
	}
	return nil
}

// write writes a node's value.
func (t *tree) write(dst []byte, n *node) ([]byte, error) {
	if !n.optional && !n.repeated {
		return t.content(dst, n)
	}
	v, err := t.head(n.first)
	if err != nil {
		return nil, err
	}
	there := v.DefinitionLevel() >= n.present
	if !n.repeated {
		if !there {
			return append(dst, "null"...), t.skip(n)
		}
		return t.content(dst, n)
	}
	return t.elements(dst, n, there, '[', ']', t.content)
}

// elements writes the values of a repeated node, one or more where there is any.
func (t *tree) elements(dst []byte, n *node, there bool, open, shut byte, each func([]byte, *node) ([]byte, error)) ([]byte, error) {
	dst = append(dst, open)
	if !there {
		return append(dst, shut), t.skip(n)
	}
	for first := true; ; first = false {
		if !first {
			dst = append(dst, ',')
		}
		before := len(t.cells[n.first])
		var err error
		if dst, err = each(dst, n); err != nil {
			return nil, err
		}
		if len(t.cells[n.first]) == before { // else broken levels would go round for ever
			return nil, errBroken
		}
		if len(t.cells[n.first]) == 0 || t.cells[n.first][0].RepetitionLevel() < n.repetition {
			return append(dst, shut), nil
		}
	}
}

// content writes what a node holds, where it is there.
func (t *tree) content(dst []byte, n *node) ([]byte, error) {
	switch {
	case n.fields == nil:
		v, err := t.head(n.first)
		if err != nil {
			return nil, err
		}
		t.cells[n.first] = t.cells[n.first][1:]
		return n.value(dst, v)
	case n.list:
		return t.inner(dst, n.fields[0], '[', ']', func(dst []byte, c *node) ([]byte, error) {
			// Three levels, list.element, are one array; older writers have two
			// (https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists).
			if len(c.fields) == 1 {
				return t.write(dst, c.fields[0])
			}
			return t.content(dst, c)
		})
	case n.mapping && n.fields[0].fields[0].isText():
		return t.inner(dst, n.fields[0], '{', '}', func(dst []byte, c *node) ([]byte, error) {
			dst, err := t.write(dst, c.fields[0])
			if err != nil {
				return nil, err
			}
			return t.write(append(dst, ':'), c.fields[1])
		})
	}
	dst = append(dst, '{')
	for i, c := range n.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(dst, c.name...), ':')
		var err error
		if dst, err = t.write(dst, c); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// inner writes the repeated group inside of a list or a map.
func (t *tree) inner(dst []byte, c *node, open, shut byte, each func([]byte, *node) ([]byte, error)) ([]byte, error) {
	v, err := t.head(c.first)
	if err != nil {
		return nil, err
	}
	return t.elements(dst, c, v.DefinitionLevel() >= c.present, open, shut, each)
}

// isText reports whether a column can name the members of an object: required text.
func (n *node) isText() bool {
	_, ok := n.logical.(*format.StringType)
	return ok && n.kind == parquet.ByteArray && !n.optional && !n.repeated
}
