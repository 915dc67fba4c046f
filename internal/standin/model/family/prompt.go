// Package family reads the request bodies of the model families on Bedrock into one neutral Prompt and writes a neutral Reply in the
// shape that family answers with.
//
// It owns the wire shapes: which members a body must have, what the errors say, how usage and stop reasons are spelled. It does not
// answer anything and knows no network. A body it cannot read is an *Invalid, never a guess; Parse never panics and looks at no more than
// MaxBody bytes nested MaxDepth deep.
package family

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Prompt is one request, whatever the family that wrote it.
type Prompt struct {
	Kind        Kind
	ModelID     string // as the client named it
	System      string // system texts joined by a blank line
	Cached      string // all text up to the last cache point, empty where there is none
	Turns       []Turn // never empty after Parse
	MaxTokens   int64  // 0: the request sets no limit
	Temperature *float64
	TopP        *float64
	TopK        *int64
	Stop        []string
	Format      Format
	Tools       []Tool
	ToolChoice  ToolChoice
}

// Turn is one message. Role is user or assistant.
type Turn struct {
	Role  string
	Parts []Part
}

// PartKind tells which members of a Part are set.
type PartKind int

// The parts of a turn.
const (
	Text       PartKind = iota // Part.Text
	Image                      // MediaType and Data (base64), or URL
	ToolUse                    // ID, Name, Input
	ToolResult                 // ID, Text, Failed
	Reasoning                  // Text
)

// Part is one block of a turn.
type Part struct {
	Kind       PartKind
	Text       string
	MediaType  string
	Data       string
	URL        string
	ID         string
	Name       string
	Input      jsontext.Value // a JSON object
	Failed     bool
	CachePoint bool // the text up to here is a prefix for the prompt cache
}

// Format is the form of answer that the body itself demands (structured output).
type Format struct {
	JSON   bool           // the answer must be JSON
	Name   string         // of the schema, may be empty
	Schema jsontext.Value // JSON Schema, nil if JSON is wanted without one
}

// Tool is a function the model may call.
type Tool struct {
	Name, Description string
	Schema            jsontext.Value
}

// ToolChoice says whether a tool must be called: Mode is empty (model's choice), auto, any, none or tool (then Name).
type ToolChoice struct {
	Mode, Name string
}

// Forces tells whether a tool must be called.
func (c ToolChoice) Forces() bool { return c.Mode == "any" || c.Mode == "tool" }

// Stop is why an answer ended.
type Stop int

// Reasons to stop.
const (
	EndTurn Stop = iota
	MaxTokens
	StopSequence
	CallTool
	Refusal
)

// Reply is one answer before it takes a family's shape.
type Reply struct {
	ID           string // unique per answer; the family's prefix is put before it
	Model        string // that answered
	Text         string
	Calls        []Part // ToolUse parts
	Stop         Stop
	StopSequence string
	InputTokens  int64
	OutputTokens int64
	CachedTokens int64    // of the prompt; Anthropic's wire format counts them apart from InputTokens
	Filler       []string // the keys that were filled by rule, to satisfy a schema, and say nothing about the prompt
	Uncounted    bool     // who answered gave no counts that can be: OutputTokens is our estimate, which no answer shows
	Created      time.Time
	Latency      time.Duration
}

// Invalid is a request body that the provider would refuse with status 400.
type Invalid struct{ Message string }

// Error gives the message, as Bedrock words it.
func (e *Invalid) Error() string { return e.Message }

func invalidf(format string, args ...any) error {
	return &Invalid{Message: fmt.Sprintf(format, args...)}
}

// setCached notes the prefix that the cache points mark.
func (p *Prompt) setCached(system []Part) {
	var text string
	for _, parts := range append([][]Part{system}, turnParts(p.Turns)...) {
		for _, part := range parts {
			text += part.Text + "\n"
			if part.CachePoint {
				p.Cached = text
			}
		}
	}
}

func turnParts(turns []Turn) [][]Part {
	out := make([][]Part, len(turns))
	for i := range turns {
		out[i] = turns[i].Parts
	}
	return out
}

// UserText is the text of the last user turn, its text parts joined by a blank line.
func (p *Prompt) UserText() string {
	for i := len(p.Turns) - 1; i >= 0; i-- {
		if p.Turns[i].Role == roleUser {
			return p.Turns[i].text()
		}
	}
	return ""
}

// Prefill is the beginning of the answer that the client wrote itself as a last assistant turn, or "".
func (p *Prompt) Prefill() string {
	if n := len(p.Turns); n > 0 && p.Turns[n-1].Role == roleAssistant {
		return p.Turns[n-1].text()
	}
	return ""
}

const (
	roleUser      = "user"
	roleAssistant = "assistant"
	roleSystem    = "system"
)

func (t Turn) text() string {
	var texts []string
	for _, part := range t.Parts {
		if part.Kind == Text && part.Text != "" {
			texts = append(texts, part.Text)
		}
	}
	return joinTexts(texts)
}
