package collect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"quarry"
	"quarry/internal/base/jsonl"
)

// Line is one line of output.
type Line struct {
	RecordID    quarry.RecordID
	ModelInput  []byte // the echo, as it is
	ModelOutput []byte // as it is, or nil
	Error       *RecordError
	Others      []byte // the members that no page tells of, as one JSON object, or nil
	File        string // of output
	Number      int64  // of the line in it, from 1
	Repaired    bool   // characters were damaged and are U+FFFD, or were not escaped
}

// clone copies what a Line points to.
func (l Line) clone() Line {
	l.ModelInput, l.ModelOutput, l.Others = bytes.Clone(l.ModelInput), bytes.Clone(l.ModelOutput), bytes.Clone(l.Others)
	return l
}

// RecordError replaces modelOutput where the provider could not answer a record.
type RecordError struct {
	Code    int
	Message string
	// Unreadable says why a line has no error that can be read, and no answer; empty where it has one.
	Unreadable string
}

// Parse reads one line. Its slices point into the line. A line that is not one, torn for example, is an error.
func Parse(c *jsonl.Checker, line []byte) (Line, error) {
	members, err := c.Object(line)
	if err != nil {
		return Line{}, err
	}
	var l Line
	for _, m := range members {
		switch string(m.Name) {
		case "recordId":
			if !m.String() {
				return Line{}, errors.New("recordId is not a string")
			}
			l.RecordID = quarry.RecordID(jsonl.Unescape(nil, m.Value[1:len(m.Value)-1]))
		case "modelInput":
			l.ModelInput = m.Value
		case "modelOutput":
			if string(m.Value) != "null" {
				l.ModelOutput = m.Value
			}
		case "error":
			if string(m.Value) != "null" {
				l.Error = parseError(m.Value)
			}
		default:
			l.Others = appendMember(l.Others, m)
		}
	}
	if l.Others != nil {
		l.Others = append(l.Others, '}')
	}
	if l.RecordID == "" {
		return Line{}, errors.New("no recordId")
	}
	if l.ModelOutput == nil && l.Error == nil {
		l.Error = &RecordError{Unreadable: "neither modelOutput nor error"}
	}
	return l, nil
}

func appendMember(object []byte, m jsonl.Member) []byte {
	name, err := json.Marshal(string(m.Name))
	if err != nil { // a text that was JSON before
		return object
	}
	sep := byte(',')
	if object == nil {
		sep = '{'
	}
	object = append(append(object, sep), name...)
	return append(append(object, ':'), m.Value...)
}

// parseError reads the error member. errorCode is a number on AWS's page; emulators were seen to write a string.
func parseError(value []byte) *RecordError {
	var e struct {
		Code    json.RawMessage `json:"errorCode"`
		Message json.RawMessage `json:"errorMessage"`
	}
	if err := json.Unmarshal(value, &e); err != nil || e.Code == nil && e.Message == nil {
		return &RecordError{Unreadable: "error is not an object with errorCode and errorMessage: " + clip(string(value))}
	}
	out := &RecordError{}
	if json.Unmarshal(e.Message, &out.Message) != nil {
		out.Message = string(e.Message)
	}
	_, _ = fmt.Sscanf(strings.Trim(string(e.Code), `"`), "%d", &out.Code) // no number: 0, an error like any other
	return out
}

// clip bounds what a message shows of a value.
func clip(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:80], "") + "…"
}
