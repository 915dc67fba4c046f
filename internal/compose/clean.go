package compose

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"

	"quarry"
	"quarry/internal/base/catalog"
	"quarry/internal/base/nearest"
	"quarry/internal/config"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/tokens"
)

// CleanConfig turns the section clean of quarry.yaml into the cleaner's Config: its rules by their names with
// underscores (keep_urls, code_lines).
func CleanConfig(s *config.Settings) (clean.Config, error) {
	var c clean.Config
	for _, name := range slices.Sorted(maps.Keys(s.Clean)) {
		if err := cleanRule(s, name, &c.Rules); err != nil {
			return c, err
		}
	}
	if s.MaxTextTokens > 0 && s.MaxTextTokens != math.MaxInt {
		c.MaxTokens = clean.Cap(s.MaxTextTokens)
		c.Weights = tokenWeights(s.Model)
	}
	c.MaxChars, c.Long, c.As = clean.Cap(s.MaxChars), s.Long, s.As
	if s.BodyFormat != "auto" {
		c.Format = quarry.Format(s.BodyFormat)
	}
	return c, c.Validate()
}

// cleanRule sets one rule by its name.
func cleanRule(s *config.Settings, name string, rules *clean.Rules) error {
	at := "clean"
	if s.CleanAt != nil {
		at = s.CleanAt(name)
	}
	field := strings.ReplaceAll(name, "_", "")
	if names := ruleNames(); !slices.ContainsFunc(names, func(n string) bool { return strings.ReplaceAll(n, "_", "") == field }) {
		err := fmt.Errorf("unknown setting %q in clean", name)
		if near := nearest.Of(name, names); near != "" {
			err = fmt.Errorf("%w; did you mean %s?", err, near)
		}
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "read configuration", Subject: at, Err: err, Hint: "the rules are " + strings.Join(names, ", "),
		}
	}
	b, err := yaml.Marshal(map[string]any{field: s.Clean[name]})
	if err == nil {
		err = yaml.Load(b, rules, yaml.WithKnownFields())
	}
	if err != nil {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "read configuration", Subject: at, Err: fmt.Errorf("clean.%s: %w", name, config.PlainYAML(err)),
			Hint: "docs/cleaning.md describes each rule; `quarry init -c example.yaml` writes an example",
		}
	}
	return nil
}

// ruleNames are the names of the cleaner's rules as they are written in quarry.yaml.
func ruleNames() []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[clean.Rules]()) {
		var b strings.Builder
		for i, r := range strings.ReplaceAll(f.Name, "URL", "Url") {
			if i > 0 && unicode.IsUpper(r) {
				b.WriteByte('_')
			}
			b.WriteRune(unicode.ToLower(r))
		}
		names = append(names, b.String())
	}
	return names
}

// tokenWeights are those by which the model's family is estimated in a forecast too.
func tokenWeights(model string) clean.Weights {
	m, _, _ := catalog.Find(model)
	return clean.Weights(tokens.Default(m.Family).PerCount())
}
