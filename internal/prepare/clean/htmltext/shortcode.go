package htmltext

import (
	"bytes"
	"slices"

	"quarry/internal/prepare/clean/rule"
)

// shortcodes finds WordPress shortcodes in text. WordPress removes only those that are registered, so only known names
// count: `[1]`, `[in]` and `[x]` are text.
type shortcodes struct {
	settings *rule.Settings
	// absent remembers that no end tag of a name is after a place, so that looking for it stays linear.
	absent map[string]int
}

// A shortcodeKind says what goes with a shortcode.
type shortcodeKind uint8

const (
	noShortcode shortcodeKind = iota
	markOnly                  // the marks go, what they enclose stays
	withBody                  // the body goes too, when there is an end mark
)

// known sorts a shortcode's name. The names are those of WordPress itself and of plugins that millions of sites use.
func (s *shortcodes) known(name []byte) shortcodeKind {
	if slices.ContainsFunc(s.settings.BodyShortcodes, func(n string) bool { return n == string(name) }) {
		return withBody // also one of those below, whose body would stay
	}
	switch string(name) {
	case "vc_raw_html", "vc_raw_js": // their bodies are in base64, see rawHTML
		return withBody
	case "caption", "wp_caption", "gallery", "playlist", "toc", "audio", "video", "contact-form-7", "contact-form",
		"contact-field", "wpforms", "gravityform", "ninja_form", "mc4wp_form", "toc_container", "lwptoc", "ez-toc",
		"vc_row", "vc_column", "vc_column_text", "vc_row_inner", "vc_column_inner", "vc_section", "vc_single_image",
		"vc_empty_space", "vc_custom_heading", "et_pb_section", "et_pb_row", "et_pb_column", "et_pb_text", "et_pb_image",
		"su_spacer", "su_divider", "su_box", "su_note", "rev_slider", "smartslider3", "layerslider", "instagram-feed",
		"tablepress", "table", "jetpack_subscription_form", "display-posts", "social_share", "addtoany", "googlemaps",
		"adsense", "ad", "blogcard", "dropcap", "button", "one_half", "one_half_last", "two_third", "one_third",
		"youtube", "vimeo", "twitter", "tweet", "gist", "slideshow", "wp-embed", "ngg_images", "nggallery", "soundcloud",
		"highlight": // themes mark words of a sentence with it

		return markOnly
	case "embed", "code", "sourcecode", "source-code", "crayon", "cc", "prism", "php", "python", "javascript",
		"css", "html", "bash", "java", "csharp", "cpp", "sql", "xml", "ruby", "perl", "shell", "jscript", "pre", "latex",
		"geshi", "snippet", "enlighter":
		return withBody
	}
	if builder(name) {
		return markOnly
	}
	if slices.ContainsFunc(s.settings.Shortcodes, func(n string) bool { return n == string(name) }) {
		return markOnly
	}
	return noShortcode
}

// find reports whether a document holds a shortcode at all.
func (s *shortcodes) find(src []byte, settings *rule.Settings) bool {
	s.settings = settings
	clear(s.absent)
	for i := 0; ; {
		n := bytes.IndexByte(src[i:], '[')
		if n < 0 {
			return false
		}
		i += n + 1
		if name := shortcodeAt(src, i); len(name) > 0 && s.known(name) != noShortcode {
			return true
		}
	}
}

// shortcodeAt reads the name after a '[', or "[/".
func shortcodeAt(src []byte, i int) []byte {
	if i < len(src) && src[i] == '/' {
		i++
	}
	end := i
	for end < len(src) && end-i < 32 && (src[end] >= 'a' && src[end] <= 'z' || src[end] >= '0' && src[end] <= '9' || src[end] == '-' || src[end] == '_') {
		end++
	}
	if end == i || end >= len(src) || src[end] != ']' && src[end] != ' ' && src[end] != '/' && src[end] != '\n' && src[end] != '\t' {
		return nil
	}
	return src[i:end]
}

// next finds the first shortcode from i on: src[from:to]. Without one, both are len(src). An escaped one ("[[gallery]]")
// gives an empty range where its outer bracket is to be left out.
func (s *shortcodes) next(src []byte, i int) (from, to int) {
	for {
		n := bytes.IndexByte(src[i:], '[')
		if n < 0 {
			return len(src), len(src)
		}
		i += n
		if to := s.end(src, i); to > 0 {
			return i, to
		}
		i++
	}
}

// maxShortcode bounds the attributes of a shortcode.
const maxShortcode = 4096

// end returns where the shortcode at i ends, with its body where that goes too; 0 when there is none.
func (s *shortcodes) end(src []byte, i int) int {
	name := shortcodeAt(src, i+1)
	if name == nil {
		return 0
	}
	kind := s.known(name)
	if kind == noShortcode {
		return 0
	}
	n := bytes.IndexByte(src[i:min(len(src), i+maxShortcode)], ']')
	if n < 0 || bytes.IndexByte(src[i+1:i+n], '[') >= 0 {
		return 0
	}
	end := i + n + 1
	closing := src[i+1] == '/'
	if i > 0 && src[i-1] == '[' && end < len(src) && src[end] == ']' {
		return 0 // escaped: the author writes about it
	}
	if kind == markOnly || closing {
		if kind == withBody {
			return 0 // an end without a beginning
		}
		return end
	}
	if src[end-2] == '/' {
		return end
	}
	return s.bodyEnd(src, end, name)
}

// bodyEnd finds the end mark of a shortcode whose body goes; 0 when it has none, and is text then.
func (s *shortcodes) bodyEnd(src []byte, i int, name []byte) int {
	if at, ok := s.absent[string(name)]; ok && i >= at {
		return 0
	}
	for at := i; ; {
		n := bytes.Index(src[at:], []byte("[/"))
		if n < 0 {
			break
		}
		at += n + 2
		if end := at + len(name); end < len(src) && src[end] == ']' && bytes.Equal(src[at:end], name) {
			return end + 1
		}
	}
	if s.absent == nil {
		s.absent = make(map[string]int)
	}
	s.absent[string(name)] = i
	return 0
}
