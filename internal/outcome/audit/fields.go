package audit

import (
	"errors"
	"fmt"
	"strconv"

	"quarry"
)

// Journals, parts and results are read member by member and not by reflection, since a run has three lines of them for each document.
// Names are compared letter by letter.

// lineReader is a line that reads its own members.
type lineReader interface {
	member(f *fields, name []byte, v value)
}

// lineOf is a pointer to a T that is one.
type lineOf[T any] interface {
	*T
	lineReader
}

// fields reads the values of a line that was checked, and keeps the first that does not fit. A null leaves what is there. Words that come
// again are made once, so it is kept for all lines of a file.
type fields struct {
	err   error
	words map[string]string
}

// mostWords bounds the words of a file that are kept.
const mostWords = 1024

// read reads one line. Values that are kept as they are written point into it.
func (f *fields) read(text []byte, to lineReader) error {
	v := checked(text)
	if !v.begins('{') {
		return errors.New("it is not a JSON object")
	}
	f.err = nil
	for name, member := range v.members() {
		to.member(f, name, member)
	}
	return f.err
}

func (f *fields) fault(name, want string, v value) {
	if f.err == nil {
		f.err = fmt.Errorf("%s is %.40q, not %s", name, v, want)
	}
}

// object gives a value whose members are read; nil where there is none.
func (f *fields) object(name string, v value) value {
	if v.given() && !v.begins('{') {
		f.fault(name, "an object", v)
	}
	return v
}

func textField[S ~string](f *fields, name string, v value, to *S) {
	switch {
	case v.begins('"'):
		*to = S(v.text())
	case v.given():
		f.fault(name, "a string", v)
	}
}

// wordField is textField for a string that comes again and again.
func wordField[S ~string](f *fields, name string, v value, to *S) {
	if !v.begins('"') {
		textField(f, name, v, to)
		return
	}
	word, known := f.words[string(v)]
	if !known {
		word = v.text()
		if f.words == nil || len(f.words) == mostWords {
			f.words = map[string]string{}
		}
		f.words[string(v)] = word
	}
	*to = S(word)
}

func countField[N ~int | ~int64](f *fields, name string, v value, to *N) {
	if !v.given() {
		return
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		f.fault(name, "a whole number", v)
		return
	}
	*to = N(n)
}

func (f *fields) flag(name string, v value, to *bool) {
	switch string(v) {
	case "true":
		*to = true
	case "false":
		*to = false
	case "null":
	default:
		f.fault(name, "true or false", v)
	}
}

func (p *part) member(f *fields, name []byte, v value) {
	switch string(name) {
	case "id":
		textField(f, "id", v, &p.ID)
	case "order":
		countField(f, "order", v, &p.Order)
	case "record_id":
		textField(f, "record_id", v, &p.RecordID)
	case "parts":
		countField(f, "parts", v, &p.Parts)
	case "sent":
		textField(f, "sent", v, &p.Sent)
	}
}

func (s *same) member(f *fields, name []byte, v value) {
	switch string(name) {
	case "order":
		countField(f, "order", v, &s.Order)
	case "of":
		countField(f, "of", v, &s.Of)
	case "id":
		textField(f, "id", v, &s.ID)
	case "document":
		s.Document = v
	}
}

func (o *outcome) member(f *fields, name []byte, v value) {
	switch string(name) {
	case "order":
		countField(f, "order", v, &o.Order)
	case "record_id":
		textField(f, "record_id", v, &o.RecordID)
	case "class":
		wordField(f, "class", v, &o.Class)
	case "left":
		f.flag("left", v, &o.Left)
	case "parts":
		countField(f, "parts", v, &o.Parts)
	case "doubled":
		countField(f, "doubled", v, &o.Doubled)
	case "earlier":
		f.flag("earlier", v, &o.Earlier)
	case "result":
		o.written = f.object("result", v)
		for name, v := range o.written.members() {
			o.Result.member(f, name, v)
		}
	}
}

func (r *result) member(f *fields, name []byte, v value) {
	switch string(name) {
	case "id":
		textField(f, "id", v, &r.ID)
	case "status":
		wordField(f, "status", v, &r.Status)
	case "output":
		r.Output = v
	case "text":
		textField(f, "text", v, &r.Text)
	case "stop_reason":
		wordField(f, "stop_reason", v, &r.StopReason)
	case "model":
		wordField(f, "model", v, &r.Model)
	case "requested_model":
		wordField(f, "requested_model", v, &r.RequestedModel)
	case "mode":
		wordField(f, "mode", v, &r.Mode)
	case "parts":
		countField(f, "parts", v, &r.Parts)
	case "attempts":
		countField(f, "attempts", v, &r.Attempts)
	case "usage":
		for name, v := range f.object("usage", v).members() {
			usageMember(f, name, v, &r.Usage)
		}
	case "cost_usd":
		if v.given() {
			r.CostUSD = new(quarry.USD)
			if err := r.CostUSD.UnmarshalJSON(v); err != nil {
				f.fault("cost_usd", "an amount", v)
			}
		}
	case "job":
		wordField(f, "job", v, &r.Job)
	case "record_id":
		textField(f, "record_id", v, &r.RecordID)
	case "salvaged":
		f.flag("salvaged", v, &r.Salvaged)
	case "same_as":
		textField(f, "same_as", v, &r.SameAs)
	case "document":
		r.Document = v
	case "error":
		if object := f.object("error", v); object.given() {
			r.Error = &quarry.ResultError{}
			for name, v := range object.members() {
				switch string(name) {
				case "kind":
					wordField(f, "kind", v, &r.Error.Kind)
				case "message":
					textField(f, "message", v, &r.Error.Message)
				}
			}
		}
	}
}

func usageMember(f *fields, name []byte, v value, to *quarry.Usage) {
	switch string(name) {
	case "input_tokens":
		countField(f, "input_tokens", v, &to.InputTokens)
	case "output_tokens":
		countField(f, "output_tokens", v, &to.OutputTokens)
	case "cache_read_tokens":
		countField(f, "cache_read_tokens", v, &to.CacheReadTokens)
	case "cache_write_tokens":
		countField(f, "cache_write_tokens", v, &to.CacheWriteTokens)
	case "unknown":
		countField(f, "unknown", v, &to.Unknown)
	}
}
