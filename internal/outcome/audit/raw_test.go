package audit_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/outcome/audit"
)

func TestRawLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, line string
		id         quarry.RecordID
		answered   bool
		text       string
		usage      quarry.Usage
		bad        bool
	}{
		{
			name: "Anthropic Messages", id: "a", answered: true, text: "xy", usage: quarry.Usage{InputTokens: 3, OutputTokens: 4},
			line: `{"recordId":"a","modelInput":{},"modelOutput":{"content":[{"type":"thinking","thinking":"t"},{"type":"text","text":"x"},{"type":"text","text":"y"}],"usage":{"input_tokens":3,"output_tokens":4}}}`,
		},
		{
			name: "Converse", id: "a", answered: true, text: "x", usage: quarry.Usage{InputTokens: 3, OutputTokens: 4},
			line: `{"recordId":"a","modelOutput":{"output":{"message":{"content":[{"reasoningContent":{}},{"text":"x"}]}},"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":4}}}`,
		},
		{
			name: "OpenAI with reasoning in the text", id: "a", answered: true, text: "x", usage: quarry.Usage{InputTokens: 3, OutputTokens: 4},
			line: `{"recordId":"a","modelOutput":{"choices":[{"message":{"content":"<reasoning>why\nso</reasoning>x"}}],"usage":{"prompt_tokens":3,"completion_tokens":4}}}`,
		},
		{name: "reasoning that does not end", id: "a", answered: true, usage: quarry.Usage{Unknown: 1}, line: `{"recordId":"a","modelOutput":{"generation":"<think>and then"}}`},
		{
			name: "Llama", id: "a", answered: true, text: "x", usage: quarry.Usage{InputTokens: 3, OutputTokens: 4},
			line: `{"recordId":"a","modelOutput":{"generation":"x","prompt_token_count":3,"generation_token_count":4}}`,
		},
		{name: "an error", id: "a", line: `{"recordId":"a","error":{"errorCode":400,"errorMessage":"no"}}`},
		{name: "an answer with an error", id: "a", answered: true, text: "x", usage: quarry.Usage{InputTokens: 3, OutputTokens: 4}, line: `{"recordId":"a","error":"str","modelOutput":{"generation":"x","prompt_token_count":3,"generation_token_count":4}}`},
		{name: "an error with an empty answer", id: "a", line: `{"recordId":"a","error":{"errorCode":500},"modelOutput":{"generation":""}}`},
		{name: "neither", id: "a", line: `{"recordId":"a","modelOutput":null,"error":null}`},
		{name: "an answer of a shape that nobody knows", id: "a", answered: true, usage: quarry.Usage{Unknown: 1}, line: `{"recordId":"a","modelOutput":{"x":1}}`},
		{name: "an answer that is none", id: "a", answered: true, usage: quarry.Usage{Unknown: 1}, line: `{"recordId":"a","modelOutput":"x"}`},
		{name: "tokens that are no numbers", id: "a", answered: true, text: "x", usage: quarry.Usage{Unknown: 1}, line: `{"recordId":"a","modelOutput":{"generation":"x","prompt_token_count":-1,"generation_token_count":1e99}}`},
		{name: "a record twice", bad: true, line: `{"recordId":"a","recordId":"b","modelOutput":{}}`},
		{name: "another spelling of the name", bad: true, line: `{"RecordId":"a","modelOutput":{}}`},
		{name: "a number for a record", bad: true, line: `{"recordId":7,"modelOutput":{}}`},
		{name: "no record", bad: true, line: `{"modelOutput":{}}`},
		{name: "torn", bad: true, line: `{"recordId":"a","modelOutput":{"con`},
		{name: "two values", bad: true, line: `{"recordId":"a"}{"recordId":"b"}`},
		{name: "a list", bad: true, line: `[{"recordId":"a"}]`},
		{name: "invalid UTF-8", bad: true, line: "{\"recordId\":\"a\",\"modelOutput\":{\"generation\":\"\xff\"}}"},
		{name: "a control character", bad: true, line: "{\"recordId\":\"a\x00\"}"},
		{name: "deep", bad: true, line: `{"recordId":"a","modelOutput":` + strings.Repeat("[", 1_000_000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			id, answered, text, usage, err := audit.ReadRaw([]byte(c.line))
			if c.bad {
				if err == nil {
					t.Errorf("ReadRaw took it: %q", id)
				}
				return
			}
			if err != nil || id != c.id || answered != c.answered || text != c.text || usage != c.usage {
				t.Errorf("ReadRaw = %q, %v, %q, %+v, %v", id, answered, text, usage, err)
			}
		})
	}
}

func TestJSONInsideOfATextIsFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"in a fence", "```json\n{\"b\": 1, \"a\": \"é\\u00e9\"}\n```", []string{`{"a":"éé","b":1}`}},
		{"in prose with braces", `Set {x} is: {"a":1}.`, []string{`{"a":1}`}},
		{"with a comma too many", `{"a":[1,2,],}`, []string{`{"a":[1,2]}`}},
		{"with line breaks in a string", "{\"a\":\"x\ny\"}", []string{`{"a":"x\ny"}`}},
		{"none", "nothing at all", nil},
		{"cut off", `{"a":"x`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := audit.Inside(c.text)
			for _, want := range c.want {
				if len(got) == 0 || got[0] != want {
					t.Errorf("Inside = %q, want %q first", got, want)
				}
			}
			if c.want == nil && len(got) > 0 {
				t.Errorf("Inside = %q, want nothing: %s", got, cmp.Diff(c.want, got))
			}
		})
	}
}

func FuzzRawLines(f *testing.F) {
	f.Add([]byte(`{"recordId":"a","modelOutput":{"content":[{"type":"text","text":"{\"a\":1}"}],"usage":{"input_tokens":3,"output_tokens":4}}}`))
	f.Add([]byte(`{"recordId":"a","modelOutput":{"output":{"message":{"content":[{"text":"<think>a</think>b"}]}}}}`))
	f.Add([]byte(`{"recordId":"a","error":{"errorCode":"429","errorMessage":"slow"}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		id, answered, text, usage, err := audit.ReadRaw(line)
		if err != nil && (answered || text != "") {
			t.Errorf("an answer in a line that is none: %v", err)
		}
		if err == nil && id == "" || usage.InputTokens < 0 || usage.OutputTokens < 0 {
			t.Errorf("id %q, usage %+v", id, usage)
		}
		for _, value := range audit.Inside(string(line)) {
			if value == "" {
				t.Error("an empty value")
			}
		}
	})
}
