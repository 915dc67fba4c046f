package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"quarry"
)

// carried are the settings that a process takes from the ledger of a run which another one registered: how sources are read, requests,
// quotas and caps. They name no command, variable, path, place or account, and give no consent.
var carried = []string{
	"model", "models", "quotas", "mode", "pilot", "pilot-min-valid", "review", "structured", "attempts", "limit", "long", "max-chars",
	"max-text-tokens", "refresh-max", "max-usd", "by", "near-duplicates", "near-threshold", "reuse-near-duplicates", "rescue", "below-minimum",
	"keep-shards", "job-timeout", "from", "as", "body-format", "field", "where", "max-item-mib", "cache", "prompt", "clean",
}

// own are settings that decide what becomes of the documents, and that each process has to name itself.
var own = []string{"region", "bucket", "role", "kms-key", "vpc-subnets", "vpc-security-groups", "bucket-owner", "tag"}

// Carried gives the settings that another process of the run takes over, as a quarry.yaml.
func (l *Loaded) Carried() (string, error) {
	all := map[string]any{"prompt": l.Prompt}
	if l.Clean != nil {
		all["clean"] = l.Clean
	}
	for _, s := range All() {
		if !slices.Contains(carried, s.Name) || namesAccount(&l.Settings, s.Name) {
			continue
		}
		// An empty list or mapping is not the same as none: of the second, the digest of a run's settings is made.
		if v := s.value(&l.Settings); v != nil && !(s.Many && reflect.ValueOf(v).Len() == 0) {
			all[s.Key()] = v
		}
	}
	b, err := yaml.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("write the settings of the run: %w", err)
	}
	return string(b), nil
}

// Own gives the settings that another process of the run has to name too, each as a text; empty: it is not set.
func (l *Loaded) Own() map[string]string {
	all := map[string]string{}
	for _, s := range All() {
		if slices.Contains(own, s.Name) || namesAccount(&l.Settings, s.Name) {
			if text := ownText(s.value(&l.Settings)); text != "" {
				all[s.Name] = text
			}
		}
	}
	return all
}

// ownText is a value as a flag would have it.
func ownText(value any) string {
	switch v := value.(type) {
	case []string:
		return strings.Join(v, ",")
	case map[string]string:
		var all []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			all = append(all, key+"="+v[key])
		}
		return strings.Join(all, ",")
	}
	return fmt.Sprint(value)
}

// namesAccount reports whether a setting is a model of an account, by its ARN.
func namesAccount(s *Settings, name string) bool {
	arn := func(id string) bool { return strings.HasPrefix(id, "arn:") }
	return name == "model" && arn(s.Model) || name == "models" && slices.ContainsFunc(s.Models, arn)
}

// Carry takes over the settings that Carried of another process gave, except those that a flag or a variable of this one sets. Since
// anyone who may write the ledger could have written them, it refuses all if one is not among those that Carried gives.
func (l *Loaded) Carry(text string) error {
	const path = "the ledger's settings"
	bad := func(line int, err error) error { return fmt.Errorf("%s, line %d: %w", path, line, err) }
	if len(text) > maxUnasked {
		return bad(1, errors.New("too large"))
	}
	doc, err := oneDocument(path, []byte(text))
	if err != nil {
		return err
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return bad(1, errors.New("not a mapping of settings"))
	}
	root, all := doc.Content[0], All()
	if err := setTwice(path, root, 0); err != nil {
		return err
	}
	if file, node := schemaFile(root); file != "" {
		return bad(node.Line, errors.New("prompt.schema names a file"))
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		name := strings.ReplaceAll(key.Value, "_", "-")
		if !slices.Contains(carried, name) {
			return bad(key.Line, fmt.Errorf("they set %s, which a process takes from its own flags only", key.Value))
		}
		if origin := l.Origin[name]; strings.HasPrefix(origin, "flag ") || strings.HasPrefix(origin, "QUARRY_") {
			continue
		}
		switch name {
		case "prompt":
			l.Prompt = Prompt{}
		case "clean":
			l.Clean = nil
		}
		if err := l.readKey(path, key, value, all); err != nil {
			return err
		}
		if namesAccount(&l.Settings, name) {
			return bad(key.Line, fmt.Errorf("%s is an ARN, which a process takes from its own flags only", key.Value))
		}
	}
	return nil
}

// SameOwn refuses to continue a run with other values of the settings of Own than those of the process that registered it. The error is of
// the kind quarry.BadUsage.
func (l *Loaded) SameOwn(registered map[string]string) error {
	here := l.Own()
	for _, name := range append(slices.Sorted(maps.Keys(registered)), slices.Sorted(maps.Keys(here))...) {
		if registered[name] == here[name] {
			continue
		}
		said := func(value string) string {
			if value == "" {
				return "none"
			}
			return strconv.Quote(value)
		}
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "continue run", Subject: "--" + name,
			Err:  fmt.Errorf("the process that registered the run named %s, and this one names %s", said(registered[name]), said(here[name])),
			Hint: "name the same, if it is right for this machine: no process takes it from a ledger",
		}
	}
	return nil
}
