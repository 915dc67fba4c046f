package prompt

import "quarry/internal/base/jsonl"

// Prefix gives the text with which all requests begin alike, as far as the templates show it: the system prompt, and the
// user's up to the first thing that comes from the document. It is what a prompt cache can hold.
func (r *Renderer) Prefix() []byte { return jsonl.Unescape(nil, r.prefix) }

// prefixOf gives it escaped.
func prefixOf(s settings) []byte {
	var out []byte
	for i, parts := range [][]part{s.system, s.user} {
		if i > 0 && len(out) > 0 {
			out = append(out, `\n\n`...)
		}
		for _, p := range parts {
			if p.text == nil {
				out = append(out, p.literal...)
				continue
			}
			if p.text.tmpl != nil { // what its actions print is not known
				return out
			}
			for _, segment := range p.text.segments {
				if segment.field != "" {
					return out
				}
				out = append(out, segment.literal...)
			}
		}
	}
	return out
}
