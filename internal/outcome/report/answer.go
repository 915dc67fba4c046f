package report

import (
	"bytes"
	"encoding/json"
	"strings"

	"quarry/internal/base/shown"
)

const (
	maxSamples      = 50
	maxMembers      = 20
	maxAnswerLength = 3000
)

// answer is one answer to read, its members in the model's order.
type answer struct {
	ID, Title, URL, Head, Class string
	Members                     []member
	Text                        string
}

type member struct {
	Name, Text string
	Lang       string // of the text, as its name tells; fonts of East Asian languages differ
	Missing    bool   // the model gave null
	Code       bool   // not a plain text: JSON
}

// answers takes the samples apart for the page.
func answers(r *Report) []answer {
	var list []answer
	for _, s := range r.Samples[:min(len(r.Samples), maxSamples)] {
		a := answer{
			ID: shown.Line(string(s.ID), 200), Title: shown.Line(s.Title, 300), URL: shown.Address(s.URL),
			Text: shown.Lines(s.Text, maxAnswerLength),
			Head: shown.Line(s.Head, 300), Class: shown.Line(string(s.Class), 40),
		}
		if len(s.Output) > 0 {
			a.Members = members(s.Output)
			if a.Members == nil {
				a.Text = indented(s.Output)
			}
		}
		list = append(list, a)
	}
	return list
}

// members reads an object's members in their order; nil where the answer is no object with members.
func members(output json.RawMessage) []member {
	in := json.NewDecoder(bytes.NewReader(output))
	if t, err := in.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var list []member
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return nil
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return nil
		}
		if len(list) == maxMembers {
			return append(list, member{Name: "…", Text: "more members in results.jsonl"})
		}
		list = append(list, memberOf(name.(string), value))
	}
	return list
}

func memberOf(name string, value json.RawMessage) member {
	m := member{Name: shown.Line(name, 80)}
	var text *string
	if err := json.Unmarshal(value, &text); err != nil {
		m.Text, m.Code = indented(value), true
		return m
	}
	if text == nil {
		m.Missing = true
		return m
	}
	m.Text, m.Lang = shown.Lines(*text, maxAnswerLength), LangOf(name)
	return m
}

// LangOf is the language of a member of an answer, as far as its name tells and fonts need it: ja, zh, ko or nothing.
func LangOf(name string) string {
	for _, lang := range []string{"ja", "zh", "ko"} {
		if strings.HasSuffix(strings.ToLower(name), "_"+lang) {
			return lang
		}
	}
	return ""
}

func indented(value json.RawMessage) string { return indentedTo(value, maxAnswerLength) }

func indentedTo(value json.RawMessage, limit int) string {
	var b bytes.Buffer
	if err := json.Indent(&b, value, "", "  "); err != nil {
		return shown.Lines(string(value), limit)
	}
	return shown.Lines(b.String(), limit)
}
