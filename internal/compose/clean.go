package compose

import (
	"math"
	"strings"

	"go.yaml.in/yaml/v4"

	"quarry"
	"quarry/internal/catalog"
	"quarry/internal/clean"
	"quarry/internal/config"
	"quarry/internal/tokens"
)

// CleanConfig turns the section clean of quarry.yaml into the cleaner's Config: its rules by their names with
// underscores (keep_urls, code_lines).
func CleanConfig(s *config.Settings) (clean.Config, error) {
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

// tokenWeights are those by which the model's family is estimated in a forecast too.
func tokenWeights(model string) clean.Weights {
	m, _, _ := catalog.Find(model)
	return clean.Weights(tokens.Default(m.Family).PerCount())
}
