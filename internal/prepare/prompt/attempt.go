package prompt

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"quarry"
)

// ErrShape says that a modelInput has none of the shapes this package knows, or ends in a way to which nothing can be
// added. Such a record can only be sent again unchanged.
var ErrShape = errors.New("shape of modelInput is not known")

// ErrNoStructured says that the body has no place for a schema.
var ErrNoStructured = errors.New("the body has no place for a schema")

// object is one JSON object taken apart at its first level, values as they are.
type object map[string]jsontext.Value

func parseObject(b []byte) (object, error) {
	if jsontext.Value(b).Kind() != '{' {
		return nil, fmt.Errorf("%w: not a JSON object", ErrShape)
	}
	o := make(object)
	d := jsontext.NewDecoder(strings.NewReader(string(b)))
	for {
		t, err := d.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("read modelInput: %w", err)
		}
		switch t.Kind() {
		case '{':
			continue
		case '}':
			return o, nil
		}
		name := t.String()
		v, err := d.ReadValue()
		if err != nil {
			return nil, fmt.Errorf("read modelInput: %w", err)
		}
		o[name] = v.Clone()
	}
}

// bytes writes the object, names in order; canonical when the values are and the names are ASCII.
func (o object) bytes() []byte {
	out := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(o)) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '"')
		out = append(escape(out, name), '"', ':')
		out = append(out, o[name]...)
	}
	return append(out, '}')
}

// canonical brings every member into canonical form but a schema that is sent along: its order says what the model writes
// first.
func (o object) canonical() (object, error) {
	out := object{}
	for name, v := range o {
		var err error
		if name != "output_config" && name != "response_format" {
			if v, err = canonical(v); err != nil {
				return nil, err
			}
		}
		out[name] = v
	}
	return out, nil
}

// written gives the object as Append writes bodies.
func (o object) written() ([]byte, error) {
	out, err := o.canonical()
	if err != nil {
		return nil, fmt.Errorf("write modelInput: %w", err)
	}
	return out.bytes(), nil
}

// shape is a body's layout as its members tell it.
type shape int

const (
	shapeUnknown shape = iota
	shapeAnthropic
	shapeConverse
	shapeNova
	shapeChat
	shapeLlama
)

func shapeOf(o object) shape {
	var messages []jsontext.Value
	if m, ok := o["messages"]; ok {
		messages = elements(m)
	}
	switch {
	case o["anthropic_version"] != nil:
		return shapeAnthropic
	case o["schemaVersion"] != nil && messages != nil:
		return shapeNova
	case o["prompt"].Kind() == '"' && (o["max_gen_len"] != nil || strings.Contains(string(o["prompt"]), "<|")):
		return shapeLlama
	case messages == nil:
		return shapeUnknown
	case o["inferenceConfig"] != nil || o["inference_config"] != nil:
		return shapeConverse
	}
	for _, m := range messages {
		t, err := parseObject(m)
		if err != nil {
			return shapeUnknown
		}
		if c := t["content"]; c.Kind() == '[' {
			for _, e := range elements(c) {
				// Converse's blocks are unions without a type; OpenAI's parts name theirs.
				if b, err := parseObject(e); err == nil && b["type"] == nil {
					return shapeConverse
				}
			}
		}
	}
	return shapeChat
}

func elements(array jsontext.Value) []jsontext.Value {
	if array.Kind() != '[' {
		return nil
	}
	d := jsontext.NewDecoder(strings.NewReader(string(array)))
	if _, err := d.ReadToken(); err != nil {
		return nil
	}
	out := []jsontext.Value{}
	for d.PeekKind() != ']' {
		v, err := d.ReadValue()
		if err != nil {
			return nil
		}
		out = append(out, v.Clone())
	}
	return out
}

func joined(values []jsontext.Value) jsontext.Value {
	out := jsontext.Value{'['}
	for i, v := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, v...)
	}
	return append(out, ']')
}

// open takes a modelInput apart for a change.
func open(modelInput []byte) (object, shape, error) {
	c, err := compact(modelInput)
	if err != nil {
		return nil, shapeUnknown, fmt.Errorf("read modelInput: %w", err)
	}
	o, err := parseObject(c)
	if err != nil {
		return nil, shapeUnknown, err
	}
	if o, err = o.canonical(); err != nil {
		return nil, shapeUnknown, fmt.Errorf("read modelInput: %w", err)
	}
	s := shapeOf(o)
	if s == shapeUnknown {
		return nil, s, ErrShape
	}
	return o, s, nil
}

// WithMaxTokens gives the modelInput with another limit of answer tokens, canonical. The error is ErrShape where the
// shape is not known.
func WithMaxTokens(modelInput []byte, n int) ([]byte, error) {
	if n < 1 {
		return nil, fmt.Errorf("max_tokens %d: want at least 1", n)
	}
	o, s, err := open(modelInput)
	if err != nil {
		return nil, err
	}
	limit := jsontext.Value(strconv.Itoa(n))
	switch s {
	case shapeConverse, shapeNova:
		config := object{}
		if c, ok := o["inferenceConfig"]; ok {
			if config, err = parseObject(c); err != nil {
				return nil, err
			}
		}
		config["maxTokens"] = limit
		o["inferenceConfig"] = config.bytes()
	case shapeLlama:
		o["max_gen_len"] = limit
	case shapeChat:
		name := "max_tokens"
		if o["max_completion_tokens"] != nil {
			name = "max_completion_tokens"
		}
		o[name] = limit
	default:
		o["max_tokens"] = limit
	}
	return o.written()
}

// MaxTokens reads the limit of answer tokens; 0 where the body says none.
func MaxTokens(modelInput []byte) int {
	o, s, err := open(modelInput)
	if err != nil {
		return 0
	}
	var v jsontext.Value
	switch s {
	case shapeConverse, shapeNova:
		if c, err := parseObject(o["inferenceConfig"]); err == nil {
			v = c["maxTokens"]
		}
	case shapeLlama:
		v = o["max_gen_len"]
	case shapeChat:
		if v = o["max_completion_tokens"]; v == nil {
			v = o["max_tokens"]
		}
	default:
		v = o["max_tokens"]
	}
	n, err := strconv.Atoi(string(v))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// WithRepair gives the modelInput with two more turns, canonical: the model's own answer, and the user's request to
// repair what the check complained of. A blank answer has nothing to repair; the modelInput then comes back as it is,
// because the families refuse a blank turn.
func WithRepair(modelInput []byte, badAnswer, complaint string) ([]byte, error) {
	o, s, err := open(modelInput)
	if err != nil {
		return nil, err
	}
	badAnswer = strings.TrimSpace(strings.ToValidUTF8(badAnswer, "\uFFFD"))
	if badAnswer == "" {
		return o.written()
	}
	request := "That answer cannot be used: " + strings.ToValidUTF8(complaint, "\uFFFD") + "\n\n" +
		"Answer again with the whole corrected JSON object and nothing else: no text before or after it, no code fence."
	if s == shapeLlama {
		return repairPrompt(o, badAnswer, request)
	}
	turns := elements(o["messages"])
	if len(turns) == 0 {
		return nil, fmt.Errorf("%w: it has no turns", ErrShape)
	}
	last, err := parseObject(turns[len(turns)-1])
	if err != nil {
		return nil, err
	}
	if string(last["role"]) != `"user"` {
		return nil, fmt.Errorf("%w: its last turn is not the user's", ErrShape)
	}
	blocks := s == shapeConverse || s == shapeNova
	o["messages"] = joined(append(turns, turn("assistant", badAnswer, blocks), turn("user", request, blocks)))
	return o.written()
}

func turn(role, content string, blocks bool) jsontext.Value {
	c := jsontext.Value(quotedString(content))
	if blocks {
		c = joined([]jsontext.Value{object{"text": c}.bytes()})
	}
	return object{"role": jsontext.Value(quotedString(role)), "content": c}.bytes()
}

func quotedString(s string) []byte { return append(escape([]byte{'"'}, s), '"') }

// repairPrompt adds the turns to a Llama prompt, which has to end where the assistant's answer begins.
func repairPrompt(o object, badAnswer, request string) ([]byte, error) {
	p, err := jsontext.AppendUnquote(nil, o["prompt"])
	if err != nil {
		return nil, fmt.Errorf("read prompt: %w", err)
	}
	for _, m := range []llamaMarks{llama3Marks, llama4Marks} {
		if !strings.HasSuffix(strings.TrimRight(string(p), "\n"), strings.TrimRight(m.turn("assistant"), "\n")) {
			continue
		}
		p = append(p, neutralize([]byte(badAnswer), 0)...)
		p = append(p, m.end+m.turn("user")...)
		p = append(p, neutralize([]byte(request), 0)...)
		p = append(p, m.end+m.turn("assistant")...)
		o["prompt"] = quotedString(string(p))
		return o.written()
	}
	return nil, fmt.Errorf("%w: its prompt does not end in an open turn of the assistant", ErrShape)
}

// WithStructured gives the modelInput with the schema sent along, canonical. The error is ErrNoStructured where the
// family has no place for it.
func WithStructured(modelInput, schema []byte) ([]byte, error) {
	o, s, err := open(modelInput)
	if err != nil {
		return nil, err
	}
	t, f := quarry.InvokeModel, unknown
	switch s {
	case shapeAnthropic:
		f = anthropic
	case shapeChat:
		f = chat
	case shapeConverse:
		t = quarry.Converse
	}
	m, err := structuredMember(t, f, schema)
	if err != nil {
		return nil, err
	}
	if m.value == nil {
		return nil, ErrNoStructured
	}
	if f == chat {
		o[m.name] = merge(m.value)[0].literal
		return o.written()
	}
	// Next to the schema these members hold other settings (effort), which stay.
	added, err := parseObject(merge(m.value)[0].literal)
	if err != nil {
		return nil, err
	}
	if old, err := parseObject(o[m.name]); err == nil {
		maps.Copy(old, added)
		added = old
	}
	o[m.name] = added.bytes()
	return o.written()
}

// WithoutStructured gives the modelInput without a schema sent along, canonical, whichever program put it there.
func WithoutStructured(modelInput []byte) ([]byte, error) {
	o, _, err := open(modelInput)
	if err != nil {
		return nil, err
	}
	delete(o, "response_format")
	for name, inner := range map[string]string{"output_config": "format", "outputConfig": "textFormat"} {
		m, err := parseObject(o[name])
		if err != nil {
			continue
		}
		delete(m, inner)
		if len(m) == 0 {
			delete(o, name)
		} else {
			o[name] = m.bytes()
		}
	}
	return o.written()
}
