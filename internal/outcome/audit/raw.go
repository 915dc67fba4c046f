package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"quarry"
)

// rawLine is one line of output: an answer, an error, or neither.
type rawLine struct {
	id     quarry.RecordID
	texts  uint64  // digest of the texts that the echo of modelInput holds; 0: none
	answer *answer // nil: no modelOutput
	err    *rawError

	damaged bool // characters were damaged, and are U+FFFD
}

// rawError is what the provider says instead of an answer.
type rawError struct {
	code    int
	message string
	strange bool // of a form that has no errorMessage
}

// answer is what a modelOutput says.
type answer struct {
	text, stop, model string
	tools             []string // the inputs of tools that the model called
	thought           string   // reasoning that never ends
	usage             quarry.Usage
	unknown           bool // answered, in a shape that cannot be read
}

var errNoRecordID = errors.New("no recordId")

// readRaw reads one line of output. Members that are not known do not matter.
func readRaw(text []byte) (rawLine, error) {
	line := checked(text)
	if !line.begins('{') {
		return rawLine{}, errNoRecordID
	}
	var l rawLine
	var output, fault value
	var echo []byte
	for name, member := range line.members() {
		switch string(name) {
		case "recordId":
			l.id = quarry.RecordID(member.text())
		case "modelInput":
			l.texts = textsOf(member, &echo)
		case "modelOutput":
			output = member
		case "error":
			fault = member
		}
	}
	if l.id == "" {
		return rawLine{}, errNoRecordID
	}
	if output.given() {
		l.answer = readAnswer(output)
	}
	if fault.given() && (l.answer == nil || !l.answer.written()) {
		l.err, l.answer = readError(fault), nil
	}
	return l, nil
}

// written reports whether a model wrote something: an answer that was billed, also where its line has an error too.
func (a *answer) written() bool {
	return !a.unknown && (strings.TrimSpace(a.whole()) != "" || a.usage.OutputTokens > 0)
}

// textsOf adds up the first 8 bytes of the SHA-256 of each text that a model reads of a request: what is below the members that hold
// such texts (docs/formats.md). buf is memory for one text.
func textsOf(v value, buf *[]byte) (sum uint64) {
	if v.begins('"') {
		if len(v) == len(`""`) {
			return 0
		}
		*buf = v.appendText((*buf)[:0])
		d := sha256.Sum256(*buf)
		return binary.BigEndian.Uint64(d[:])
	}
	for e := range v.elements() {
		sum += textsOf(e, buf)
	}
	for name, member := range v.members() {
		switch string(name) {
		case "messages", "system", "content", "text", "prompt", "inputText", "input":
			sum += textsOf(member, buf)
		}
	}
	return sum
}

// readError reads the error member. AWS documents its code as a number; a string of digits is taken too.
func readError(v value) *rawError {
	message, code := v.member("errorMessage"), v.member("errorCode")
	e := &rawError{message: message.text(), strange: !message.begins('"')}
	digits := string(code)
	if code.begins('"') {
		digits = code.text()
	}
	e.code, _ = strconv.Atoi(digits) // no number: 0, an error like any other
	return e
}

// usageAt reads an answer's counts; what does not say both says nothing.
func usageAt(v value, s *shape) quarry.Usage {
	in, inOK := v.at(s.in...).count()
	out, outOK := v.at(s.out...).count()
	u := quarry.Usage{InputTokens: in, OutputTokens: out}
	if !inOK || !outOK {
		return quarry.Usage{Unknown: 1}
	}
	for _, c := range []struct {
		path []any
		to   *int64
	}{{s.read, &u.CacheReadTokens}, {s.write, &u.CacheWriteTokens}} {
		found := v.at(c.path...)
		n, ok := found.count()
		if !ok && found != nil {
			return quarry.Usage{Unknown: 1}
		}
		*c.to = n
		u.InputTokens += n
	}
	return u
}

// shape is how one family of models writes its answers. The order of the shapes tells those apart that share a member.
type shape struct {
	member          string // whose presence tells the shape
	text            func(v value) (string, bool)
	stop            []any
	in, out, answer []any // counts of tokens, and the model's own name
	read, write     []any // tokens of the prompt cache, which come on top of the input
}

func path(steps ...any) []any { return steps }

// shapes are what the services document: Converse and Nova, Anthropic Messages, OpenAI chat, Llama, Mistral, Titan
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html).
var shapes = func() []shape {
	plain := func(p ...any) func(value) (string, bool) {
		return func(v value) (string, bool) { found := v.at(p...); return found.text(), found.begins('"') }
	}
	content := func(p ...any) func(value) (string, bool) {
		return func(v value) (string, bool) { return blocks(v.at(p...)) }
	}
	return []shape{
		{
			"output", content("output", "message", "content"), path("stopReason"), path("usage", "inputTokens"), path("usage", "outputTokens"),
			path("additionalModelResponseFields", "model"), path("usage", "cacheReadInputTokens"), path("usage", "cacheWriteInputTokens"),
		},
		{
			"content", content("content"), path("stop_reason"), path("usage", "input_tokens"), path("usage", "output_tokens"), nil,
			path("usage", "cache_read_input_tokens"), path("usage", "cache_creation_input_tokens"),
		},
		{"choices", chat, path("choices", 0, "finish_reason"), path("usage", "prompt_tokens"), path("usage", "completion_tokens"), nil, path("-"), path("-")},
		{"generation", plain("generation"), path("stop_reason"), path("prompt_token_count"), path("generation_token_count"), nil, path("-"), path("-")},
		{"outputs", plain("outputs", 0, "text"), path("outputs", 0, "stop_reason"), path("-"), path("-"), nil, path("-"), path("-")},
		{
			"results", plain("results", 0, "outputText"), path("results", 0, "completionReason"), path("inputTextTokenCount"), path("results", 0, "tokenCount"), nil,
			path("-"), path("-"),
		},
	}
}()

func readAnswer(v value) *answer {
	for i := range shapes {
		s := &shapes[i]
		if v.member(s.member) == nil {
			continue
		}
		text, ok := s.text(v)
		if !ok {
			return unknown()
		}
		a := &answer{stop: v.at(s.stop...).text(), model: v.member("model").text(), usage: usageAt(v, s), tools: toolsOf(v)}
		a.text, a.thought = withoutThoughts(text)
		if s.answer != nil {
			if name := v.at(s.answer...).text(); name != "" {
				a.model = name
			}
		}
		if s.member == "choices" {
			if a.stop == "" {
				a.stop = v.at("choices", 0, "stop_reason").text()
			}
			if v.at("choices", 0, "message", "refusal").text() != "" {
				a.stop = "refusal"
			}
		}
		return a
	}
	return unknown()
}

func unknown() *answer { return &answer{unknown: true, usage: quarry.Usage{Unknown: 1}} }

// whole is all that the model wrote as its answer.
func (a *answer) whole() string {
	if len(a.tools) == 0 {
		return a.text
	}
	rest := strings.Join(a.tools, "\n")
	if strings.TrimSpace(a.text) == "" {
		return rest
	}
	return a.text + "\n" + rest
}

// toolsOf are the inputs of the tools that a model called, as they are written: of Converse's and Anthropic's blocks, and of
// OpenAI's calls.
func toolsOf(v value) (inputs []string) {
	take := func(input value) {
		switch {
		case input.begins('{'), input.begins('['):
			inputs = append(inputs, string(input))
		case strings.TrimSpace(input.text()) != "":
			inputs = append(inputs, input.text())
		}
	}
	blocks := func(content value) {
		for block := range content.elements() {
			kind := block.member("type")
			if kind.text() == "tool_use" {
				take(block.member("input"))
			}
			if !kind.given() || string(kind) == `""` {
				take(block.member("toolUse").member("input"))
			}
		}
	}
	switch {
	case v.member("output") != nil:
		blocks(v.at("output", "message", "content"))
	case v.member("content") != nil:
		blocks(v.member("content"))
	case v.member("choices") != nil:
		message := v.at("choices", 0, "message")
		blocks(message.member("content"))
		for call := range message.member("tool_calls").elements() {
			take(call.at("function", "arguments"))
		}
		take(message.at("function_call", "arguments"))
	}
	return inputs
}

// blocks joins the blocks of text of a content.
func blocks(content value) (string, bool) {
	if !content.begins('[') {
		return "", false
	}
	text := ""
	for block := range content.elements() {
		switch block.member("type").text() {
		case "", "text", "output_text":
			text += block.member("text").text()
		}
	}
	return text, true
}

// chat reads the first choice of OpenAI's shape; a model that declines puts its words next to the content.
func chat(v value) (string, bool) {
	choice := v.at("choices", 0)
	message := choice.member("message")
	if !message.begins('{') {
		text := choice.member("text")
		return text.text(), text.begins('"')
	}
	content := message.member("content")
	text, ok := content.text(), true
	if content.begins('[') {
		text, ok = blocks(content)
	}
	if text == "" {
		text = message.member("refusal").text()
	}
	return text, ok
}

var (
	thought  = regexp.MustCompile(`(?s)^[ \t\r\n]*(?:<reasoning>.*?</reasoning>|<think>.*?</think>|<thinking>.*?</thinking>)[ \t\r\n]*`)
	thinking = regexp.MustCompile(`^[ \t\r\n]*<(?:reasoning|think|thinking)>`)
)

// withoutThoughts takes off the reasoning that some models put before their answer. After one without an end there is no
// text; what it holds is given as endless.
func withoutThoughts(s string) (text, endless string) {
	for thinking.MatchString(s) {
		rest := thought.ReplaceAllString(s, "")
		if len(rest) == len(s) {
			return "", thinking.ReplaceAllString(s, "")
		}
		s = rest
	}
	return s, ""
}
