package prompt_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"quarry"
	"quarry/internal/prepare/prompt"
)

func newRenderer(t *testing.T, cfg prompt.Config) *prompt.Renderer {
	t.Helper()
	r, err := prompt.New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return r
}

func appended(t *testing.T, r *prompt.Renderer, doc *quarry.Document) []byte {
	t.Helper()
	b, err := r.Append(nil, doc)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	return b
}

func TestKeyDoesNotSeeWhetherTheSchemaIsSentAlong(t *testing.T) {
	t.Parallel()
	for _, cfg := range []prompt.Config{
		{}, {Type: quarry.Converse}, {Type: quarry.InvokeModel, Model: "qwen.qwen3-32b-v1:0"},
	} {
		off := newRenderer(t, cfg)
		cfg.Structured = true
		on := newRenderer(t, cfg)
		a, b := appended(t, off, article()), appended(t, on, article())
		if string(a) == string(b) {
			t.Fatalf("%s: structured output changes nothing", on.Invocation())
		}
		want := off.Key(a)
		for name, got := range map[string]quarry.DocumentKey{
			"its own": on.Key(b), "sent, asked of the one that does not": off.Key(b), "not sent, asked of the one that does": on.Key(a),
			"spaced": on.Key(append([]byte(" \t"), b...)),
		} {
			if got != want {
				t.Errorf("%s, %s: key %s, want %s", on.Invocation(), name, got.Short(), want.Short())
			}
		}
		if want != quarry.NewDocumentKey(modelOf(cfg), off.Schema(), a) {
			t.Errorf("%s: key is not the hash over model, schema and modelInput", off.Invocation())
		}
	}
}

func modelOf(cfg prompt.Config) string {
	if cfg.Model == "" {
		return quarry.DefaultModel
	}
	return cfg.Model
}

func TestKeyTellsDifferentQuestionsApart(t *testing.T) {
	t.Parallel()
	seen := map[quarry.DocumentKey]string{}
	add := func(name string, k quarry.DocumentKey) {
		t.Helper()
		if other, ok := seen[k]; ok {
			t.Errorf("%s and %s have one key", name, other)
		}
		seen[k] = name
	}
	for name, cfg := range map[string]prompt.Config{
		"the default": {}, "another model": {Model: "anthropic.claude-sonnet-4-6"}, "another limit": {MaxTokens: 1},
		"another type": {Type: quarry.Converse}, "another system": {System: "x"}, "another user": {User: "{{.Text}}"},
		"another schema, the same prompt": {Schema: []byte(`{"type":"object"}`), System: prompt.DefaultSystem},
		"free text, the same prompt":      {FreeText: true, System: prompt.DefaultSystem},
	} {
		r := newRenderer(t, cfg)
		add(name, r.Key(appended(t, r, article())))
	}
	r := newRenderer(t, prompt.Config{})
	doc := article()
	doc.Title += "!"
	add("another document", r.Key(appended(t, r, doc)))
}

func TestKeyOfReadyRecordsIsOfTheirCanonicalForm(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, prompt.Config{FreeText: true})
	same := []string{
		`{"messages":[{"content":"é\n","role":"user"}],"max_tokens":10,"temperature":0.5}`,
		`{ "temperature": 0.50, "max_tokens":10 , "messages":[{"role":"user","content":"\u00e9\u000a"}]}`,
	}
	if r.Key([]byte(same[0])) != r.Key([]byte(same[1])) {
		t.Error("two spellings of one record have two keys")
	}
	different := []string{
		same[0],
		`{"seed":12345678901234567890,"messages":[]}`,
		`{"seed":12345678901234567891,"messages":[]}`,
		`{"messages":[],"response_format":{"type":"json_object"}}`,
		`{"messages":[]}`,
		`{"a":1,"a":2}`, `{"a":1,"a":3}`, `{`, ``,
	}
	keys := map[quarry.DocumentKey]string{}
	for _, in := range different {
		k := r.Key([]byte(in))
		if other, ok := keys[k]; ok {
			t.Errorf("%s and %s have one key", in, other)
		}
		keys[k] = in
	}
}

func TestKeyKeepsAnotherFormatThatARecordBrings(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, prompt.Config{})
	a := `{"anthropic_version":"bedrock-2023-05-31","max_tokens":5,"messages":[{"content":"x","role":"user"}]`
	if r.Key([]byte(a+`}`)) == r.Key([]byte(a+`,"output_config":{"effort":"low"}}`)) {
		t.Error("a member that is not ours is left out of the key")
	}
}

func FuzzKey(f *testing.F) {
	r, err := prompt.New(prompt.Config{Structured: true})
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"x", "\n\"\\", "あ"} {
		b, err := r.Append(nil, &quarry.Document{ID: "a", Body: []byte(text)})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"output_config":1}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		// Whatever the fast way takes for a body of ours has to have the key that the slow way gives it.
		if got, want := r.Key(in), r.Key(append([]byte("\n"), in...)); got != want && isObject(in) {
			t.Errorf("key of %q is %s, by the slow way %s", in, got.Short(), want.Short())
		}
	})
}

func isObject(b []byte) bool {
	v := jsontext.Value(b)
	return v.IsValid() && v.Kind() == '{'
}

func TestARecordOfAnEarlierVersionKeepsItsKey(t *testing.T) {
	t.Parallel()
	const schema = `{"type":"object","required":["z"],"properties":{"z":{"type":"string","description":"A word.","maxLength":5}}}`
	for _, kind := range []quarry.InvocationType{quarry.InvokeModel, quarry.Converse} {
		cfg := prompt.Config{Model: "us.anthropic.claude-haiku-4-5-20251001-v1:0", Structured: true, Schema: []byte(schema), Type: kind}
		r, err := prompt.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		now, err := r.Append(nil, article())
		if err != nil {
			t.Fatal(err)
		}
		// Earlier versions said no limits, and left the description where it was.
		earlier := string(now)
		for _, form := range [][2]string{
			{`,"description":"A word. Limits: {\"maxLength\":5}"`, `,"description":"A word."`},
			{`,\"description\":\"A word. Limits: {\\\"maxLength\\\":5}\"`, `,\"description\":\"A word.\"`},
		} {
			earlier = strings.Replace(earlier, form[0], form[1], 1)
		}
		if earlier == string(now) {
			t.Fatalf("%s: no limit is said in %s", kind, now)
		}
		if r.Key([]byte(earlier)) != r.Key(now) {
			t.Errorf("%s: the record of an earlier version has another key, so its answer would be paid again", kind)
		}
	}
}
