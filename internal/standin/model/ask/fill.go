package ask

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Leaf gives the value for one place that is not an object: a string, a list, nil for null, or a jsontext.Value. It must
// obey the node. The key of a nested place is its path, joined by full stops. fill writes a place inside a list, which may
// be an object. An error ends the answer.
type Leaf func(key string, n *Node, fill func(*Node) (jsontext.Value, error)) (any, error)

// Names makes a name for a property that the schema demands without naming it, to fit a pattern, which may be empty.
type Names func(pattern string, number int) (string, error)

// Fill writes the answer in the form: every key of the schema in its order, the leaf's value at each. It leaves a key out
// only when the leaf fails and the schema does not require it, and adds one only where the schema demands more keys than
// it lists; names may be nil where that is an error.
func (f Form) Fill(leaf Leaf, names Names) ([]byte, error) {
	if f.Root == nil {
		return nil, fmt.Errorf("fill a form: the prompt wants no JSON")
	}
	w := &filling{leaf: leaf, names: names}
	var buf bytes.Buffer
	if err := w.fill(&buf, "", f.Root); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

type filling struct {
	leaf   Leaf
	names  Names
	places int
}

const (
	// maxPlaces and maxFew bound what a schema can make of one answer.
	maxPlaces = 20_000
	maxFew    = 1000
)

func (w *filling) fill(buf *bytes.Buffer, key string, n *Node) error {
	w.places++
	switch {
	case w.places > maxPlaces:
		return schemaError("it demands more than %d values", maxPlaces)
	case n.few > maxFew:
		return schemaError("%s wants %d properties", shown(key), n.few)
	case n.cut:
		return schemaError("%s leads back to itself and is required", shown(key))
	case n.types == 0:
		return schemaError("no value is possible at %s: its constraints contradict each other", shown(key))
	}
	if !n.Object() || len(n.enum) > 0 || n.types == typeAny && len(n.props) == 0 && key != "" {
		v, err := w.leaf(key, n, func(item *Node) (jsontext.Value, error) {
			var inner bytes.Buffer
			err := w.fill(&inner, key, item)
			return inner.Bytes(), err
		})
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
	return w.object(buf, key, n)
}

func shown(key string) string {
	if key == "" {
		return "the top"
	}
	return fmt.Sprintf("the key %q", key)
}

func (w *filling) object(buf *bytes.Buffer, key string, n *Node) error {
	buf.WriteByte('{')
	written := map[string]bool{}
	put := func(name string, node *Node) error {
		mark := buf.Len()
		if len(written) > 0 {
			buf.WriteByte(',')
		}
		quoted, err := jsontext.AppendQuote(nil, name)
		if err != nil {
			return fmt.Errorf("encode answer key %q: %w", name, err)
		}
		buf.Write(quoted)
		buf.WriteByte(':')
		path := name
		if key != "" {
			path = key + "." + path
		}
		if err := w.fill(buf, path, node); err != nil {
			buf.Truncate(mark)
			return err
		}
		written[name] = true
		return nil
	}
	for _, p := range n.props {
		node := p.node
		if node == nil {
			node = n.unlisted()
		}
		// A key that is not required is left out if there is no value for it.
		if err := put(p.name, node); err != nil && p.required {
			return err
		}
	}
	for name, others := range n.needs {
		for _, other := range others {
			if written[name] && !written[other] {
				if err := put(other, n.unlisted()); err != nil {
					return err
				}
			}
		}
	}
	for number := 1; len(written) < n.few; number++ {
		if n.shut || w.names == nil || number > 64+n.few {
			return schemaError("%s wants more properties than it allows", shown(key))
		}
		name, err := w.names(n.names, number)
		if err != nil {
			return err
		}
		if written[name] {
			continue
		}
		if err := put(name, n.unlisted()); err != nil {
			return err
		}
	}
	buf.WriteByte('}')
	return nil
}

// unlisted is what a property holds that the schema does not list.
func (n *Node) unlisted() *Node {
	if n.extra != nil {
		return n.extra
	}
	return newNode(typeString)
}
