package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
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
	var members map[string]json.RawMessage
	if err := decode(text, &members); err != nil {
		return rawLine{}, err
	}
	var l rawLine
	if err := json.Unmarshal(members["recordId"], &l.id); err != nil || l.id == "" {
		return rawLine{}, errNoRecordID
	}
	l.texts = textsOf(tree(members["modelInput"]))
	if given(members["modelOutput"]) {
		l.answer = readAnswer(members["modelOutput"])
	}
	if given(members["error"]) && (l.answer == nil || !l.answer.written()) {
		l.err, l.answer = readError(members["error"]), nil
	}
	return l, nil
}

// written reports whether a model wrote something: an answer that was billed, also where its line has an error too.
func (a *answer) written() bool {
	return !a.unknown && (strings.TrimSpace(a.whole()) != "" || a.usage.OutputTokens > 0)
}

// textsOf adds up the first 8 bytes of the SHA-256 of each text that a model reads of a request: what is below the members that hold
// such texts (docs/formats.md).
func textsOf(v any) (sum uint64) {
	switch v := v.(type) {
	case string:
		if v != "" {
			d := sha256.Sum256([]byte(v))
			return binary.BigEndian.Uint64(d[:])
		}
	case []any:
		for _, e := range v {
			sum += textsOf(e)
		}
	case map[string]any:
		for _, name := range []string{"messages", "system", "content", "text", "prompt", "inputText", "input"} {
			sum += textsOf(v[name])
		}
	}
	return sum
}

func given(value json.RawMessage) bool {
	return len(value) > 0 && string(bytes.TrimSpace(value)) != "null"
}

// readError reads the error member. AWS documents its code as a number; a string of digits is taken too.
func readError(value []byte) *rawError {
	o, ok := tree(value).(map[string]any)
	if !ok {
		return &rawError{strange: true}
	}
	e := &rawError{}
	if e.message, ok = o["errorMessage"].(string); !ok {
		e.strange = true
	}
	digits := ""
	switch code := o["errorCode"].(type) {
	case json.Number:
		digits = string(code)
	case string:
		digits = code
	}
	e.code, _ = strconv.Atoi(digits) // no number: 0, an error like any other
	return e
}

// tree gives a JSON value as maps, slices, strings and numbers as they are written; nil where it is none.
func tree(value []byte) any {
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil
	}
	return v
}

// at walks down a tree: a string names a member, a number an element. nil: there is no such thing.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			o, ok := v.(map[string]any)
			if !ok {
				return nil
			}
			v = o[step]
		case int:
			list, ok := v.([]any)
			if !ok || step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

func textAt(v any, path ...any) string {
	s, _ := at(v, path...).(string)
	return s
}

// countAt is a count of tokens. ok is false where there is none, or one that cannot be: below 0, above what any model takes,
// no whole number.
func countAt(v any, path ...any) (k int64, ok bool) {
	n, _ := at(v, path...).(json.Number)
	f, err := n.Float64()
	if err != nil || f < 0 || f > quarry.MaxTokenCount || f != float64(int64(f)) {
		return 0, false
	}
	return int64(f), true
}

// usageAt reads an answer's counts; what does not say both says nothing.
func usageAt(v any, s *shape) quarry.Usage {
	in, inOK := countAt(v, s.in...)
	out, outOK := countAt(v, s.out...)
	u := quarry.Usage{InputTokens: in, OutputTokens: out}
	if !inOK || !outOK {
		return quarry.Usage{Unknown: 1}
	}
	for _, c := range []struct {
		path []any
		to   *int64
	}{{s.read, &u.CacheReadTokens}, {s.write, &u.CacheWriteTokens}} {
		n, ok := countAt(v, c.path...)
		if !ok && at(v, c.path...) != nil {
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
	text            func(v any) (string, bool)
	stop            []any
	in, out, answer []any // counts of tokens, and the model's own name
	read, write     []any // tokens of the prompt cache, which come on top of the input
}

func path(steps ...any) []any { return steps }

// shapes are what the services document: Converse and Nova, Anthropic Messages, OpenAI chat, Llama, Mistral, Titan
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html).
func shapes() []shape {
	plain := func(p ...any) func(any) (string, bool) {
		return func(v any) (string, bool) { s, ok := at(v, p...).(string); return s, ok }
	}
	content := func(p ...any) func(any) (string, bool) {
		return func(v any) (string, bool) { return blocks(at(v, p...)) }
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
}

func readAnswer(value []byte) *answer {
	v, ok := tree(value).(map[string]any)
	if !ok {
		return unknown()
	}
	for _, s := range shapes() {
		if _, ok := v[s.member]; !ok {
			continue
		}
		text, ok := s.text(v)
		if !ok {
			return unknown()
		}
		a := &answer{stop: textAt(v, s.stop...), model: textAt(v, "model"), usage: usageAt(v, &s), tools: toolsOf(value)}
		a.text, a.thought = withoutThoughts(text)
		if s.answer != nil {
			if name := textAt(v, s.answer...); name != "" {
				a.model = name
			}
		}
		if s.member == "choices" {
			if a.stop == "" {
				a.stop = textAt(v, "choices", 0, "stop_reason")
			}
			if textAt(v, "choices", 0, "message", "refusal") != "" {
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
func toolsOf(value []byte) (inputs []string) {
	take := func(input json.RawMessage) {
		s := string(input)
		switch {
		case strings.HasPrefix(s, "{"), strings.HasPrefix(s, "["):
			inputs = append(inputs, s)
		case strings.HasPrefix(s, `"`):
			if json.Unmarshal(input, &s) == nil && strings.TrimSpace(s) != "" {
				inputs = append(inputs, s)
			}
		}
	}
	type block struct {
		Type  any             `json:"type"`
		Input json.RawMessage `json:"input"`
		Use   json.RawMessage `json:"toolUse"`
	}
	blocks := func(content json.RawMessage) {
		var list []json.RawMessage
		_ = json.Unmarshal(content, &list)
		for _, item := range list {
			var b block
			if json.Unmarshal(item, &b) != nil {
				continue
			}
			if b.Type == "tool_use" {
				take(b.Input)
			}
			if b.Type == nil || b.Type == "" {
				take(member(b.Use, "input"))
			}
		}
	}
	switch {
	case member(value, "output") != nil:
		blocks(member(member(member(value, "output"), "message"), "content"))
	case member(value, "content") != nil:
		blocks(member(value, "content"))
	case member(value, "choices") != nil:
		var choices []json.RawMessage
		if json.Unmarshal(member(value, "choices"), &choices) != nil || len(choices) == 0 {
			return nil
		}
		message := member(choices[0], "message")
		blocks(member(message, "content"))
		var calls []json.RawMessage
		_ = json.Unmarshal(member(message, "tool_calls"), &calls)
		for _, c := range calls {
			take(member(member(c, "function"), "arguments"))
		}
		take(member(member(message, "function_call"), "arguments"))
	}
	return inputs
}

// member is one member of an object as it is written; nil where there is none.
func member(object json.RawMessage, name string) json.RawMessage {
	var members map[string]json.RawMessage
	if len(object) == 0 || json.Unmarshal(object, &members) != nil {
		return nil
	}
	return members[name]
}

// blocks joins the blocks of text of a content.
func blocks(content any) (string, bool) {
	list, ok := content.([]any)
	if !ok {
		return "", false
	}
	var b strings.Builder
	for _, block := range list {
		switch textAt(block, "type") {
		case "", "text", "output_text":
			b.WriteString(textAt(block, "text"))
		}
	}
	return b.String(), true
}

// chat reads the first choice of OpenAI's shape; a model that declines puts its words beside the content.
func chat(v any) (string, bool) {
	choice, ok := at(v, "choices", 0).(map[string]any)
	if !ok {
		return "", false
	}
	message, ok := choice["message"].(map[string]any)
	if !ok {
		s, ok := choice["text"].(string)
		return s, ok
	}
	text, ok := "", true
	switch content := message["content"].(type) {
	case string:
		text = content
	case []any:
		text, ok = blocks(content)
	}
	if refusal := textAt(message, "refusal"); text == "" {
		text = refusal
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
