package model_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"quarry/internal/standin/model"
	"quarry/internal/testdata"
)

const (
	english = "Bolt is a key-value store written in Go. It keeps all data in one file that is mapped into memory. Readers never block the writer, " +
		"and the writer never blocks readers. A transaction sees the database as it was when it began. The file grows but does not shrink."
	japanese = "この記事では、バッチ推論を使って大量の記事を要約する方法を説明します。バッチ推論はオンデマンドの半額で利用できます。" +
		"ジョブを作成する前に、IAMロールとS3バケットを用意する必要があります。入力はJSONLで、1行が1レコードになります。"
)

func TestExtractiveAnswersInTheAskedShape(t *testing.T) {
	t.Parallel()
	m := open(t, model.Config{}, "extractive")
	cases := []struct {
		name, system, user string
		want               func(text string) bool
	}{
		{"plain text where JSON is not mentioned", "Summarise.", english, func(s string) bool { return strings.HasPrefix(s, "Bolt is a key-value store") }},
		{"an English article", `JSON: {"title_en":"","summary_ja":"","summary_en":""}`, "Title: Bolt\n\nArticle:\n" + english, func(s string) bool {
			return strings.HasPrefix(s, `{"title_en":"Bolt","summary_ja":null,"summary_en":"Bolt is a key-value store`)
		}},
		{"a Japanese article", `JSON: {"title_en":"","summary_ja":"","summary_en":""}`, "Title: バッチ推論\n\nArticle:\n" + japanese, func(s string) bool {
			return strings.HasPrefix(s, `{"title_en":null,"summary_ja":"この記事では`) && strings.HasSuffix(s, `"summary_en":null}`)
		}},
		{"JSON without keys", "As JSON.", "Title: Bolt\n\nArticle:\n" + english, func(s string) bool { return strings.HasPrefix(s, `{"title":"Bolt","summary":"Bolt is`) }},
		{"no title line: the first heading", "As JSON.", "# A heading\n\n" + english, func(s string) bool { return strings.HasPrefix(s, `{"title":"A heading","summary":"Bolt is`) }},
		{"keys by meaning", `JSON with "headline", "tldr", "language", "score".`, "Title: Bolt\n\nArticle:\n" + english, func(s string) bool {
			return strings.HasPrefix(s, `{"headline":"Bolt","tldr":"Bolt is`) && strings.HasSuffix(s, `"language":"en","score":null}`)
		}},
		{"a key that is a language", `JSON {"en": "...", "ja": "..."}`, "Article:\n" + english, func(s string) bool {
			return strings.HasPrefix(s, `{"en":"Bolt is`) && strings.HasSuffix(s, `"ja":null}`)
		}},
		{"headings and lists only", "As JSON.", "# Bolt\n\n- fast key value store\n- one single file", func(s string) bool { return strings.Contains(s, "fast key value store") }},
		{"one line", "As JSON.", "Hello", func(s string) bool { return s == `{"title":"Hello","summary":"Hello"}` }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text, stop := anthropicText(t, m, anthropicBody(t, c.system, c.user))
			if !c.want(text) || stop != "end_turn" {
				t.Errorf("answer (%s): %s", stop, text)
			}
		})
	}
}

func TestAnswersNameTheirModel(t *testing.T) {
	t.Parallel()
	converse := `{"messages":[{"role":"user","content":[{"text":"A short text about a tool."}]}]}`
	cases := []struct {
		model    string
		converse bool
		body     string
		path     []string
	}{
		{haiku, false, `{"anthropic_version":"v","max_tokens":99,"messages":[{"role":"user","content":"A short text about a tool."}]}`, []string{"model"}},
		{haiku, true, converse, []string{"additionalModelResponseFields", "model"}},
		{"amazon.nova-lite-v1:0", false, converse, []string{"model"}},
		{"meta.llama3-1-8b-instruct-v1:0", false, `{"prompt":"A short text about a tool."}`, []string{"model"}},
		{"qwen.qwen3-32b-v1:0", false, `{"messages":[{"role":"user","content":"A short text about a tool."}]}`, []string{"model"}},
		{"amazon.titan-text-express-v1", false, `{"inputText":"A short text about a tool."}`, []string{"model"}},
	}
	for spec, id := range map[string]string{"extractive": model.ExtractiveID, "echo": model.EchoID} {
		m := open(t, model.Config{}, spec)
		for _, c := range cases {
			got, err := m.Answer(t.Context(), model.Request{ModelID: c.model, Converse: c.converse, Body: []byte(c.body)})
			if err != nil {
				t.Fatalf("%s as %s: %v", spec, c.model, err)
			}
			var at any
			if err := json.Unmarshal(got.Body, &at); err != nil {
				t.Fatal(err)
			}
			for _, name := range c.path {
				at = at.(map[string]any)[name]
			}
			if at != id {
				t.Errorf("%s as %s (converse %v) says its model is %v, want %s: %s", spec, c.model, c.converse, at, id, got.Body)
			}
		}
	}
}

func TestAnswerEndsAtItsLimits(t *testing.T) {
	t.Parallel()
	m := open(t, model.Config{})
	for _, c := range []struct{ name, body, text, stop string }{
		{"max_tokens", `{"anthropic_version":"v","max_tokens":3,"messages":[{"role":"user","content":"` + english + `"}]}`, "Bolt is a ke", "max_tokens"},
		{"a stop sequence", `{"anthropic_version":"v","max_tokens":99,"stop_sequences":["store","key"],"messages":[{"role":"user","content":"` + english + `"}]}`, "Bolt is a ", "stop_sequence"},
	} {
		if text, stop := anthropicText(t, m, []byte(c.body)); text != c.text || stop != c.stop {
			t.Errorf("%s: answer %q ended by %s, want %q by %s", c.name, text, stop, c.text, c.stop)
		}
	}
	body := `{"anthropic_version":"v","max_tokens":99,"system":"As JSON.","messages":[{"role":"user","content":"` + english + `"},{"role":"assistant","content":"{"}]}`
	if text, _ := anthropicText(t, m, []byte(body)); !strings.HasPrefix(text, `"title"`) {
		t.Errorf("answer to a prefill of { begins %.20q, want it to go on from there", text)
	}
}

func TestExtractiveRefusesWhatItCannotSay(t *testing.T) {
	t.Parallel()
	m := open(t, model.Config{})
	schema := func(properties, required string) string {
		return `{"anthropic_version":"v","max_tokens":99,"messages":[{"role":"user","content":"` + english + `"}],"output_config":{"format":{"type":"json_schema","schema":` +
			`{"type":"object","properties":{` + properties + `},"required":[` + required + `]}}}}`
	}
	for _, c := range []struct{ name, body, want string }{
		{"a pattern that no rule satisfies", schema(`"code":{"type":"string","pattern":"^(?=a)b$"}`, `"code"`), `"code"`},
		{"limits that contradict one another", schema(`"n":{"type":"integer","minimum":3,"maximum":2}`, `"n"`), `"n"`},
		{"a tool that is not there", `{"anthropic_version":"v","max_tokens":9,"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"tool","name":"g"},"messages":[{"role":"user","content":"x"}]}`, `"g" is not among the tools`},
		{"a choice of tools without tools", `{"anthropic_version":"v","max_tokens":9,"tool_choice":{"type":"any"},"messages":[{"role":"user","content":"x"}]}`, "providing tools"},
		{"no article", `{"anthropic_version":"v","max_tokens":9,"messages":[{"role":"user","content":"Title: T\n\nArticle:\n"}]}`, "no article text"},
		{"an article without letters", `{"anthropic_version":"v","max_tokens":9,"messages":[{"role":"user","content":"1 2 3"}]}`, "no article text"},
	} {
		_, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: []byte(c.body)})
		wantCode(t, err, 400, c.want)
	}
	for _, c := range []struct{ name, body, want string }{
		{"a number that may be null", schema(`"score":{"type":["integer","null"]}`, `"score"`), `{"score":null}`},
		{"a number by rule", schema(`"score":{"type":"integer","minimum":1,"maximum":5}`, `"score"`), `{"score":1}`},
		{"a choice by rule", schema(`"kind":{"enum":["a","b"]}`, `"kind"`), `{"kind":"a"}`},
		{"a pattern that cannot be satisfied, and may be left out", schema(`"code":{"type":"string","pattern":"^(?=a)b$"}`, ``), `{}`},
		{"a language to choose", schema(`"lang":{"enum":["ja","en"]}`, `"lang"`), `{"lang":"en"}`},
		{"another language's text that must be text", schema(`"summary_ja":{"type":"string"}`, `"summary_ja"`), `{"summary_ja":""}`},
		{"a constant", schema(`"v":{"const":2}`, `"v"`), `{"v":2}`},
		{"tags", schema(`"tags":{"type":"array","items":{"type":"string"}}`, `"tags"`), `{"tags":["file","Readers","writer"`},
	} {
		if text, _ := anthropicText(t, m, []byte(c.body)); !strings.HasPrefix(text, c.want) {
			t.Errorf("%s: answer %s, want %s", c.name, text, c.want)
		}
	}
}

func TestAForcedToolIsCalled(t *testing.T) {
	t.Parallel()
	const tools = `"tools":[{"name":"first","input_schema":{"type":"object","properties":{"title":{"type":"string"},"score":{"type":"integer","minimum":2}},"required":["title","score"]}},{"name":"second","input_schema":{"type":"object"}}]`
	m := open(t, model.Config{})
	for _, c := range []struct{ name, choice, content, tool, input string }{
		{"any tool", `{"type":"any"}`, "Title: T\\n\\nArticle:\\nA short article about boats.", "first", `{"title":"T","score":2}`},
		{"a named tool", `{"type":"tool","name":"second"}`, "Read the boats.", "second", `{}`},
		{"a prompt without a sentence", `{"type":"any"}`, "42", "first", `{"title":"42","score":2}`},
	} {
		body := `{"anthropic_version":"v","max_tokens":99,` + tools + `,"tool_choice":` + c.choice + `,"messages":[{"role":"user","content":"` + c.content + `"}]}`
		got, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: []byte(body)})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var reply struct {
			Stop    string `json:"stop_reason"`
			Content []struct {
				Type, ID, Name string
				Input          json.RawMessage
			}
		}
		if err := json.Unmarshal(got.Body, &reply); err != nil {
			t.Fatal(err)
		}
		if len(reply.Content) != 1 || reply.Stop != "tool_use" || reply.Content[0].Type != "tool_use" || reply.Content[0].Name != c.tool || string(reply.Content[0].Input) != c.input || reply.Content[0].ID == "" {
			t.Errorf("%s: %s, want a call of %s with %s", c.name, got.Body, c.tool, c.input)
		}
	}
	body := `{"anthropic_version":"v","max_tokens":2,` + tools + `,"tool_choice":{"type":"any"},"messages":[{"role":"user","content":"A short article about boats."}]}`
	got, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: []byte(body)})
	if err != nil || !strings.Contains(string(got.Body), `"stop_reason":"max_tokens"`) {
		t.Errorf("a call beyond max_tokens: %s, %v", got.Body, err)
	}
}

func TestEcho(t *testing.T) {
	t.Parallel()
	m := open(t, model.Config{}, "echo")
	if text, _ := anthropicText(t, m, anthropicBody(t, "", " Say this. \n")); text != "Say this." {
		t.Errorf("echo of plain text = %q", text)
	}
	if text, _ := anthropicText(t, m, bilingualBody(t, "Title: T\n\nArticle:\nA")); text != `{"title_en":"Title: T\n\nArticle:\nA","summary_ja":"Title: T\n\nArticle:\nA","summary_en":"Title: T\n\nArticle:\nA"}` {
		t.Errorf("echo by schema = %s", text)
	}
	long := strings.Repeat("長", 300)
	if text, _ := anthropicText(t, m, anthropicBody(t, `JSON {"a":1}`, long)); text != `{"a":"`+strings.Repeat("長", 200)+`"}` {
		t.Errorf("echo of a long text = %.60s…, want its first 200 runes", text)
	}
}

func TestSameRequestSameAnswer(t *testing.T) {
	t.Parallel()
	m := open(t, model.Config{})
	body := anthropicBody(t, "As JSON.", english)
	a, err := m.Answer(t.Context(), model.Request{RecordID: "r1", ModelID: haiku, Body: body})
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Answer(t.Context(), model.Request{RecordID: "r1", ModelID: haiku, Body: body})
	if err != nil {
		t.Fatal(err)
	}
	if string(a.Body) != string(b.Body) {
		t.Errorf("answers differ:\n%s\n%s", a.Body, b.Body)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Answer(ctx, model.Request{RecordID: "r1", ModelID: haiku, Body: body}); !errors.Is(err, context.Canceled) {
		t.Errorf("Answer after cancel = %v, want context.Canceled", err)
	}
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	got, err := model.Measure(model.Request{ModelID: haiku, Body: anthropicBody(t, "abcd", "日本語")})
	if want := (model.Size{InputTokens: 1 + 4 + 3, MaxTokens: 4096}); err != nil || got != want {
		t.Errorf("Measure = %+v, %v, want %+v", got, err, want)
	}
	_, err = model.Measure(model.Request{ModelID: haiku, Body: []byte(`{}`)})
	wantCode(t, err, 400, "Field required")
}

// TestRealArticlesGetSchemaValidAnswers reads every 28th of 14,208 raw articles, Markdown and HTML, English and Japanese.
func TestRealArticlesGetSchemaValidAnswers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("reads the whole corpus")
	}
	f, err := os.Open(testdata.Path(t, "articles.jsonl.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	unpacked, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer unpacked.Close()
	m := open(t, model.Config{})
	lines := bufio.NewScanner(unpacked)
	lines.Buffer(nil, 1<<22)
	sent, empty, other := 0, 0, 0
	for n := 0; lines.Scan(); n++ {
		if n%28 != 0 {
			continue
		}
		var a struct{ ID, Title, Lang, Content string }
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		sent++
		body := bilingualBody(t, "Title: "+a.Title+"\n\nArticle:\n"+a.Content)
		got, err := m.Answer(t.Context(), model.Request{RecordID: a.ID, ModelID: haiku, Body: body})
		if err != nil {
			empty++
			continue
		}
		var reply struct{ Content []struct{ Text string } }
		if err := json.Unmarshal(got.Body, &reply); err != nil {
			t.Fatal(err)
		}
		var answer map[string]*string
		if err := json.Unmarshal([]byte(reply.Content[0].Text), &answer); err != nil || len(answer) != 3 {
			t.Errorf("%s: answer %s: %v", a.ID, reply.Content[0].Text, err)
			continue
		}
		if s := answer["summary_"+a.Lang]; s == nil || *s == "" {
			other++ // some pages of a Japanese site are not translated
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if sent < 500 || empty > sent/250 || other > sent/150 {
		t.Errorf("%d articles: %d without an answer, %d in another language than said; want at most %d and %d", sent, empty, other, sent/250, sent/150)
	}
}

func TestEmbeddingModelsAnswerInAWSsWords(t *testing.T) {
	t.Parallel()
	m := open(t, model.Config{})
	for _, c := range []struct {
		id, body string
		converse bool
	}{
		{"amazon.titan-embed-text-v2:0", `{"inputText":"x"}`, false},
		{"cohere.embed-multilingual-v3", `{"texts":["x"],"input_type":"search_document"}`, false},
		{"amazon.nova-2-multimodal-embeddings-v1:0", `{"taskType":"SINGLE_EMBEDDING"}`, false},
		{"us.cohere.embed-v4:0", `{"texts":["x"]}`, false},
		{"amazon.titan-embed-text-v2:0", `{"messages":[{"role":"user","content":[{"text":"x"}]}]}`, true},
		{"arn:aws:bedrock:us-west-2::foundation-model/amazon.titan-embed-text-v1", `{"inputText":"x"}`, false},
	} {
		_, err := m.Answer(t.Context(), model.Request{ModelID: c.id, Converse: c.converse, Body: []byte(c.body)})
		wantCode(t, err, 400, "This action doesn't support the model that you provided.")
	}
}
