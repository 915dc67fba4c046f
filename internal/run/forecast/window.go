package forecast

import (
	"fmt"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/prepare/tokens"
)

// Window is how many tokens the server that answers holds at once. The zero value: it does not say.
type Window struct {
	Tokens int64 `json:"tokens"`
	// Guess says that Tokens is the server's default: the server does not say whether it was started with another one.
	Guess bool `json:"guess"`
	// WithAnswer says that the answer's limit has to fit together with the prompt.
	WithAnswer bool   `json:"with_answer"`
	Source     string `json:"source"` // how the server says it
	Server     string `json:"server"` // its URL
}

// Known reports whether the server says it.
func (w Window) Known() bool { return w.Tokens > 0 }

// MostOfText is how many tokens one text may have, by the upper end of the estimate. The model's id does not say which tokenizer a
// server of the stand-in uses, so the range is that of all public tokenizers until answers were read.
func MostOfText(l *Learned, text quarry.CharClasses) int64 {
	t := tokens.Texts{Classes: text, Records: 1, Uneven: 1}
	if l != nil {
		return l.Weights.Complete().Band(t).High
	}
	return tokens.Rough("", t).High
}

// RoomForText is how many tokens a text may have to fit, with the prompt around it and an answer of maxTokens at most. It can be
// below 0.
func (w Window) RoomForText(l *Learned, t Texts, maxTokens int) int64 {
	room := w.Tokens - 1 // a prompt that fills a window leaves no room for an answer
	if l == nil {        // refitted weights have it in their base
		room -= tokens.Rough("", tokens.Texts{Classes: t.Around.For(1), Uneven: 1}).High
	}
	if w.WithAnswer {
		room -= int64(max(maxTokens, 0))
	}
	return room
}

// Advice says of so many documents, of those sent, that may not fit what to do. fitsAt is the cap of length with which they would, in
// estimated tokens; 0: there is none.
func (w Window) Advice(beyond, documents, fitsAt int64) string {
	held := figure.Count(w.Tokens, "token")
	if w.Guess {
		held = "perhaps " + held
	}
	text := fmt.Sprintf("%s of %s may not fit the context of the back end %s, which is %s (%s); if it truncates a prompt, the record fails (prompt_truncated)",
		figure.Thousands(beyond), figure.Count(documents, "document"), w.Server, held, w.Source)
	way := "give the server a larger context"
	if fitsAt > 0 {
		way = fmt.Sprintf("cut the texts with --max-text-tokens %d, send them in parts of that size (with --long merge), or %s", fitsAt, way)
	}
	return text + ": " + way
}
