package compose

import (
	"strings"
	"testing"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/catalog"
	"quarry/internal/config"
	"quarry/internal/prepare/prompt"
)

func TestOnlyALongConstantPromptOfAModelThatCachesIsCached(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("Be brief and exact. ", 1200)
	for _, c := range []struct {
		name, model, system, cache string
		want                       bool
	}{
		{"a long prompt", quarry.DefaultModel, long, "auto", true},
		{"switched off", quarry.DefaultModel, long, "off", false},
		{"the default prompt is too short", quarry.DefaultModel, "", "auto", false},
		{"a document's title in it", quarry.DefaultModel, long + "{{.Title}}", "auto", false},
		{"a document's own field in it", quarry.DefaultModel, long + "{{.Fields.team}}", "auto", false},
		{"a model that is not known to cache", "openai.gpt-oss-20b-1:0", long, "auto", false},
	} {
		r, err := prompt.New(prompt.Config{Model: c.model, System: c.system})
		if err != nil {
			t.Fatal(err)
		}
		model, _, ok := catalog.Find(c.model)
		if !ok {
			t.Fatalf("no model %s", c.model)
		}
		got := CachePrefix(&config.Settings{Model: c.model, Cache: c.cache}, &Request{Model: model, Renderer: r, Prices: cost.Default()}, "us-west-2")
		if (len(got) > 0) != c.want {
			t.Errorf("%s: CachePrefix() has %d bytes, want some: %t", c.name, len(got), c.want)
		}
	}
}
