package nearest_test

import (
	"testing"

	"quarry/internal/base/nearest"
)

func TestOf(t *testing.T) {
	t.Parallel()
	fields := []string{"status", "title", "content", "fields.body.en-US", "QUARRY_MAX_USD", "us-west-2", "eu-west-2"}
	for word, want := range map[string]string{
		"statsu":            "status",
		"stat":              "status",
		"contnt":            "content",
		"Content":           "content",
		"titel":             "title",
		"QUARRY_MAXUSD":     "QUARRY_MAX_USD",
		"us-wset-2":         "us-west-2",
		"fields.body.en-us": "fields.body.en-US",
		"zebra":             "",
		"":                  "",
		"x":                 "",
	} {
		if got := nearest.Of(word, fields); got != want {
			t.Errorf("Of(%q) = %q, want %q", word, got, want)
		}
	}
}
