package ask_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"quarry/internal/standin/model/ask"
	"quarry/internal/standin/model/family"
)

func prompt(system string, parts ...string) *family.Prompt {
	p := &family.Prompt{System: system}
	t := family.Turn{Role: "user"}
	for _, s := range parts {
		t.Parts = append(t.Parts, family.Part{Kind: family.Text, Text: s})
	}
	p.Turns = []family.Turn{t}
	return p
}

// keys are what a form asks for at its top, nil for plain text.
func keys(t *testing.T, f ask.Form) []string {
	t.Helper()
	if !f.JSON {
		return nil
	}
	var out []string
	if _, err := f.Fill(func(key string, _ *ask.Node, _ func(*ask.Node) (jsontext.Value, error)) (any, error) {
		out = append(out, key)
		return nil, nil
	}, nil); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRead(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name           string
		p              *family.Prompt
		title, article string
		keys           []string
	}{
		{"title line and label", prompt("", "Title: T\n\nArticle:\nA\nB"), "T", "A\nB", nil},
		{"keys in the system text's JSON example", prompt(`Write JSON: {"title_en": "...", "summary_ja": …, "summary_en": "..."}`, "Title: T\n\nArticle:\nA"), "T", "A", []string{"title_en", "summary_ja", "summary_en"}},
		{"keys in quotes", prompt("Answer in JSON with the keys \"title\" and 'abstract'.", "Article:\nA"), "", "A", []string{"title", "abstract"}},
		{"keys in back ticks", prompt("JSON with `summary`, or null", "A"), "", "A", []string{"summary"}},
		{"keys without quotes after the word keys", prompt("JSON object with keys: title_en, summary_ja and summary_en", "A"), "", "A", []string{"title_en", "summary_ja", "summary_en"}},
		{"Japanese keys without quotes", prompt("キーは title_en、summary_ja、summary_en の JSON で返してください。", "A"), "", "A", []string{"title_en", "summary_ja", "summary_en"}},
		{"a JSON Schema in the instructions", prompt("Valid against this JSON Schema:\n{\"type\":\"object\",\"properties\":{\"topic\":{\"type\":\"string\"}}}\n\nSay only what is there.", "A"), "", "A", []string{"topic"}},
		{"JSON without keys", prompt("Summaries as JSON, please.", "A"), "", "A", []string{"title", "summary"}},
		{"JSON not mentioned", prompt("Summarise.", "A"), "", "A", nil},
		{"JSON in the article only", prompt("Summarise.", "Article:\nUse JSON. It has \"keys\" like {\"a\": 1}."), "", `Use JSON. It has "keys" like {"a": 1}.`, nil},
		{"a title that quotes", prompt("As JSON.", "Title: The \"VFS\"\n\nArticle:\nA"), `The "VFS"`, "A", []string{"title", "summary"}},
		{"Japanese label on its own line", prompt("", "タイトル: 題\n\n本文\nあ。"), "題", "あ。", nil},
		{"Japanese label in brackets", prompt("", "【本文】：\nあ。"), "", "あ。", nil},
		{"an article between tags and an order after it", prompt("", "Read this.\n<article>\nA\n</article>\nReturn JSON with \"title\"."), "", "A", []string{"title"}},
		{"a tag inside the labelled article stays in it", prompt("", "Article:\nA\n<body>\nB\n</body>\nC"), "", "A\n<body>\nB\n</body>\nC", nil},
		{"an instruction paragraph that ends in a colon", prompt("", "Summarize the following in JSON:\n\nA long text."), "", "A long text.", []string{"title", "summary"}},
		{"an order after the article", prompt("", "A long text.\n\nMore of it.\n\nReturn a JSON object with \"title\" and \"summary\"."), "", "A long text.\n\nMore of it.", []string{"title", "summary"}},
		{"the longest of several parts is the article", prompt("", "As JSON.", "Title: T", strings.Repeat("A ", 50)), "T", strings.Repeat("A ", 50), []string{"title", "summary"}},
		{"a title line at the beginning of the article", prompt("", "Title: T\n\nFirst."), "T", "First.", nil},
		{"a label deep in the text is the article's own", prompt("", strings.Repeat("Plain words here. ", 200)+"\nArticle: x"), "", strings.Repeat("Plain words here. ", 200) + "\nArticle: x", nil},
		{"nothing", prompt(""), "", "", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := ask.Read(c.p)
			if err != nil {
				t.Fatal(err)
			}
			if got.Title != c.title || got.Article != c.article {
				t.Errorf("title %q, article %q, want %q, %q", got.Title, got.Article, c.title, c.article)
			}
			if diff := cmp.Diff(c.keys, keys(t, got.Form)); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
		})
	}
}

func TestComplaintIsNotTheArticle(t *testing.T) {
	t.Parallel()
	const complaint = "That answer cannot be used: unknown key \"extra\"\n\nAnswer again with the whole corrected JSON object and nothing else."
	for _, c := range []struct {
		name, first string
		keys        []string
	}{
		{"a labelled article", "Answer with \"title_en\" in JSON.\n\nTitle: T\n\nArticle:\nA", []string{"title_en"}},
		{"an article without a label", strings.Repeat("A long text. ", 30), []string{"extra"}},
	} {
		p := prompt("", c.first)
		p.Turns = append(p.Turns, family.Turn{Role: "assistant", Parts: []family.Part{{Kind: family.Text, Text: "{"}}}, prompt("", complaint).Turns[0])
		got, err := ask.Read(p)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(got.Article, "A") || strings.Contains(got.Article, "cannot be used") {
			t.Errorf("%s: article %q, want that of the first turn", c.name, got.Article)
		}
		if diff := cmp.Diff(c.keys, keys(t, got.Form)); diff != "" {
			t.Errorf("%s: keys (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, schema, want string }{
		{"order is kept, optional places that cannot be filled are left out", `{"type":"object","properties":{"z":{"type":"string"},"n":{"type":"integer"},"a":{"type":["string","null"]}},"required":["z"]}`, `{"z":"S","a":"S"}`},
		{"nested objects know their path", `{"type":"object","properties":{"o":{"type":"object","properties":{"p":{"type":"string","const":"P"}}}},"required":["o"]}`, `{"o":{"p":"o.p"}}`},
		{"references into the schema", `{"type":"object","properties":{"a":{"$ref":"#/$defs/t"}},"$defs":{"t":{"type":"string"}},"required":["a"]}`, `{"a":"S"}`},
		{"anyOf with null", `{"type":"object","properties":{"a":{"anyOf":[{"type":"null"},{"type":"string"}]}},"required":["a"]}`, `{"a":"S"}`},
		{"no type but properties", `{"properties":{"a":{"type":"string"}}}`, `{"a":"S"}`},
		{"only null", `{"type":"object","properties":{"a":{"type":"null"}},"required":["a"]}`, `{"a":null}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := prompt("", "A")
			p.Format = family.Format{JSON: true, Schema: []byte(c.schema)}
			a, err := ask.Read(p)
			if err != nil {
				t.Fatal(err)
			}
			got, err := a.Form.Fill(func(key string, n *ask.Node, _ func(*ask.Node) (jsontext.Value, error)) (any, error) {
				switch {
				case len(n.Enum()) > 0:
					return key, nil
				case n.String():
					return "S", nil
				case n.Null():
					return nil, nil
				}
				return nil, errors.New("no value")
			}, nil)
			if err != nil || string(got) != c.want {
				t.Errorf("Fill = %s, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{
		`{"$ref":"#"}`, `{"$ref":"http://x"}`, `{"$ref":"#/a/b"}`, `{"type":"strange"}`, `{"type":["x"]}`, `[]`, `{"properties":[]}`,
		`{"type":"object","minimum":"x","multipleOf":0}`,
	} {
		p := prompt("", "A")
		p.Format = family.Format{JSON: true, Schema: []byte(schema)}
		_, err := ask.Read(p)
		var invalid *family.Invalid
		if !errors.As(err, &invalid) {
			t.Errorf("Read with schema %s = %v, want an Invalid", schema, err)
		}
	}
}

func TestRequiredPlaceThatCannotBeFilledIsAnError(t *testing.T) {
	t.Parallel()
	p := prompt("", "A")
	p.Format = family.Format{JSON: true, Schema: []byte(`{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}`)}
	a, err := ask.Read(p)
	if err != nil {
		t.Fatal(err)
	}
	want := errors.New("no value")
	if _, err := a.Form.Fill(func(string, *ask.Node, func(*ask.Node) (jsontext.Value, error)) (any, error) { return nil, want }, nil); !errors.Is(err, want) {
		t.Errorf("Fill = %v, want the leaf's error", err)
	}
}

// FuzzRead holds that no prompt and no schema crashes the reader, and that the form can always be written as JSON.
func FuzzRead(f *testing.F) {
	f.Add("Write JSON {\"a\": 1}", "Title: T\n\nArticle:\nA", `{"type":"object","properties":{"a":{"type":"string"}}}`)
	f.Add("", "<article>\nA</article> JSONで返して", `{"$ref":"#/$defs/a","$defs":{"a":{"anyOf":[{"$ref":"#/$defs/a"}]}}}`)
	f.Add("`a` \"b\" keys: c_d, e_f", "本文\n\nあ", "")
	f.Fuzz(func(t *testing.T, system, user, schema string) {
		p := prompt(system, user)
		if json.Valid([]byte(schema)) {
			p.Format = family.Format{JSON: true, Schema: []byte(schema)}
		}
		a, err := ask.Read(p)
		if err != nil {
			var invalid *family.Invalid
			if !errors.As(err, &invalid) {
				t.Fatalf("Read = %v, want an Invalid", err)
			}
			return
		}
		if a.Form.JSON {
			out, err := a.Form.Fill(func(string, *ask.Node, func(*ask.Node) (jsontext.Value, error)) (any, error) { return nil, nil }, nil)
			if err != nil || !json.Valid(out) {
				t.Fatalf("Fill = %s, %v, want JSON", out, err)
			}
		}
	})
}
