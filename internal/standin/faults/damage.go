package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// errNoText says that an answer has none of the shapes whose text is known.
var errNoText = errors.New("the answer holds no text")

// place is where a family's answer keeps its text and its reason to stop; steps are member names and list indexes.
type place struct {
	text, stop []any
	limit      string // the reason's value when the token limit was reached
}

// places are the answers of Anthropic, Converse and Nova, Llama, and the OpenAI-style open weights
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html).
var places = []place{
	{[]any{"content", 0, "text"}, []any{"stop_reason"}, "max_tokens"},
	{[]any{"output", "message", "content", 0, "text"}, []any{"stopReason"}, "max_tokens"},
	{[]any{"generation"}, []any{"stop_reason"}, "length"},
	{[]any{"choices", 0, "message", "content"}, []any{"choices", 0, "finish_reason"}, "length"},
}

// Cut gives the answer with the second half of its text gone and the stop reason of a reached token limit.
func Cut(answer []byte) ([]byte, error) {
	return rewrite(answer, func(text string, p place, doc any) {
		put(doc, p.text, head(text, len(text)/2))
		put(doc, p.stop, p.limit)
	})
}

// Break gives the answer with a text that no JSON parser reads, in one of several ways that models have; pick, 0 up
// to 1, chooses. The stop reason stays that of a finished answer.
func Break(answer []byte, pick float64) ([]byte, error) {
	return rewrite(answer, func(text string, p place, doc any) {
		put(doc, p.text, broken(text, pick))
	})
}

func broken(text string, pick float64) string {
	last := strings.LastIndexByte(text, '"')
	if last < 1 {
		return `{"` + text // nothing to break: begin what never ends
	}
	switch int(pick * 3) {
	case 0: // the closing is missing
		return head(text, last)
	case 1: // a quotation mark and a line break inside a string, unescaped
		return head(text, last) + "\"quoted\"\nline" + text[last:]
	default: // talk instead of an object
		return "Here is the summary you asked for: " + strings.Map(func(r rune) rune {
			if strings.ContainsRune(`{}[]"`, r) {
				return -1
			}
			return r
		}, text)
	}
}

// head cuts at n bytes, or before, where a character would be torn.
func head(s string, n int) string {
	for n > 0 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:min(n, len(s))]
}

func rewrite(answer []byte, change func(text string, p place, doc any)) ([]byte, error) {
	var doc any
	dec := json.NewDecoder(strings.NewReader(string(answer)))
	dec.UseNumber() // token counts keep their digits
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("damage an answer: %w", err)
	}
	for _, p := range places {
		if text, ok := get(doc, p.text).(string); ok {
			change(text, p, doc)
			return json.Marshal(doc)
		}
	}
	return nil, fmt.Errorf("damage an answer: %w", errNoText)
}

func get(doc any, path []any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := doc.(map[string]any)
			doc = object[step]
		case int:
			list, _ := doc.([]any)
			if step >= len(list) {
				return nil
			}
			doc = list[step]
		}
	}
	return doc
}

// put replaces a value whose holder exists; get has found it, or its neighbour, before.
func put(doc any, path []any, value string) {
	holder, ok := get(doc, path[:len(path)-1]).(map[string]any)
	if name, named := path[len(path)-1].(string); ok && named {
		holder[name] = value
	}
}
