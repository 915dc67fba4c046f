package prompt_test

import (
	"errors"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/prepare/prompt"
)

func TestAFaultOfATemplateIsInWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ user, field, reason string }{
		{"{{.Fields.tag}}", "tag", ".Fields.tag: the document has no such value"},
		{"{{.Fields.nothing}}", "nothing", ".Fields.nothing: the document has no such value"},
		{"a\n{{.Fields.author.name}}", "author.name", "prompt.user, line 2, at {{.Fields.author.name}}: the document has no such value"},
		{"{{.Fields.kind.name}}", "kind.name", "the document has no such value: name would be a member of a value that is no object"},
		{"{{.Fields.tag.name}}", "tag.name", "prompt.user, line 1, at {{.Fields.tag.name}}: the document has no such value"},
		{`{{index .Fields "a-b"}}`, "a-b", "the document has no such value"},
		{"{{.Fields.tag | printf \"%s\"}}", "", ""}, // Go's printf prints it
		{"{{$.Fields.tag}}", "tag", "the document has no such value"},
		{"{{slice .Text 0 50000}}", "", "prompt.user, line 1, at {{slice .Text 0 50000}}: the value has fewer than 50000 bytes"},
		{"{{index .Fields.list 7}}", "", "the value has no element 7"},
		{"{{len .Fields.tag}}", "tag", "prompt.user, line 1, at {{len .Fields.tag}}: the document has no such value"},
		{"{{index .Fields.tag 1}}", "tag", "the document has no such value"},
		{"{{range .Text}}{{.}}{{end}}", "", "range can't iterate over Text"},
		{"{{index .Text .Title}}", "", "index: "},
	} {
		r, err := prompt.New(prompt.Config{User: tt.user + " {{.Text}}"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Append(nil, &quarry.Document{ID: "d1", Title: "x", Body: []byte("Text " + strings.Repeat("long ", 1000) + "end."), Fields: []byte(`{"kind":"post","nothing":null,"author":{"age":3},"list":[1]}`)})
		if tt.reason == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.user, err)
			}
			continue
		}
		var f *prompt.Fault
		if !errors.As(err, &f) {
			t.Errorf("%s: %v is no Fault", tt.user, err)
			continue
		}
		if f.Document != "d1" || f.Field != tt.field || !strings.Contains(f.Reason, tt.reason) || strings.Contains(f.Reason, "executing") || strings.Contains(f.Reason, "interface") || strings.Contains(f.Reason, "end.") {
			t.Errorf("%s: field %q, %q; want %q, %q", tt.user, f.Field, f.Reason, tt.field, tt.reason)
		}
	}
}
