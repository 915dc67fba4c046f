package audit

import "quarry"

// ReadRaw gives what the reader of raw lines makes of a line: the record, whether it has an answer, and its text.
func ReadRaw(text []byte) (id quarry.RecordID, answered bool, answer string, usage quarry.Usage, err error) {
	l, err := readRaw(text)
	if err != nil || l.answer == nil {
		return l.id, false, "", quarry.Usage{}, err
	}
	return l.id, true, l.answer.text, l.answer.usage, nil
}

// Inside gives the JSON values that begin somewhere in a text.
func Inside(text string) []string { return inside(text) }
