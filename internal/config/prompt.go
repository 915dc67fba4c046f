package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Prompt is the section prompt of quarry.yaml; what is not set there is zero.
type Prompt struct {
	System         string   `yaml:"system,omitempty" json:"system,omitempty"`
	NoSystem       bool     `yaml:"no_system,omitempty" json:"no_system,omitempty"`
	User           string   `yaml:"user,omitempty" json:"user,omitempty"`
	PartUser       string   `yaml:"part_user,omitempty" json:"part_user,omitempty"`
	MergeUser      string   `yaml:"merge_user,omitempty" json:"merge_user,omitempty"`
	InvocationType string   `yaml:"invocation_type,omitempty" json:"invocation_type,omitempty"`
	MaxTokens      int      `yaml:"max_tokens,omitempty" json:"max_tokens,omitempty"`
	Temperature    *float64 `yaml:"temperature,omitempty" json:"temperature,omitempty"`
	NoTemperature  bool     `yaml:"no_temperature,omitempty" json:"no_temperature,omitempty"`
	TopP           *float64 `yaml:"top_p,omitempty" json:"top_p,omitempty"`
	Thinking       string   `yaml:"thinking,omitempty" json:"thinking,omitempty"`
	StopSequences  []string `yaml:"stop_sequences,omitempty" json:"stop_sequences,omitempty"`
	Schema         Schema   `yaml:"schema,omitempty" json:"schema,omitempty"`
	FreeText       bool     `yaml:"free_text,omitempty" json:"free_text,omitempty"`

	// SchemaAt gives FILE:LINE of a place in the schema, a path of names and indexes from its root; nil where no file
	// has a schema.
	SchemaAt func(path []string) string `yaml:"-" json:"-"`
}

// Schema is a JSON Schema as JSON, its members in the order in which they were written: a model is shown them, and
// answers, in this order.
type Schema string

// UnmarshalYAML takes a mapping as it is.
func (s *Schema) UnmarshalYAML(n *yaml.Node) error {
	var b bytes.Buffer
	if err := writeJSON(&b, n, 0); err != nil {
		return err
	}
	*s = Schema(b.String())
	return nil
}

// MarshalJSON gives the schema as it is.
func (s Schema) MarshalJSON() ([]byte, error) { return []byte(s), nil }

// MarshalYAML gives the mapping back: JSON is YAML.
func (s Schema) MarshalYAML() (any, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(s), &doc); err != nil || len(doc.Content) == 0 {
		return nil, errors.Join(errors.New("schema: not JSON"), err)
	}
	return doc.Content[0], nil
}

const maxDepth = 200

// writeJSON writes YAML as JSON without changing the order of members, as a map would.
func writeJSON(b *bytes.Buffer, n *yaml.Node, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("line %d: nested too deep", n.Line)
	}
	switch n.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			key, err := json.Marshal(n.Content[i].Value)
			if err != nil {
				return err
			}
			b.Write(key)
			b.WriteByte(':')
			if err := writeJSON(b, n.Content[i+1], depth+1); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeJSON(b, item, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case yaml.ScalarNode:
		var v any
		if err := n.Decode(&v); err != nil {
			return err
		}
		value, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("line %d: %w", n.Line, err)
		}
		b.Write(value)
	default:
		return fmt.Errorf("line %d: want plain values, lists and mappings", n.Line)
	}
	return nil
}

func (l *Loaded) readPrompt(path string, first int, value *yaml.Node) error {
	if value.Kind == yaml.ScalarNode && value.Value == "" {
		return nil // all of it is commented out
	}
	if value.Kind != yaml.MappingNode {
		return bad(path, value.Line, errors.New("prompt: not a mapping of settings"))
	}
	var at func([]string) string
	known := []string{
		"system", "no_system", "user", "part_user", "merge_user", "invocation_type", "max_tokens", "temperature", "no_temperature", "top_p",
		"thinking", "stop_sequences", "schema", "free_text",
	}
	for i := 0; i+1 < len(value.Content); i += 2 {
		key, v := value.Content[i], value.Content[i+1]
		if !slices.Contains(known, key.Value) {
			return unknownName(path, key.Line, " in prompt", key.Value, known)
		}
		if key.Value != "schema" {
			continue
		}
		file, root := path, v
		if v.Kind == yaml.ScalarNode {
			var err error
			if file, root, err = schemaText(path, v); err != nil {
				return bad(path, v.Line, fmt.Errorf("schema: %w", err))
			}
			value.Content[i+1] = root
		}
		line := 0
		if v.Kind == yaml.ScalarNode && file == path {
			line = v.Line // of the text's first line
		}
		at = func(names []string) string { return fmt.Sprintf("%s:%d", file, line+lineOf(root, names)) }
	}
	if err := value.Decode(&l.Prompt); err != nil {
		return badValue(path, "prompt", value, err)
	}
	l.Prompt.SchemaAt = at
	l.Origin["prompt"] = fmt.Sprintf("%s:%d", path, first)
	return nil
}

// lineOf gives the line of the place to which names and indexes lead, or of the last one on the way that is there.
func lineOf(n *yaml.Node, names []string) int {
	line := n.Line
	for _, name := range names {
		var next *yaml.Node
		switch n.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == name {
					line, next = n.Content[i].Line, n.Content[i+1]
				}
			}
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(n.Content) {
				line, next = n.Content[i].Line, n.Content[i]
			}
		}
		if next == nil {
			return line
		}
		n = next
	}
	return line
}

// schemaText reads a schema that is given as a text: JSON, or the name of a file that holds it, relative to quarry.yaml's
// folder. It gives the file that the schema is in.
func schemaText(path string, v *yaml.Node) (string, *yaml.Node, error) {
	file, text := path, strings.TrimSpace(v.Value)
	if text == "" {
		return path, v, nil
	}
	if !strings.HasPrefix(text, "{") {
		name := text
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return path, nil, err
		}
		file, text = name, string(b)
	}
	if !json.Valid([]byte(text)) {
		return path, nil, errors.New("not valid JSON")
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil || len(doc.Content) == 0 {
		return path, nil, errors.Join(errors.New("not readable"), err)
	}
	return file, doc.Content[0], nil
}
