package parse

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"quarry"
	"quarry/internal/base/jsonl"
)

// found is the JSON of an answer, or why there is none.
type found struct {
	json     []byte
	value    any // the same, decoded
	salvaged bool

	problem string
	class   quarry.Class
}

// strict gives compact JSON with names that are unique and strings that are valid, or the fault.
func strict(dst []byte, src string) ([]byte, error) {
	check := checkers.Get().(*jsonl.Checker)
	defer checkers.Put(check)
	if text := []byte(src); check.Check(text) == nil {
		return jsonl.AppendNormal(dst, text), nil
	}
	return jsontext.AppendFormat(dst, src,
		jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false), jsontext.PreserveRawStrings(false))
}

// answer finds the answer's JSON: the input of the one tool call that passes the schema, else in the text, else at the end of
// reasoning that the model never closed.
func (c *Checker) answer(a *Answer) found {
	var good []found
	var bad found
	for _, input := range a.Tools {
		switch f := c.find(input); {
		case f.problem != "":
			bad = f
		case !slices.ContainsFunc(good, func(g found) bool { return string(g.json) == string(f.json) }):
			good = append(good, f)
		}
	}
	switch {
	case len(good) == 1:
		return good[0]
	case len(good) > 1:
		return found{class: quarry.ClassNotJSON, problem: fmt.Sprintf("the model called %d tools, and which input is meant cannot be known", len(a.Tools))}
	case len(a.Tools) == 0 && strings.TrimSpace(a.Text) == "" && a.Thought != "":
		return c.unclosed(a.Thought)
	}
	f := c.find(a.Text)
	if f.problem != "" && len(a.Tools) > 0 {
		return bad
	}
	return f
}

// unclosed looks for the answer in reasoning without an end. It is the one value that passes the schema, if that is the last
// thing in the text: one that reasoning follows may be a draft.
func (c *Checker) unclosed(s string) found {
	none := found{class: quarry.ClassNotJSON, problem: "the answer is empty: its reasoning never ends"}
	if c.opener == 0 {
		return none
	}
	end := strings.TrimRight(s, " \t\r\n`")
	if end == "" || end[len(end)-1] != c.opener+2 { // '{'+2 == '}', '['+2 == ']'
		return none
	}
	if f := c.salvage(s, errBroken); f.problem == "" {
		return f
	}
	return none
}

// find finds the answer's JSON in the model's text: the whole text, or the one value in it that can be meant.
func (c *Checker) find(s string) found {
	whole := strings.Trim(s, " \t\r\n")
	if whole == "" {
		return found{class: quarry.ClassNotJSON, problem: "the answer is empty"}
	}
	b, err := strict(make([]byte, 0, len(whole)), whole)
	if err == nil {
		return c.judge(b, false)
	}
	// Two values under one name are two readings.
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return found{class: quarry.ClassNotJSON, problem: "the answer is not JSON: " + syntaxFault(err)}
	}
	return c.salvage(whole, err)
}

// judge holds a value against the schema.
func (c *Checker) judge(b []byte, salvaged bool) found {
	v, problem := decode(b)
	if problem == "" {
		problem = c.complain(v)
	}
	if problem != "" {
		return found{class: quarry.ClassSchema, problem: problem, salvaged: salvaged}
	}
	return found{json: b, value: v, salvaged: salvaged}
}

// salvage searches a text that is not JSON as a whole. Several values in it leave no doubt only where a single one
// passes the schema.
func (c *Checker) salvage(s string, whole error) found {
	none := found{class: quarry.ClassNotJSON, problem: "the answer is not JSON: " + syntaxFault(whole)}
	if c.opener == 0 {
		return none
	}
	candidates, clean := scan(s, c.opener)
	if !clean || len(candidates) == 0 {
		return none
	}
	var good []found
	var bad found
	for _, b := range candidates {
		if f := c.judge(b, true); f.problem == "" {
			good = append(good, f)
		} else {
			bad = f
		}
	}
	switch {
	case len(good) == 1:
		return good[0]
	case len(good) == 0 && len(candidates) == 1:
		return bad
	}
	none.problem = fmt.Sprintf("the answer holds %d JSON values, and it is unclear which one is meant", len(candidates))
	return none
}

// syntaxFault says in one line what is wrong with a text, without quoting much of it.
func syntaxFault(err error) string {
	var s *jsontext.SyntacticError
	if errors.As(err, &s) {
		return clip(fmt.Sprintf("%v at byte %d", s.Err, s.ByteOffset))
	}
	return clip(err.Error())
}

const maxMessage = 500

// clip keeps messages short: they hold pieces of the model's text, which may be long.
func clip(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage], "") + "…"
}
