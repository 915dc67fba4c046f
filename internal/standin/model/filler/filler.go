// Package filler writes the values of a schema's keys: out of an article's own title and sentences where a key wants
// such, and by rule where the schema demands what no sentence can say: the first value of an enum, the least number that
// is allowed, a date of the right form.
//
// It owns the reading of a key's name and the rules; the form around the values is package ask's. What is written by rule
// is filler, not an answer, and is listed by Filled so that the answer can say so. Nothing is translated: a key of another
// language than the article's is null, or empty where the schema does not take null.
package filler

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"quarry/internal/standin/model/ask"
	"quarry/internal/standin/model/extractive"
	"quarry/internal/standin/model/family"
)

// Writer fills one answer. It is not safe for concurrent use.
type Writer struct {
	d      extractive.Digest
	model  string // for messages
	filled []string
	listed int // items of all lists
}

// New makes a Writer for an article that has sentences. model is who answers, for messages.
func New(d extractive.Digest, model string) *Writer { return &Writer{d: d, model: model} }

// Filled are the keys that were written by rule, nested ones as a.b, each once and in order.
func (w *Writer) Filled() []string { return w.filled }

func (w *Writer) byRule(key string) {
	if !slices.Contains(w.filled, key) {
		w.filled = append(w.filled, key)
	}
}

func (w *Writer) cannot(key, why string) error {
	if key == "" {
		key = "the answer"
	}
	return &family.Invalid{Message: fmt.Sprintf("%s cannot fill %q of the schema: %s", w.model, key, why)}
}

// itemFiller writes an item of a list, which may be an object.
type itemFiller = func(*ask.Node) (jsontext.Value, error)

// Leaf is an ask.Leaf.
func (w *Writer) Leaf(key string, n *ask.Node, fill func(*ask.Node) (jsontext.Value, error)) (any, error) {
	role, lang := meaning(lastName(key))
	foreign := lang != "" && lang != w.d.Lang
	if n.Enum() != nil {
		return w.fromEnum(key, role, n, 0)
	}
	if n.String() && !foreign && role != asUnknown {
		if s, ok := w.said(role, n); ok {
			return s, nil
		}
	}
	if n.Array() && !foreign && (role == asKeywords || role == asSummary || role == asPoints) {
		if list, ok := w.list(role, n); ok {
			return list, nil
		}
	}
	if n.Null() {
		return nil, nil
	}
	if len(n.Default) > 0 && w.fits(n, n.Default) {
		w.byRule(key)
		return n.Default, nil
	}
	switch {
	case n.String():
		if !unlimited(n) || !foreign && role == asUnknown && !n.Any() {
			w.byRule(key)
			return w.text(key, n, 0)
		}
		return "", nil
	case n.Number():
		w.byRule(key)
		return w.number(key, n, 0)
	case n.Bool():
		w.byRule(key)
		return false, nil
	case n.Array():
		return w.array(key, n, fill)
	}
	return nil, w.cannot(key, "no type is left that it may hold")
}

// Name is an ask.Names.
func (w *Writer) Name(pattern string, number int) (string, error) {
	if pattern == "" {
		return fmt.Sprintf("key%d", number), nil
	}
	name, err := fromPattern(pattern, number)
	if err != nil {
		return "", w.cannot(pattern, err.Error())
	}
	return name, nil
}

func lastName(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// unlimited tells whether any text will do.
func unlimited(n *ask.Node) bool {
	return n.MinLength == 0 && len(n.Patterns) == 0 && n.Format == ""
}

// fromEnum takes the only value there is, the article's language, null, or the first value. nth selects another one.
func (w *Writer) fromEnum(key string, role role, n *ask.Node, nth int) (any, error) {
	var fit []jsontext.Value
	for _, v := range n.Enum() {
		if w.fits(n, v) {
			fit = append(fit, v)
		}
	}
	if len(fit) <= nth {
		return nil, w.cannot(key, "too few values of its enum are allowed by its other keywords")
	}
	if len(fit) == 1 {
		return fit[0], nil
	}
	if role == asLanguage && nth == 0 {
		for _, v := range fit {
			var s string
			if json.Unmarshal(v, &s) == nil && languageNames[strings.ToLower(s)] == w.d.Lang {
				return v, nil
			}
		}
	}
	if nth == 0 {
		for _, v := range fit {
			if v.Kind() == jsontext.KindNull {
				return v, nil
			}
		}
	}
	w.byRule(key)
	return fit[nth], nil
}

// fits tells whether a value of the schema's own, which may be of any kind, obeys the place it is for.
func (w *Writer) fits(n *ask.Node, v jsontext.Value) bool {
	switch v.Kind() {
	case jsontext.KindNull:
		return n.Null()
	case jsontext.KindString:
		var s string
		return n.String() && json.Unmarshal(v, &s) == nil && fitsText(n, s)
	case jsontext.KindNumber:
		return n.Number() && fitsNumber(n, v)
	case jsontext.KindTrue, jsontext.KindFalse:
		return n.Bool()
	case jsontext.KindBeginArray:
		return n.Array()
	}
	return n.Object()
}

// said is the article's own text for a role, within the limits, where there is one.
func (w *Writer) said(role role, n *ask.Node) (string, bool) {
	var choices []string
	switch role {
	case asTitle:
		choices = append(choices, w.d.Title)
		choices = append(choices, w.sentences()...)
	case asSummary, asPoints:
		choices = append(choices, w.d.Summary())
		for i := len(w.d.Sentences) - 1; i > 0; i-- {
			choices = append(choices, strings.Join(w.d.Sentences[:i], " "))
		}
		choices = append(choices, w.sentences()...)
	case asLanguage:
		choices = append(choices, w.d.Lang)
	case asKeywords:
		words := w.d.Keywords(maxKeywords)
		for i := len(words); i > 0; i-- {
			choices = append(choices, strings.Join(words[:i], ", "))
		}
	}
	for _, s := range choices {
		if s != "" && fitsText(n, s) {
			return s, true
		}
	}
	if role == asTitle || role == asSummary || role == asPoints {
		if s := shorten(n, choices); s != "" && fitsText(n, s) {
			return s, true
		}
	}
	return "", false
}

const maxKeywords = 8

// sentences are the chosen ones, the shortest first.
func (w *Writer) sentences() []string {
	out := slices.Clone(w.d.Sentences)
	slices.SortStableFunc(out, func(a, b string) int { return len(a) - len(b) })
	return out
}

// list is the article's own keywords or sentences, where the place takes a list of texts and there are enough.
func (w *Writer) list(role role, n *ask.Node) ([]string, bool) {
	if n.Contains != nil || len(n.Prefix) > 0 || n.Items() != nil && (!n.Items().String() || n.Items().Enum() != nil) {
		return nil, false
	}
	words := w.d.Sentences
	if role == asKeywords {
		words = w.d.Keywords(maxKeywords)
	}
	out := []string{}
	for _, s := range words {
		if n.MaxItems >= 0 && len(out) == n.MaxItems {
			break
		}
		if n.Items() != nil && !fitsText(n.Items(), s) {
			if s = shorten(n.Items(), []string{s}); s == "" || !fitsText(n.Items(), s) {
				continue
			}
		}
		if !n.Unique || !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out, len(out) >= n.MinItems
}

// maxListed bounds what a schema can make of all lists of an answer.
const maxListed = 10_000

// array writes as many items as the schema demands, one where they are objects, so that their form can be seen.
func (w *Writer) array(key string, n *ask.Node, fill itemFiller) (any, error) {
	want := max(n.MinItems, len(n.Prefix))
	if n.Contains != nil {
		want = max(want, n.MinContains)
	}
	optional := want == 0
	if optional && n.Items() != nil && n.Items().Object() && !n.Items().Any() {
		want = 1
	}
	if n.MaxItems >= 0 && want > n.MaxItems {
		if n.MinItems > n.MaxItems {
			return nil, w.cannot(key, fmt.Sprintf("it wants at least %d items and at most %d", n.MinItems, n.MaxItems))
		}
		want = n.MaxItems
	}
	if want > maxListed {
		return nil, w.cannot(key, fmt.Sprintf("it wants %d items", want))
	}
	out := []jsontext.Value{}
	contained := 0
	for i := range want {
		if w.listed++; w.listed > maxListed {
			return nil, w.cannot(key, fmt.Sprintf("its lists want more than %d items", maxListed))
		}
		item := n.Items()
		switch {
		case i < len(n.Prefix):
			item = n.Prefix[i]
		case n.Contains != nil && contained < n.MinContains:
			item = n.Contains
			contained++
		}
		v, err := w.item(key, item, out, n.Unique, fill)
		if err != nil && optional {
			break
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// item writes one item, other than those before it where they must differ.
func (w *Writer) item(key string, n *ask.Node, before []jsontext.Value, unique bool, fill itemFiller) (jsontext.Value, error) {
	taken := func(v jsontext.Value) bool {
		return unique && slices.ContainsFunc(before, func(o jsontext.Value) bool { return string(o) == string(v) })
	}
	for nth := 0; nth <= len(before); nth++ {
		v, err := w.nth(key, n, nth, fill)
		if err != nil {
			return nil, err
		}
		if !taken(v) {
			return v, nil
		}
	}
	return nil, w.cannot(key, "its items must differ, and no rule makes enough of them")
}

// nth is the nth of several values for a place; for an object it is always the same one.
func (w *Writer) nth(key string, n *ask.Node, nth int, fill itemFiller) (jsontext.Value, error) {
	var v any
	var err error
	switch {
	case n == nil || n.Any() && n.Enum() == nil:
		w.byRule(key)
		v = fmt.Sprintf("item %d", nth+1)
	case n.Enum() != nil:
		v, err = w.fromEnum(key, asUnknown, n, nth)
	case n.String():
		w.byRule(key)
		v, err = w.text(key, n, nth)
	case n.Number():
		w.byRule(key)
		v, err = w.number(key, n, nth)
	case n.Bool() && nth < 2:
		w.byRule(key)
		v = nth == 1
	default:
		return fill(n)
	}
	if err != nil {
		return nil, err
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil, errors.Join(w.cannot(key, "its value cannot be written"), err)
	}
	return out, nil
}
