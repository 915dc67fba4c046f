package rules

// The content blocks of the Messages API, from the types of Anthropic's SDK. Where Bedrock takes less, the rule says so.
var contentBlock = tagged("type", map[string]rule{
	"text":              messageText,
	"image":             imageBlock,
	"document":          documentBlock,
	"search_result":     searchResult,
	"thinking":          object(need("type", text), need("thinking", text), need("signature", text)),
	"redacted_thinking": object(need("type", text), need("data", text)),
	"tool_use": object(need("type", text), need("id", callID), need("name", named), need("input", anyObject),
		optional("cache_control", cacheControl), optional("caller", anyObject), optional("toolset_name", text)),
	"tool_result": object(need("type", text), need("tool_use_id", callID), optional("content", stringOr(text, list(0, 0, resultBlock))),
		optional("is_error", boolean), optional("cache_control", cacheControl), optional("toolset_name", text)),

	// What the provider's own tools answered, in a conversation that is sent again.
	"server_tool_use": anyObject, "web_search_tool_result": anyObject, "web_fetch_tool_result": anyObject,
	"code_execution_tool_result":      anyObject,
	"bash_code_execution_tool_result": anyObject, "text_editor_code_execution_tool_result": anyObject, "tool_search_tool_result": anyObject,
	"container_upload": anyObject, "compaction": anyObject,
})

var messageText = textBlock("messages")

var resultBlock = tagged("type", map[string]rule{
	"text": messageText, "image": imageBlock, "document": documentBlock, "search_result": searchResult, "tool_reference": anyObject,
	"browser_state": anyObject,
})

var citations = object(optional("enabled", boolean))

var imageBlock = object(need("type", text), need("source", imageSource), optional("cache_control", cacheControl),
	optional("transformations", anyObject))

// noURL: Bedrock takes the bytes only ("You can specify base64",
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html).
func noURL(w *walk, value []byte) {
	tag, _ := lookup(w, value, "type")
	w.push("type")
	w.fault(tag, message{kind: notOneOf, text: said(tag), values: []string{"base64"}},
		"Bedrock fetches no URLs and holds no files: send the bytes as base64")
	w.pop()
}

var imageSource = tagged("type", map[string]rule{
	"url": noURL, "file": noURL,
	"base64": objectThen(imageBytes,
		need("type", text), need("media_type", oneOf("image/jpeg", "image/png", "image/gif", "image/webp")), need("data", encoded)),
})

// imageBytes holds the name of the type against the first bytes.
func imageBytes(w *walk, f fields) {
	data, media := f.get("data"), said(f.get("media_type"))
	if data == nil || data[0] != '"' || media == "" {
		return
	}
	if is := mediaTypeOf(data); is != "" && is != media {
		w.push("media_type")
		w.say(f.get("media_type"), "Image does not match the provided media type "+shown([]byte(media)), "set media_type to "+is)
		w.pop()
	}
}

var documentBlock = object(
	need("type", text), need("source", documentSource),
	optional("title", text), optional("context", text), optional("citations", citations), optional("cache_control", cacheControl),
)

var documentSource = tagged("type", map[string]rule{
	"url": noURL, "file": noURL,
	"base64": object(need("type", text), need("media_type", oneOf("application/pdf")), need("data", encoded)),
	"text":   object(need("type", text), need("media_type", oneOf("text/plain")), need("data", filled)),
	"content": object(need("type", text),
		need("content", stringOr(text, list(1, 0, tagged("type", map[string]rule{"text": messageText, "image": imageBlock}))))),
})

var searchResult = object(
	need("type", text), need("source", text), need("title", text), need("content",
		list(1, 0, tagged("type", map[string]rule{"text": messageText}))),
	optional("citations", citations), optional("cache_control", cacheControl),
)
