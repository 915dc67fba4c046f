package prompt

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// piece is a stretch of a body: JSON that is the same for all documents, or the content of one string.
type piece struct {
	literal []byte
	hole    []part // between its quotes, which belong to the literals around
}

// part is a stretch of one string's content.
type part struct {
	literal []byte // escaped
	text    *text
}

// member is one member of a JSON object. Names are ASCII, so byte order is RFC 8785's order.
type member struct {
	name  string
	value []piece
}

func raw(json string) []piece { return []piece{{literal: []byte(json)}} }

func number(f float64) []piece { return raw(string(jsontext.AppendFloat(nil, f, 64))) }

func str(parts ...part) []piece {
	return []piece{{literal: []byte(`"`)}, {hole: parts}, {literal: []byte(`"`)}}
}

func quoted(s string) []piece { return raw(`"` + string(escape(nil, s)) + `"`) }

func array(elements ...[]piece) []piece {
	out := raw("[")
	for i, e := range elements {
		if i > 0 {
			out = append(out, raw(",")...)
		}
		out = append(out, e...)
	}
	return append(out, raw("]")...)
}

// objectOf writes members in canonical order; one without a value is left out.
func objectOf(members ...member) []piece {
	members = slices.DeleteFunc(members, func(m member) bool { return m.value == nil })
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	out := raw("{")
	for i, m := range members {
		if i > 0 {
			out = append(out, raw(",")...)
		}
		out = append(out, raw(`"`+m.name+`":`)...)
		out = append(out, m.value...)
	}
	return append(out, raw("}")...)
}

// merge joins neighbouring literals.
func merge(pieces []piece) []piece {
	var out []piece
	for _, p := range pieces {
		if n := len(out); p.hole == nil && n > 0 && out[n-1].hole == nil {
			out[n-1].literal = append(slices.Clip(out[n-1].literal), p.literal...)
			continue
		}
		out = append(out, p)
	}
	return out
}
