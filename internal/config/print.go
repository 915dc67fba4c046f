package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Print gives the effective settings as quarry.yaml, each with where its value came from. Read again, it gives the same
// settings.
func (l *Loaded) Print() (string, error) {
	var b strings.Builder
	for _, s := range All() {
		node, err := yaml.Marshal(map[string]any{s.Key(): s.value(&l.Settings)})
		if err != nil {
			return "", fmt.Errorf("print %s: %w", s.Name, err)
		}
		lines := strings.SplitN(strings.TrimRight(string(node), "\n"), "\n", 2)
		fmt.Fprintf(&b, "%-60s # %s\n", lines[0], l.Origin[s.Name])
		for _, rest := range lines[1:] { // the items of a list or a mapping
			b.WriteString(rest + "\n")
		}
	}
	sections := []struct {
		name  string
		value any
	}{{"prompt", l.Prompt}, {"clean", l.Clean}}
	for _, section := range sections {
		node, err := yaml.Marshal(map[string]any{section.name: section.value})
		if err != nil {
			return "", fmt.Errorf("print %s: %w", section.name, err)
		}
		origin := l.Origin[section.name]
		if origin == "" {
			origin = "default"
		}
		fmt.Fprintf(&b, "\n# %s\n%s\n", origin, strings.TrimRight(string(node), "\n"))
	}
	return b.String(), nil
}

// Values are the effective settings by their names in quarry.yaml, for programs.
func (l *Loaded) Values() map[string]any {
	out := map[string]any{"prompt": l.Prompt, "clean": map[string]any{}}
	if l.Clean != nil {
		out["clean"] = l.Clean
	}
	for _, s := range All() {
		out[s.Key()] = s.value(&l.Settings)
	}
	return out
}

// Origins tells for each name of Values where its value came from.
func (l *Loaded) Origins() map[string]string {
	out := map[string]string{"prompt": "default", "clean": "default"}
	for name, origin := range l.Origin {
		out[strings.ReplaceAll(name, "-", "_")] = origin
	}
	return out
}
