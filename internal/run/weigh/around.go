package weigh

import (
	"bytes"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/clean"
)

// Around is the text of requests without the texts of their documents, from a sample of them.
type Around struct {
	Records int64              `json:"records"`
	Classes quarry.CharClasses `json:"classes"`
}

// looked says which documents are looked at: the first ones, and then some from everywhere.
func looked(order int64) bool { return order < 16 || order%64 == 0 }

// Look looks at a request about a document whose text has these counts. order is the document's.
func (a *Around) Look(order int64, modelInput []byte, text quarry.CharClasses) {
	if !looked(order) {
		return
	}
	c := clean.Classes(Text(nil, modelInput))
	less := text.Each()
	for i, n := range c.Each() {
		*n = max(0, *n-*less[i])
	}
	a.Records++
	a.Classes.Add(c)
}

// For gives the text around so many texts.
func (a *Around) For(records int64) quarry.CharClasses {
	c := a.Classes
	if a.Records == 0 {
		return c
	}
	share := float64(records) / float64(a.Records)
	for _, n := range c.Each() {
		*n = int64(float64(*n) * share)
	}
	return c
}

// Text appends what a model reads of a request: its texts, and its schemas as they are. Bytes of images and names of
// roles and types are no text.
func Text(dst, modelInput []byte) []byte { return appendText(dst, modelInput, 0) }

// deepest bounds recursion: requests are not that deep, and text that is deeper is not counted.
const deepest = 64

func appendText(dst, value []byte, depth int) []byte {
	if len(value) == 0 || depth > deepest {
		return dst
	}
	switch value[0] {
	case '"':
		if len(value) > 1 {
			dst = append(jsonl.Unescape(dst, value[1:len(value)-1]), '\n')
		}
	case '[':
		for v := range jsonl.Elements(value) {
			dst = appendText(dst, v, depth+1)
		}
	case '{':
		for name, v := range jsonl.Members(value) {
			switch string(name) {
			case "type", "role", "anthropic_version", "format", "media_type", "data", "bytes", "uri", "model", "stop_sequences", "stopSequences":
				if len(v) > 0 && v[0] != '{' { // the member format of a structured answer holds a schema
					continue
				}
			}
			if bytes.Contains(name, []byte("chema")) && len(v) > 0 && v[0] == '{' {
				dst = append(append(dst, v...), '\n')
				continue
			}
			dst = appendText(dst, v, depth+1)
		}
	}
	return dst
}
