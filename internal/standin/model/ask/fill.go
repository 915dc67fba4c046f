package ask

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Leaf gives the value for one place that is not an object: a string, a list of strings, nil for null, or a jsontext.Value. It must obey
// the node. The key of a nested place is its path, joined by full stops. An error ends the answer.
type Leaf func(key string, n *Node) (any, error)

// Fill writes the answer in the form: every key of the schema in its order, the leaf's value at each. It adds no key,
// and leaves one out only when the leaf fails and the schema does not require it.
func (f Form) Fill(leaf Leaf) ([]byte, error) {
	if f.Root == nil {
		return nil, fmt.Errorf("fill a form: no JSON was asked for")
	}
	var buf bytes.Buffer
	if err := fill(&buf, "", f.Root, leaf); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func fill(buf *bytes.Buffer, key string, n *Node, leaf Leaf) error {
	if n.types&typeObject == 0 || len(n.enum) > 0 || n.types == typeAny && len(n.props) == 0 && key != "" {
		v, err := leaf(key, n)
		if err != nil {
			return err
		}
		out, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("encode answer key %q: %w", key, err)
		}
		buf.Write(out)
		return nil
	}
	buf.WriteByte('{')
	first := true
	for _, p := range n.props {
		mark := buf.Len()
		if !first {
			buf.WriteByte(',')
		}
		name, err := jsontext.AppendQuote(nil, p.name)
		if err != nil {
			return fmt.Errorf("encode answer key %q: %w", p.name, err)
		}
		buf.Write(name)
		buf.WriteByte(':')
		path := p.name
		if key != "" {
			path = key + "." + path
		}
		if err := fill(buf, path, p.node, leaf); err != nil {
			if p.required {
				return err
			}
			buf.Truncate(mark) // a key nobody requires is left out where there is nothing to say
			continue
		}
		first = false
	}
	buf.WriteByte('}')
	return nil
}
