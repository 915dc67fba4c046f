package seed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"quarry/internal/base/nearest"
)

// Read reads a file strictly: what it does not know, or cannot use, is an error that names the file, the line and the field.
func Read(path string) (*State, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := reader{path: path}
	s := &State{Path: path}
	var doc, second yaml.Node
	in := yaml.NewDecoder(bytes.NewReader(text))
	switch err := in.Decode(&doc); {
	case errors.Is(err, io.EOF): // nothing but comments
		return s, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := in.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: it holds more than one document", path)
	}
	return s, r.fields(doc.Content[0], "", map[string]use{
		"buckets":  list(&s.Buckets, r.bucket),
		"policies": list(&s.Policies, r.policy),
		"roles":    list(&s.Roles, r.role),
		"jobs":     list(&s.Jobs, r.job),
		"models":   list(&s.Models, r.model),
	})
}

// reader turns nodes of YAML into values. A field's name is its path: buckets[0].objects[1].key.
type reader struct{ path string }

// use takes the value of a field.
type use func(r reader, n *yaml.Node, field string) error

func (r reader) at(n *yaml.Node, field string) Position {
	return Position{File: r.path, Line: n.Line, Field: field}
}

func (r reader) refuse(n *yaml.Node, field, format string, args ...any) error {
	return r.at(n, field).Refuse(fmt.Errorf(format, args...))
}

// fields reads a mapping; required names the fields that must be there.
func (r reader) fields(n *yaml.Node, path string, known map[string]use, required ...string) error {
	if n.Kind != yaml.MappingNode {
		return r.refuse(n, path, "want fields with values")
	}
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		field := strings.TrimPrefix(path+"."+key.Value, ".")
		read, ok := known[key.Value]
		if !ok {
			names := slices.Sorted(maps.Keys(known))
			if near := nearest.Of(key.Value, names); near != "" {
				return r.refuse(key, field, "there is no such field; did you mean %s?", near)
			}
			return r.refuse(key, field, "there is no such field; want one of %s", strings.Join(names, ", "))
		}
		if seen[key.Value] {
			return r.refuse(key, field, "it is given twice")
		}
		seen[key.Value] = true
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if err := read(r, value, field); err != nil {
			return err
		}
	}
	for _, name := range required {
		if !seen[name] {
			return r.refuse(n, path, "%s is missing", name)
		}
	}
	return nil
}

// list reads a sequence with the same reader for each item.
func list[T any](into *[]T, item func(n *yaml.Node, field string) (T, error)) use {
	return func(r reader, n *yaml.Node, field string) error {
		if n.Kind != yaml.SequenceNode {
			return r.refuse(n, field, "want a list")
		}
		for i, one := range n.Content {
			if one.Kind == yaml.AliasNode {
				one = one.Alias
			}
			value, err := item(one, fmt.Sprintf("%s[%d]", field, i))
			if err != nil {
				return err
			}
			*into = append(*into, value)
		}
		return nil
	}
}

func text(into *string) use {
	return func(r reader, n *yaml.Node, field string) error {
		if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
			return r.refuse(n, field, "want a text")
		}
		*into = n.Value
		return nil
	}
}

// account refuses a number that YAML may have read as octal in another program, and what has not 12 digits.
func account(into *string) use {
	return checked(into, func(s string) error {
		if len(s) != 12 || strings.Trim(s, "0123456789") != "" {
			return fmt.Errorf("%q: want 12 digits", s)
		}
		return nil
	})
}

func oneOf(into *string, words ...string) use {
	return checked(into, func(s string) error {
		if !slices.Contains(words, s) {
			return fmt.Errorf("%q: want one of %s", s, strings.Join(words, ", "))
		}
		return nil
	})
}

func checked(into *string, check func(string) error) use {
	return func(r reader, n *yaml.Node, field string) error {
		if err := text(into)(r, n, field); err != nil {
			return err
		}
		if err := check(*into); err != nil {
			return r.at(n, field).Refuse(err)
		}
		return nil
	}
}

func day(into *string) use {
	return checked(into, func(s string) error {
		if _, err := time.Parse(time.DateOnly, s); err != nil {
			return fmt.Errorf("%q: want a date such as 2026-11-30", s)
		}
		return nil
	})
}

func moment(into *time.Time) use {
	return func(r reader, n *yaml.Node, field string) (err error) {
		var s string
		if err := text(&s)(r, n, field); err != nil {
			return err
		}
		if *into, err = time.Parse(time.RFC3339, s); err != nil {
			return r.refuse(n, field, "%q: want a time such as 2026-11-30T02:00:00Z", s)
		}
		return nil
	}
}

func number(into *int64) use {
	return func(r reader, n *yaml.Node, field string) (err error) {
		var s string
		if err := text(&s)(r, n, field); err != nil {
			return err
		}
		if *into, err = strconv.ParseInt(s, 10, 64); err != nil || *into < 0 {
			return r.refuse(n, field, "%q: want a whole number from 0", s)
		}
		return nil
	}
}

func truth(into *bool) use {
	return func(r reader, n *yaml.Node, field string) error {
		if n.ShortTag() != "!!bool" || n.Decode(into) != nil {
			return r.refuse(n, field, "%q: want true or false", n.Value)
		}
		return nil
	}
}

func texts(n *yaml.Node, field string, r reader) (s string, err error) {
	err = text(&s)(r, n, field)
	return s, err
}

func tags(into *map[string]string) use {
	return func(r reader, n *yaml.Node, field string) error {
		if n.Kind != yaml.MappingNode {
			return r.refuse(n, field, "want keys with values")
		}
		*into = map[string]string{}
		for i := 0; i < len(n.Content); i += 2 {
			value, err := texts(n.Content[i+1], field+"."+n.Content[i].Value, r)
			if err != nil {
				return err
			}
			(*into)[n.Content[i].Value] = value
		}
		return nil
	}
}

// document reads a policy: fields of YAML, or a text of JSON. What it says is for IAM to check.
func document(into *string) use {
	return func(r reader, n *yaml.Node, field string) error {
		if n.Kind == yaml.ScalarNode {
			return text(into)(r, n, field)
		}
		var value any
		if err := n.Decode(&value); err != nil {
			return r.at(n, field).Refuse(err)
		}
		b, err := json.Marshal(value)
		if err != nil {
			return r.at(n, field).Refuse(err)
		}
		*into = string(b)
		return nil
	}
}

// file reads a path; one that is not absolute is relative to the folder of the state's file.
func file(into *string) use {
	return func(r reader, n *yaml.Node, field string) error {
		if err := text(into)(r, n, field); err != nil {
			return err
		}
		if !filepath.IsAbs(*into) {
			*into = filepath.Join(filepath.Dir(r.path), *into)
		}
		if _, err := os.Stat(*into); err != nil {
			return r.at(n, field).Refuse(err)
		}
		return nil
	}
}
