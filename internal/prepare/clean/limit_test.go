package clean_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/clean/rule"
)

func TestLongTextsAreCutByMeaning(t *testing.T) {
	t.Parallel()
	sentence := "Nine words make up each of these very sentences. "
	for _, tt := range []struct {
		name string
		in   string
		cfg  clean.Config
		ends string // how the text ends
		cut  bool
	}{
		{"at a paragraph", strings.Repeat("a", 95) + "\n\n" + strings.Repeat("b", 50), clean.Config{MaxChars: 100}, strings.Repeat("a", 95), true},
		{"at a line", strings.Repeat("a", 95) + "\n" + strings.Repeat("b", 50), clean.Config{MaxChars: 100}, strings.Repeat("a", 95), true},
		{"at a sentence", strings.Repeat(sentence, 10), clean.Config{MaxChars: 150}, "sentences.", true},
		{"at a Japanese sentence", strings.Repeat("これは文です。", 30), clean.Config{MaxChars: 100}, "です。", true},
		{"between words", strings.Repeat("word ", 50), clean.Config{MaxChars: 52}, "word", true},
		{"between graphemes", strings.Repeat("👨‍👩‍👧", 20), clean.Config{MaxChars: 52}, "👨‍👩‍👧", true},
		{"not at all when it fits", strings.Repeat("word ", 50), clean.Config{MaxChars: 250}, "word", false},
		{"not at all when whole", strings.Repeat("word ", 50), clean.Config{MaxChars: 20, Long: clean.LongWhole}, "word", false},
		{"by tokens", strings.Repeat(sentence, 100), clean.Config{MaxTokens: 100}, "sentences.", true},
		{"head and tail", "Begin. " + strings.Repeat(sentence, 100) + "The end.", clean.Config{MaxChars: 500, Long: clean.LongHeadTail}, "The end.", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := tt.cfg.Validate(); err != nil {
				t.Fatal(err)
			}
			out := cleaned(t, tt.cfg, tt.in, text)
			got := string(out.Text)
			chars := int64(utf8.RuneCountInString(got))
			if !strings.HasSuffix(got, tt.ends) || out.Cut != tt.cut {
				t.Errorf("ends with %q, cut %v; want %q, %v", got[max(0, len(got)-40):], out.Cut, tt.ends, tt.cut)
			}
			if tt.cfg.MaxChars > 0 && tt.cut && (chars > int64(tt.cfg.MaxChars) || chars < int64(tt.cfg.MaxChars)*8/10) {
				t.Errorf("%d characters remain of %d, the cap is %d", chars, out.FullChars, tt.cfg.MaxChars)
			}
			if tt.cut != (out.Dropped[rule.Over].Items == 1) || tt.cut && out.FullChars <= chars {
				t.Errorf("counted as %v, %d of %d characters", out.Dropped[rule.Over], chars, out.FullChars)
			}
			if fault := faultIn(&out); fault != "" {
				t.Error(fault)
			}
		})
	}
}

func TestDefaultCap(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("A sentence of words. ", 5000)
	if out := cleaned(t, clean.Config{}, body, text); !out.Cut || utf8.RuneCount(out.Text) > 50_000 || utf8.RuneCount(out.Text) < 49_000 {
		t.Errorf("%d characters remain, want 50,000", utf8.RuneCount(out.Text))
	}
	if out := cleaned(t, clean.Config{MaxChars: clean.Off}, body, text); out.Cut || out.FullChars != 104_999 {
		t.Errorf("without a cap %d characters remain, cut %v", out.FullChars, out.Cut)
	}
}
