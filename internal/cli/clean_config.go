package cli

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"quarry/internal/clean"
	"quarry/internal/config"
)

// cleanConfig turns the section clean of quarry.yaml into the cleaner's Config: its rules by their names with
// underscores (keep_urls, code_lines).
func cleanConfig(s *config.Settings) (clean.Config, error) {
	var c clean.Config
	flat := map[string]any{}
	for k, v := range s.Clean {
		flat[strings.ReplaceAll(k, "_", "")] = v
	}
	b, err := yaml.Marshal(flat)
	if err != nil {
		return c, err
	}
	if len(flat) > 0 {
		if err := yaml.Load(b, &c.Rules, yaml.WithKnownFields()); err != nil {
			return c, err
		}
	}
	c.MaxChars, c.Long, c.As = clean.Cap(s.MaxChars), s.Long, s.As
	return c, c.Validate()
}
