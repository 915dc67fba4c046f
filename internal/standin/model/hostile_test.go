package model_test

import (
	"strings"
	"testing"
	"time"

	"quarry/internal/standin/model"
)

// TestHostileTextCostsLinearTime sends texts that make careless readers look at everything again for every mark. Square time on them is
// minutes; the bound is far from what they take.
func TestHostileTextCostsLinearTime(t *testing.T) {
	t.Parallel()
	m := open(t, model.Config{})
	for _, piece := range []string{
		"[", "](", "[](", "[a](b", "(", "「", "`", "``a`", "<a ", "<!--", "<http", "<table>\n", "<pre>\n", "```x\n", "~~~\n\n", "{{", "{", `{"a":`, "\"a\"", "| a ", "# ", "- a\n",
		"A. b. ", "A. (B. ", "e.g. ", "あ。", "*", "_a_", "\\", "&amp;", "<div>", "<li>", "a\n=\n", "\x0b", "\n\n", "ー", "JSON ",
	} {
		text := strings.Repeat(piece, 40_000/len(piece))
		for _, body := range [][]byte{anthropicBody(t, "As JSON.", "Article:\n"+text), anthropicBody(t, text, text)} {
			start := time.Now()
			if _, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: body}); err != nil {
				wantCode(t, err, 400, "")
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("%q repeated took %v", piece, d)
			} else if testing.Verbose() {
				t.Logf("%q %v", piece, d)
			}
		}
	}
}
