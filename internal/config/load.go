package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"quarry"
	"quarry/internal/base/nearest"
)

// DefaultFile is read where no file is named and it exists.
const DefaultFile = "quarry.yaml"

// Input is where values come from.
type Input struct {
	File  string              // named by -c; empty: DefaultFile where it exists
	Judge bool                // judge a named file as one that was not named
	Flags map[string][]string // those that were given, by name
	Env   func(string) (string, bool)
}

// Loaded are the effective settings and where each came from.
type Loaded struct {
	Settings
	Origin map[string]string // setting → "flag --model", "QUARRY_MODEL", "quarry.yaml:3", "default"
	File   string            // that was read, or empty
	// Unasked says what needs a confirmation in a file that was not named; nil: there is none.
	Unasked *Unasked
}

// Environ looks a variable up in the process's environment.
func Environ(name string) (string, bool) { return os.LookupEnv(name) }

// Variables are the process's environment, as NAME=VALUE.
func Variables() []string { return os.Environ() }

// Load puts the settings together. Errors are of kind BadUsage and name the flag, the variable or the line.
func Load(in Input) (*Loaded, error) {
	out := &Loaded{Origin: map[string]string{}}
	all := All()
	for i := range all {
		if err := all[i].set(&out.Settings, []string{all[i].Default}); err != nil && all[i].Default != "" {
			return nil, fmt.Errorf("default of %s: %w", all[i].Name, err)
		}
		out.Origin[all[i].Name] = "default"
	}
	if err := out.readFile(in.File, in.Judge, all); err != nil {
		return nil, err
	}
	for i := range all {
		s := &all[i]
		if in.Env != nil {
			if v, ok := in.Env(s.Env()); ok && (v != "" || s.amount) { // an empty text sets nothing; an empty cap is no cap
				if err := out.put(s, strings.Split(v, "\n"), s.Env()); err != nil {
					return nil, err
				}
			}
		}
		if v, ok := in.Flags[s.Name]; ok {
			if err := out.put(s, v, "flag --"+s.Name); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func (l *Loaded) put(s *Setting, values []string, origin string) error {
	if slices.Contains(values, "") && (s.amount || s.Default != "") {
		return s.empty(origin)
	}
	if err := s.set(&l.Settings, values); err != nil {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "read", Subject: origin, Err: err, Hint: s.Name + ": " + s.Help}
	}
	l.Origin[s.Name] = origin
	return nil
}

// readFile reads quarry.yaml: the settings by their names with underscores, and the sections prompt and clean.
func (l *Loaded) readFile(path string, judge bool, all []Setting) error {
	named := path != ""
	if !named {
		path = DefaultFile
	}
	judge = judge || !named
	read := os.ReadFile
	if judge {
		read = readUnasked
	}
	b, err := read(path)
	if !named && errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unreadable(path, err)
	}
	l.File = path
	doc, err := oneDocument(path, b)
	if err != nil {
		return err
	}
	before := l.Settings
	if len(doc.Content) == 0 {
		if judge {
			l.judge(path, b, &before, all)
		}
		return nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return bad(path, root.Line, errors.New("not a mapping of settings"))
	}
	if err := setTwice(path, root, 0); err != nil {
		return err
	}
	var schema, schemaAt string
	if judge {
		var err error
		if schema, schemaAt, err = checkSchemaFile(path, root); err != nil {
			return err
		}
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if err := l.readKey(path, root.Content[i], root.Content[i+1], all); err != nil {
			return err
		}
	}
	if judge {
		l.judge(path, b, &before, all)
		l.judgeSchema(path, schema, schemaAt)
	}
	return nil
}

// oneDocument reads a file that holds one YAML document: what a further one sets would be ignored.
func oneDocument(path string, b []byte) (*yaml.Node, error) {
	var doc, next yaml.Node
	in := yaml.NewDecoder(bytes.NewReader(b))
	switch err := in.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return &doc, nil
	case err != nil:
		return nil, bad(path, 0, err)
	}
	switch err := in.Decode(&next); {
	case errors.Is(err, io.EOF):
		return &doc, nil
	case err != nil:
		return nil, bad(path, 0, err)
	}
	return nil, bad(path, next.Line, errors.New("a second YAML document begins; remove the line --- to join them"))
}

func (l *Loaded) readKey(path string, key, value *yaml.Node, all []Setting) error {
	switch key.Value {
	case "prompt":
		return l.readPrompt(path, key.Line, value)
	case "clean":
		if err := value.Decode(&l.Clean); err != nil {
			return badValue(path, "clean", value, err)
		}
		l.CleanAt = func(name string) string { return fmt.Sprintf("%s:%d", path, lineOf(value, []string{name})) }
		l.Origin["clean"] = fmt.Sprintf("%s:%d", path, key.Line)
		return nil
	}
	i := slices.IndexFunc(all, func(s Setting) bool { return s.Key() == key.Value })
	if i < 0 {
		names := []string{"prompt", "clean"}
		for j := range all {
			names = append(names, all[j].Key())
		}
		return unknownName(path, key.Line, "", key.Value, names)
	}
	if value.Kind == yaml.ScalarNode && value.ShortTag() == "!!null" {
		return nil // "bucket:" with nothing after it sets nothing
	}
	values, err := scalars(value)
	if err == nil && value.Kind != yaml.ScalarNode && !all[i].Many {
		err = errors.New("want one plain value")
	}
	if err != nil {
		return bad(path, value.Line, fmt.Errorf("%s: %w", key.Value, err))
	}
	return l.put(&all[i], values, fmt.Sprintf("%s:%d", path, key.Line))
}

// scalars gives a value as the strings a flag would have: a list its items, a mapping its pairs.
func scalars(n *yaml.Node) ([]string, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return []string{n.Value}, nil
	case yaml.SequenceNode:
		var out []string
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				return nil, errors.New("want a list of plain values")
			}
			out = append(out, item.Value)
		}
		return out, nil
	case yaml.MappingNode:
		var out []string
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Kind != yaml.ScalarNode || n.Content[i+1].Kind != yaml.ScalarNode {
				return nil, errors.New("want a mapping of plain values")
			}
			out = append(out, n.Content[i].Value+"="+n.Content[i+1].Value)
		}
		return out, nil
	}
	return nil, errors.New("want a plain value, a list or a mapping")
}

// Exists refuses a named file of settings that is not there. It does not read it: it may be a pipe.
func Exists(path string) error {
	if _, err := os.Stat(path); err != nil {
		return unreadable(path, err)
	}
	return nil
}

// unreadable says of a file of settings that cannot be read what to do about it.
func unreadable(path string, err error) error {
	hint := "name a file that this user can read with -c"
	if errors.Is(err, os.ErrNotExist) {
		hint = "check the path, or write one with: quarry init -c " + path
	}
	var file *os.PathError
	if errors.As(err, &file) {
		err = file.Err
	}
	return &quarry.Error{Kind: quarry.BadUsage, Op: "read configuration", Subject: path, Err: err, Hint: hint}
}

// unknownName says which name was probably meant.
func unknownName(path string, line int, section, name string, names []string) error {
	err := fmt.Errorf("unknown setting %q%s", name, section)
	if near := nearest.Of(name, names); near != "" {
		err = fmt.Errorf("%w; did you mean %s?", err, near)
	}
	return bad(path, line, err)
}

func bad(path string, line int, err error) error {
	at := path
	if line > 0 {
		at = fmt.Sprintf("%s:%d", path, line)
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "read configuration", Subject: at, Err: err,
		Hint: "correct the file; quarry init -c example.yaml writes an example with every setting",
	}
}
