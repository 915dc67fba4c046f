package ask

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"quarry/internal/standin/model/family"
)

// Form is the form of the answer: plain text, or one JSON value described by Root.
type Form struct {
	JSON bool
	Root *Node // nil for plain text
	// Strict says that a schema demands the form; else its keys were read out of the prompt's words.
	Strict bool
}

// defaultKeys are what a prompt gets that wants JSON and names no keys.
var defaultKeys = []string{"title", "summary"}

func formOf(f family.Format, instructions string) (Form, error) {
	if len(f.Schema) > 0 {
		root, err := ParseSchema(f.Schema)
		if err != nil {
			return Form{}, err
		}
		return Form{JSON: true, Root: root, Strict: true}, nil
	}
	if root := schemaIn(instructions); root != nil {
		return Form{JSON: true, Root: root, Strict: true}, nil
	}
	form := formOfText(instructions)
	if f.JSON && !form.JSON {
		form = Form{JSON: true, Root: keysNode(defaultKeys)}
	}
	return form, nil
}

// schemaIn reads a whole JSON Schema of an object that the instructions show after those words; nil where there is none.
func schemaIn(text string) *Node {
	text = text[:min(len(text), maxInstruction)]
	at := strings.Index(text, "JSON Schema")
	if at < 0 {
		return nil
	}
	begin := strings.IndexByte(text[at:], '{')
	if begin < 0 || begin > 200 {
		return nil
	}
	dec := jsontext.NewDecoder(strings.NewReader(text[at+begin:]))
	schema, err := dec.ReadValue()
	if err != nil {
		return nil
	}
	root, err := ParseSchema(schema)
	if err != nil || len(root.props) == 0 {
		return nil
	}
	return root
}

var jsonRE = pattern(`(?i)json`)

// maxInstruction is how much of the instructions is read; text after that is not taken for an instruction.
const maxInstruction = 64 << 10

// formOfText reads the form out of the words of an instruction.
func formOfText(text string) Form {
	text = text[:min(len(text), maxInstruction)]
	keys := exampleKeys(text)
	if !jsonRE().MatchString(text) && len(keys) == 0 {
		return Form{}
	}
	if len(keys) == 0 {
		keys = namedKeys(text)
	}
	if len(keys) == 0 {
		keys = defaultKeys
	}
	return Form{JSON: true, Root: keysNode(keys)}
}

func keysNode(keys []string) *Node {
	root := newNode(typeObject)
	for _, key := range keys {
		root.props = append(root.props, prop{name: key, required: true, node: newNode(typeString | typeNull)})
	}
	return root
}

// exampleKeys are the keys at the top of the first JSON-like object in the text, which need not be valid JSON:
// people write {"title": "...", "summary": …}.
func exampleKeys(text string) []string {
	start := strings.IndexByte(text, '{')
	for try := 0; start >= 0 && try < maxExamples; try++ {
		if keys := keysIn(text[start:]); len(keys) > 0 {
			return keys
		}
		next := strings.IndexByte(text[start+1:], '{')
		if next < 0 {
			break
		}
		start += 1 + next
	}
	return nil
}

const (
	// exampleWindow is how far an example is followed, maxExamples how many braces are tried: many open ones must not cost square time.
	exampleWindow = 4000
	maxExamples   = 64
)

func keysIn(s string) []string {
	s = s[:min(len(s), exampleWindow)]
	var keys []string
	seen := map[string]bool{}
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return keys
			}
		case '"':
			end := strings.IndexByte(s[i+1:], '"')
			if end < 0 {
				return nil
			}
			name := s[i+1 : i+1+end]
			i += 1 + end
			rest := strings.TrimLeft(s[i+1:], " \t\r\n")
			if depth == 1 && strings.HasPrefix(rest, ":") && keyRE().MatchString(name) && !seen[name] {
				seen[name] = true
				keys = append(keys, name)
			}
		}
	}
	return nil // never closed: not an example
}

var (
	keyRE = pattern(`^[\pL_][\pL\pN_.-]{0,63}$`)
	// quotedRE is a name in quotes; listRE the bare names after "keys:", "fields", キー.
	quotedRE = pattern("[\"'`“‘「『]([A-Za-z_][A-Za-z0-9_-]{0,63})[\"'`”’」』]")
	listRE   = pattern(`(?i)(?:\b(?:keys?|fields?|members|properties)\b|キー|フィールド|項目)[^A-Za-z_\n]{0,12}((?:[A-Za-z_][A-Za-z0-9_]*(?:\s*(?:,|、|・|and|と|および)\s*)*)+)`)
	snakeRE  = pattern(`[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+|\b(?:title|summary)\b`)
)

// notKeys are words that occur in quotes near the word JSON without being keys.
var notKeys = map[string]bool{
	"json": true, "null": true, "true": true, "false": true, "string": true, "number": true, "boolean": true, "object": true, "array": true,
	"markdown": true, "html": true, "code": true, "article": true, "text": true, "n": true,
}

func namedKeys(text string) []string {
	var keys []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] && !notKeys[strings.ToLower(name)] {
			seen[name] = true
			keys = append(keys, name)
		}
	}
	for _, m := range quotedRE().FindAllStringSubmatch(text, 64) {
		add(m[1])
	}
	if len(keys) > 0 {
		return keys
	}
	for _, m := range listRE().FindAllStringSubmatch(text, 8) {
		for _, name := range snakeRE().FindAllString(m[1], 64) {
			add(name)
		}
	}
	if len(keys) == 0 {
		for _, name := range snakeRE().FindAllString(text, 64) {
			if strings.Contains(name, "_") {
				add(name)
			}
		}
	}
	return keys
}
