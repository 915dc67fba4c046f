package report

import (
	"strings"

	"quarry"
)

// Failure is a message that documents ended with, and what to do about it.
type Failure struct {
	Kind    string `json:"kind"`    // as in results.jsonl: error.kind
	Message string `json:"message"` // of one of them, at most 300 characters
	Count   int64  `json:"count"`   // of the documents, or attempts, with this message; numbers and ids in it may differ
	Hint    string `json:"hint"`
	// Examples are ids of documents with this message, at most 3; absent of attempts.
	Examples []quarry.DocumentID `json:"examples,omitempty"`
}

// hints say what to do about a message, the first match decides. All words of one entry have to occur.
var hints = []struct {
	words []string
	hint  string
}{
	{[]string{"cannot both be specified"}, "remove one of the two settings from prompt: in quarry.yaml"},
	{[]string{"output_config"}, "set structured: off, or choose a model that accepts an answer schema"},
	{[]string{"<html"}, "a gateway or web server answered instead of the model: check the URL of the back end"},
	{[]string{"<!doctype"}, "a gateway or web server answered instead of the model: check the URL of the back end"},
	{[]string{"context length"}, shorten},
	{[]string{"context window"}, shorten},
	{[]string{"context size"}, shorten},
	{[]string{"maximum context"}, shorten},
	{[]string{"prompt is too long"}, shorten},
	{[]string{"too many input tokens"}, shorten},
	{[]string{"input is too long"}, shorten},
	{[]string{"api key"}, key},
	{[]string{"api-key"}, key},
	{[]string{"unauthorized"}, key},
	{[]string{"401:"}, key},
	{[]string{"authentication"}, key},
	{[]string{"accessdenied"}, access},
	{[]string{"access denied"}, access},
	{[]string{"403:"}, access},
	{[]string{"model", "not found"}, name},
	{[]string{"model", "does not exist"}, name},
	{[]string{"404:"}, name},
	{[]string{"connection refused"}, down},
	{[]string{"cannot be reached"}, down},
	{[]string{"no such host"}, "check the host name in the URL of the back end"},
	{[]string{"rate limit"}, slower},
	{[]string{"too many requests"}, slower},
	{[]string{"throttl"}, slower},
}

const (
	shorten = "shorten the texts with --max-text-tokens N, or send long texts in parts with --long merge"
	key     = "check the key: --backend-key-env names the variable that holds it"
	access  = "check the permissions of the caller and of the service role: quarry preflight"
	name    = "check the model's name (--model, --backend-model) and the URL of the back end"
	down    = "start the back end, then rerun the same command"
	slower  = "rerun the same command later, or lower --concurrency"
)

// Hint says what to do about an error, by its message or else by its kind.
func Hint(kind, message string) string {
	text := strings.ToLower(message)
	for _, h := range hints {
		all := true
		for _, w := range h.words {
			all = all && strings.Contains(text, w)
		}
		if all {
			return h.hint
		}
	}
	_, advice := advised(kind)
	return advice
}
