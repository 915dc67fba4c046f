package quarry

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// DocumentInfo is what a result keeps of its document: title, url and lang, and next to them the item's other members.
type DocumentInfo struct {
	Title string
	URL   string
	Lang  string
	// Fields holds the item's other members as one JSON object, or is empty. In JSON they are next to title, url and
	// lang, which outweigh members of the same names.
	Fields json.RawMessage
}

// Info is what a result keeps of the document.
func (d *Document) Info() DocumentInfo {
	return DocumentInfo{Title: d.Title, URL: d.URL, Lang: d.Lang, Fields: d.Fields}
}

// MarshalJSON writes one flat object.
func (d DocumentInfo) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for _, m := range [...]struct{ name, value string }{{"title", d.Title}, {"url", d.URL}, {"lang", d.Lang}} {
		if m.value == "" {
			continue
		}
		value, err := marshalText(m.value)
		if err != nil {
			return nil, err
		}
		b = appendMember(b, m.name, value)
	}
	if len(d.Fields) > 0 {
		own := map[string]bool{"title": d.Title != "", "url": d.URL != "", "lang": d.Lang != ""}
		err := eachMember(d.Fields, func(name string, value json.RawMessage) error {
			if own[name] {
				return nil
			}
			quoted, err := marshalText(name)
			if err != nil {
				return err
			}
			b = appendMember(b, string(quoted[1:len(quoted)-1]), value)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("fields of a document: %w", err)
		}
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads one flat object.
func (d *DocumentInfo) UnmarshalJSON(b []byte) error {
	*d = DocumentInfo{}
	var rest []byte
	err := eachMember(b, func(name string, value json.RawMessage) error {
		var text *string
		switch name {
		case "title":
			text = &d.Title
		case "url":
			text = &d.URL
		case "lang":
			text = &d.Lang
		}
		if text != nil && len(value) > 0 && value[0] == '"' {
			return json.Unmarshal(value, text)
		}
		if rest == nil {
			rest = []byte{'{'}
		}
		quoted, err := marshalText(name)
		if err != nil {
			return err
		}
		rest = appendMember(rest, string(quoted[1:len(quoted)-1]), value)
		return nil
	})
	if rest != nil {
		d.Fields = append(rest, '}')
	}
	return err
}

// marshalText quotes a text and leaves <, > and & as they are: results are data, not pages.
func marshalText(s string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

func appendMember(b []byte, quotedName string, value []byte) []byte {
	if len(b) > 1 {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, quotedName...)
	b = append(b, '"', ':')
	return append(b, value...)
}

// eachMember walks an object's members in their order.
func eachMember(obj []byte, do func(name string, value json.RawMessage) error) error {
	if bytes.Equal(bytes.TrimSpace(obj), []byte("null")) {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(obj))
	t, err := dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return fmt.Errorf("%v where an object is wanted", t)
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		name, ok := t.(string)
		if !ok {
			return fmt.Errorf("member name %v", t)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
		if err := do(name, value); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}
