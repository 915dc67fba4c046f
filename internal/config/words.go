package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// setTwice refuses a name that is set twice in one mapping: which of the values was meant is not known.
func setTwice(path string, n *yaml.Node, depth int) error {
	if depth > maxDepth {
		return nil // another check refuses it
	}
	lines := map[string]int{}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.Kind == yaml.ScalarNode && c.Value != "<<" {
			if first, ok := lines[c.Value]; ok {
				return bad(path, c.Line, fmt.Errorf("%s is set twice, first on line %d", c.Value, first))
			}
			lines[c.Value] = c.Line
		}
		if err := setTwice(path, c, depth+1); err != nil {
			return err
		}
	}
	return nil
}

var (
	atLine   = regexp.MustCompile(`line (\d+): (.*)`)
	notSuch  = regexp.MustCompile("cannot construct !!\\w+ (?:`(.*)` )?into (\\S+)")
	wantType = map[string]string{
		"int": "a whole number", "int64": "a whole number", "float64": "a number", "bool": "true or false", "string": "a text",
		"[]string": "a list of texts",
	}
)

// badValue says in plain words which value of a section has another type than its setting, and where it is.
func badValue(path, section string, n *yaml.Node, err error) error {
	line, name := n.Line, section
	if m := atLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Kind == yaml.MappingNode && n.Content[i].Line <= line {
				name = section + "." + n.Content[i].Value
			}
		}
	}
	return bad(path, line, fmt.Errorf("%s: %w", name, PlainYAML(err)))
}

// PlainYAML says what is wrong with a value without the words of the YAML package and of this program's types.
func PlainYAML(err error) error {
	text := err.Error()
	if m := atLine.FindStringSubmatch(text); m != nil {
		text = m[2]
	}
	if m := notSuch.FindStringSubmatch(text); m != nil {
		want, known := wantType[m[2]]
		switch {
		case !known:
			want = "another kind of value"
			fallthrough
		case m[1] == "":
			text = "want " + want
		default:
			text = fmt.Sprintf("%q is not %s", m[1], want)
		}
	}
	return errors.New(text)
}
