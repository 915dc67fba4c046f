package catalog

import "testing"

func TestParseTableNamesItsFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, table string }{
		{"no JSON", `{`},
		{"routes that do not exist", `{"models":[{"id":"a","profiles":{"us":"us-9"}}]}`},
		{"a source that does not exist", `{"models":[{"id":"a","sources":["x"]}]}`},
		{"a model twice", `{"models":[{"id":"a"},{"id":"a"}]}`},
		{"a name for two models", `{"models":[{"id":"a","name":"N"},{"id":"b","name":"n."}]}`},
	} {
		if _, err := parseTable([]byte(tt.table)); err == nil {
			t.Errorf("parseTable with %s: no error", tt.name)
		}
	}
}
