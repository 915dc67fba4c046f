package forecast_test

import (
	"strings"
	"testing"

	"quarry/internal/base/catalog"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/tokens"
	"quarry/internal/run/forecast"
	"quarry/internal/run/weigh"
)

func TestRoomForTextIsWhatPromptAndAnswerLeave(t *testing.T) {
	t.Parallel()
	w := forecast.Window{Tokens: 8192}
	bare := w.RoomForText(nil, forecast.Texts{}, 4096)
	if bare < 8100 || bare >= 8192 {
		t.Errorf("nothing around a text leaves it %d of 8192 tokens", bare)
	}
	around := forecast.Texts{Around: weigh.Around{Records: 2, Classes: clean.Classes([]byte(strings.Repeat("Summarise this article in two languages. ", 200)))}}
	if got := w.RoomForText(nil, around, 4096); got > bare-700 || got < bare-2000 {
		t.Errorf("a prompt of about 800 tokens leaves %d of %d", got, bare)
	}
	w.WithAnswer = true
	if got := w.RoomForText(nil, forecast.Texts{}, 4096); got != bare-4096 {
		t.Errorf("an answer of 4096 leaves %d of %d", got, bare)
	}
	w.Tokens = 2048
	if got := w.RoomForText(nil, forecast.Texts{}, 4096); got >= 0 {
		t.Errorf("an answer of 4096 leaves %d of 2048, want less than nothing", got)
	}
}

// A text that counts as fitting has to fit whichever public tokenizer the server reads by.
func TestMostOfTextCoversThePublicTokenizers(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"English": "Stone is cut from the face of a hill, and masons take it down to the valley.", "Vietnamese": "Đá được cắt từ mặt đồi và thợ đá mang xuống thung lũng bằng đường sắt.",
		"Japanese": "石は丘の斜面から切り出され、石工が鉄道で谷まで運びます。", "Russian": "Камень вырубают из склона холма, и каменщики везут его в долину.",
	} {
		c := clean.Classes([]byte(strings.Repeat(text, 100)))
		most := forecast.MostOfText(nil, c)
		for _, f := range []catalog.Family{catalog.Anthropic, catalog.OpenAIChat, catalog.Llama} {
			if about := tokens.Default(f).Estimate(c); about > most {
				t.Errorf("%s: at most %d tokens, but %q estimates %d", name, most, f, about)
			}
		}
	}
}

func TestAdviceNamesTheFigureAndTheWayOut(t *testing.T) {
	t.Parallel()
	w := forecast.Window{Tokens: 4096, Source: "num_ctx of /api/show", Server: "http://gpu:11434"}
	got := w.Advice(1, 98, 1500)
	for _, want := range []string{"1 of 98 documents may not fit", "http://gpu:11434", "which is 4,096 tokens (num_ctx of /api/show)", "--max-text-tokens 1500", "--long merge"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
	w.Guess = true
	if got = w.Advice(1, 1, 0); !strings.Contains(got, "which is perhaps 4,096 tokens") || strings.Contains(got, "--max-text-tokens") || !strings.Contains(got, "a larger context") {
		t.Errorf("of a guess without room: %q", got)
	}
}
