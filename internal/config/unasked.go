package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"quarry/internal/base/figure"
)

// Unasked describes a ./quarry.yaml that is read although it was not named: another person may have written it.
type Unasked struct {
	Path     string
	Contents [][]byte // of the file, and of a file of a schema that it names
	Needs    []Need   // settings that take effect only if a person has confirmed the file
	Costly   []Need   // those that change what a run costs
}

// Need is a setting of such a file.
type Need struct {
	Name  string // of the setting; prompt, prompt.schema and clean are sections
	Value string
	At    string // file and line
}

// free are the settings that an unasked file may have: what is read from the sources, the requests, and caps. They
// name no destination, account, command, variable or consent.
var free = []string{
	"field", "where", "from", "as", "body-format", "long", "model", "pilot", "pilot-min-valid", "attempts", "limit", "max-chars",
	"max-text-tokens", "max-usd", "refresh-max",
	"near-duplicates", "near-threshold", "reuse-near-duplicates", "structured", "max-item-mib", "workers", "concurrency", "cache",
	"keep-shards", "review",
}

// costly are those of them that can make a run cost more.
var costly = []string{"model", "attempts", "pilot", "pilot-min-valid", "where", "long", "max-chars", "max-text-tokens", "structured"}

// maxUnasked bounds a file that is read unasked, in bytes.
const maxUnasked = 4 << 20

// readUnasked reads a file that was not named. What is no plain file is not waited for.
func readUnasked(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case info.Size() > maxUnasked:
		return nil, fmt.Errorf("it has %s, more than %s", figure.Count(info.Size(), "byte"), figure.Thousands(maxUnasked))
	}
	return os.ReadFile(path)
}

// judge finds out which settings of an unasked file need a confirmation. before are the settings without the file.
func (l *Loaded) judge(path string, content []byte, before *Settings, all []Setting) {
	u := &Unasked{Path: path, Contents: [][]byte{content}}
	l.Unasked = u
	for i := range all {
		s := &all[i]
		value := s.value(&l.Settings)
		if l.Origin[s.Name] == "default" || reflect.DeepEqual(value, s.value(before)) {
			continue
		}
		need := Need{s.Name, valueText(value), l.Origin[s.Name]}
		switch {
		case !slices.Contains(free, s.Name), s.Name == "model" && strings.HasPrefix(l.Model, "arn:"): // an ARN names an account
			u.Needs = append(u.Needs, need)
		case slices.Contains(costly, s.Name):
			u.Costly = append(u.Costly, need)
		}
	}
	for _, section := range []string{"prompt", "clean"} {
		if at, ok := l.Origin[section]; ok {
			u.Costly = append(u.Costly, Need{section, "see the file", at})
		}
	}
}

// judgeSchema adds a schema that a file names: it is a part of what is confirmed, and needs a confirmation where it is
// outside the file's folder.
func (l *Loaded) judgeSchema(path, file, at string) {
	if file == "" {
		return
	}
	if b, err := os.ReadFile(file); err == nil { // else the file was refused already
		l.Unasked.Contents = append(l.Unasked.Contents, b)
	}
	if !within(file, filepath.Dir(path)) {
		l.Unasked.Needs = append(l.Unasked.Needs, Need{"prompt.schema", file, at})
	}
}

// checkSchemaFile gives the file of a schema and where it is named; empty: there is none. What is no plain file is refused
// before it is opened: what it says is sent to the model.
func checkSchemaFile(path string, root *yaml.Node) (file, at string, err error) {
	name, node := schemaFile(root)
	if name == "" {
		return "", "", nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(path), name)
	}
	if _, err := readUnasked(name); err != nil {
		return "", "", bad(path, node.Line, fmt.Errorf("schema %s: %w", name, err))
	}
	return name, fmt.Sprintf("%s:%d", path, node.Line), nil
}

// schemaFile is the name of a schema's file in the section prompt; empty: there is none.
func schemaFile(root *yaml.Node) (string, *yaml.Node) {
	schema := member(member(root, "prompt"), "schema")
	if schema == nil || schema.Kind != yaml.ScalarNode {
		return "", nil
	}
	if text := strings.TrimSpace(schema.Value); text != "" && !strings.HasPrefix(text, "{") {
		return text, schema
	}
	return "", nil
}

func member(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// within reports whether a file is inside a folder, links followed.
func within(file, folder string) bool {
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return false
	}
	dir, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return false
	}
	real, err = filepath.Abs(real)
	if err != nil {
		return false
	}
	dir, err = filepath.Abs(dir)
	return err == nil && strings.HasPrefix(real, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}

// valueText shows a value in a line.
func valueText(value any) string {
	text := ""
	switch v := value.(type) {
	case []string:
		text = strings.Join(v, ",")
	default:
		text = fmt.Sprint(v)
	}
	if r := []rune(text); len(r) > 200 {
		text = string(r[:200]) + "…"
	}
	return text
}

// InForce gives those needs whose value no flag or variable has replaced.
func (l *Loaded) InForce(needs []Need) []Need {
	var out []Need
	for _, n := range needs {
		if at, ok := l.Origin[n.Name]; !ok || at == n.At {
			out = append(out, n)
		}
	}
	return out
}

// Drop gives a setting its default back.
func (l *Loaded) Drop(name string) error {
	all := All()
	i := slices.IndexFunc(all, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	if err := all[i].set(&l.Settings, []string{all[i].Default}); err != nil && all[i].Default != "" {
		return fmt.Errorf("default of %s: %w", name, err)
	} else if err != nil {
		return all[i].set(&l.Settings, nil)
	}
	l.Origin[name] = "default"
	return nil
}
