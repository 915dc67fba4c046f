package parse_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"quarry/internal/outcome/parse"
	"quarry/internal/prepare/prompt"
)

func TestMisspelledKeywordsAreFound(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		schema string
		want   []string
	}{
		{`{"type":"object","properties":{"a":{"type":"string","maxLenght":5}}}`, []string{"properties.a.maxLenght maxLength"}},
		{`{"type":"object","propertis":{},"requird":["a"]}`, []string{"propertis properties", "requird required"}},
		{`{"Type":"object"}`, []string{"Type type"}},
		{`{"items":{"anyOf":[{"type":"string"},{"minimun":1}]}}`, []string{"items.anyOf.1.minimun minimum"}},
		{`{"$defs":{"x":{"patern":"a"}},"not":{"enums":[1]}}`, []string{"$defs.x.patern pattern", "not.enums enum"}},
		{`{"properties":{"maxLenght":{"type":"string"},"requird":{}},"enum":[{"maxLenght":1}],"default":{"typ":1}}`, nil},
		{`{"type":"string","x-order":1,"markdownDescription":"a","deprecationMessage":"b"}`, nil},
		{prompt.DefaultSchema, nil},
		{`true`, nil},
		{`{`, nil},
	} {
		var got []string
		for _, m := range parse.Misspellings([]byte(tt.schema)) {
			got = append(got, fmt.Sprintf("%s %s", strings.Join(m.Path, "."), m.Near))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.schema, got, tt.want)
		}
	}
}
