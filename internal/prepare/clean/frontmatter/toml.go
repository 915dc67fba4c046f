package frontmatter

import (
	"errors"
	"fmt"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// parseTOML reads TOML 1.0 (https://toml.io/en/v1.0.0). Dates and times become strings.
func parseTOML(src []byte) (map[string]any, error) {
	values := map[string]any{}
	if err := toml.Unmarshal(src, &values); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			line, _ := at.Position()
			return nil, fmt.Errorf("read TOML front matter, line %d: %w", line, err)
		}
		return nil, fmt.Errorf("read TOML front matter: %w", err)
	}
	datesAsText(values)
	return values, nil
}

// datesAsText writes dates as they are written in TOML: a time at midnight stays a time.
func datesAsText(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			v[key] = datesAsText(value)
		}
	case []any:
		for i, value := range v {
			v[i] = datesAsText(value)
		}
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case toml.LocalDate, toml.LocalTime, toml.LocalDateTime:
		return fmt.Sprint(v)
	}
	return v
}
