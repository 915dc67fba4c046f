package compose

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"quarry/internal/config"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run/history"
)

// choices gives the settings that decide the requests, by their names in quarry.yaml: short values as they are, texts
// and lists as digests. A history says which of them changed from pass to pass.
func choices(s *config.Settings, asked *prompt.Config, c *clean.Config) (map[string]string, error) {
	p := asked.Effective()
	out := map[string]string{}
	for name, value := range map[string]any{
		"model": s.Model, "mode": s.Mode, "limit": s.Limit, "from": s.From, "as": c.As,
		"body_format": c.Format, "long": s.Long, "max_chars": s.MaxChars,
		"prompt.max_tokens": p.MaxTokens, "prompt.temperature": p.Temperature, "prompt.no_temperature": p.NoTemperature, "prompt.top_p": p.TopP,
		"prompt.thinking": p.Thinking, "prompt.invocation_type": p.Type, "prompt.no_system": p.NoSystem, "prompt.free_text": p.FreeText,
	} {
		b, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("note setting %s: %w", name, err)
		}
		var text string
		if json.Unmarshal(b, &text) != nil { // a number, or true or false
			text = string(b)
		}
		out[name] = text
	}
	for name, value := range map[string]any{
		"prompt.system": p.System, "prompt.user": p.User, "prompt.part_user": s.Prompt.PartUser, "prompt.merge_user": s.Prompt.MergeUser,
		"prompt.schema":         string(p.Schema),
		"prompt.stop_sequences": p.StopSequences, "clean": c.Rules, "fields": s.Fields,
		"where": s.Where, "query": s.Query, "max_text_tokens": c.MaxTokens,
		"near_duplicates": []any{s.NearDuplicates, s.ReuseNear, s.NearThreshold},
	} {
		b, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("note setting %s: %w", name, err)
		}
		sum := sha256.Sum256(b)
		out[name] = history.Digest + hex.EncodeToString(sum[:8])
	}
	return out, nil
}
