package kept

import (
	"bytes"
	"fmt"
	"strconv"

	"quarry"
	"quarry/internal/base/jsonl"
)

// appendDocument writes a document as one line.
func appendDocument(dst []byte, d *quarry.Document) []byte {
	dst = appendPlace(dst, d.At)
	dst = appendText(dst, "id", string(d.ID))
	for _, m := range [...]struct{ name, value string }{{"title", d.Title}, {"url", d.URL}, {"lang", d.Lang}, {"format", string(d.Format)}} {
		if m.value != "" {
			dst = appendText(dst, m.name, m.value)
		}
	}
	switch {
	case bytes.IndexByte(d.ModelInput, '\n') >= 0:
		dst = jsonl.AppendCompact(append(dst, `,"model_input":`...), d.ModelInput)
	case d.ModelInput != nil: // as it is: a ready record goes unchanged
		dst = append(append(dst, `,"model_input":`...), d.ModelInput...)
	default:
		dst = jsonl.AppendString(append(dst, `,"body":`...), d.Body)
	}
	if len(d.Fields) > 0 {
		dst = append(append(dst, `,"fields":`...), d.Fields...)
	}
	return append(dst, '}', '\n')
}

// appendFault writes an item that could not be read.
func appendFault(dst []byte, e *quarry.ItemError) []byte {
	dst = appendPlace(dst, e.At)
	if e.ID != "" {
		dst = appendText(dst, "id", string(e.ID))
	}
	return append(appendText(dst, "fault", e.Reason), '}', '\n')
}

func appendPlace(dst []byte, at quarry.Position) []byte {
	dst = appendText(append(dst, '{'), "file", at.File)
	dst = strconv.AppendInt(append(dst, `,"line":`...), at.Line, 10)
	return strconv.AppendInt(append(dst, `,"offset":`...), at.Offset, 10)
}

func appendText(dst []byte, name, value string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(append(append(dst, '"'), name...), '"', ':')
	return jsonl.AppendString(dst, bytes.ToValidUTF8([]byte(value), []byte("\ufffd")))
}

// read makes of a line what was written. The document's body and fields are in the line's memory where they can.
func read(check *jsonl.Checker, line []byte, index int) (d quarry.Document, fault *quarry.ItemError, err error) {
	members, err := check.Object(line)
	if err != nil {
		return d, nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	d.At.Source = index
	for i := range members {
		m := &members[i]
		switch string(m.Name) {
		case "file":
			d.At.File = text(m)
		case "line":
			d.At.Line, err = strconv.ParseInt(string(m.Value), 10, 64)
		case "offset":
			d.At.Offset, err = strconv.ParseInt(string(m.Value), 10, 64)
		case "id":
			d.ID = quarry.DocumentID(text(m))
		case "title":
			d.Title = text(m)
		case "url":
			d.URL = text(m)
		case "lang":
			d.Lang = text(m)
		case "format":
			d.Format = quarry.Format(text(m))
		case "body":
			d.Body = unquote(m)
		case "model_input":
			d.ModelInput = m.Value
		case "fields":
			d.Fields = m.Value
		case "fault":
			fault = &quarry.ItemError{Reason: text(m)}
		}
		if err != nil {
			return d, nil, fmt.Errorf("%w: %w", ErrBroken, err)
		}
	}
	if fault != nil {
		fault.At, fault.ID = d.At, d.ID
		return quarry.Document{At: d.At}, fault, nil
	}
	return d, nil, nil
}

func text(m *jsonl.Member) string { return string(unquote(m)) }

// unquote gives the text of a JSON string; anything else has none.
func unquote(m *jsonl.Member) []byte {
	if len(m.Value) < 2 || m.Value[0] != '"' {
		return nil
	}
	v := m.Value[1 : len(m.Value)-1]
	if m.Plain {
		return v[:len(v):len(v)]
	}
	return jsonl.Unescape(make([]byte, 0, len(v)+16), v)
}
