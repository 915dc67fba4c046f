package wxr

import (
	"bytes"
	"slices"

	"quarry/internal/prepare/source/cut"
)

var (
	cdata    = []byte("<![CDATA[")
	cdataEnd = []byte("]]>")
)

// A form is how a kind of feed writes its items.
type form struct {
	tag, end []byte   // an item's opening tag without its bracket, and its closing tag
	ends     [][]byte // one of them is after the last item
	missing  string   // what is said where none does
}

var (
	rss = newForm("", "item", []string{"channel", "rss", "rdf:RDF"},
		"no </channel> or </rss> after the last item: the file is truncated or is not RSS")
	atom = newForm("", "entry", []string{"feed"}, "no </feed> after the last entry: the file is truncated or is not Atom")
)

func newForm(prefix, item string, ends []string, missing string) *form {
	f := &form{tag: []byte("<" + prefix + item), end: []byte("</" + prefix + item + ">"), missing: missing}
	for _, e := range ends {
		f.ends = append(f.ends, []byte("</"+prefix+e))
	}
	return f
}

const longestTag = 40 // what may be on both sides of a border of buffers

// state is what a scan found out.
type state int

const (
	whole  state = iota
	cutOff       // more data may complete it
	broken       // more data will not
)

// rules cuts items. Exports are not always XML (CDATA inside of CDATA, control characters), so tags are searched and
// nothing else is asked.
func (f *form) rules() cut.Rules {
	doubt, closed := false, false
	return cut.Rules{
		End: func() string {
			if closed {
				return ""
			}
			return f.missing
		},
		Next: func(data []byte, more cut.More) (start, end, skip int) {
			start = f.itemStart(data, 0)
			if start < 0 {
				closed = closed || slices.ContainsFunc(f.ends, func(tag []byte) bool { return bytes.Contains(data, tag) })
				return len(data), 0, max(0, len(data)-longestTag)
			}
			closed = false
			if doubt {
				// One item had no end; looking for that of each to the end of the buffer would take forever.
				if next := f.itemStart(data, start+1); next >= 0 {
					if end, st := f.item(data[:next], start, nil); st == whole {
						return start, end, 0
					}
					return start, next, 0
				}
			}
			end, st := f.item(data, start, nil)
			if st == whole {
				return start, end, 0
			}
			if st == broken || more != cut.Comes {
				doubt = true
				// Up to its closing tag if it has one before the next item opens, else up to that.
				next := f.itemStart(data, start+1)
				if at := bytes.Index(data[start:], f.end); at >= 0 && (next < 0 || start+at < next) {
					return start, start + at + len(f.end), 0
				}
				if next >= 0 {
					return start, next, 0
				}
				if more == cut.None {
					closed = true // this item's own fault says that the file is cut off
					return start, len(data), 0
				}
			}
			return start, 0, start
		},
		Skipper: func() func([]byte) int {
			seen := 0 // bytes of the closing tag at the end of what was read
			return func(data []byte) int {
				for i, c := range data {
					switch {
					case c == f.end[seen]:
						if seen++; seen == len(f.end) {
							return i + 1
						}
					case c == f.end[0]:
						seen = 1
					default:
						seen = 0
					}
				}
				return -1
			}
		},
	}
}

// itemStart finds an opening tag of an item.
func (f *form) itemStart(data []byte, from int) int {
	for from < len(data) {
		n := bytes.Index(data[from:], f.tag)
		if n < 0 || from+n+len(f.tag) >= len(data) {
			return -1
		}
		switch data[from+n+len(f.tag)] {
		case '>', ' ', '\t', '\r', '\n':
			return from + n
		}
		from += n + len(f.tag)
	}
	return -1
}

// item walks the elements of the item that opens at start, and gives the index after it. each gets an element's name,
// its attributes as they are, and all between its tags.
func (f *form) item(data []byte, start int, each func(name, attributes, content []byte)) (end int, st state) {
	i := bytes.IndexByte(data[start:], '>')
	if i < 0 {
		return 0, cutOff
	}
	i += start + 1
	for {
		n := bytes.IndexByte(data[i:], '<')
		if n < 0 {
			return 0, cutOff
		}
		i += n
		switch {
		case bytes.HasPrefix(data[i:], f.end):
			return i + len(f.end), whole
		case bytes.HasPrefix(data[i:], []byte("<!--")):
			n := bytes.Index(data[i:], []byte("-->"))
			if n < 0 {
				return 0, cutOff
			}
			i += n + 3
			continue
		case bytes.HasPrefix(data[i:], []byte("</")), f.itemStart(data[i:min(len(data), i+longestTag)], 0) == 0:
			return 0, broken
		case bytes.HasPrefix(data[i:], []byte("<!")), bytes.HasPrefix(data[i:], []byte("<?")):
			i += 2
			continue
		}
		tag := bytes.IndexByte(data[i:], '>')
		if tag < 0 {
			return 0, cutOff
		}
		open := data[i+1 : i+tag]
		i += tag + 1
		empty := bytes.HasSuffix(open, []byte{'/'})
		open = bytes.TrimSuffix(open, []byte{'/'})
		name, attributes := open, []byte(nil)
		if n := bytes.IndexAny(open, " \t\r\n"); n >= 0 {
			name, attributes = open[:n], open[n:]
		}
		if empty {
			if each != nil {
				each(name, attributes, nil)
			}
			continue
		}
		length, st := f.content(data[i:], name)
		if st != whole {
			return 0, st
		}
		if each != nil {
			each(name, attributes, data[i:i+length])
		}
		i += length + len("</>") + len(name)
	}
}

// content gives the length of an element's content, up to its closing tag.
func (f *form) content(data, name []byte) (length int, st state) {
	var few [40]byte
	closing := append(append(append(few[:0], "</"...), name...), '>')
	end := bytes.Index(data, closing)
	if end < 0 {
		return 0, cutOff
	}
	text := trimLeft(data[:end])
	if !bytes.HasPrefix(text, cdata) || bytes.Contains(text, cdataEnd) {
		// The item's own end outside of a section: the closing tag is another item's.
		for rest := text; len(rest) > 0; {
			outside, section, _ := bytes.Cut(rest, cdata)
			if bytes.Contains(outside, f.end) {
				return 0, broken
			}
			_, rest, _ = bytes.Cut(section, cdataEnd)
		}
		return end, whole
	}
	// The closing tag is inside of CDATA: the article speaks of it, and the section's end comes with the next one;
	// or the section was never closed.
	for from := end; ; {
		n := bytes.Index(data[from:], cdataEnd)
		if n < 0 {
			return 0, cutOff
		}
		from += n + len(cdataEnd)
		if bytes.Contains(data[end:from], f.end) {
			return 0, broken
		}
		if rest := trimLeft(data[from:]); bytes.HasPrefix(rest, closing) {
			return len(data) - len(rest), whole
		}
		if bytes.Contains(data[end:from], cdata) {
			return 0, broken
		}
	}
}

func trimLeft(b []byte) []byte { return bytes.TrimLeft(b, " \t\r\n") }

// text gives an element's text: CDATA as it is, the rest with its references resolved.
func text(dst, content []byte) []byte {
	open := bytes.Index(content, cdata)
	if open < 0 {
		return unescape(dst, bytes.TrimSpace(content))
	}
	start := len(dst)
	outside, rest := trimLeft(content[:open]), content[open:]
	for {
		dst = unescape(dst, outside)
		if len(rest) == 0 {
			return dst
		}
		section, after, _ := bytes.Cut(rest[len(cdata):], cdataEnd)
		dst = append(dst, section...)
		if outside, rest = after, nil; bytes.Contains(after, cdata) {
			at := bytes.Index(after, cdata)
			outside, rest = after[:at], after[at:]
		} else {
			outside = bytes.TrimRight(outside, " \t\r\n")
		}
		if bytes.Contains(outside, cdataEnd) {
			break
		}
	}
	// The mark that ends a section is outside of one: the program that wrote the file did not escape the marks of a text
	// that speaks of CDATA. All from the first mark to the last is that text.
	dst = unescape(dst[:start], trimLeft(content[:open]))
	last := bytes.LastIndex(content, cdataEnd)
	dst = append(dst, content[open+len(cdata):last]...)
	return unescape(dst, bytes.TrimRight(content[last+len(cdataEnd):], " \t\r\n"))
}
