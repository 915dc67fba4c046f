// Package stream turns an answer into the chunks of a response stream: what InvokeModelWithResponseStream and
// ConverseStream send, for each family of models.
//
// It owns the forms of the chunks and where a text is cut. It does not own the frames around them, the connection, or
// the answer. The whole answer decides: what was sent while it was being written is a beginning of it, and Finish sends
// the rest and the end. The forms are those of
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html, of
// https://docs.claude.com/en/docs/build-with-claude/streaming for Claude, of
// https://docs.aws.amazon.com/nova/latest/userguide/using-invoke-api.html for Nova, of
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html for Llama, and chat completion chunks
// for the models that take chat completions.
package stream

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"quarry/internal/standin/model/family"
)

// Chunk is one event of a response stream.
type Chunk struct {
	Event string // Converse's name of the event; "chunk" in the streams of InvokeModel
	JSON  []byte
}

// Kind tells what a Delta brings.
type Kind int

// The kinds of a Delta.
const (
	Start     Kind = iota // ID, Model and InputTokens, as far as they are known
	Text                  // Text
	Reasoning             // Text
	Tool                  // ID and Name: a call of a tool begins
	Input                 // Text: more of the JSON of the call's input
)

// Delta is what a server has written since the last one.
type Delta struct {
	Kind        Kind
	Text        string
	ID, Name    string
	Model       string
	InputTokens int64
}

// form writes the chunks of one family.
type form interface {
	begin(h head) []any
	open(index int, b block) []any
	piece(index int, b block, text string) []any
	close(index int, b block) []any
	end(a answer, m metrics) []any
}

// head is what is known when the first chunk is written.
type head struct {
	id, model string
	counts    *Counts        // nil where they are not known
	usage     jsontext.Value // the family's own usage, where the whole answer is there
}

// metrics is the member that Bedrock adds to the last chunk of InvokeModel's streams.
type metrics struct {
	*Counts         // without them where the back end did not count
	Latency   int64 `json:"invocationLatency"`
	FirstByte int64 `json:"firstByteLatency"`
}

// Counts are the tokens of one answer.
type Counts struct {
	Input  int64 `json:"inputTokenCount"`
	Output int64 `json:"outputTokenCount"`
}

// Writer makes the chunks of one answer. It is not safe for concurrent use.
type Writer struct {
	kind   family.Kind
	form   form
	began  time.Time
	first  time.Duration // until the first chunk
	opened bool
	index  int // of the block that is open, or of the next
	block  *block
	sent   map[blockKind]int // bytes of each kind that were sent
	tools  int               // calls that were begun
}

// New makes a Writer for a body's kind. began is when the call came in.
func New(kind family.Kind, began time.Time) *Writer {
	return &Writer{kind: kind, form: formOf(kind), began: began, sent: map[blockKind]int{}}
}

func formOf(kind family.Kind) form {
	switch kind {
	case family.Anthropic:
		return anthropicForm{}
	case family.Converse:
		return converseForm{}
	case family.Nova:
		return novaForm{}
	case family.Chat:
		return &chatForm{}
	default:
		return &textForm{kind: kind}
	}
}

// Delta gives the chunks for what a server has just written, none where the family has no form for it.
func (w *Writer) Delta(d Delta) ([]Chunk, error) {
	var out []any
	if d.Kind == Start {
		h := head{id: d.ID, model: d.Model}
		if d.InputTokens > 0 {
			h.counts = &Counts{Input: d.InputTokens, Output: 1}
		}
		return w.chunks(w.begin(h))
	}
	out = w.begin(head{})
	switch d.Kind {
	case Text:
		out = append(out, w.write(block{kind: textBlock}, d.Text)...)
	case Reasoning:
		out = append(out, w.write(block{kind: reasoningBlock}, d.Text)...)
	case Tool:
		out = append(out, w.closeBlock()...)
		out = append(out, w.openBlock(block{kind: toolBlock, id: d.ID, name: d.Name})...)
	case Input:
		if w.block == nil || w.block.kind != toolBlock {
			return nil, fmt.Errorf("stream: input of a tool before its call")
		}
		out = append(out, w.write(*w.block, d.Text)...)
	}
	return w.chunks(out)
}

// Finish gives the chunks that are left of the whole answer, a body of the Writer's kind. counts are its tokens, nil where they are not
// known.
func (w *Writer) Finish(body []byte, counts *Counts) ([]Chunk, error) {
	a, err := read(w.kind, body)
	if err != nil {
		return nil, err
	}
	a.counts = counts
	out := w.begin(head{id: a.id, model: a.model, counts: counts, usage: a.usage})
	left := w.sent
	w.sent = map[blockKind]int{}
	begun := w.tools
	for _, b := range a.blocks {
		text := b.text
		skip := min(left[b.kind], len(text))
		left[b.kind] -= skip
		if b.kind == toolBlock {
			if begun > 0 {
				begun--
				if skip == len(text) && begun > 0 {
					continue // an earlier call, sent whole
				}
				if w.block != nil && w.block.kind == toolBlock {
					b = *w.block
				}
			}
		} else if skip > 0 && skip == len(text) {
			continue
		}
		same := w.block != nil && w.block.kind == b.kind && (b.kind != toolBlock || w.block.id == b.id)
		if !same {
			out = append(out, w.closeBlock()...)
			out = append(out, w.openBlock(b)...)
		}
		for _, piece := range pieces(text[skip:]) {
			out = append(out, w.write(b, piece)...)
		}
	}
	out = append(out, w.closeBlock()...)
	since := time.Since(w.began)
	out = append(out, w.form.end(a, metrics{counts, since.Milliseconds(), w.first.Milliseconds()})...)
	return w.chunks(out)
}

func (w *Writer) begin(h head) []any {
	if w.opened {
		return nil
	}
	w.opened, w.first = true, time.Since(w.began)
	return w.form.begin(h)
}

func (w *Writer) openBlock(b block) []any {
	w.block = &b
	if b.kind == toolBlock {
		w.tools++
	}
	return w.form.open(w.index, b)
}

func (w *Writer) closeBlock() []any {
	if w.block == nil {
		return nil
	}
	out := w.form.close(w.index, *w.block)
	w.block = nil
	w.index++
	return out
}

func (w *Writer) write(b block, text string) []any {
	var out []any
	if w.block == nil || w.block.kind != b.kind {
		out = append(w.closeBlock(), w.openBlock(b)...)
	}
	if text == "" {
		return out
	}
	w.sent[b.kind] += len(text)
	return append(out, w.form.piece(w.index, *w.block, text)...)
}

// named is a chunk with Converse's name for it.
type named struct {
	event string
	body  any
}

func (w *Writer) chunks(values []any) ([]Chunk, error) {
	out := make([]Chunk, 0, len(values))
	for _, v := range values {
		event := "chunk"
		if n, ok := v.(named); ok {
			event, v = n.event, n.body
		}
		text, err := json.Marshal(v, json.Deterministic(true))
		if err != nil {
			return nil, fmt.Errorf("encode a chunk of %s: %w", w.kind, err)
		}
		out = append(out, Chunk{Event: event, JSON: text})
	}
	return out, nil
}

// pieceBytes is about a dozen tokens, which is what clients see of real models.
const pieceBytes = 48

// pieces cuts a text at the ends of words, or of characters where a word is long. Joined they are the text.
func pieces(text string) []string {
	var out []string
	for len(text) > pieceBytes {
		at := pieceBytes
		for i := pieceBytes; i > pieceBytes/2; i-- {
			if text[i] == ' ' {
				at = i
				break
			}
		}
		for at > 0 && text[at]&0xC0 == 0x80 { // inside a character
			at--
		}
		if at == 0 { // no UTF-8
			at = pieceBytes
		}
		out, text = append(out, text[:at]), text[at:]
	}
	if text != "" {
		out = append(out, text)
	}
	return out
}
