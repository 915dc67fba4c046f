package model

import (
	"strings"

	"quarry/internal/standin/model/ask"
	"quarry/internal/standin/model/extractive"
	"quarry/internal/standin/model/family"
	"quarry/internal/standin/model/filler"
)

// extract answers with the article's own title and sentences, and by rule where a schema demands what they cannot say.
func extract(p *family.Prompt) (written, error) {
	a, err := ask.Read(p)
	if err != nil {
		return written{}, err
	}
	d := extractive.Read(a.Title, a.Article)
	if words := strings.TrimSpace(p.UserText()); len(d.Sentences) == 0 && p.ToolChoice.Forces() && words != "" {
		d.Sentences = []string{words} // a tool must be called whatever there is to read
		if d.Title == "" {
			d.Title = words
		}
	}
	if len(d.Sentences) == 0 {
		return written{}, &Error{Code: 400, Message: ExtractiveID + " found no article text to summarise in the last user message"}
	}
	if !a.Form.JSON {
		return written{text: d.Summary()}, nil
	}
	w := filler.New(d, ExtractiveID)
	out, err := a.Form.Fill(w.Leaf, w.Name)
	return written{text: string(out), filler: w.Filled()}, err
}

// FillSample writes an answer of the extractive model in the form of a JSON Schema, about a text of its own. filled names
// the keys that it answers by rule and not out of the text, nested ones as a.b. The error says what no rule can fill; a
// schema's keywords that no rule knows (not, if) are to be checked in the sample.
func FillSample(schema []byte) (sample []byte, filled []string, err error) {
	root, err := ask.ParseSchema(schema)
	if err != nil {
		return nil, nil, err
	}
	w := filler.New(extractive.Read("A title", sampleText), ExtractiveID)
	sample, err = ask.Form{JSON: true, Root: root, Strict: true}.Fill(w.Leaf, w.Name)
	return sample, w.Filled(), err
}

const sampleText = "The library opens at nine. Readers who hold a card may borrow eight books for three weeks, and renew them twice. " +
	"The reading room has forty seats and is closed on Mondays."
