package prompt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"
	"unicode/utf8"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/nearest"
	"quarry/internal/base/template"
)

// text is one compiled template. Templates of literal text and plain fields, which is nearly all, become segments;
// the others are executed by package template.
type text struct {
	segments []segment
	tmpl     *template.Template // nil: segments
	uses     map[string]bool    // the document's fields that it names
}

type segment struct {
	literal []byte // escaped
	field   string // of the document; empty: literal
	member  string // of .Fields, where field is "Fields"
}

// view is what a template sees.
type view struct {
	ID, Title, Text, URL, Lang string
	Part, Parts                int
	Fields                     map[string]any `json:"-"` // decoded only if the template names them
}

var documentFields = []string{"ID", "Title", "Text", "URL", "Lang", "Fields", "Part", "Parts"}

// compileText compiles a template; name is how people know it and is in every fault, with line and column.
func compileText(name, source string) (*text, error) {
	if !utf8.ValidString(source) {
		return nil, fmt.Errorf("template: %s: %w", name, errUTF8)
	}
	tmpl, err := template.Parse(name, source)
	if err != nil {
		return nil, err
	}
	// Associated templates too: a fault in one that is called for rare documents only would cost a paid run its end.
	uses := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(tmpl.Trees)) {
		w := walker{tree: tmpl.Trees[name], root: name == tmpl.Name, uses: uses}
		w.list(w.tree.Root, w.root)
		if w.err != nil {
			return nil, w.err
		}
	}
	if segments, ok := plainSegments(tmpl.Trees[tmpl.Name].Root); ok {
		return &text{segments: segments, uses: uses}, nil
	}
	return &text{tmpl: tmpl, uses: uses}, nil
}

// walker checks the names of fields and collects those that are used.
type walker struct {
	tree *parse.Tree
	root bool
	uses map[string]bool
	err  error
}

// list walks nodes; top says that dot is the document here.
func (w *walker) list(l *parse.ListNode, top bool) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			w.pipe(n.Pipe, top)
		case *parse.IfNode:
			w.branch(&n.BranchNode, top, top)
		case *parse.WithNode:
			w.branch(&n.BranchNode, top, false)
		case *parse.RangeNode:
			w.branch(&n.BranchNode, top, false)
		case *parse.TemplateNode:
			w.pipe(n.Pipe, top)
		}
	}
}

func (w *walker) branch(b *parse.BranchNode, top, inside bool) {
	w.pipe(b.Pipe, top)
	w.list(b.List, inside)
	w.list(b.ElseList, top)
}

func (w *walker) pipe(p *parse.PipeNode, top bool) {
	if p == nil {
		return
	}
	for _, c := range p.Cmds {
		for _, a := range c.Args {
			w.arg(a, top)
		}
	}
}

func (w *walker) arg(n parse.Node, top bool) {
	switch n := n.(type) {
	case *parse.DotNode: // the whole document is passed on, to {{template}}, {{with}} or a function
		if top {
			w.useAll()
		}
	case *parse.FieldNode:
		if top {
			w.field(n, n.Ident[0])
		}
	case *parse.VariableNode:
		if len(n.Ident) == 1 {
			w.useAll() // $, or a variable whose value is not followed
		}
		// $ is the document in the template itself, and whatever was handed over in an associated one.
		if w.root && n.Ident[0] == "$" && len(n.Ident) > 1 {
			w.field(n, n.Ident[1])
		}
	case *parse.ChainNode:
		w.arg(n.Node, top)
	case *parse.PipeNode:
		w.pipe(n, top)
	}
}

func (w *walker) useAll() {
	for _, name := range documentFields {
		w.uses[name] = true
	}
}

func (w *walker) field(n parse.Node, name string) {
	if w.uses[name] = true; w.err != nil || slices.Contains(documentFields, name) {
		return
	}
	place, context := w.tree.ErrorContext(n)
	w.err = fmt.Errorf("template: %s: <%s>: a document has no %s%s; it has .%s", place, context, name, didYouMean(name),
		strings.Join(documentFields, " ."))
}

func didYouMean(name string) string {
	if near := nearest.Of(name, documentFields); near != "" {
		return ", did you mean ." + near + "?"
	}
	return ""
}

// plainSegments gives the segments of a template that needs no execution.
func plainSegments(root *parse.ListNode) ([]segment, bool) {
	var segments []segment
	for _, n := range root.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			segments = append(segments, segment{literal: escape(nil, n.Text)})
		case *parse.CommentNode:
		case *parse.ActionNode:
			if len(n.Pipe.Decl) != 0 || len(n.Pipe.Cmds) != 1 || len(n.Pipe.Cmds[0].Args) != 1 {
				return nil, false
			}
			switch arg := n.Pipe.Cmds[0].Args[0].(type) {
			case *parse.StringNode:
				segments = append(segments, segment{literal: escape(nil, arg.Text)})
			case *parse.FieldNode:
				switch {
				case len(arg.Ident) == 1 && arg.Ident[0] != "Fields":
					segments = append(segments, segment{field: arg.Ident[0]})
				case len(arg.Ident) == 2 && arg.Ident[0] == "Fields":
					segments = append(segments, segment{field: "Fields", member: arg.Ident[1]})
				default:
					return nil, false
				}
			default:
				return nil, false
			}
		default:
			return nil, false
		}
	}
	return segments, true
}

// append appends the rendered text, escaped.
func (t *text) append(dst []byte, doc *quarry.Document) ([]byte, error) {
	if t.tmpl != nil {
		return t.execute(dst, doc)
	}
	var err error
	for i := range t.segments {
		s := &t.segments[i]
		switch s.field {
		case "":
			dst = append(dst, s.literal...)
		case "Text":
			if doc.Valid {
				dst = jsonl.AppendValid(dst, doc.Body)
			} else {
				dst, err = appendBytes(dst, doc.Body)
			}
		case "Title":
			dst, err = appendString(dst, doc.Title)
		case "ID":
			dst, err = appendString(dst, string(doc.ID))
		case "URL":
			dst, err = appendString(dst, doc.URL)
		case "Lang":
			dst, err = appendString(dst, doc.Lang)
		case "Part":
			dst = strconv.AppendInt(dst, int64(doc.Part), 10)
		case "Parts":
			dst = strconv.AppendInt(dst, int64(doc.Parts), 10)
		case "Fields":
			dst, err = appendMember(dst, doc.Fields, s.member)
		}
		if err != nil {
			if s.member != "" && errors.Is(err, errNoValue) {
				return dst, &noValue{".Fields." + s.member}
			}
			if s.member != "" {
				return dst, fmt.Errorf(".Fields.%s: %w", s.member, err)
			}
			return dst, fmt.Errorf(".%s: %w", s.field, err)
		}
	}
	return dst, nil
}

func (t *text) execute(dst []byte, doc *quarry.Document) ([]byte, error) {
	v := view{
		ID: string(doc.ID), Title: doc.Title, Text: string(doc.Body), URL: doc.URL, Lang: doc.Lang, Part: doc.Part, Parts: doc.Parts,
		Fields: map[string]any{},
	}
	if t.uses["Fields"] && len(doc.Fields) > 0 {
		var err error
		if v.Fields, err = decodeFields(doc.Fields); err != nil {
			return dst, err
		}
	}
	out := escaper{dst: dst}
	err := t.tmpl.Execute(&out, &v, printed)
	return out.dst, err
}

// escaper is a writer that appends what it gets to a JSON string.
type escaper struct{ dst []byte }

func (e *escaper) Write(p []byte) (int, error) {
	dst, err := appendBytes(e.dst, p)
	if err != nil {
		return 0, err
	}
	e.dst = dst
	return len(p), nil
}

var errNoValue = errors.New("the document has no such value")

// printed is what a template prints of a value: texts as they are, everything else as JSON. Go's own notation of maps and a mark for a
// value that is not there do not belong into a paid prompt.
func printed(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", errNoValue
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// appendMember appends one member of an item's other members. Most values are strings whose escapes are canonical
// already, and those are copied.
func appendMember(dst, fields []byte, name string) ([]byte, error) {
	if len(fields) == 0 {
		return dst, errNoValue
	}
	if v, ok := jsonl.Lookup(fields, name); ok && len(v) >= 2 && v[0] == '"' && scanEscaped(v[1:]) == len(v)-2 {
		return append(dst, v[1:len(v)-1]...), nil
	}
	m, err := decodeFields(fields)
	if err != nil {
		return dst, err
	}
	if m[name] == nil {
		return dst, errNoValue
	}
	s, err := printed(m[name])
	if err != nil {
		return dst, err
	}
	return appendString(dst, s)
}

// decodeFields keeps numbers as the source wrote them: as floats, ids of 19 digits would come out as other ids.
func decodeFields(raw []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var fields map[string]any
	if err := d.Decode(&fields); err != nil {
		return nil, fmt.Errorf("read the item's other members: %w", err)
	}
	return fields, nil
}
