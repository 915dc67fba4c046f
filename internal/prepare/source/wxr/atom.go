package wxr

import (
	"bytes"
	"strings"

	"quarry/internal/base/jsonl"
	sourceitem "quarry/internal/prepare/source/item"
)

// This file reads Atom (RFC 4287), as feeds and Blogger's backups have it.

// Is reports whether a file's head is that of an export or a feed: RSS, RSS 1.0 or Atom.
func Is(head []byte) bool {
	tag := rootTag(head)
	switch _, name := rootName(tag); string(name) {
	case "rss":
		return true
	case "RDF":
		return bytes.Contains(tag, []byte("purl.org/rss/"))
	case "feed":
		return bytes.Contains(tag, []byte("w3.org/2005/Atom")) || bytes.Contains(tag, []byte("purl.org/atom/"))
	}
	return false
}

// formOf tells by the head what items are called.
func formOf(head []byte) *form {
	if prefix, name := rootName(rootTag(head)); string(name) == "feed" {
		if len(prefix) > 0 {
			return newForm(string(prefix), "entry", []string{"feed"}, atom.missing)
		}
		return atom
	}
	return rss
}

// rootTag gives the opening tag of the outermost element, without its brackets.
func rootTag(head []byte) []byte {
	for {
		n := bytes.IndexByte(head, '<')
		if n < 0 || n+1 >= len(head) {
			return nil
		}
		head = head[n:]
		end := byte('>')
		switch {
		case bytes.HasPrefix(head, []byte("<!--")):
			if n = bytes.Index(head, []byte("-->")); n < 0 {
				return nil
			}
		case head[1] == '!' || head[1] == '?':
			if n = bytes.IndexByte(head, end); n < 0 {
				return nil
			}
		default:
			if n = bytes.IndexByte(head, end); n < 0 {
				n = len(head)
			}
			return head[1:n]
		}
		head = head[n:]
	}
}

// rootName splits the name of a tag: a prefix with its colon, and the name.
func rootName(tag []byte) (prefix, name []byte) {
	if n := bytes.IndexAny(tag, " \t\r\n/>"); n >= 0 {
		tag = tag[:n]
	}
	if n := bytes.IndexByte(tag, ':'); n >= 0 {
		return tag[:n+1], tag[n+1:]
	}
	return nil, tag
}

// attribute gives the value of an attribute, its references resolved. Empty: there is none.
func attribute(attributes []byte, name string) string {
	for i := 0; ; {
		n := bytes.Index(attributes[i:], []byte(name))
		if n < 0 {
			return ""
		}
		i += n + len(name)
		rest := trimLeft(attributes[i:])
		before := i - len(name) - 1
		if before < 0 || bytes.IndexByte([]byte(" \t\r\n"), attributes[before]) < 0 || len(rest) == 0 || rest[0] != '=' {
			continue
		}
		rest = trimLeft(rest[1:])
		if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
			continue
		}
		if end := bytes.IndexByte(rest[1:], rest[0]); end >= 0 {
			return string(unescape(nil, rest[1:1+end]))
		}
		return ""
	}
}

// entry writes one element of an entry of Atom. The first of a name counts.
func (f *feed) entry(dst []byte, name string, attributes, content []byte, s *scratch) []byte {
	if f.prefix != "" {
		name = strings.TrimPrefix(name, f.prefix)
	}
	put := func(member string, value []byte) []byte { return f.put(dst, member, value, s) }
	switch name {
	case "link":
		if rel := attribute(attributes, "rel"); (rel == "" || rel == "alternate") && attribute(attributes, "href") != "" {
			return put("link", []byte(attribute(attributes, "href")))
		}
		return dst
	case "category":
		return f.category(dst, attributes, s)
	case "author":
		return put("author", inner(content, f.prefix+"name"))
	case "content":
		return f.content(dst, attributes, content, s)
	case "app:control":
		if string(bytes.TrimSpace(inner(content, "app:draft"))) == "yes" {
			return put("status", []byte("draft"))
		}
		return dst
	case "blogger:type":
		return put("post_type", bytes.ToLower(bytes.TrimSpace(content)))
	case "blogger:status":
		status := bytes.ToLower(bytes.TrimSpace(content))
		if string(status) == "live" {
			status = []byte("publish")
		}
		return put("status", status)
	}
	if content == nil || strings.Contains(name, ":") {
		return dst
	}
	return put(name, text(s.text[:0], content))
}

// put writes a member unless there is one of that name.
func (f *feed) put(dst []byte, name string, value []byte, s *scratch) []byte {
	if strings.ContainsAny(name, ":\"\\<") || s.seen[name] || name == "categories" || name == "language" || name == "format" {
		return dst
	}
	s.seen[name] = true
	return jsonl.AppendString(member(dst, name), value)
}

// category keeps a term. Blogger says with one what an entry is.
func (f *feed) category(dst, attributes []byte, s *scratch) []byte {
	term := attribute(attributes, "term")
	if strings.HasSuffix(attribute(attributes, "scheme"), "#kind") {
		_, kind, _ := strings.Cut(term, "#")
		return f.put(dst, "post_type", []byte(kind), s)
	}
	if term == "" {
		return dst
	}
	if len(s.categories) > 0 {
		s.categories = append(s.categories, ',')
	}
	s.categories = jsonl.AppendString(s.categories, []byte(term))
	return dst
}

// content keeps the text of an entry: HTML, which is escaped, XHTML, which is not, or text.
func (f *feed) content(dst, attributes, content []byte, s *scratch) []byte {
	if s.seen["content"] || content == nil && attribute(attributes, "src") != "" {
		return dst // it is elsewhere
	}
	kind := attribute(attributes, "type")
	escaped := attribute(attributes, "mode") == "escaped" // Atom 0.3
	s.text = s.text[:0]
	switch {
	case !escaped && (kind == "xhtml" || strings.Contains(kind, "xml")):
		s.text = append(s.text, bytes.TrimSpace(content)...)
		kind = "html"
	default:
		s.text = text(s.text, content)
	}
	dst = f.put(dst, "content", s.text, s)
	named := sourceitem.ParseFormat(kind)
	if kind == "text" && bytes.Contains(s.text, []byte("</")) {
		return dst // it says text, and holds markup
	}
	if named != "" && kind != "html" && kind != "text/html" { // HTML is distinguished from Markdown by what it holds
		dst = jsonl.AppendString(member(dst, "format"), []byte(named))
	}
	return dst
}

// inner gives the text of the first element of that name inside of another.
func inner(content []byte, name string) []byte {
	_, rest, ok := bytes.Cut(content, []byte("<"+name+">"))
	if !ok {
		return nil
	}
	value, _, _ := bytes.Cut(rest, []byte("</"+name+">"))
	return text(nil, value)
}
