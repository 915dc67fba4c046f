package rules

import (
	"fmt"
	"strconv"
	"strings"
)

// messageKind is what is wrong with a value, whatever the words for it.
type messageKind int

const (
	missing messageKind = iota
	extra
	wrongType
	badTag
	tooFew
	tooMany
	tooShort
	tooSmall
	tooLarge
	outOfRange
	fraction
	notOneOf
	whole // text says it
)

// message is what is wrong with a value, with what the words need.
type message struct {
	kind        messageKind
	want, text  string
	got         []byte
	values      []string
	number      int64
	count       int
	least, most float64
}

// fix is what to do where the rule itself does not say it.
func (m message) fix() string {
	switch m.kind {
	case wrongType:
		return "write it as " + map[string]string{
			"object": "an object", "array": "an array", "string or array": "a string or an array", "string": "a string", "boolean": "true or false",
			"integer": "a whole number, without quotes", "number": "a number, without quotes",
		}[m.want]
	case fraction:
		return "write it as a whole number"
	case tooFew:
		return fmt.Sprintf("give %d or more", m.number)
	case tooMany:
		return fmt.Sprintf("give %d or fewer", m.number)
	case tooShort:
		return "put text there, or remove it"
	case tooSmall:
		return fmt.Sprintf("use %d or more", m.number)
	case tooLarge:
		return fmt.Sprintf("use %d or less", m.number)
	case outOfRange:
		return "use " + short(m.least) + " to " + short(m.most)
	case notOneOf:
		if len(m.values) > 0 {
			return "use " + strings.Join(m.values, ", ")
		}
	}
	return ""
}

var extraInputs = message{kind: extra}

// dialect is whose words a refusal has.
type dialect int

const (
	// pydantic is what Anthropic's Messages API answers, which Bedrock passes on: "max_tokens: Field required".
	pydantic dialect = iota
	// malformed is what Bedrock answers where it checks a body by a JSON schema of its own:
	// "Malformed input request: #/x: …, please reformat your input and try again."
	malformed
	// smithy is what Bedrock answers about the members of Converse.
	smithy
)

func (d dialect) text(w *walk, m message) string {
	switch d {
	case malformed:
		return "Malformed input request: " + malformedText(w, m) + ", please reformat your input and try again."
	case smithy:
		if constraint := smithyText(m); constraint != "" {
			value := ""
			if m.got != nil {
				value = " '" + shown(m.got) + "'"
			}
			return "1 validation error detected: Value" + value + " at '" + w.pathWith(".") + "' failed to satisfy constraint: " + constraint
		}
		if m.kind == wrongType || m.kind == fraction {
			return malformed.text(w, m)
		}
		fallthrough
	default:
		return w.pathWith(".") + ": " + pydanticText(m)
	}
}

// smithyText is a constraint in the words of AWS's service models, or "" where they have none for it.
func smithyText(m message) string {
	switch m.kind {
	case missing:
		return "Member must not be null"
	case tooSmall:
		return fmt.Sprintf("Member must have value greater than or equal to %d", m.number)
	case tooLarge:
		return fmt.Sprintf("Member must have value less than or equal to %d", m.number)
	case outOfRange:
		if f, ok := float(m.got); ok && f < m.least {
			return "Member must have value greater than or equal to " + short(m.least)
		}
		return "Member must have value less than or equal to " + short(m.most)
	case tooShort, tooFew:
		return fmt.Sprintf("Member must have length greater than or equal to %d", m.number)
	case tooMany:
		return fmt.Sprintf("Member must have length less than or equal to %d", m.number)
	case notOneOf:
		return "Member must satisfy enum value set: [" + strings.Join(m.values, ", ") + "]"
	}
	return ""
}

func pydanticText(m message) string {
	switch m.kind {
	case missing:
		return "Field required"
	case extra:
		return "Extra inputs are not permitted"
	case wrongType:
		return "Input should be a valid " + map[string]string{
			"object": "dictionary", "array": "list", "string or array": "string or list",
		}[m.want] + plainKind(m.want)
	case badTag:
		return fmt.Sprintf("Input tag %q found using '%s' does not match any of the expected tags", m.text, m.want)
	case tooFew:
		return fmt.Sprintf("List should have at least %d item after validation, not %d", m.number, m.count)
	case tooMany:
		return fmt.Sprintf("List should have at most %d items after validation, not %d", m.number, m.count)
	case tooShort:
		return fmt.Sprintf("String should have at least %d character", m.number)
	case tooSmall:
		return fmt.Sprintf("Input should be greater than or equal to %d", m.number)
	case tooLarge:
		return fmt.Sprintf("Input should be less than or equal to %d", m.number)
	case outOfRange:
		return "range: " + short(m.least) + ".." + short(m.most)
	case fraction:
		return "Input should be a valid integer, got a number with a fractional part"
	case notOneOf:
		return "Input should be " + quotedList(m.values)
	}
	return m.text
}

func plainKind(want string) string {
	switch want {
	case "object", "array", "string or array":
		return ""
	}
	return want
}

// malformedText follows the messages that Bedrock was seen to send, which are those of a JSON schema library:
// "#/messages/0/content: expected type: JSONArray, found: String".
func malformedText(w *walk, m message) string {
	at := "#"
	if len(w.path) > 0 {
		at = "#/" + w.pathWith("/")
	}
	switch m.kind {
	case missing:
		return parent(w) + ": required key [" + last(w) + "] not found"
	case extra:
		return parent(w) + ": extraneous key [" + last(w) + "] is not permitted"
	case wrongType:
		return at + ": expected type: " + jsonClass(m.want) + ", found: " + foundClass(m.got)
	case badTag, notOneOf:
		return at + ": " + m.text + " is not a valid enum value"
	case tooFew:
		return fmt.Sprintf("%s: expected minimum item count: %d, found: %d", at, m.number, m.count)
	case tooMany:
		return fmt.Sprintf("%s: expected maximum item count: %d, found: %d", at, m.number, m.count)
	case tooShort:
		return fmt.Sprintf("%s: expected minLength: %d, actual: 0", at, m.number)
	case tooSmall:
		return fmt.Sprintf("%s: %s is not greater or equal to %d", at, shown(m.got), m.number)
	case tooLarge:
		return fmt.Sprintf("%s: %s is not less or equal to %d", at, shown(m.got), m.number)
	case outOfRange:
		if f, ok := float(m.got); ok && f < m.least {
			return fmt.Sprintf("%s: %s is not greater or equal to %s", at, shown(m.got), short(m.least))
		}
		return fmt.Sprintf("%s: %s is not less or equal to %s", at, shown(m.got), short(m.most))
	case fraction:
		return at + ": expected type: Integer, found: BigDecimal"
	}
	return at + ": " + m.text
}

func parent(w *walk) string {
	if len(w.path) < 2 {
		return "#"
	}
	end := w.path[len(w.path)-1]
	w.pop()
	s := "#/" + w.pathWith("/")
	w.path = append(w.path, end)
	return s
}

func last(w *walk) string {
	if len(w.path) == 0 {
		return ""
	}
	return w.path[len(w.path)-1].name
}

func jsonClass(want string) string {
	switch want {
	case "object":
		return "JSONObject"
	case "array":
		return "JSONArray"
	case "string or array":
		return "String or JSONArray"
	}
	return strings.ToUpper(want[:1]) + want[1:]
}

func foundClass(value []byte) string {
	switch {
	case len(value) == 0:
		return "Null"
	case value[0] == '"':
		return "String"
	case value[0] == '{':
		return "JSONObject"
	case value[0] == '[':
		return "JSONArray"
	case value[0] == 't', value[0] == 'f':
		return "Boolean"
	case value[0] == 'n':
		return "Null"
	}
	return "Number"
}

func short(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func quotedList(values []string) string {
	var b strings.Builder
	for i, v := range values {
		switch {
		case i > 0 && i == len(values)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString("'" + v + "'")
	}
	return b.String()
}
