package family_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/standin/model/family"
)

const haiku = "us.anthropic.claude-haiku-4-5-20251001-v1:0"

func text(s string) []family.Part { return []family.Part{{Kind: family.Text, Text: s}} }

func user(s string) []family.Turn { return []family.Turn{{Role: "user", Parts: text(s)}} }

func TestOf(t *testing.T) {
	t.Parallel()
	cases := []struct {
		id   string
		want family.Kind
	}{
		{haiku, family.Anthropic},
		{"global.anthropic.claude-opus-5", family.Anthropic},
		{"us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", family.Anthropic},
		{"arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0", family.Anthropic},
		{"arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0", family.Anthropic},
		{"arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0", family.Nova},
		{"amazon.nova-lite-v1:0", family.Nova},
		{"us.amazon.nova-2-lite-v1:0", family.Nova},
		{"arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-lite-v1:0:300k/abcdefghijkl", family.Nova},
		{"amazon.titan-text-express-v1", family.Titan},
		{"us.meta.llama4-scout-17b-instruct-v1:0", family.Llama},
		{"us.deepseek.r1-v1:0", family.DeepSeek},
		{"deepseek.v3-v1:0", family.Chat},
		{"openai.gpt-oss-20b-1:0", family.Chat},
		{"qwen.qwen3-32b-v1:0", family.Chat},
		{"mistral.ministral-3-8b-instruct", family.Chat},
		{"moonshot.kimi-k2-thinking", family.Chat},
		{"moonshotai.kimi-k2.5", family.Chat},
		{"zai.glm-4.7", family.Chat},
		{"google.gemma-3-27b-it", family.Chat},
		{"amazon.titan-embed-text-v2:0", ""},
		{"amazon.nova-2-multimodal-embeddings-v1:0", ""},
		{"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl", ""},
		{"claude", ""},
		{"", ""},
		{"arn:aws:bedrock", ""},
		{"us.", ""},
	}
	for _, c := range cases {
		if got, ok := family.Of(c.id); got != c.want || ok != (c.want != "") {
			t.Errorf("Of(%q) = %q, %v, want %q", c.id, got, ok, c.want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	tenth, nine, three := 0.1, 0.9, int64(3)
	cases := []struct {
		name, model string
		converse    bool
		body        string
		want        family.Prompt
	}{
		{
			"Anthropic with system blocks, thinking and a prefill", haiku, false,
			`{"anthropic_version":"bedrock-2023-05-31","max_tokens":7,"system":[{"type":"text","text":"A"},{"type":"text","text":"B"}],"temperature":0.1,"messages":[{"role":"user","content":[{"type":"text","text":"Q"},{"type":"redacted_thinking","data":"x"}]},{"role":"assistant","content":"{"}]}`,
			family.Prompt{Kind: family.Anthropic, System: "A\n\nB", MaxTokens: 7, Temperature: &tenth, Turns: []family.Turn{{Role: "user", Parts: text("Q")}, {Role: "assistant", Parts: text("{")}}},
		},
		{
			"Converse with guard content, cache point and a text document", haiku, true,
			`{"messages":[{"role":"user","content":[{"guardContent":{"text":{"text":"G"}}},{"cachePoint":{"type":"default"}},{"document":{"format":"md","name":"d","source":{"bytes":"IyBI"}}}]}],"inferenceConfig":{"maxTokens":9,"topP":0.9},"additionalModelRequestFields":{"top_k":3}}`,
			family.Prompt{
				Kind: family.Converse, MaxTokens: 9, TopP: &nine, TopK: &three, Cached: "G\n",
				Turns: []family.Turn{{Role: "user", Parts: []family.Part{{Text: "G", CachePoint: true}, {Text: "# H"}}}},
			},
		},
		{
			"Anthropic with a cached system prompt", haiku, false,
			`{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"system":[{"type":"text","text":"S"},{"type":"text","text":"T","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":"Q"}]}`,
			family.Prompt{Kind: family.Anthropic, System: "S\n\nT", MaxTokens: 9, Cached: "S\nT\n", Turns: user("Q")},
		},
		{
			"Nova with snake names", "amazon.nova-lite-v1:0", false,
			`{"schemaVersion":"messages-v1","system":[{"text":"S"}],"messages":[{"role":"user","content":[{"text":"Q"}]}],"inferenceConfig":{"max_new_tokens":9,"top_p":0.9,"top_k":3}}`,
			family.Prompt{Kind: family.Nova, System: "S", MaxTokens: 9, TopP: &nine, TopK: &three, Turns: user("Q")},
		},
		{
			"Llama 3 template", "meta.llama3-1-8b-instruct-v1:0", false,
			`{"prompt":"<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nQ<|eot_id|>\n<|start_header_id|>assistant<|end_header_id|>\n\n"}`,
			family.Prompt{Kind: family.Llama, System: "S", MaxTokens: 512, Turns: user("Q")},
		},
		{
			"Llama prompt without a template", "meta.llama3-1-8b-instruct-v1:0", false, `{"prompt":"Q","max_gen_len":9}`,
			family.Prompt{Kind: family.Llama, MaxTokens: 9, Turns: user("Q")},
		},
		{
			"Mistral prompt", "mistral.mistral-7b-instruct-v0:2", false, `{"prompt":"<s>[INST] Q [/INST] A </s>[INST] R [/INST]","max_tokens":9,"stop":["X"]}`,
			family.Prompt{Kind: family.MistralText, MaxTokens: 9, Stop: []string{"X"}, Turns: []family.Turn{{Role: "user", Parts: text("Q")}, {Role: "assistant", Parts: text("A")}, {Role: "user", Parts: text("R")}}},
		},
		{
			"DeepSeek R1 prompt", "us.deepseek.r1-v1:0", false, `{"prompt":"<｜begin▁of▁sentence｜>S<｜User｜>Q<｜Assistant｜><think>\n","max_tokens":9}`,
			family.Prompt{Kind: family.DeepSeek, System: "S", MaxTokens: 9, Turns: user("Q")},
		},
		{
			"Titan prompt", "amazon.titan-text-express-v1", false, `{"inputText":"User: Q\nBot:","textGenerationConfig":{"maxTokenCount":9,"stopSequences":["User:"]}}`,
			family.Prompt{Kind: family.Titan, MaxTokens: 9, Stop: []string{"User:"}, Turns: user("Q")},
		},
		{
			"chat with a developer message and one stop string", "openai.gpt-oss-20b-1:0", false,
			`{"messages":[{"role":"developer","content":"S"},{"role":"user","content":[{"type":"text","text":"Q"}]}],"max_completion_tokens":9,"stop":"X","response_format":{"type":"json_object"}}`,
			family.Prompt{Kind: family.Chat, System: "S", MaxTokens: 9, Stop: []string{"X"}, Format: family.Format{JSON: true}, Turns: user("Q")},
		},
		{
			"an opaque ARN goes by its body", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl", false,
			`{"anthropic_version":"bedrock-2023-05-31","max_tokens":7,"messages":[{"role":"user","content":"Q"}]}`,
			family.Prompt{Kind: family.Anthropic, MaxTokens: 7, Turns: user("Q")},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := family.Parse(c.model, c.converse, []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			c.want.ModelID = c.model
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const one = `"messages":[{"role":"user","content":"Q"}]`
	const oneBlock = `"messages":[{"role":"user","content":[{"text":"Q"}]}]`
	cases := []struct {
		name, model string
		converse    bool
		body, want  string
	}{
		{"Anthropic without a version", haiku, false, `{"max_tokens":1,` + one + `}`, "anthropic_version: Field required"},
		{"Anthropic without max_tokens", haiku, false, `{"anthropic_version":"v",` + one + `}`, "max_tokens: Field required"},
		{"Anthropic without messages", haiku, false, `{"anthropic_version":"v","max_tokens":1}`, "messages: Field required"},
		{"Anthropic with max_tokens 0", haiku, false, `{"anthropic_version":"v","max_tokens":0,` + one + `}`, "greater than or equal to 1"},
		{"Anthropic with a model", haiku, false, `{"anthropic_version":"v","max_tokens":1,"model":"x",` + one + `}`, "model: Extra inputs are not permitted"},
		{"Anthropic with no message", haiku, false, `{"anthropic_version":"v","max_tokens":1,"messages":[]}`, "at least one message"},
		{"Anthropic with an empty message", haiku, false, `{"anthropic_version":"v","max_tokens":1,"messages":[{"role":"user","content":""}]}`, "at least one user message"},
		{"Anthropic with a system role", haiku, false, `{"anthropic_version":"v","max_tokens":1,"messages":[{"role":"system","content":"x"}]}`, "Unexpected role"},
		{"Anthropic with a null message", haiku, false, `{"anthropic_version":"v","max_tokens":1,"messages":[{"role":"user"}]}`, "Field required"},
		{"Anthropic with a hot temperature", haiku, false, `{"anthropic_version":"v","max_tokens":1,"temperature":1.5,` + one + `}`, "temperature"},
		{"Anthropic with an empty block", haiku, false, `{"anthropic_version":"v","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":""}]}]}`, "must be non-empty"},
		{"Anthropic with an unknown block", haiku, false, `{"anthropic_version":"v","max_tokens":1,"messages":[{"role":"user","content":[{"type":"x"}]}]}`, "does not match any of the expected tags"},
		{"Anthropic with a PDF", haiku, false, `{"anthropic_version":"v","max_tokens":1,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64"}}]}]}`, "not supported by this stand-in"},
		{"Anthropic with a format that is no schema", haiku, false, `{"anthropic_version":"v","max_tokens":1,"output_config":{"format":{"type":"json_schema"}},` + one + `}`, "output_config.format"},
		{"Converse with a modelId", haiku, true, `{"modelId":"x",` + oneBlock + `}`, "modelId: Extra inputs are not permitted"},
		{"Converse with an Anthropic body", haiku, true, `{"anthropic_version":"v",` + oneBlock + `}`, "anthropic_version: Extra inputs are not permitted"},
		{"Converse without messages", haiku, true, `{}`, "required key [messages] not found"},
		{"Converse with a string as content", haiku, true, `{"messages":[{"role":"user","content":"Q"}]}`, "#/messages/0/content: wrong type"},
		{"Converse with an empty block", haiku, true, `{"messages":[{"role":"user","content":[{}]}]}`, "no known content block"},
		{"Converse with a PDF", haiku, true, `{"messages":[{"role":"user","content":[{"document":{"format":"pdf","source":{"bytes":"AA=="}}}]}]}`, "not supported by this stand-in"},
		{"Converse with a schema that is no JSON", haiku, true, `{` + oneBlock + `,"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{"}}}}}`, "not valid JSON"},
		{"Nova with another schema version", "amazon.nova-lite-v1:0", false, `{"schemaVersion":"2",` + oneBlock + `}`, "#/schemaVersion"},
		{"Llama without a prompt", "meta.llama3-1-8b-instruct-v1:0", false, `{` + one + `}`, "required key [prompt] not found"},
		{"Llama with an empty prompt", "meta.llama3-1-8b-instruct-v1:0", false, `{"prompt":" "}`, "minLength"},
		{"Llama with a template that holds no user", "meta.llama3-1-8b-instruct-v1:0", false, `{"prompt":"<|start_header_id|>system<|end_header_id|>S"}`, "at least one message"},
		{"Titan without inputText", "amazon.titan-text-express-v1", false, `{"prompt":"x"}`, "required key [inputText] not found"},
		{"chat with an unknown role", "openai.gpt-oss-20b-1:0", false, `{"messages":[{"role":"x","content":"Q"}]}`, `role "x"`},
		{"chat with audio", "openai.gpt-oss-20b-1:0", false, `{"messages":[{"role":"user","content":[{"type":"input_audio"}]}]}`, "input_audio"},
		{"chat with an unknown format", "openai.gpt-oss-20b-1:0", false, `{` + one + `,"response_format":{"type":"xml"}}`, "response_format"},
		{"an unknown model", "acme.brain-1", false, `{` + one + `}`, "The provided model identifier is invalid"},
		{"an embedding model", "amazon.titan-embed-text-v2:0", false, `{"inputText":"x"}`, "This action doesn't support the model"},
		{"no object", haiku, false, `[]`, "not a JSON object"},
		{"nothing", haiku, false, ``, "not a JSON object"},
		{"broken JSON", haiku, false, `{"a":`, "invalid JSON"},
		{"more after the object", haiku, false, `{} {}`, "invalid JSON"},
		{"a name twice", haiku, false, `{"a":1,"a":2}`, `duplicate name "a"`},
		{"broken UTF-8", haiku, false, "{\"a\":\"\xff\"}", "invalid JSON"},
		{"deep nesting", haiku, false, `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "nested deeper"},
		{"a large body", haiku, false, `{"a":"` + strings.Repeat("x", family.MaxBody) + `"}`, "more than"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := family.Parse(c.model, c.converse, []byte(c.body))
			var invalid *family.Invalid
			if !errors.As(err, &invalid) || !strings.Contains(invalid.Message, c.want) {
				t.Errorf("Parse = %v, want an Invalid with %q", err, c.want)
			}
		})
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	created := time.Unix(7, 0)
	plain := family.Reply{ID: "ID", Model: "M", Text: "A", InputTokens: 2, OutputTokens: 1, Created: created, Latency: 5 * time.Millisecond}
	cut := plain
	cut.Stop = family.MaxTokens
	stopped := plain
	stopped.Stop, stopped.StopSequence = family.StopSequence, "X"
	cases := []struct {
		name string
		kind family.Kind
		in   family.Reply
		want string
	}{
		{"Anthropic", family.Anthropic, plain, `{"model":"M","id":"msg_bdrk_ID","type":"message","role":"assistant","content":[{"type":"text","text":"A"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":2,"output_tokens":1}}`},
		{"Anthropic at a stop sequence", family.Anthropic, stopped, `{"model":"M","id":"msg_bdrk_ID","type":"message","role":"assistant","content":[{"type":"text","text":"A"}],"stop_reason":"stop_sequence","stop_sequence":"X","usage":{"input_tokens":2,"output_tokens":1}}`},
		{"Converse", family.Converse, cut, `{"output":{"message":{"content":[{"text":"A"}],"role":"assistant"}},"stopReason":"max_tokens","usage":{"inputTokens":2,"outputTokens":1,"totalTokens":3},"metrics":{"latencyMs":5},"additionalModelResponseFields":{"model":"M"}}`},
		{"Nova", family.Nova, plain, `{"output":{"message":{"content":[{"text":"A"}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":2,"outputTokens":1,"totalTokens":3},"model":"M"}`},
		{"Llama", family.Llama, cut, `{"generation":"A","prompt_token_count":2,"generation_token_count":1,"stop_reason":"length","model":"M"}`},
		{"chat", family.Chat, plain, `{"id":"chatcmpl-ID","object":"chat.completion","created":7,"model":"M","choices":[{"index":0,"message":{"role":"assistant","content":"A"},"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":1,"total_tokens":3}}`},
		{"Mistral", family.MistralText, plain, `{"outputs":[{"text":"A","stop_reason":"stop"}],"model":"M"}`},
		{"DeepSeek", family.DeepSeek, cut, `{"choices":[{"text":"A","stop_reason":"length"}],"model":"M"}`},
		{"Titan", family.Titan, cut, `{"inputTextTokenCount":2,"results":[{"tokenCount":1,"outputText":"A","completionReason":"LENGTH"}],"model":"M"}`},
	}
	for _, c := range cases {
		got, err := (&family.Prompt{Kind: c.kind}).Encode(c.in)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: Encode = %s, %v, want %s", c.name, got, err, c.want)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want int64
	}{{"", 0}, {"a", 1}, {"abcd", 1}, {"abcde", 2}, {"日本語", 3}, {"日本語 ok", 4}, {"ﾃｽﾄ", 3}, {"한국", 2}, {"naïve", 2}, {"\xff\xfe", 1}} {
		if got := family.Tokens(c.text); got != c.want {
			t.Errorf("Tokens(%q) = %d, want %d", c.text, got, c.want)
		}
	}
	for _, c := range []struct {
		text  string
		limit int64
		want  string
	}{{"abcdefgh", 1, "abcd"}, {"abcd", 1, "abcd"}, {"日本語", 2, "日本"}, {"日本語", 0, ""}, {"a日", 2, "a日"}} {
		got, cut := family.CutTokens(c.text, c.limit)
		if got != c.want || cut != (c.want != c.text) {
			t.Errorf("CutTokens(%q, %d) = %q, %v, want %q", c.text, c.limit, got, cut, c.want)
		}
	}
}

func TestWithModelKeepsBytes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{`{}`, `{"model":"m"}`},
		{`{"model":"old","a":1}`, `{"model":"m","a":1}`},
		{"{ \"a\\\"b\\\\\" :\t[1, 2.0] ,\n\"drop\":{\"x\":1}, \"c\":null}", "{\"model\":\"m\",\"a\\\"b\\\\\" :\t[1, 2.0],\"c\":null}"},
		{`{"dr\u006fp":1,"é":"é"}`, `{"model":"m","é":"é"}`},
	} {
		got, err := family.WithModel([]byte(c.in), "m", "drop")
		if err != nil || string(got) != c.want {
			t.Errorf("WithModel(%s) = %s, %v, want %s", c.in, got, err, c.want)
		}
	}
}

// FuzzParse holds that no body crashes the reader, that what is refused is an Invalid, and that what is read can be answered and sent on.
func FuzzParse(f *testing.F) {
	models := []string{haiku, "amazon.nova-lite-v1:0", "meta.llama3-1-8b-instruct-v1:0", "openai.gpt-oss-20b-1:0", "amazon.titan-text-express-v1", "us.deepseek.r1-v1:0", "mistral.mistral-7b-instruct-v0:2", "arn:aws:bedrock:r:1:application-inference-profile/x"}
	for i, body := range []string{
		`{"anthropic_version":"v","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"Q"},{"type":"tool_result","tool_use_id":"x","content":"y"}]}]}`,
		`{"messages":[{"role":"user","content":[{"text":"Q"},{"toolUse":{"toolUseId":"i","name":"n","input":{}}}]}],"inferenceConfig":{"maxTokens":1}}`,
		`{"prompt":"<|start_header_id|>user<|end_header_id|>Q<|eot_id|>"}`,
		`{"messages":[{"role":"user","content":"Q"},{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]}],"stop":["x"]}`,
		`{"inputText":"User: Q Bot:"}`, `{"prompt":"<｜User｜>Q<｜Assistant｜>"}`, `{"prompt":"<s>[INST]Q[/INST]"}`, `{"schemaVersion":"messages-v1"}`,
	} {
		f.Add(i, false, []byte(body))
		f.Add(i, true, []byte(body))
	}
	f.Fuzz(func(t *testing.T, which int, converse bool, body []byte) {
		model := models[uint(which)%uint(len(models))]
		p, err := family.Parse(model, converse, body)
		if err != nil {
			var invalid *family.Invalid
			if !errors.As(err, &invalid) || !utf8.ValidString(invalid.Message) {
				t.Fatalf("Parse = %v, want an Invalid in UTF-8", err)
			}
			return
		}
		for name, write := range map[string]func() ([]byte, error){
			"answer":   func() ([]byte, error) { return p.Encode(family.Reply{Text: p.UserText(), Model: "m"}) },
			"chat":     func() ([]byte, error) { return p.ChatRequest("m", false) },
			"messages": func() ([]byte, error) { return p.MessagesRequest("m") },
			"model":    func() ([]byte, error) { return family.WithModel(body, "m", "x") },
		} {
			if out, err := write(); err != nil || !json.Valid(out) {
				t.Fatalf("%s of %q = %s, %v, want JSON", name, body, out, err)
			}
		}
		if p.InputTokens() < 0 {
			t.Fatalf("InputTokens = %d", p.InputTokens())
		}
	})
}

// FuzzReadReplies holds that no reply of a server crashes the readers.
func FuzzReadReplies(f *testing.F) {
	f.Add([]byte(`{"choices":[{"message":{"content":[{"type":"text","text":"x"}]},"finish_reason":"stop","stop_reason":7}],"usage":null}`))
	f.Add([]byte(`{"content":[{"type":"text","text":"x"}],"stop_reason":"end_turn","usage":{"input_tokens":1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p := family.Prompt{Kind: family.Anthropic}
		for _, read := range []func([]byte) (family.Reply, error){family.ReadChatReply, family.ReadMessagesReply} {
			r, err := read(body)
			if err != nil {
				continue
			}
			if out, err := p.Encode(r); err != nil || !json.Valid(out) {
				t.Fatalf("Encode of the reply %q = %s, %v, want JSON", body, out, err)
			}
		}
	})
}
