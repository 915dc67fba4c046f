package setup

import (
	"bytes"
	"encoding/json"
)

// object is a map whose members keep their order, so that a policy reads from its name to its conditions in every
// notation. Values are strings, booleans, integers, lists of strings, lists of objects and objects.
type object []member

type member struct {
	Key   string
	Value any
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, v := range []any{m.Key, m.Value} {
			if j > 0 {
				b.WriteByte(':')
			}
			text, err := compact(v)
			if err != nil {
				return nil, err
			}
			b.Write(text)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// compact is JSON on one line, with < and & as they are.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	if err := out.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// text is JSON as people read it.
func (o object) text() (string, error) {
	line, err := compact(o)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, line, "", "  "); err != nil {
		return "", err
	}
	return b.String(), nil
}

// with gives the object with one more member, where there is something to add.
func (o object) with(key string, value object) object {
	if len(value) == 0 {
		return o
	}
	return append(o, member{key, value})
}
