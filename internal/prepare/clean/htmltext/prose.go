package htmltext

import (
	"bytes"

	"golang.org/x/net/html"

	"quarry/internal/prepare/clean/plain"
	"quarry/internal/prepare/clean/rule"
)

// mostBare is how many bytes of text a document may have besides: a title, the lines around a mail in its archive.
const mostBare = 1 << 10

// Bare reports whether block code was most of a document, of which so many bytes were written: then a poem, a mail or an RFC
// may be in it, and the document is to be rendered again with Prose.
func (r *Renderer) Bare(written int) bool {
	return !r.Prose && r.Settings.KeptCodeLines() == 0 && written <= mostBare && r.Counts[rule.Code].Bytes > int64(4*written)
}

// maxLooks is how many elements of preformatted text are looked at before a document is taken for one without prose in them.
const maxLooks = 4

// MayHoldProse reports whether one of the first elements of preformatted text in HTML is read as prose. It is quicker to ask
// than to render a document again.
func (r *Renderer) MayHoldProse(src []byte) bool {
	for looks, i := 0, 0; looks < maxLooks; {
		n := bytes.IndexByte(src[i:], '<')
		if n < 0 {
			return false
		}
		i += n + 1
		name, t, _ := r.name(src, i)
		if t != tagPre && t != tagXmp {
			continue
		}
		looks++
		end := bytes.IndexByte(src[i:], '>')
		if end < 0 {
			return false
		}
		if i += end + 1; r.proseIn(src[i:], name) {
			return true
		}
	}
	return false
}

// proseIn reports whether the text of an element is prose. The element is a pre or xmp, whose start tag was read.
func (r *Renderer) proseIn(src, name []byte) bool {
	r.sample = r.sample[:0]
	for i := 0; i < len(src) && len(r.sample) < plain.ProseSample; {
		n := bytes.IndexByte(src[i:min(len(src), i+plain.ProseSample)], '<')
		if n < 0 {
			n = min(len(src)-i, plain.ProseSample)
		}
		r.sample = append(r.sample, src[i:i+n]...)
		if i += n; i >= len(src) || src[i] != '<' {
			break
		}
		if end := i + 2 + len(name); end <= len(src) && src[i+1] == '/' && bytes.EqualFold(src[i+2:end], name) {
			break
		}
		if n = bytes.IndexByte(src[i:min(len(src), i+plain.ProseSample)], '>'); n < 0 {
			break
		}
		i += n + 1
	}
	return plain.Prose(r.sample)
}

// proseOf is proseIn for a node of a tree.
func (r *Renderer) proseOf(root *html.Node) bool {
	r.sample = r.sample[:0]
	for n := root; n != nil && len(r.sample) < plain.ProseSample; n = following(n, root, true) {
		if n.Type == html.TextNode {
			r.sample = append(r.sample, n.Data...)
		}
	}
	return plain.Prose(r.sample)
}
