package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"
)

// startBackend serves the wire of an Ollama server and puts its address into $BACKEND: backend CONTEXT [NUM_CTX | uncounted]. It reads a token
// for 4 bytes, holds CONTEXT of them and cuts longer prompts without a word. /api/show says NUM_CTX, where one is given;
// /api/ps says CONTEXT, once a prompt was read. With uncounted it gives no counts of tokens.
func startBackend(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: backend CONTEXT [NUM_CTX | uncounted]")
	}
	holds, err := strconv.Atoi(args[0])
	ts.Check(err)
	parameters := ""
	uncounted := len(args) > 1 && args[1] == "uncounted"
	if len(args) > 1 && !uncounted {
		parameters = "stop    \"</s>\"\nnum_ctx    " + args[1]
	}
	var loaded atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		say := func(v any) { _ = json.NewEncoder(w).Encode(v) }
		switch r.URL.Path {
		case "/v1/models":
			say(map[string]any{"data": []any{map[string]any{"id": "tiny:latest"}}})
		case "/api/show":
			say(map[string]any{"parameters": parameters, "model_info": map[string]any{"general.architecture": "llama", "llama.context_length": 131072}})
		case "/api/ps":
			models := []any{}
			if loaded.Load() {
				models = append(models, map[string]any{"name": "tiny:latest", "model": "tiny:latest", "context_length": holds})
			}
			say(map[string]any{"models": models})
		case "/v1/chat/completions":
			loaded.Store(true)
			var body struct{ Messages []struct{ Content string } }
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			read := 0
			for _, m := range body.Messages {
				read += len(m.Content) / 4
			}
			answer := fmt.Sprintf(`{"title_en":%q,"summary_ja":%q,"summary_en":%q}`, "A title", "石は丘から切り出されます。", strings.Repeat("Stone is cut from a hill. ", 3))
			usage := map[string]int{"prompt_tokens": min(read, holds), "completion_tokens": 40}
			if uncounted {
				usage = nil
			}
			say(map[string]any{
				"model": "tiny", "usage": usage,
				"choices": []any{map[string]any{"message": map[string]string{"role": "assistant", "content": answer}, "finish_reason": "stop"}},
			})
		default:
			http.NotFound(w, r)
		}
	}))
	ts.Defer(s.Close)
	ts.Setenv("BACKEND", s.URL)
}

// writeTexts writes N documents of about BYTES bytes each: texts N BYTES FILE.
func writeTexts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: texts N BYTES FILE")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	var out strings.Builder
	for i := range n {
		const sentence = "Stone is cut from the face of a hill, and masons take it down to the valley by rail. "
		text := fmt.Sprintf("Text number %d. ", i) + strings.Repeat(sentence, max(1, size/len(sentence)))
		fmt.Fprintf(&out, `{"id":"%d-%d","title":"Stone","content":%q}`+"\n", size, i, text)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(out.String()), 0o600))
}
