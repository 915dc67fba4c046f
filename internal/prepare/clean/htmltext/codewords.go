package htmltext

import (
	"bytes"
	"encoding/base64"
	"net/url"

	"quarry/internal/prepare/clean/rule"
)

// builder reports whether a shortcode is one of the page builders that millions of sites use: WPBakery, Divi, Shortcodes
// Ultimate, Avada, Enfold, Elementor, King Composer, Jupiter, Salient, Cornerstone, Flatsome, Themify and the add-ons of them.
func builder(name []byte) bool {
	return hasPrefixAny(name, "vc_", "et_pb_", "su_", "fusion_", "av_", "elementor-", "kc_", "mk_", "nectar_", "cs_", "ux_", "themify_",
		"wpb_", "vcex_", "ultimate_", "cmsmasters_", "qode_", "mkdf_", "edgtf_", "eltdf_", "trx_", "bsf-", "stm_", "thrive_")
}

// ShortcodesIn counts the marks in a line that are shortcodes of WordPress and can be nothing of Markdown: those of page
// builders, and ends of known ones.
func ShortcodesIn(line []byte) (n int) {
	known := shortcodes{settings: &rule.Settings{}}
	for i := 0; ; i++ {
		at := bytes.IndexByte(line[i:], '[')
		if at < 0 {
			return n
		}
		i += at
		name := shortcodeAt(line, i+1)
		if name == nil {
			continue
		}
		if builder(name) || line[i+1] == '/' && known.known(name) != noShortcode {
			n++
		}
	}
}

// attributesOfWords are the attributes of a builder's shortcode that a reader sees, in the order in which they are shown.
var attributesOfWords = [...]string{
	"caption", "title", "text", "heading", "h2", "h4", "subhead", "subheading", "subtitle", "sub_heading", "description",
	"label", "name", "position", "btn_title", "button_text", "button_one_text", "button_two_text", "btn_text", "link_text",
}

// shortcodeWords writes the words that a shortcode has in its attributes: a caption, the text of a heading or a button.
func (r *Renderer) shortcodeWords(name, mark []byte) {
	attributes := attributesOfWords[:]
	switch string(name) {
	case "caption", "wp_caption", "button", "tweet", "highlight", "dropcap":
		attributes = attributes[:4] // caption, title, text, heading
	default:
		if !builder(name) || string(name) == "vc_single_image" || bytes.HasSuffix(name, []byte("_image")) {
			return
		}
		if bytes.HasSuffix(name, []byte("_row")) || bytes.HasSuffix(name, []byte("_column")) || bytes.HasSuffix(name, []byte("_section")) && !bytes.HasPrefix(name, []byte("vc_tta")) {
			return // what names the parts of a page for its editor
		}
	}
	for _, attribute := range attributes {
		if (attribute == "name" || attribute == "position") && !ofPerson(name) {
			continue // of a menu, or of an image
		}
		if text := shortcodeAttribute(mark, attribute); len(text) > 0 {
			r.Break(1)
			r.fragment(text)
			r.Break(1)
		}
	}
}

// ofPerson reports whether a shortcode shows a person, whose name a reader sees.
func ofPerson(name []byte) bool {
	for _, word := range [...]string{"testimonial", "team", "person", "member"} {
		if bytes.Contains(name, []byte(word)) {
			return true
		}
	}
	return false
}

// shortcodeAttribute gives the value of an attribute of a shortcode.
func shortcodeAttribute(mark []byte, name string) []byte {
	for i := 0; ; {
		n := bytes.Index(mark[i:], []byte(name))
		if n < 0 {
			return nil
		}
		i += n + len(name)
		before := mark[i-len(name)-1]
		if i+1 >= len(mark) || mark[i] != '=' || mark[i+1] != '"' && mark[i+1] != '\'' || !isBlank(before) {
			continue
		}
		if end := bytes.IndexByte(mark[i+2:], mark[i+1]); end >= 0 {
			return mark[i+2 : i+2+end]
		}
		return nil
	}
}

// fragment renders a piece of HTML that is inside of another text. What it leaves open ends with it.
func (r *Renderer) fragment(b []byte) {
	if bytes.IndexByte(b, '<') < 0 {
		r.Text(b)
		return
	}
	codes, pre, needTree, fragments, veil := r.codes, r.pre, r.needTree, r.Fragments, len(r.veil)
	r.codes, r.Fragments = nil, true
	r.HTML(b)
	r.Abandon(len(b))
	r.codes, r.pre, r.needTree, r.Fragments = codes, pre, needTree, fragments
	if len(r.veil) > veil {
		r.veilCut(veil)
	}
}

// rawHTML renders the HTML that WPBakery keeps in base64, of which the characters are escaped as in addresses
// (js_composer's vc_raw_html: rawurldecode(base64_decode(…))). It reports false when a body is nothing of the kind.
func (r *Renderer) rawHTML(code []byte) bool {
	from, to := bytes.IndexByte(code, ']'), bytes.LastIndexByte(code, '[')
	if from < 0 || to <= from {
		return false
	}
	body := bytes.TrimSpace(code[from+1 : to])
	if open := bytes.IndexByte(body, '<'); open >= 0 { // paragraphs that an editor put around it
		body = bytes.TrimSpace(body[bytes.IndexByte(body, '>')+1:])
		body, _, _ = bytes.Cut(body, []byte{'<'})
	}
	decoded, err := base64.StdEncoding.DecodeString(string(bytes.Trim(body, "\n\r ")))
	if err != nil {
		return false
	}
	text, err := url.PathUnescape(string(decoded))
	if err != nil {
		text = string(decoded)
	}
	r.Break(2)
	r.fragment([]byte(toValid(text)))
	r.Break(2)
	return true
}

func toValid(s string) string { return string(bytes.ToValidUTF8([]byte(s), []byte("\uFFFD"))) }

// shortcode acts on a shortcode, with its body where that goes too.
func (r *Renderer) shortcode(code []byte) {
	name := shortcodeAt(code, 1)
	r.Counts.Note(rule.Shortcode, len(code))
	switch {
	case r.codes.known(name) != withBody:
		r.shortcodeWords(name, code)
	case string(name) == "vc_raw_html" && r.rawHTML(code):
	default:
		r.Break(1)
	}
}

// text writes src[from:to], which holds no markup, without its shortcodes, and returns where reading continues: after to,
// when the body of a shortcode reached farther.
func (r *Renderer) text(src []byte, from, to int) int {
	if r.codes == nil || r.Skipping() || bytes.IndexByte(src[from:to], '[') < 0 {
		r.Text(src[from:to])
		return to
	}
	for i := from; i < to; {
		n := bytes.IndexByte(src[i:to], '[')
		if n < 0 {
			r.Text(src[i:to])
			return to
		}
		r.Text(src[i : i+n])
		i += n
		end := r.codes.end(src, i)
		if end == 0 {
			r.Text(src[i : i+1])
			i++
			continue
		}
		r.shortcode(src[i:end])
		i = end
		from = i
	}
	return max(from, to)
}
