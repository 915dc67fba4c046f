package failures_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/outcome/report"
	"quarry/internal/run/failures"
)

func TestMessagesThatDifferInNumbersAreOne(t *testing.T) {
	t.Parallel()
	var c failures.Counter
	for i := range 5 {
		c.Add("record_error", fmt.Sprintf("400: prompt is too long: %d tokens > 4096 maximum", 5000+i))
	}
	c.Add("throttled", "429: Too many requests,\n please wait\x1b[2J")
	c.Add("throttled", "429: Too many requests, please wait[2J")
	got := c.Top(failures.Shown)
	want := []report.Failure{
		{
			Kind: "record_error", Message: "400: prompt is too long: 5000 tokens > 4096 maximum", Count: 5,
			Hint: "shorten the texts with --max-text-tokens N, or send long texts in parts with --long merge",
		},
		{Kind: "throttled", Message: "429: Too many requests, please wait[2J", Count: 2, Hint: "rerun the same command later, or lower --concurrency"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Top (-want +got):\n%s", diff)
	}
}

func TestEndlesslyDifferentMessagesAreBounded(t *testing.T) {
	t.Parallel()
	var c failures.Counter
	for i := range 5000 {
		c.Add("record_error", "message "+strings.Repeat("a", i%2500+1))
	}
	if n := len(c.Top(10_000)); n > 201 {
		t.Errorf("%d messages are held", n)
	}
	var sum int64
	for _, f := range c.Top(10_000) {
		sum += f.Count
		if len([]rune(f.Message)) > 340 {
			t.Errorf("a message of %d characters", len([]rune(f.Message)))
		}
	}
	if sum != 5000 {
		t.Errorf("%d messages are counted, want 5000", sum)
	}
}

func TestHints(t *testing.T) {
	t.Parallel()
	for message, word := range map[string]string{
		`401: {"error":"invalid api key"}`:                                       "--backend-key-env",
		"403: AccessDeniedException: not authorized to perform bedrock:Invoke":   "permissions",
		"404: The model `tiny` does not exist":                                   "--backend-model",
		"400: This model's maximum context length is 4096 tokens":                "--max-text-tokens",
		"502: <html><head><title>502 Bad Gateway</title></head>":                 "gateway",
		"503: back end http://127.0.0.1:9 cannot be reached: connection refused": "start the back end",
		"429: Rate limit reached for requests":                                   "--concurrency",
		"`temperature` and `top_p` cannot both be specified for this model":      "remove one",
		"output_config.format: Extra inputs are not permitted":                   "structured: off",
		"something that no hint knows":                                           "failed.jsonl",
	} {
		if got := report.Hint("record_error", message); !strings.Contains(got, word) {
			t.Errorf("Hint(%q) = %q, want one with %q", message, got, word)
		}
	}
}
