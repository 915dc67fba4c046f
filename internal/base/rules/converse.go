package rules

import (
	"bytes"
	"regexp"

	"quarry/internal/base/jsonl"
)

// The body of Converse: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html. The members
// are those of AWS's SDK (@aws-sdk/client-bedrock-runtime 3.1164).
var converseTop = objectOf(converseUnknown, converseTogether,
	need("messages", converseMessages),
	optional("system", list(0, 0, converseSystem)),
	optional("inferenceConfig", objectThen(converseSampling,
		optional("maxTokens", maxTokens("")), optional("temperature", number(0, 1)), optional("topP", number(0, 1)), optional("stopSequences",
			list(0, 2500, filled)))),
	optional("toolConfig", toolConfig),
	optional("guardrailConfig", object(optional("guardrailIdentifier", text), optional("guardrailVersion", text),
		optional("trace", oneOf("enabled", "disabled", "enabled_full")))),
	optional("additionalModelRequestFields", anyObject),
	optional("additionalModelResponseFieldPaths", list(0, 10, filled)),
	optional("promptVariables", anyObject),
	optional("requestMetadata", anyObject),
	optional("performanceConfig", object(optional("latency", oneOf("standard", "optimized")))),
	optional("serviceTier", object(need("type", oneOf("priority", "default", "flex", "reserved")))),
	optional("outputConfig", object(optional("textFormat", textFormat), optional("effort", text))),
)

func converseUnknown(_ *walk, name string) (fix string, refused bool) {
	switch name {
	case "modelId", "model":
		return "remove it: the job or the call names the model", true
	case "max_tokens", "maxTokens", "temperature", "topP", "top_p", "stopSequences", "stop_sequences":
		return "move it into inferenceConfig: maxTokens, temperature, topP or stopSequences", true
	case "anthropic_version", "schemaVersion":
		return "remove it, or use the invocation type InvokeModel: it belongs to the model's own body", true
	case "top_k", "topK", "thinking", "anthropic_beta", "reasoning_effort":
		return "move it into additionalModelRequestFields", true
	case "tools", "tool_choice":
		return "use toolConfig", true
	}
	return "remove it", true
}

func converseSampling(w *walk, f fields) {
	w.sampling(sampling{f.get("temperature"), f.get("topP"), nil}, "`top_k`", "`temperature`", "`top_p`")
}

// converseTogether checks what Converse hands on to Claude, and what a job does not take.
func converseTogether(w *walk, f fields) {
	if config := f.get("toolConfig"); config != nil && w.facts.job {
		w.at("toolConfig", func() {
			w.say(config, "Tool use is not supported with batch inference for the Converse API.",
				"remove toolConfig, or use the invocation type InvokeModel")
		})
	}
	if format := f.get("outputConfig"); format != nil && format[0] == '{' {
		if v, ok := lookup(w, format, "textFormat"); ok {
			w.at("outputConfig", func() { w.at("textFormat", func() { w.structured(v) }) })
		}
	}
	more := f.get("additionalModelRequestFields")
	if more == nil || more[0] != '{' || !claude(w.facts.model.ID) {
		return
	}
	// The fields go into the Messages body, so they meet its rules there.
	var config []byte
	if config = f.get("inferenceConfig"); config == nil || config[0] != '{' {
		config = []byte("{}")
	}
	given := fields{members: handedOn, values: make([][]byte, len(handedOn))}
	for i, m := range handedOn {
		if v, ok := lookup(w, more, m.name); ok && string(v) != "null" {
			given.values[i] = v
		}
	}
	for i, name := range []string{"maxTokens", "temperature", "topP"} {
		if v, ok := jsonl.Lookup(config, name); ok && given.values[i] == nil {
			given.values[i] = v
		}
	}
	w.push("additionalModelRequestFields")
	defer w.pop()
	if v := given.get("thinking"); v != nil {
		w.at("thinking", func() { thinking(w, v) })
	}
	w.sampling(sampling{topK: given.get("top_k")}, "`top_k`", "`temperature`", "`top_p`")
	w.thinking(given, "max_tokens", "", bytes.Contains(more, []byte("interleaved-thinking")))
}

var handedOn = []member{{name: "max_tokens"}, {name: "temperature"}, {name: "top_p"}, {name: "top_k"}, {name: "thinking"}}

// converseMessages checks the turns and their order, in the words of the service.
func converseMessages(w *walk, value []byte) {
	if value[0] != '[' {
		w.fault(value, message{kind: wrongType, want: "array", got: value}, "")
		return
	}
	n := 0
	var before []byte
	tools := pairs{is: conversePairs}
	for m := range w.c.Elements(value) {
		w.pushIndex(n)
		w.role, w.content = nil, nil
		converseTurn(w, m)
		role := inside(w.role)
		if w.content != nil && isEmptyArray(w.content) {
			w.say(w.content, "The content field in the Message object at "+w.pathWith(".")+" is empty. Add a ContentBlock object to the content field and try again.", "add a block with text")
		}
		tools.message(w, n, m, roleByte(role), w.content)
		w.pop()
		switch {
		case n == 0 && string(role) == "assistant":
			w.say(m, "A conversation must start with a user message. Try again with a conversation that starts with a user message.",
				"begin messages with a user turn")
		case len(role) > 0 && bytes.Equal(role, before):
			w.say(m, "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.", "join the two turns into one")
		}
		before = role
		n++
	}
	tools.settle(w)
	if n == 0 {
		w.say(value, "The Converse API requires at least one message.", "add a user turn")
	}
}

// roleByte is u for the user's turn, a for the assistant's, 0 for another.
func roleByte(role []byte) byte {
	switch string(role) {
	case "user":
		return 'u'
	case "assistant":
		return 'a'
	}
	return 0
}

var converseTurn = objectThen(noteTurn, need("role", oneOf("user", "assistant")), need("content", list(0, 0, converseBlock)))

// contentUnion begins what is said of a block that is none or several.
const contentUnion = "no known content block (text, image, document, toolUse, toolResult, …)"

var converseBlock = oneMember(contentUnion,
	member{name: "text", check: converseText},
	member{name: "image", check: converseImage},
	member{name: "document", check: converseDocument},
	member{name: "video", check: object(need("format", text), need("source", mediaSource))},
	member{name: "audio", check: object(need("format", text), need("source", mediaSource), optional("error", anyObject))},
	member{name: "toolUse", check: object(need("toolUseId", filled), need("name", named), need("input", anyObject), optional("type", text))},
	member{name: "toolResult", check: object(need("toolUseId", filled), need("content", list(0, 0, toolResultBlock)),
		optional("status", oneOf("success", "error")), optional("type", text))},
	member{name: "guardContent", check: anyObject},
	member{name: "cachePoint", check: cachePoint},
	member{name: "reasoningContent", check: anyObject},
	member{name: "citationsContent", check: anyObject},
	member{name: "searchResult", check: anyObject},
	member{name: "toolAddition", check: anyObject},
	member{name: "toolRemoval", check: anyObject},
)

var converseSystem = oneMember("no known system block (text, guardContent, cachePoint)",
	member{name: "text", check: converseText}, member{name: "guardContent", check: anyObject}, member{name: "cachePoint", check: cachePoint})

var toolResultBlock = oneMember("no known block of a tool's result (text, json, image, document, video, searchResult)",
	member{name: "text", check: text}, member{name: "json"}, member{name: "image", check: converseImage}, member{
		name: "document", check: converseDocument,
	},
	member{name: "video", check: anyObject}, member{name: "searchResult", check: anyObject})

func converseText(w *walk, value []byte) {
	switch {
	case value[0] != '"':
		text(w, value)
	case len(value) == 2 || blank(value):
		if w.facts.dialect == malformed { // Nova's own body
			w.fault(value, message{kind: tooShort, number: 1}, "remove the block, or put text into it")
			return
		}
		end := w.path[len(w.path)-1]
		w.pop()
		at := w.pathWith(".")
		w.path = append(w.path, end)
		w.say(value, "The text field in the ContentBlock object at "+at+" is blank. Add text to the text field, and try again.",
			"remove the block, or put text into it")
	}
}

func cachePoint(w *walk, value []byte) {
	cachePointShape(w, value)
	if w.facts.job {
		w.warn(value, "prompt caching is not supported with batch inference: cachePoint saves nothing here", "remove it, or use on-demand calls")
	}
}

var cachePointShape = object(need("type", oneOf("default")), optional("ttl", oneOf("5m", "1h")))

var mediaSource = oneMember("no known source (bytes, s3Location)",
	member{name: "bytes", check: encoded}, member{name: "s3Location", check: s3Location})

var s3Location = object(need("uri", s3URI), optional("bucketOwner", accountNumber))

func s3URI(w *walk, value []byte) {
	filled(w, value)
	if s := said(value); s != "" && !bytes.HasPrefix([]byte(s), []byte("s3://")) {
		w.fault(value, message{kind: whole, text: "the URI does not begin with s3://"}, "name the object as s3://BUCKET/KEY")
	}
}

var twelveDigits = regexp.MustCompile(`^[0-9]{12}$`)

func accountNumber(w *walk, value []byte) {
	filled(w, value)
	if s := said(value); s != "" && !twelveDigits.MatchString(s) {
		w.fault(value, message{kind: whole, text: "an account has 12 digits"}, "write the account's 12 digits")
	}
}

var converseImage = object(need("format", oneOf("png", "jpeg", "gif", "webp")), need("source", mediaSource), optional("error", anyObject))

var converseDocument = object(
	optional("format", oneOf("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md")),
	need("name", documentName),
	need("source", oneMember("no known source (bytes, s3Location, text, content)",
		member{name: "bytes", check: encoded}, member{name: "s3Location", check: s3Location}, member{name: "text", check: filled}, member{
			name: "content", check: list(1, 0, anyObject),
		})),
	optional("context", text), optional("citations", object(need("enabled", boolean))),
)

var documentNamePattern = regexp.MustCompile(`^[a-zA-Z0-9\s\-()\[\]]{1,200}$`)

func documentName(w *walk, value []byte) {
	if value[0] != '"' {
		text(w, value)
		return
	}
	if s := said(value); !documentNamePattern.MatchString(s) || bytes.Contains([]byte(s), []byte("  ")) {
		w.say(value, "The provided document name is not valid. The name can only contain alphanumeric characters, single white spaces, hyphens, parentheses, and square brackets, and up to 200 of them.", "rename the document")
	}
}

var toolConfig = object(need("tools", list(1, 0, oneMember("no known tool (toolSpec, systemTool, cachePoint)",
	member{name: "toolSpec", check: toolSpec}, member{name: "systemTool", check: anyObject}, member{name: "cachePoint", check: cachePoint}))),
	optional("toolChoice", oneMember("no known tool choice (auto, any, tool)",
		member{name: "auto", check: anyObject}, member{name: "any", check: anyObject}, member{name: "tool", check: object(need("name", named))})))

var toolSpec = object(need("name", named), optional("description", filled), need("inputSchema", object(need("json", anyObject))),
	optional("strict", boolean))

var textFormat = object(need("type", oneOf("json_schema")), need("structure", object(need("jsonSchema",
	object(need("schema", schemaInString), optional("name", text), optional("description", text))))))

// schemaInString checks an answer schema, which Converse wants as a string that holds JSON.
func schemaInString(w *walk, value []byte) {
	if value[0] != '"' {
		w.fault(value, message{kind: wrongType, want: "string", got: value}, "write the schema as a string that holds its JSON")
		return
	}
	schema := bytes.TrimSpace(jsonl.Unescape(nil, value[1:len(value)-1]))
	var c jsonl.Checker
	if _, err := c.Object(schema); err != nil {
		w.say(value, w.pathWith(".")+": the string is not valid JSON: it must be a JSON object",
			"write the schema as a string that holds its JSON")
		return
	}
	outer := w.c
	w.c = nil
	report := w.report
	w.report = func(f Finding) { f.Part = value; report(f) } // its parts are not parts of the line
	answerSchema(w, schema)
	w.c, w.report = outer, report
}
