package fields_test

import (
	"slices"
	"strings"
	"testing"

	"quarry/internal/base/fields"
)

const line = `{"id":"a","status":"ok","output":{"title":"T \u00e9","n":5,"tags":["x","y"],"none":null},"attempts":2,"usage":{"input_tokens":7},` +
	`"document":{"a.b":{"c.d":1,"c":{"e":2}},"a":{"b":{"f":3}},"lang":"en"},"error":{"kind":"k","message":"m"}}`

func TestLookup(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"id": "a", "output.title": "T é", "output.n": "5", "output.tags.1": "y", "output.tags": `["x","y"]`, "output.none": "null",
		"usage.input_tokens": "7", "document.a.b.c.d": "1", "document.a.b.c.e": "2", "document.a.b.f": "3", "error.kind": "k", "attempts": "2",
		"output.tags.2": "-", "output.title.x": "-", "document.lang.en": "-", "text": "-", "document.": "-",
	} {
		p, err := fields.ParsePath(path)
		if err != nil {
			if want != "-" {
				t.Errorf("ParsePath(%s): %v", path, err)
			}
			continue
		}
		got := "-"
		if value, ok := p.Lookup([]byte(line)); ok {
			got = fields.Text(value)
		}
		if got != want {
			t.Errorf("%s = %s, want %s", path, got, want)
		}
	}
}

func TestPathsThatNoResultHas(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"staus": "did you mean status?", "title": "document.title is a field of the source", "": "no member", "id.x": "is a single value",
		"output.": "write output", "attempts.n": "is a single value", "error.knd": "error has the members kind, message", "usage.": "input_tokens", "documents.title": "did you mean document?",
	} {
		if _, err := fields.ParsePath(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParsePath(%q): %v, want %s", path, err, want)
		}
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		conditions []string
		keep       bool
		missing    []fields.Path
	}{
		{nil, true, nil},
		{[]string{"status=ok"}, true, nil},
		{[]string{"status=failed", "status=ok"}, true, nil},
		{[]string{"status=ok", "document.lang=ja"}, false, nil},
		{[]string{"output.n=5", "output.title=T é"}, true, nil},
		{[]string{"output.n=5.0"}, false, nil},
		{[]string{"output.none="}, false, nil},
		{[]string{"document.langg=en", "status=no", "output.titel=T", "job=x"}, false, []fields.Path{"document.langg", "output.titel"}},
		{[]string{"model_output.x=1", "text=x"}, false, nil}, // no line has an output of a model that could have it
	} {
		f, err := fields.ParseFilter(c.conditions)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Keep([]byte(line)); got != c.keep || !slices.Equal(f.Missing(), c.missing) {
			t.Errorf("%v: keep %v, missing %v, want %v, %v", c.conditions, got, f.Missing(), c.keep, c.missing)
		}
	}
	for _, bad := range []string{"status", "=ok", "stat=ok"} {
		if _, err := fields.ParseFilter([]string{bad}); err == nil {
			t.Errorf("ParseFilter(%s) gives no error", bad)
		}
	}
}

// A path that no line has is explained by those that there are, of the same place.
func TestKnown(t *testing.T) {
	t.Parallel()
	f, err := fields.ParseFilter([]string{"output.titel=x", "document.land=en"})
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Known("output.titel"); got != "" {
		t.Errorf("without a line: %q", got)
	}
	f.Keep([]byte(line))
	for path, want := range map[fields.Path]string{
		"output.titel":  "; did you mean output.title?; there are output.title, output.n, output.tags, output.none",
		"document.land": "; did you mean document.lang?; there are document.a.b, document.a, document.lang",
	} {
		if got := f.Known(path); got != want {
			t.Errorf("Known(%s) = %q, want %q", path, got, want)
		}
	}
}
