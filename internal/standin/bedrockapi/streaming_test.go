package bedrockapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/smithy-go"
)

// streamed reads InvokeModelWithResponseStream to its end: the chunks, and the error that ended them.
func streamed(t *testing.T, w *world, modelID, body string) (chunks []map[string]any, err error) {
	t.Helper()
	out, err := w.runtime.InvokeModelWithResponseStream(t.Context(), &bedrockruntime.InvokeModelWithResponseStreamInput{ModelId: &modelID, Body: []byte(body)})
	if err != nil {
		return nil, err
	}
	events := out.GetStream()
	defer func() { _ = events.Close() }()
	for event := range events.Events() {
		part, ok := event.(*types.ResponseStreamMemberChunk)
		if !ok {
			t.Fatalf("event %T", event)
		}
		var chunk map[string]any
		if err := json.Unmarshal(part.Value.Bytes, &chunk); err != nil {
			t.Fatal(err)
		}
		chunks = append(chunks, chunk)
	}
	return chunks, events.Err()
}

// at follows names and indices into a JSON value; nil where there is nothing.
func at(v any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[s]
		case int:
			l, _ := v.([]any)
			if s >= len(l) {
				return nil
			}
			v = l[s]
		}
	}
	return v
}

func TestAStreamSaysWhatTheWholeAnswerSays(t *testing.T) {
	t.Parallel()
	const long = "Say this: 日本語の長い文章です。絵文字👩‍👩‍👧も。 A sentence of plain words follows, and another one with a \\\"quote\\\" and a line\\nbreak. "
	text := strings.Repeat(long, 8)
	chat := `{"messages":[{"role":"user","content":"` + text + `"}],"max_tokens":2000}`
	for _, tt := range []struct {
		name, model, body string
		whole             []any // the text in the whole answer
		piece             []any // and in a chunk
		stop              []any // the reason in a chunk
	}{
		{
			"Claude", haiku, `{"anthropic_version":"bedrock-2023-05-31","max_tokens":2000,"messages":[{"role":"user","content":"` + text + `"}]}`,
			[]any{"content", 0, "text"},
			[]any{"delta", "text"},
			[]any{"delta", "stop_reason"},
		},
		{
			"Nova", "us.amazon.nova-lite-v1:0", `{"schemaVersion":"messages-v1","messages":[{"role":"user","content":[{"text":"` + text + `"}]}]}`,
			[]any{"output", "message", "content", 0, "text"},
			[]any{"contentBlockDelta", "delta", "text"},
			[]any{"messageStop", "stopReason"},
		},
		{
			"Llama", "us.meta.llama3-3-70b-instruct-v1:0", `{"prompt":"` + text + `","max_gen_len":2000}`,
			[]any{"generation"},
			[]any{"generation"},
			[]any{"stop_reason"},
		},
		{
			"chat completions", "openai.gpt-oss-120b-1:0", chat,
			[]any{"choices", 0, "message", "content"},
			[]any{"choices", 0, "delta", "content"},
			[]any{"choices", 0, "finish_reason"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			whole, err := w.runtime.InvokeModel(t.Context(), &bedrockruntime.InvokeModelInput{ModelId: &tt.model, Body: []byte(tt.body)})
			if err != nil {
				t.Fatal(err)
			}
			var answer any
			if err := json.Unmarshal(whole.Body, &answer); err != nil {
				t.Fatal(err)
			}
			chunks, err := streamed(t, w, tt.model, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			said, stops := "", 0
			for _, c := range chunks {
				piece, _ := at(c, tt.piece...).(string)
				said += piece
				if stop, _ := at(c, tt.stop...).(string); stop != "" {
					stops++
				}
			}
			if said == "" || said != at(answer, tt.whole...) {
				t.Errorf("the stream says %q, the whole answer %q", said, at(answer, tt.whole...))
			}
			if len(chunks) < 10 || stops != 1 {
				t.Errorf("%d chunks with %d reasons to stop, want many and one", len(chunks), stops)
			}
			measured := at(chunks[len(chunks)-1], "amazon-bedrock-invocationMetrics")
			if n, _ := at(measured, "outputTokenCount").(float64); n < 10 {
				t.Errorf("the last chunk's metrics are %v", measured)
			}
			if got := bill(t, w.engine); len(got) != 2 {
				t.Errorf("the bill counts %v, want two calls", got)
			}
		})
	}
}

func TestClaudesStreamHasTheEventsOfItsAPI(t *testing.T) {
	t.Parallel()
	chunks, err := streamed(t, setup(t), haiku, body("Say something."))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, c := range chunks {
		kind, _ := c["type"].(string)
		if len(kinds) == 0 || kinds[len(kinds)-1] != kind {
			kinds = append(kinds, kind)
		}
	}
	if got, want := strings.Join(kinds, " "), "message_start content_block_start content_block_delta content_block_stop message_delta message_stop"; got != want {
		t.Errorf("events %s, want %s", got, want)
	}
	start := chunks[0]["message"]
	if id, _ := at(start, "id").(string); !strings.HasPrefix(id, "msg_bdrk_") || at(start, "role") != "assistant" || at(start, "usage", "input_tokens") == nil {
		t.Errorf("message_start holds %v", start)
	}
}

func TestConverseStream(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := &bedrockruntime.ConverseStreamInput{
		ModelId:  aws.String("us.amazon.nova-lite-v1:0"),
		Messages: []types.Message{{Role: types.ConversationRoleUser, Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: strings.Repeat("Say something long. ", 30)}}}},
	}
	out, err := w.runtime.ConverseStream(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	said := ""
	note := func(name string) {
		if len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	for event := range out.GetStream().Events() {
		switch e := event.(type) {
		case *types.ConverseStreamOutputMemberMessageStart:
			note("messageStart")
		case *types.ConverseStreamOutputMemberContentBlockDelta:
			note("contentBlockDelta")
			if d, ok := e.Value.Delta.(*types.ContentBlockDeltaMemberText); ok {
				said += d.Value
			}
		case *types.ConverseStreamOutputMemberContentBlockStop:
			note("contentBlockStop")
		case *types.ConverseStreamOutputMemberMessageStop:
			note("messageStop")
			if e.Value.StopReason != types.StopReasonEndTurn {
				t.Errorf("stop reason %s", e.Value.StopReason)
			}
		case *types.ConverseStreamOutputMemberMetadata:
			note("metadata")
			if *e.Value.Usage.OutputTokens < 10 || e.Value.Metrics.LatencyMs == nil {
				t.Errorf("metadata %+v", e.Value)
			}
		}
	}
	if err := out.GetStream().Err(); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(names, " "), "messageStart contentBlockDelta contentBlockStop messageStop metadata"; got != want {
		t.Errorf("events %s, want %s", got, want)
	}
	if !strings.HasPrefix(said, "Say something long.") {
		t.Errorf("it says %q", said)
	}
}

func TestStreamsFailAsAWSSays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, fault, model, body string
		early, late              string // the code before the stream, or in its middle
		billed                   int
	}{
		{"an error of the record comes before the stream", "record-error", haiku, body("Say something."), "InternalServerException", "", 0},
		{"a stream that breaks ends with an exception", "stream-error", haiku, body(strings.Repeat("Say something. ", 50)), "", "modelStreamErrorException", 1},
		{"a dropped answer ends the connection", "drop-record", haiku, body(strings.Repeat("Say something. ", 50)), "", "cut", 1},
		{"a body without max_tokens", "", haiku, `{"anthropic_version":"bedrock-2023-05-31","messages":[{"role":"user","content":"x"}]}`, "ValidationException", "", 0},
		{"no JSON", "", haiku, `{`, "ValidationException", "", 0},
		{"a model that does not exist", "", "us.anthropic.claude-0", body("Say something."), "ValidationException", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, func(s *settings) { s.faults = tt.fault })
			chunks, err := streamed(t, w, tt.model, tt.body)
			var api smithy.APIError
			switch {
			case tt.early != "":
				if !errors.As(err, &api) || api.ErrorCode() != tt.early || len(chunks) > 0 {
					t.Errorf("%d chunks and %v, want none and %s", len(chunks), err, tt.early)
				}
			case tt.late == "cut":
				// The SDK takes a cut connection for the end; the stream's own end is missing.
				if len(chunks) == 0 || chunks[len(chunks)-1]["type"] == "message_stop" {
					t.Errorf("%d chunks and %v, want some and no end", len(chunks), err)
				}
			default:
				if !errors.As(err, &api) || !strings.EqualFold(api.ErrorCode(), tt.late) || len(chunks) == 0 {
					t.Errorf("%d chunks and %v, want some and %s", len(chunks), err, tt.late)
				}
			}
			if got := bill(t, w.engine); len(got) != tt.billed {
				t.Errorf("the bill counts %v, want %d", got, tt.billed)
			}
		})
	}
}

func TestAStreamNeedsItsOwnRight(t *testing.T) {
	t.Parallel()
	w := setup(t, func(s *settings) {
		s.access = func(_ context.Context, _, action, _ string, _ map[string]string) error {
			if action == "bedrock:InvokeModelWithResponseStream" {
				return errors.New("not authorized to perform: " + action)
			}
			return nil
		}
	})
	_, err := streamed(t, w, haiku, body("Say something."))
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "AccessDeniedException" {
		t.Errorf("%v, want AccessDeniedException", err)
	}
	if _, err := w.runtime.InvokeModel(t.Context(), invocation("Say something.")); err != nil {
		t.Errorf("InvokeModel: %v", err)
	}
}
