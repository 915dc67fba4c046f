package audit

import (
	"github.com/go-json-experiment/json/jsontext"

	"quarry"
)

// ReadRaw gives what the reader of raw lines makes of a line: the record, whether it has an answer, and its text.
func ReadRaw(text []byte) (id quarry.RecordID, answered bool, answer string, usage quarry.Usage, err error) {
	l, err := readRaw(text)
	if err != nil || l.answer == nil {
		return l.id, false, "", quarry.Usage{}, err
	}
	return l.id, true, l.answer.text, l.answer.usage, nil
}

// Inside gives the JSON values that begin somewhere in a text, in one spelling.
func Inside(text string) []string {
	var values []string
	for _, v := range inside(text) {
		values = append(values, uniform(v))
	}
	return values
}

// uniform gives JSON in one spelling, whatever its spaces, escapes and order of members.
func uniform(v value) string {
	b, err := jsontext.AppendFormat(nil, []byte(v), jsontext.ReorderRawObjects(true), jsontext.PreserveRawStrings(false))
	if err != nil {
		return ""
	}
	return string(b)
}
