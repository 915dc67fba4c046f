package htmltext

import "quarry/internal/prepare/clean/rule"

// maxInner bounds how many open elements are remembered inside of a dropped one.
const maxInner = 64

// skip is a dropped element that is open: everything up to its end tag is passed over.
type skip struct {
	name    []byte // in lower case
	tag     tag
	depth   int // open elements of that name; 0 when nothing is being dropped
	from    int // where it began in the source
	rule    rule.Rule
	waits   bool // it may be shown by a script
	foreign bool // svg or math, inside of which other rules of parsing hold
	inner   [maxInner]inner
	open    int // of inner; above maxInner when they were too many
}

type inner struct {
	tag  tag
	name [8]byte // the first bytes of the name
}

// Open reports whether a dropped element is open.
func (r *Renderer) Open() bool { return r.skip.depth > 0 }

// Skipping reports whether text is passed over: a dropped element is open, or one whose text cannot be seen.
func (r *Renderer) Skipping() bool { return r.skip.depth > 0 || r.muted }

func (r *Renderer) beginSkip(name []byte, t tag, why rule.Rule, from int) {
	r.skip.name = appendLower(r.skip.name[:0], name)
	r.skip.tag, r.skip.depth, r.skip.rule, r.skip.from = t, 1, why, from
	r.skip.foreign = string(r.skip.name) == "svg" || string(r.skip.name) == "math"
	r.skip.open = 0
	r.skip.waits = why == rule.Hidden && !r.at.hide.gone && r.at.hide.waits
	if r.skip.waits && t.block() {
		r.waiting.blocks++
	}
}

// endSkip ends the dropped element at a place in the source.
func (r *Renderer) endSkip(at int) {
	r.skip.depth = 0
	r.Counts.Note(r.skip.rule, at-r.skip.from)
	if r.skip.rule == rule.Code || r.skip.tag.block() {
		r.Break(2)
	}
}

// skipStart looks at a start tag inside of the dropped element.
func (r *Renderer) skipStart(name []byte, t tag, selfClosing bool) {
	s := &r.skip
	if s.foreign {
		switch {
		case selfClosing:
		case equalFold(name, s.name):
			s.depth++
		case integrationPoint(name):
			s.open = maxInner + 1 // HTML again: no rule of leaving applies
		case s.open == 0 && breaksOut(t, name):
			r.needTree = true
		}
		return
	}
	if t.void() {
		return
	}
	if s.waits && t.block() {
		r.waiting.blocks++
	}
	if s.open == 0 && s.depth == 1 && s.tag.optionalEnd() && (t.block() || t == s.tag || t == tagCell || t == tagRow) {
		r.needTree = true // it may have ended here without an end tag
	}
	if equalFold(name, s.name) {
		s.depth++
	}
	if s.open < maxInner {
		in := &s.inner[s.open]
		in.tag = t
		clear(in.name[:])
		lowerInto(in.name[:], name)
	}
	s.open = min(s.open+1, maxInner+1)
}

// skipEnd looks at an end tag inside of the dropped element, and reports whether it ends it.
func (r *Renderer) skipEnd(name []byte, t tag) bool {
	s := &r.skip
	if equalFold(name, s.name) {
		s.depth--
		if s.depth == 0 {
			return true
		}
	}
	if s.foreign || s.open > maxInner {
		return false
	}
	var key [8]byte
	lowerInto(key[:], name)
	for i := s.open - 1; i >= 0; i-- {
		if s.inner[i].name == key {
			s.open = i
			return false
		}
	}
	if t.block() || t == tagTable || t == tagCell || t == tagRow {
		r.needTree = true // it ends something that was open before, and so perhaps what is being dropped
	}
	return false
}

// breaksOut reports whether a start tag ends svg or math, as HTML5 lists them ("any other start tag in foreign content").
func breaksOut(t tag, name []byte) bool {
	if t.block() || t == tagBr || t == tagSup || t == tagImg {
		return true
	}
	if t != tagInline {
		return false
	}
	for _, n := range [...]string{"b", "big", "code", "em", "i", "nobr", "ruby", "s", "small", "span", "strong", "strike", "sub", "tt", "u", "var"} {
		if fold(name, n) {
			return true
		}
	}
	return false
}

func integrationPoint(name []byte) bool {
	for _, n := range [...]string{"foreignobject", "desc", "title", "annotation-xml", "mi", "mo", "mn", "ms", "mtext"} {
		if fold(name, n) {
			return true
		}
	}
	return false
}

// drops says whether an element goes with all that is in it, and why.
func (r *Renderer) drops(t tag, a *attrs) (why rule.Rule, dropped bool) {
	s := r.Settings
	if (a.hide.gone || a.hide.waits && !r.Reveal) && !s.KeepHidden && t != tagRoot {
		return rule.Hidden, true
	}
	switch t {
	case tagTemplate:
		return rule.Script, !a.shadow
	case tagRaw, tagNoscript, tagTitle:
		return rule.Script, true
	case tagMedia:
		return rule.Media, !s.KeepMedia
	case tagIframe:
		return rule.Media, true
	case tagButton:
		return rule.Form, !s.KeepForms && !r.heading && !r.question && !a.toggles
	case tagSelect, tagTextarea, tagDatalist:
		return rule.Form, !s.KeepForms
	case tagRuby:
		return rule.Ruby, !s.KeepRuby
	case tagPre, tagXmp:
		return rule.Code, s.KeptCodeLines() == 0 && !a.verse()
	case tagDialog:
		return rule.Hidden, !a.open && !s.KeepHidden
	case tagA:
		return rule.Footnote, a.footnote && !s.KeepFootnoteMarks
	}
	return 0, false
}

func appendLower(out, name []byte) []byte {
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		out = append(out, c)
	}
	return out
}

func lowerInto(out, name []byte) {
	for i := 0; i < len(out) && i < len(name); i++ {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		out[i] = c
	}
}

// equalFold compares a name with one in lower case.
func equalFold(name, lower []byte) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
