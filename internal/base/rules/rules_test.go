package rules_test

import (
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/rules"
)

const (
	haiku    = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
	haiku35  = "us.anthropic.claude-3-5-haiku-20241022-v1:0"
	haiku55  = "us.anthropic.claude-haiku-5-5"
	sonnet46 = "us.anthropic.claude-sonnet-4-6"
	sonnet55 = "global.anthropic.claude-sonnet-5-5"
	opus47   = "us.anthropic.claude-opus-4-7"
	opus55   = "us.anthropic.claude-opus-5-5"
	novaLite = "us.amazon.nova-lite-v1:0"
	llama    = "us.meta.llama3-3-70b-instruct-v1:0"
	gptOSS   = "openai.gpt-oss-120b-1:0"
)

// claude is a body that is in order, with more members at its end.
func claude(more string) string {
	return `{"anthropic_version":"bedrock-2023-05-31","max_tokens":2048,"messages":[{"role":"user","content":"hi"}]` + more + `}`
}

// turns is a body with these messages.
func turns(messages string) string {
	return `{"anthropic_version":"bedrock-2023-05-31","max_tokens":2048,"messages":[` + messages + `]}`
}

func blocks(content string) string { return turns(`{"role":"user","content":[` + content + `]}`) }

func converse(more string) string {
	return `{"messages":[{"role":"user","content":[{"text":"hi"}]}]` + more + `}`
}

func chat(more string) string { return `{"messages":[{"role":"user","content":"hi"}]` + more + `}` }

// check gives the texts of what is refused, and of what is only warned of.
func check(t testing.TB, cfg rules.Config, body string) (faults, warnings []string) {
	t.Helper()
	var c jsonl.Checker
	line := []byte(body)
	if _, err := c.Object(line); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	rules.For(cfg, line).Check(&c, line, func(f rules.Finding) {
		if cap(f.Part) > cap(line) || len(f.Part) == 0 {
			t.Errorf("%s: %s: the part %q is none of the body", body, f.Field, f.Part)
		}
		if f.Warning {
			warnings = append(warnings, f.Text())
			return
		}
		faults = append(faults, f.Text())
	})
	return faults, warnings
}

func TestRefusedBodies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, model string
		of          quarry.InvocationType
		body, want  string
	}{
		{"temperature with top_p on a model that takes one of them", haiku, "", claude(`,"temperature":0.1,"top_p":0.9`), "cannot both be specified for this model. Please use only one. (fix: remove temperature or top_p)"},
		{"the same in an application profile's Converse body", haiku, quarry.Converse, converse(`,"inferenceConfig":{"temperature":0.1,"topP":0.9}`), "cannot both be specified"},
		{"temperature on Opus 4.7", opus47, "", claude(`,"temperature":0.1`), "`temperature` is deprecated for this model."},
		{"temperature 0 on Opus 4.7", opus47, "", claude(`,"temperature":0`), "`temperature` is deprecated for this model."},
		{"top_p on Opus 4.7", opus47, "", claude(`,"top_p":0.9`), "`top_p` is deprecated for this model."},
		{"top_k on Opus 4.7", opus47, "", claude(`,"top_k":5`), "`top_k` is deprecated for this model."},
		{"temperature on Haiku 5.5", haiku55, "", claude(`,"temperature":0.1`), "`temperature` is deprecated for this model."},
		{"temperature in Converse on Opus 4.7", opus47, quarry.Converse, converse(`,"inferenceConfig":{"temperature":0.1}`), "`temperature` is deprecated for this model."},
		{"top_k in additional fields on Opus 4.7", opus47, quarry.Converse, converse(`,"additionalModelRequestFields":{"top_k":3}`), "`top_k` is deprecated for this model."},
		{"an unknown member", haiku, "", claude(`,"foo":1`), "foo: Extra inputs are not permitted"},
		{"a member in another case", haiku, "", claude(`,"Temperature":0.5`), "Temperature: Extra inputs are not permitted"},
		{"a member written with an escape", haiku, "", claude(`,"m\u006fdel":"x"`), "model: Extra inputs are not permitted"},
		{"the model", haiku, "", claude(`,"model":"claude-haiku"`), "model: Extra inputs are not permitted (fix: remove it: the job or the call names the model)"},
		{"stream, though false", haiku, "", claude(`,"stream":false`), "stream: Extra inputs are not permitted"},
		{"OpenAI's name of the effort", haiku, "", claude(`,"reasoning_effort":"low"`), "output_config"},
		{"OpenAI's response_format", haiku, "", claude(`,"response_format":{"type":"json_object"}`), "output_config.format"},
		{"another version", haiku, "", strings.Replace(claude(""), "bedrock-2023-05-31", "2023-06-01", 1), "anthropic_version: Input should be 'bedrock-2023-05-31'"},
		{"a temperature above 1", haiku, "", claude(`,"temperature":1.01`), "temperature: range: 0..1"},
		{"a temperature below 0", haiku, "", claude(`,"temperature":-0.1`), "temperature: range: 0..1"},
		{"a temperature in quotes", haiku, "", claude(`,"temperature":"0.1"`), "temperature: Input should be a valid number"},
		{"a top_p above 1", haiku, "", claude(`,"top_p":1.5`), "top_p: range: 0..1"},
		{"a top_k below 0", haiku, "", claude(`,"top_k":-5`), "top_k: Input should be greater than or equal to 0"},
		{"a top_k with a fraction", haiku, "", claude(`,"top_k":1.5`), "fractional part"},
		{"max_tokens in quotes", haiku, "", strings.Replace(claude(""), "2048", `"2048"`, 1), "max_tokens: Input should be a valid integer"},
		{"max_tokens 0", haiku, "", strings.Replace(claude(""), "2048", "0", 1), "greater than or equal to 1"},
		{"max_tokens below 0", haiku, "", strings.Replace(claude(""), "2048", "-3", 1), "greater than or equal to 1"},
		{"max_tokens with a fraction", haiku, "", strings.Replace(claude(""), "2048", "16.5", 1), "fractional part"},
		{"max_tokens above the model's limit", haiku, "", strings.Replace(claude(""), "2048", "64001", 1), "max_tokens: 64001 > 64000, which is the maximum allowed number of output tokens for claude-haiku-4-5-20251001"},
		{"max_tokens beyond any number", haiku, "", strings.Replace(claude(""), "2048", "1e300", 1), "max_tokens"},
		{"no messages", haiku, "", turns(""), "messages: at least one message is required"},
		{"messages that are an object", haiku, "", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"messages":{"role":"user","content":"x"}}`, "messages: Input should be a valid list"},
		{"a message that is a string", haiku, "", turns(`"hi"`), "messages.0: Input should be a valid dictionary"},
		{"a system turn", haiku, "", turns(`{"role":"system","content":"x"}`), "member system at the top of the body"},
		{"an unknown role", haiku, "", turns(`{"role":"human","content":"x"}`), `Unexpected role "human"`},
		{"a role that is a number", haiku, "", turns(`{"role":1,"content":"x"}`), "messages.0.role: Input should be a valid string"},
		{"an assistant first", haiku, "", turns(`{"role":"assistant","content":"x"}`), `first message must use the "user" role`},
		{"a message without content", haiku, "", turns(`{"role":"user"}`), "messages.0.content: Field required"},
		{"a message with another member", haiku, "", turns(`{"role":"user","content":"x","name":"n"}`), "messages.0.name: Extra inputs are not permitted"},
		{"an empty turn", haiku, "", turns(`{"role":"user","content":""}`), "all messages must have non-empty content"},
		{"a turn of no blocks", haiku, "", turns(`{"role":"user","content":[ ]}`), "all messages must have non-empty content"},
		{"a blank turn", haiku, "", turns(`{"role":"user","content":" \n\t "}`), "must contain non-whitespace text"},
		{"a turn of no-break spaces", haiku, "", turns(`{"role":"user","content":"\u00a0　"}`), "must contain non-whitespace text"},
		{"an empty block", haiku, "", blocks(`{"type":"text","text":""}`), "must be non-empty"},
		{"a blank block", haiku, "", blocks(`{"type":"text","text":" "}`), "must contain non-whitespace text"},
		{"a block without its text", haiku, "", blocks(`{"type":"text"}`), "messages.0.content.0.text: Field required"},
		{"a block without a type", haiku, "", blocks(`{"text":"x"}`), "messages.0.content.0.type: Field required"},
		{"a block of an unknown type", haiku, "", blocks(`{"type":"input_text","text":"x"}`), `Input tag "input_text"`},
		{"OpenAI's image block", haiku, "", blocks(`{"type":"image_url","image_url":{"url":"https://x"}}`), `Input tag "image_url"`},
		{"a blank system block", haiku, "", claude(`,"system":[{"type":"text","text":"  "}]`), "system: text content blocks must contain non-whitespace text"},
		{"a system of an image", haiku, "", claude(`,"system":[{"type":"image"}]`), `Input tag "image"`},
		{"a system that is an object", haiku, "", claude(`,"system":{"text":"x"}`), "system: Input should be a valid string or list"},
		{"an image by its URL", haiku, "", blocks(`{"type":"image","source":{"type":"url","url":"https://x/y.png"}}`), "Bedrock fetches no URLs"},
		{"a document by its URL", haiku, "", blocks(`{"type":"document","source":{"type":"url","url":"https://x/y.pdf"}}`), "Bedrock fetches no URLs"},
		{"an image that is cut off", haiku, "", blocks(`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBOR"}}`), "Invalid base64 data"},
		{"an image as a data URL", haiku, "", blocks(`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"data:image/png;base64,iVBORw0="}}`), "Invalid base64 data"},
		{"an image of another type", haiku, "", blocks(`{"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"iVBORw0KGgoAAAANSUhEUgAAAAE="}}`), "set media_type to image/png"},
		{"an image type that is not taken", haiku, "", blocks(`{"type":"image","source":{"type":"base64","media_type":"image/tiff","data":"AAAA"}}`), "'image/jpeg'"},
		{"a PDF with the type of a Word file", haiku, "", blocks(`{"type":"document","source":{"type":"base64","media_type":"application/msword","data":"AAAA"}}`), "application/pdf"},
		{"a cache with another ttl", haiku, "", claude(`,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"10m"}}]`), "ttl: Input should be '5m' or '1h'"},
		{"a cache of another type", haiku, "", claude(`,"system":[{"type":"text","text":"s","cache_control":{"type":"persistent"}}]`), "Input should be 'ephemeral'"},
		{"an empty stop sequence", haiku, "", claude(`,"stop_sequences":[""]`), "each stop sequence must contain non-whitespace"},
		{"a stop sequence of a line break", haiku, "", claude(`,"stop_sequences":["\n"]`), "each stop sequence must contain non-whitespace"},
		{"stop sequences that are a string", haiku, "", claude(`,"stop_sequences":"x"`), "stop_sequences: Input should be a valid list"},
		{"a beta that is none", haiku, "", claude(`,"anthropic_beta":["x"]`), "invalid beta flag"},
		{"a beta that is no list", haiku, "", claude(`,"anthropic_beta":"interleaved-thinking-2025-05-14"`), "anthropic_beta: Input should be a valid list"},
		{"a budget that max_tokens does not hold", haiku, "", claude(`,"thinking":{"type":"enabled","budget_tokens":2048}`), "`max_tokens` must be greater than `thinking.budget_tokens`"},
		{"a budget that is too small", haiku, "", claude(`,"thinking":{"type":"enabled","budget_tokens":1023}`), "thinking.budget_tokens: Input should be greater than or equal to 1024"},
		{"thinking without its budget", haiku, "", claude(`,"thinking":{"type":"enabled"}`), "thinking.budget_tokens: Field required"},
		{"thinking of an unknown type", haiku, "", claude(`,"thinking":{"type":"auto"}`), `Input tag "auto"`},
		{"thinking with a temperature", haiku, "", claude(`,"temperature":0.5,"thinking":{"type":"enabled","budget_tokens":1024}`), "`temperature` may only be set to 1 when thinking is enabled"},
		{"thinking with top_k", haiku, "", claude(`,"top_k":5,"thinking":{"type":"enabled","budget_tokens":1024}`), "`top_k` must be unset when thinking is enabled"},
		{"thinking with a small top_p", haiku, "", claude(`,"top_p":0.5,"thinking":{"type":"enabled","budget_tokens":1024}`), "`top_p` must be greater than or equal to 0.95"},
		{"thinking with a forced tool", haiku, "", claude(`,"tools":[{"name":"x","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"},"thinking":{"type":"enabled","budget_tokens":1024}`), "Thinking may not be enabled when tool_choice forces tool use."},
		{"a budget in Converse's additional fields", haiku, quarry.Converse, converse(`,"inferenceConfig":{"maxTokens":1024},"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":4096}}`), "must be greater than `thinking.budget_tokens`"},
		{"a temperature with thinking in Converse", haiku, quarry.Converse, converse(`,"inferenceConfig":{"maxTokens":8192,"temperature":0.2},"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":4096}}`), "may only be set to 1"},
		{"adaptive thinking on Haiku 4.5", haiku, "", claude(`,"thinking":{"type":"adaptive"}`), "adaptive thinking is not supported on this model"},
		{"a budget on Opus 4.7", opus47, "", claude(`,"thinking":{"type":"enabled","budget_tokens":1024}`), `"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive"`},
		{"a budget on Haiku 5.5", haiku55, "", claude(`,"thinking":{"type":"enabled","budget_tokens":1024}`), `"thinking.type.enabled" is not supported`},
		{"disabled thinking on Sonnet 5.5", sonnet55, "", claude(`,"thinking":{"type":"disabled"}`), `set thinking to {"type": "between_tools"}`},
		{"disabled thinking on Opus 5.5", opus55, "", claude(`,"thinking":{"type":"disabled"}`), `"thinking.type.disabled" is not supported for this model`},
		{"disabled thinking with the highest effort", haiku55, "", claude(`,"thinking":{"type":"disabled"},"output_config":{"effort":"max"}`), "output_config.effort to high"},
		{"a forced tool on Sonnet 5.5", sonnet55, "", claude(`,"tools":[{"name":"x","input_schema":{"type":"object"}}],"tool_choice":{"type":"tool","name":"x"}`), "does not support forced tool use"},
		{"a prefill with white space at its end", haiku, "", turns(`{"role":"user","content":"a"},{"role":"assistant","content":"{ "}`), "cannot end with trailing whitespace"},
		{"a prefill in a block with a line break at its end", haiku, "", turns(`{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"{\n"}]}`), "cannot end with trailing whitespace"},
		{"a prefill on Sonnet 4.6", sonnet46, "", turns(`{"role":"user","content":"a"},{"role":"assistant","content":"{"}`), "does not support assistant message prefill"},
		{"a tool without a schema", haiku, "", claude(`,"tools":[{"name":"x"}]`), "tools.0.input_schema: Field required"},
		{"a tool whose input is no object", haiku, "", claude(`,"tools":[{"name":"x","input_schema":{"type":"string"}}]`), "tools.0.input_schema.type"},
		{"a tool whose name has a space", haiku, "", claude(`,"tools":[{"name":"a b","input_schema":{"type":"object"}}]`), "String should match pattern"},
		{"OpenAI's form of a tool", haiku, "", claude(`,"tools":[{"type":"function","function":{"name":"x"}}]`), `Input tag "function"`},
		{"a choice without tools", haiku, "", claude(`,"tool_choice":{"type":"auto"}`), "tool_choice may only be specified while providing tools"},
		{"a choice of a tool that is not there", haiku, "", claude(`,"tools":[{"name":"x","input_schema":{"type":"object"}}],"tool_choice":{"type":"tool","name":"y"}`), "Tool 'y' not found in provided tools"},
		{"a choice that is a string", haiku, "", claude(`,"tools":[{"name":"x","input_schema":{"type":"object"}}],"tool_choice":"auto"`), "tool_choice: Input should be a valid dictionary"},
		{"a tool result without the call's id", haiku, "", blocks(`{"type":"tool_result","content":"x"}`), "tool_use_id: Field required"},
		{"an empty answer schema", haiku, "", claude(`,"output_config":{"format":{"type":"json_schema","schema":{}}}`), "Schema must have a 'type'"},
		{"an answer schema with an open object", haiku, "", claude(`,"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"a":{"type":"string"}}}}}`), "'additionalProperties' must be explicitly set to false"},
		{"an answer schema with a length", haiku, "", claude(`,"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"a":{"type":"string","maxLength":5}},"additionalProperties":false}}}`), "property 'maxLength' is not supported"},
		{"an answer schema of the wrong type", haiku, "", claude(`,"output_config":{"format":{"type":"json_object"}}`), "Input should be 'json_schema'"},
		{"an answer schema on a model that takes none", haiku55, "", claude(`,"output_config":{"format":{"type":"json_schema","schema":{"type":"string"}}}`), "output_config.format: Extra inputs are not permitted"},
		{"an unknown effort", haiku, "", claude(`,"output_config":{"effort":"huge"}`), "output_config.effort: Input should be 'low'"},
		{"nothing", haiku, "", `{}`, "anthropic_version: Field required"},

		{"Converse with the model", haiku, quarry.Converse, converse(`,"modelId":"x"`), "modelId: Extra inputs are not permitted"},
		{"Converse with Claude's members", haiku, quarry.Converse, converse(`,"max_tokens":5`), "inferenceConfig"},
		{"Converse with a string as content", haiku, quarry.Converse, `{"messages":[{"role":"user","content":"hi"}]}`, "#/messages/0/content: expected type: JSONArray, found: String"},
		{"Converse with Claude's blocks", haiku, quarry.Converse, `{"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}`, "messages.0.content.0.type: Extra inputs are not permitted"},
		{"Converse with a string as system", haiku, quarry.Converse, converse(`,"system":"s"`), "#/system: expected type: JSONArray, found: String"},
		{"Converse with a blank text", haiku, quarry.Converse, `{"messages":[{"role":"user","content":[{"text":" "}]}]}`, "The text field in the ContentBlock object at messages.0.content.0 is blank."},
		{"Converse with no block", haiku, quarry.Converse, `{"messages":[{"role":"user","content":[]}]}`, "The content field in the Message object at messages.0 is empty."},
		{"Converse with an empty block", haiku, quarry.Converse, `{"messages":[{"role":"user","content":[{}]}]}`, "no known content block"},
		{"Converse that begins with the assistant", haiku, quarry.Converse, `{"messages":[{"role":"assistant","content":[{"text":"x"}]}]}`, "A conversation must start with a user message."},
		{"an effort that does not exist", gptOSS, "", chat(`,"reasoning_effort":"max"`), "reasoning_effort: Input should be 'low', 'medium' or 'high'"},
		{"an effort that no model has", "qwen.qwen3-32b-v1:0", "", chat(`,"reasoning_effort":"huge"`), "reasoning_effort: Input should be 'none', 'minimal', 'low', 'medium', 'high', 'xhigh' or 'max'"},
		{"a tool's turn without the call's id", gptOSS, "", `{"messages":[{"role":"user","content":"x"},{"role":"tool","content":"1"}]}`, "messages.1.tool_call_id: Field required"},
		{"Converse with two user turns", haiku, quarry.Converse, `{"messages":[{"role":"user","content":[{"text":"x"}]},{"role":"user","content":[{"text":"y"}]}]}`, "A conversation must alternate between user and assistant roles."},
		{"Converse with a system turn", haiku, quarry.Converse, `{"messages":[{"role":"system","content":[{"text":"x"}]}]}`, "Member must satisfy enum value set: [user, assistant]"},
		{"Converse with maxTokens 0", novaLite, quarry.Converse, converse(`,"inferenceConfig":{"maxTokens":0}`), "Member must have value greater than or equal to 1"},
		{"Converse with a temperature above 1", novaLite, quarry.Converse, converse(`,"inferenceConfig":{"temperature":1.5}`), "Value '1.5' at 'inferenceConfig.temperature' failed to satisfy constraint: Member must have value less than or equal to 1"},
		{"Converse above the model's limit", novaLite, quarry.Converse, converse(`,"inferenceConfig":{"maxTokens":100000}`), "exceeds the model limit"},
		{"Converse with an unknown setting", haiku, quarry.Converse, converse(`,"inferenceConfig":{"topK":5}`), "inferenceConfig.topK: Extra inputs are not permitted"},
		{"Converse with tools in a job", haiku, quarry.Converse, converse(`,"toolConfig":{"tools":[{"toolSpec":{"name":"x","inputSchema":{"json":{"type":"object"}}}}]}`), "Tool use is not supported with batch inference"},
		{"Converse with a schema that is an object", haiku, quarry.Converse, converse(`,"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":{"type":"object"}}}}}`), "a string that holds its JSON"},
		{"Converse with a schema that is cut off", haiku, quarry.Converse, converse(`,"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{\"type\":"}}}}`), "not valid JSON"},
		{"Converse with a document's name that is not taken", haiku, quarry.Converse, `{"messages":[{"role":"user","content":[{"document":{"format":"pdf","name":"report.pdf","source":{"bytes":"AAAA"}}},{"text":"x"}]}]}`, "The provided document name is not valid."},
		{"Converse without messages", haiku, quarry.Converse, `{}`, "Value at 'messages' failed to satisfy constraint: Member must not be null"},

		{"Nova with a string as content", novaLite, "", `{"messages":[{"role":"user","content":"hi"}]}`, `write the text as a block: [{"text": "…"}]`},
		{"Nova with a string as system", novaLite, "", converse(`,"system":"be nice"`), "#/system: expected type: JSONArray, found: String"},
		{"Nova with max_tokens", novaLite, "", converse(`,"inferenceConfig":{"max_tokens":50}`), "#/inferenceConfig: extraneous key [max_tokens] is not permitted"},
		{"Nova with max_tokens at the top", novaLite, "", converse(`,"max_tokens":50`), "#: extraneous key [max_tokens] is not permitted"},
		{"Nova with Claude's version", novaLite, "", converse(`,"anthropic_version":"bedrock-2023-05-31"`), "extraneous key [anthropic_version]"},
		{"Nova with another schema version", novaLite, "", converse(`,"schemaVersion":"messages-v2"`), "#/schemaVersion: messages-v2 is not a valid enum value"},
		{"Nova with a temperature above 1", novaLite, "", converse(`,"inferenceConfig":{"temperature":2}`), "#/inferenceConfig/temperature: 2 is not less or equal to 1"},
		{"Nova with topK above 128", novaLite, "", converse(`,"inferenceConfig":{"topK":500}`), "#/inferenceConfig/topK: 500 is not less or equal to 128"},
		{"Nova with a system turn", novaLite, "", `{"messages":[{"role":"system","content":[{"text":"x"}]}]}`, "#/messages/0/role: system is not a valid enum value"},
		{"Nova with a blank text", novaLite, "", `{"messages":[{"role":"user","content":[{"text":""}]}]}`, "expected minLength: 1"},
		{"Nova without messages", novaLite, "", `{"inferenceConfig":{"maxTokens":5},"schemaVersion":"messages-v1"}`, "required key [messages] not found"},
		{"Nova with no message", novaLite, "", `{"messages":[]}`, "expected minimum item count: 1, found: 0"},

		{"Llama with messages", llama, "", chat(""), "use the invocation type Converse for messages"},
		{"Llama with max_tokens", llama, "", `{"prompt":"x","max_tokens":5}`, "rename it to max_gen_len"},
		{"Llama with max_gen_len 0", llama, "", `{"prompt":"x","max_gen_len":0}`, "#/max_gen_len: 0 is not greater or equal to 1"},
		{"Llama with max_gen_len above the limit", llama, "", `{"prompt":"x","max_gen_len":9999}`, "#/max_gen_len: 9999 is not less or equal to"},
		{"Llama with a temperature above 1", llama, "", `{"prompt":"x","temperature":1.2}`, "#/temperature: 1.2 is not less or equal to 1"},
		{"Llama with stop sequences", llama, "", `{"prompt":"x","stop":["y"]}`, "extraneous key [stop] is not permitted"},
		{"Llama with a blank prompt", llama, "", `{"prompt":"  "}`, "expected minLength: 1"},
		{"Llama with a prompt that is a list", llama, "", `{"prompt":["x"]}`, "#/prompt: expected type: String, found: JSONArray"},

		{"chat with an unknown role", gptOSS, "", `{"messages":[{"role":"human","content":"x"}]}`, "messages.0.role: Input should be 'system'"},
		{"chat with an unknown member", gptOSS, "", chat(`,"foo":1`), "foo: Extra inputs are not permitted"},
		{"chat with Claude's system", gptOSS, "", chat(`,"system":"x"`), "move it into messages"},
		{"chat with modelId", gptOSS, "", chat(`,"modelId":"x"`), "modelId: Extra inputs are not permitted"},
		{"chat that streams", gptOSS, "", chat(`,"stream":true`), "do not stream"},
		{"chat with a temperature above 2", gptOSS, "", chat(`,"temperature":2.5`), "temperature: range: 0..2"},
		{"chat with max_tokens 0", gptOSS, "", chat(`,"max_tokens":0`), "greater than or equal to 1"},
		{"chat above the model's limit", gptOSS, "", chat(`,"max_tokens":99999`), "which is the maximum allowed number of output tokens"},
		{"chat with no messages", gptOSS, "", `{"messages":[]}`, "List should have at least 1 item"},
		{"chat with a system turn alone", gptOSS, "", `{"messages":[{"role":"system","content":"x"}]}`, "at least one user message is required"},
		{"chat with an empty turn", gptOSS, "", `{"messages":[{"role":"user","content":""}]}`, "content must not be empty"},
		{"chat with a part of an unknown type", gptOSS, "", `{"messages":[{"role":"user","content":[{"type":"image","source":{}}]}]}`, `Input tag "image"`},
		{"chat with an unknown response format", gptOSS, "", chat(`,"response_format":{"type":"xml"}`), `Input tag "xml"`},
		{"chat with Claude's tool", gptOSS, "", chat(`,"tools":[{"name":"x","input_schema":{}}]`), "tools.0.type: Field required"},
		{"chat with a prompt", gptOSS, "", `{"prompt":"x"}`, "use messages"},
		{"chat without messages", gptOSS, "", `{"max_tokens":5}`, "messages: Field required"},

		{"Titan with a prompt", "amazon.titan-text-express-v1", "", `{"prompt":"x"}`, "required key [inputText] not found"},
		{"Titan's embeddings with messages", "amazon.titan-embed-text-v2:0", "", chat(""), "the model gives vectors, not text"},
		{"Titan's embeddings with another size", "amazon.titan-embed-text-v2:0", "", `{"inputText":"x","dimensions":300}`, "use one of the sizes"},
		{"Cohere's embeddings without the input's type", "cohere.embed-v4:0", "", `{"texts":["x"]}`, "required key [input_type] not found"},
		{"DeepSeek R1 with messages", "us.deepseek.r1-v1:0", "", chat(""), "use the invocation type Converse for messages"},
		{"an unknown model of a known provider", "us.anthropic.claude-haiku-9", "", claude(`,"foo":1`), "foo: Extra inputs are not permitted"},
		{"a model whose provider is not known", "acme.brain-1", "", chat(`,"modelId":"x"`), "modelId"},
		{"an application profile, recognized by its body", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl", "", claude(`,"foo":1`), "foo: Extra inputs are not permitted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			faults, _ := check(t, rules.Config{Model: c.model, Type: c.of, Job: true}, c.body)
			if got := strings.Join(faults, "\n"); !strings.Contains(got, c.want) {
				t.Errorf("Check(%s) = %q, want one with %q", c.body, got, c.want)
			}
		})
	}
}

func TestAcceptedBodies(t *testing.T) {
	t.Parallel()
	const (
		png  = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
		tool = `{"name":"get_weather","description":"d","input_schema":{"type":"object","properties":{"location":{"type":"string","description":"City","minLength":1}},"required":["location"]}}`
	)
	for _, c := range []struct {
		name, model string
		of          quarry.InvocationType
		call        bool
		body        string
	}{
		{"a plain text", haiku, "", false, claude("")},
		{"a temperature alone", haiku, "", false, claude(`,"temperature":0.1,"top_k":50`)},
		{"both samplings where the model takes both", haiku35, "", false, claude(`,"temperature":1,"top_p":0.9`)},
		{"the default temperature where no other is taken", opus47, "", false, claude(`,"temperature":1`)},
		{"null for what is not set", haiku, "", false, claude(`,"temperature":null,"top_p":0.5,"system":null,"tools":null,"thinking":null`)},
		{"limits at their ends", haiku, "", false, strings.Replace(claude(`,"temperature":0,"top_k":0`), "2048", "64000", 1)},
		{"a number as 16.0", haiku, "", false, strings.Replace(claude(""), "2048", "2048.0", 1)},
		{"system blocks", haiku, "", false, claude(`,"system":[{"type":"text","text":"be brief"}]`)},
		{"an empty system prompt", haiku, "", false, claude(`,"system":""`)},
		{"text that begins with line breaks", haiku, "", false, turns(`{"role":"user","content":"\n\n\u0009 x"}`)},
		{"a conversation with a prefill", haiku, "", false, turns(`{"role":"user","content":"a"},{"role":"assistant","content":"{"}`)},
		{"an empty last assistant turn", haiku, "", false, turns(`{"role":"user","content":"a"},{"role":"assistant","content":""}`)},
		{"an image", haiku, "", false, blocks(`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + png + `"}},{"type":"text","text":"what is this?"}`)},
		{"an image whose slashes are escaped", haiku, "", false, blocks(`{"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"\/9j\/4AAQSkZJRgABAQAAAQ=="}}`)},
		{"a PDF with citations", haiku, "", false, blocks(`{"type":"document","title":"T","context":"c","citations":{"enabled":true},"source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjQ="}},{"type":"text","text":"x"}`)},
		{"a text document and one of blocks", haiku, "", false, blocks(`{"type":"document","source":{"type":"text","media_type":"text/plain","data":"x"}},{"type":"document","source":{"type":"content","content":[{"type":"text","text":"x"}]}}`)},
		{"search results", haiku, "", false, blocks(`{"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"x"}],"citations":{"enabled":true}}`)},
		{"tools, a call and its result", haiku, "", false, turns(`{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"toolu_1","name":"get_weather","input":{"location":"Paris"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"15"}],"is_error":false}]}`)},
		{"tools that the model may choose", haiku, "", false, claude(`,"tools":[` + tool + `],"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`)},
		{"a forced tool", haiku, "", false, claude(`,"tools":[` + tool + `],"tool_choice":{"type":"tool","name":"get_weather"}`)},
		{"the provider's own tools", haiku, "", false, claude(`,"tools":[{"type":"bash_20250124","name":"bash"},{"type":"computer_20250124","name":"computer","display_width_px":1,"display_height_px":1},{"type":"custom","name":"x","input_schema":{"type":"object"}}],"anthropic_beta":["computer-use-2025-01-24"]`)},
		{"thinking with room for the answer", haiku, "", false, claude(`,"thinking":{"type":"enabled","budget_tokens":1024}`)},
		{"interleaved thinking with a large budget", haiku, "", false, claude(`,"tools":[` + tool + `],"anthropic_beta":["Interleaved-thinking-2025-05-14"],"thinking":{"type":"enabled","budget_tokens":10000}`)},
		{"adaptive thinking with an effort", opus47, "", false, claude(`,"thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"xhigh"}`)},
		{"disabled thinking on Haiku 5.5", haiku55, "", false, claude(`,"thinking":{"type":"disabled"}`)},
		{"thinking between tools on Sonnet 5.5", sonnet55, "", false, claude(`,"thinking":{"type":"between_tools"}`)},
		{"thinking blocks of an earlier turn", haiku, "", false, turns(`{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"redacted_thinking","data":"d"},{"type":"text","text":"x"}]},{"role":"user","content":"b"}`)},
		{"an answer schema", haiku, "", false, claude(`,"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"a":{"type":["string","null"]},"b":{"type":"array","items":{"$ref":"#/$defs/n"},"minItems":1}},"required":["a"],"additionalProperties":false,"$defs":{"n":{"type":"object","properties":{},"additionalProperties":false}}}}}`)},
		{"a cache point in a call", haiku, "", true, claude(`,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}]`)},
		{"Unicode and escapes", haiku, "", false, turns(`{"role":"user","content":"\u65e5\u672c語 \"q\" \\ \u001f"}`)},

		{"Converse", haiku, quarry.Converse, false, converse(`,"system":[{"text":"s"}],"inferenceConfig":{"maxTokens":512,"temperature":0.5,"stopSequences":["x"]},"additionalModelRequestFields":{"top_k":200},"requestMetadata":{"a":"b"}`)},
		{"Converse with both samplings where the model takes both", novaLite, quarry.Converse, false, converse(`,"inferenceConfig":{"maxTokens":512,"temperature":0.5,"topP":0.9}`)},
		{"Converse with an image, a document and a video", novaLite, quarry.Converse, false, `{"messages":[{"role":"user","content":[{"text":"x"},{"image":{"format":"png","source":{"bytes":"` + png + `"}}},{"document":{"format":"pdf","name":"Amazon Nova (2)","source":{"s3Location":{"uri":"s3://b/k.pdf","bucketOwner":"123456789012"}}}},{"video":{"format":"mp4","source":{"s3Location":{"uri":"s3://b/k.mp4"}}}}]}]}`},
		{"Converse with tools in a call", haiku, quarry.Converse, true, `{"messages":[{"role":"user","content":[{"text":"x"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"x","input":{"a":1}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"json":{"b":2}}],"status":"success"}}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"x","description":"d","inputSchema":{"json":{"type":"object","properties":{}}}}}],"toolChoice":{"auto":{}}}}`},
		{"Converse with everything else", haiku, quarry.Converse, true, converse(`,"guardrailConfig":{"guardrailIdentifier":"g","guardrailVersion":"1","trace":"enabled"},"additionalModelResponseFieldPaths":["/stop_sequence"],"promptVariables":{"a":{"text":"b"}},"performanceConfig":{"latency":"optimized"},"serviceTier":{"type":"flex"},"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"name":"a","schema":"{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}"}}}}`)},
		{"Converse with reasoning and cache points", haiku, quarry.Converse, true, `{"system":[{"text":"s"},{"cachePoint":{"type":"default"}}],"messages":[{"role":"user","content":[{"guardContent":{"text":{"text":"x"}}},{"cachePoint":{"type":"default","ttl":"1h"}}]},{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"t","signature":"s"}}},{"text":"a"}]},{"role":"user","content":[{"text":"b"}]}],"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":1024}},"inferenceConfig":{"maxTokens":4096}}`},

		{"Nova", novaLite, "", false, converse(`,"schemaVersion":"messages-v1","system":[{"text":"s"}],"inferenceConfig":{"maxTokens":300,"temperature":0.7,"topP":0.9,"topK":20,"stopSequences":["x"]}`)},
		{"Nova with the older names", novaLite, "", false, converse(`,"inferenceConfig":{"max_new_tokens":300,"top_p":0.9,"top_k":20}`)},
		{"Nova 2 that reasons", "us.amazon.nova-2-lite-v1:0", "", false, converse(`,"inferenceConfig":{"maxTokens":10000},"reasoningConfig":{"type":"enabled","maxReasoningEffort":"low"}`)},
		{"Llama", llama, "", false, `{"prompt":"<|begin_of_text|>x","max_gen_len":512,"temperature":0.5,"top_p":0.9}`},
		{"chat", gptOSS, "", false, `{"model":"openai.gpt-oss-120b-1:0","messages":[{"role":"developer","content":"s"},{"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}],"max_completion_tokens":150,"temperature":0.7,"top_p":0.9,"stream":false,"stop":["x"],"reasoning_effort":"low","seed":7}`},
		{"chat with tools", gptOSS, "", false, `{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"1"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":"auto"}`},
		{"chat with an effort", gptOSS, "", false, chat(`,"reasoning_effort":"high"`)},
		{"chat with an answer schema", gptOSS, "", false, chat(`,"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":{"type":"object"}}}`)},
		{"Mistral's first generation", "mistral.mistral-7b-instruct-v0:2", "", false, `{"prompt":"<s>[INST] x [/INST]","max_tokens":50,"temperature":0.5,"top_k":50}`},
		{"Mistral Large's chat", "mistral.mistral-large-2407-v1:0", "", false, chat(`,"max_tokens":10`)},
		{"Mistral Large's tools", "mistral.mistral-large-2407-v1:0", "", false, chat(`,"tools":[{"type":"function","function":{"name":"x","description":"d","parameters":{"type":"object","properties":{}}}}],"tool_choice":"any"`)},
		{"Mistral Large's first version with messages", "mistral.mistral-large-2402-v1:0", "", false, chat(`,"max_tokens":10`)},
		{"Mistral Large's first version with a prompt", "mistral.mistral-large-2402-v1:0", "", false, `{"prompt":"x","max_tokens":50,"top_k":50}`},
		{"Pixtral with an image", "us.mistral.pixtral-large-2502-v1:0", "", false, `{"messages":[{"role":"user","content":[{"text":"x","type":"text"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}],"max_tokens":10}`},
		{"Magistral", "mistral.magistral-small-2509", "", false, chat(`,"max_tokens":10`)},
		{"Titan", "amazon.titan-text-express-v1", "", false, `{"inputText":"x","textGenerationConfig":{"maxTokenCount":512,"temperature":0.5}}`},
		{"Titan's embeddings", "amazon.titan-embed-text-v2:0", "", false, `{"inputText":"x","dimensions":512,"normalize":true}`},
		{"Cohere's embeddings", "cohere.embed-english-v3", "", false, `{"texts":["x"],"input_type":"search_document"}`},
		{"a model whose provider is not known", "acme.brain-1", "", false, `{"whatever":1}`},
		{"an application profile with Converse's body", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl", "", false, converse(`,"inferenceConfig":{"maxTokens":5,"temperature":0.1,"topP":0.2}`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if faults, _ := check(t, rules.Config{Model: c.model, Type: c.of, Job: !c.call}, c.body); len(faults) > 0 {
				t.Errorf("Check(%s) = %q, want nothing", c.body, faults)
			}
		})
	}
}

// calls is an assistant's turn that calls a tool with each id, results a user's turn that answers them.
func calls(ids ...string) string {
	var b []string
	for _, id := range ids {
		b = append(b, `{"type":"tool_use","id":"`+id+`","name":"x","input":{}}`)
	}
	return `{"role":"assistant","content":[{"type":"text","text":"I look."},` + strings.Join(b, ",") + `]}`
}

func results(ids ...string) string {
	var b []string
	for _, id := range ids {
		b = append(b, `{"type":"tool_result","tool_use_id":"`+id+`","content":"r"}`)
	}
	return `{"role":"user","content":[` + strings.Join(b, ",") + `]}`
}

func converseCalls(uses, results string) string {
	return `{"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[` + uses + `]},{"role":"user","content":[` + results + `]}]}`
}

func TestCallsHaveTheirResults(t *testing.T) {
	t.Parallel()
	const (
		begin  = `{"role":"user","content":"a"},`
		answer = `,{"role":"assistant","content":"b"}`
		more   = `,{"role":"user","content":"c"}`
		tool   = `{"name":"x","input_schema":{"type":"object"}}`
		cached = `{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}`
		use    = `{"toolUse":{"toolUseId":"t1","name":"x","input":{}}}`
		result = `{"toolResult":{"toolUseId":"t1","content":[{"text":"r"}]}}`
	)
	tools := func(list string) string { return claude(`,"tools":[` + list + `]`) }
	for _, c := range []struct {
		name string
		of   quarry.InvocationType
		body string
		want string // empty: nothing
	}{
		{"a call and its result", "", turns(begin + calls("t1") + "," + results("t1")), ""},
		{"parallel calls, the results in another order", "", turns(begin + calls("t1", "t2") + "," + results("t2", "t1") + answer + more), ""},
		{"results in two turns that are joined", "", turns(begin + calls("t1", "t2") + "," + results("t1") + "," + results("t2")), ""},
		{"calls in two turns that are joined", "", turns(begin + calls("t1") + "," + calls("t2") + "," + results("t1", "t2")), ""},
		{"the id again, later", "", turns(begin + calls("t1") + "," + results("t1") + "," + calls("t1") + "," + results("t1")), ""},
		{"thinking in front of the call", "", turns(begin + `{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"t1","name":"x","input":{}}]},` + results("t1")), ""},
		{"the provider's own tools", "", turns(begin + `{"role":"assistant","content":[{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}},{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]},{"type":"text","text":"b"}]}` + more), ""},
		{"calls that were summarized away", "", turns(begin + `{"role":"assistant","content":[{"type":"compaction","content":"s"}]},` + results("t1")), ""},
		{"a result without a call", "", turns(results("zz")), "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: zz. Each"},
		{"the result of another call", "", turns(begin + calls("t1") + "," + results("t1", "t2")), "messages.2.content.1: unexpected `tool_use_id`"},
		{"a result too late", "", turns(begin + calls("t1") + "," + results("t1") + answer + "," + results("t1")), "messages.4.content.0: unexpected `tool_use_id`"},
		{"a call without a result", "", turns(begin + calls("t1") + more), "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: t1. Each"},
		{"one of two calls", "", turns(begin + calls("t1", "t2") + "," + results("t1") + answer + more), "immediately after: t2."},
		{"two calls of one id", "", turns(begin + calls("t1", "t1") + "," + results("t1")), "messages.1.content.2: `tool_use` ids must be unique"},
		{"a call's id with a dot", "", turns(begin + calls("t.1") + "," + results("t.1")), "messages.1.content.1.id: String should match pattern '^[a-zA-Z0-9_-]+$'"},
		{"an empty id", "", turns(begin + calls("") + "," + results("")), "String should match pattern"},

		{"two tools", "", tools(tool + `,{"name":"y","input_schema":{"type":"object"}}`), ""},
		{"two tools of one name", "", tools(tool + "," + tool), "tools: Tool names must be unique."},
		{"one of them the provider's", "", tools(`{"type":"bash_20250124","name":"bash"},{"name":"bash","input_schema":{"type":"object"}}`), "tools: Tool names must be unique."},

		{"four cached blocks", "", claude(`,"system":[` + strings.Repeat(cached+",", 3) + cached + `]`), ""},
		{"five cached blocks", "", claude(`,"system":[` + strings.Repeat(cached+",", 4) + cached + `]`), "A maximum of 4 blocks with cache_control may be provided. Found 5."},
		{"five in all places", "", claude(`,"system":[` + strings.Repeat(cached+",", 3) + cached + `],"tools":[{"type":"bash_20250124","name":"bash","cache_control":{"type":"ephemeral"}}]`), "Found 5."},

		{"Converse: a call and its result", quarry.Converse, converseCalls(use, result), ""},
		{"Converse: no result", quarry.Converse, converseCalls(use, `{"text":"x"}`), "Expected toolResult blocks at messages.2.content for the following Ids: t1"},
		{"Converse: no call", quarry.Converse, converseCalls(`{"text":"x"}`, result), "The number of toolResult blocks at messages.2.content exceeds the number of toolUse blocks of previous turn."},
		{"Converse: two results", quarry.Converse, converseCalls(use, result+","+result), "The toolResult blocks at messages.2.content contain duplicate Ids: t1"},
		{"Converse: two calls of one id", quarry.Converse, converseCalls(use+","+use, result), "The toolUse blocks at messages.1.content contain duplicate Ids: t1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			faults, _ := check(t, rules.Config{Model: haiku, Type: c.of}, c.body)
			if (len(faults) > 0) != (c.want != "") || !strings.Contains(strings.Join(faults, "\n"), c.want) {
				t.Errorf("Check(%s) = %q, want %q", c.body, faults, c.want)
			}
		})
	}
}

func TestWhatNoPageDecidesIsAWarning(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, want string }{
		{"two user turns in a row", turns(`{"role":"user","content":"a"},{"role":"user","content":"b"}`), `found multiple "user" roles in a row`},
		{"two assistant turns in a row", turns(`{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"assistant","content":"c"}`), `found multiple "assistant" roles in a row`},
		{"a call at the end", turns(`{"role":"user","content":"a"},` + calls("t1")), "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: t1."},
		{"metadata", claude(`,"metadata":{"user_id":"u"}`), "does not list metadata"},
		{"a cache point in a job", claude(`,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}]`), "saves nothing here"},
		{"a forced tool in a job", claude(`,"tools":[{"name":"x","input_schema":{"type":"object"}}],"tool_choice":{"type":"tool","name":"x"}`), "disagree on tools"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			faults, warnings := check(t, rules.Config{Model: haiku, Job: true}, c.body)
			if len(faults) > 0 || !strings.Contains(strings.Join(warnings, "\n"), c.want) {
				t.Errorf("Check(%s) = %q, warnings %q, want a warning with %q", c.body, faults, warnings, c.want)
			}
		})
	}
}

func FuzzCheck(f *testing.F) {
	for _, body := range []string{claude(`,"thinking":{"type":"enabled","budget_tokens":1}`), blocks(`{"type":"text","text":"\u0020"}`), converse(`,"toolConfig":{}`), chat(""), `{"prompt":"\\"}`, `{"a":{"b":[1,{}]}}`} {
		f.Add([]byte(body))
	}
	models := []string{haiku, haiku55, novaLite, llama, gptOSS, "us.deepseek.r1-v1:0", "mistral.mistral-7b-instruct-v0:2", "amazon.titan-text-express-v1", "cohere.embed-v4:0", "cohere.command-r-v1:0", "acme.brain-1"}
	f.Fuzz(func(t *testing.T, body []byte) {
		var c jsonl.Checker
		members, err := c.Object(body)
		if err != nil {
			return
		}
		_ = members
		for _, m := range models {
			for _, of := range []quarry.InvocationType{"", quarry.InvokeModel, quarry.Converse} {
				rules.For(rules.Config{Model: m, Type: of, Job: true}, body).Check(&c, body, func(f rules.Finding) {
					if f.Reason == "" || len(f.Part) == 0 {
						t.Fatalf("%s: %+v", body, f)
					}
				})
			}
		}
	})
}

// A file may hold both bodies that a Mistral model takes: each line is compared with its own.
func TestEachBodyHasItsOwnShape(t *testing.T) {
	t.Parallel()
	const large = "mistral.mistral-large-2407-v1:0"
	prompt, messages := `{"prompt":"x","top_k":5}`, chat(`,"tool_choice":"auto"`)
	for _, first := range []string{prompt, messages, ""} {
		table := rules.For(rules.Config{Model: large}, []byte(first))
		for body, want := range map[string]string{
			prompt: "", messages: "",
			`{"prompt":"x","messages":[{"role":"user","content":"x"}]}`: "prompt: Extra inputs are not permitted",
			`{"prompt":"x","temperature":2}`:                            "2 is not less or equal to 1",
			`{"messages":[{"role":"bot","content":"x"}]}`:               "role: Input should be",
		} {
			var c jsonl.Checker
			if _, err := c.Object([]byte(body)); err != nil {
				t.Fatal(err)
			}
			if f, found := table.First(&c, []byte(body)); found != (want != "") || !strings.Contains(f.Reason, want) {
				t.Errorf("after %q, %s: %q, want %q", first, body, f.Reason, want)
			}
		}
	}
}
