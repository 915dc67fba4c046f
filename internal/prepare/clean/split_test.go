package clean_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"quarry"
	"quarry/internal/prepare/clean"
)

// section is a heading of a level with so many sentences below it.
func section(level, sentences int, name string) string {
	return strings.Repeat("#", level) + " " + name + "\n\n" + strings.TrimSpace(strings.Repeat("Ten characters and more make one sentence here. ", sentences)) + "\n\n"
}

func TestLongTextsAreSplitByMeaning(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		in     string
		cfg    clean.Config
		begins []string // how each part begins
	}{
		{"not at all when it fits", section(2, 10, "One"), clean.Config{MaxChars: 1000}, nil},
		{"at headings", section(2, 8, "One") + section(2, 8, "Two") + section(2, 8, "Three"), clean.Config{MaxChars: 500}, []string{"## One", "## Two", "## Three"}},
		{"at the higher of two headings", section(2, 4, "One") + section(3, 5, "Deep") + section(2, 4, "Two") + section(3, 6, "Deeper"), clean.Config{MaxChars: 600}, []string{"## One", "## Two"}},
		{"at paragraphs without headings", strings.Repeat("word ", 19) + "end.\n\n" + strings.Repeat("other ", 18) + "end.", clean.Config{MaxChars: 150}, []string{"word", "other"}},
		{"at sentences without paragraphs", strings.Repeat("これは文です。", 30), clean.Config{MaxChars: 110}, []string{"これは", "これは"}},
		{"by tokens", strings.Repeat("Nine words make up each of these very sentences. ", 40), clean.Config{MaxTokens: 150}, []string{"Nine", "Nine", "Nine"}},
		{"a text without any border", strings.Repeat("x", 250), clean.Config{MaxChars: 100}, []string{"x", "x", "x"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cfg.Long = clean.LongMerge
			out := cleaned(t, tt.cfg, tt.in, quarry.FormatMarkdown)
			if len(out.Parts) != len(tt.begins) {
				t.Fatalf("%d parts %q, want %d", len(out.Parts), out.Parts, len(tt.begins))
			}
			for i, p := range out.Parts {
				if !bytes.HasPrefix(p, []byte(tt.begins[i])) {
					t.Errorf("part %d begins with %.20q, want %q", i+1, p, tt.begins[i])
				}
			}
			checkParts(t, &out, tt.cfg)
		})
	}
}

// checkParts holds what is true of all parts: each fits, none is empty, and together they are the text.
func checkParts(t *testing.T, out *clean.Cleaned, cfg clean.Config) {
	t.Helper()
	if out.Cut {
		t.Error("a text of which nothing is lost is marked as cut")
	}
	if len(out.Parts) == 0 {
		return
	}
	rest := out.Text
	for i, p := range out.Parts {
		n := bytes.Index(rest, p)
		if n < 0 || len(p) == 0 || len(bytes.Trim(rest[:n], " \n")) > 0 {
			t.Fatalf("part %d, %.40q, does not follow part %d", i+1, p, i)
		}
		rest = rest[n+len(p):]
		if chars := utf8.RuneCount(p); cfg.MaxChars > 0 && chars > int(cfg.MaxChars) {
			t.Errorf("part %d has %d characters, the cap is %d", i+1, chars, cfg.MaxChars)
		}
		if !utf8.Valid(p) {
			t.Errorf("part %d is no UTF-8", i+1)
		}
	}
	if len(bytes.Trim(rest, " \n")) > 0 {
		t.Errorf("%.40q is in no part", rest)
	}
}

func TestPartsAreAboutEquallyLong(t *testing.T) {
	t.Parallel()
	in := strings.Repeat("A sentence of words. ", 600) // 12,599 characters
	out := cleaned(t, clean.Config{MaxChars: 12_000, Long: clean.LongMerge}, in, quarry.FormatText)
	if len(out.Parts) != 2 || len(out.Parts[1]) < 5_000 {
		t.Errorf("%d parts, the last of %d characters; want two halves", len(out.Parts), len(out.Parts[len(out.Parts)-1]))
	}
}

func TestSplittingIsLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine with much work: nothing for the race detector")
	}
	t.Parallel()
	for _, unit := range []string{"word ", "# a\n\n", "あ", "x", "a\n\n", "#\n#"} {
		in := strings.Repeat(unit, 400_000/len(unit))
		for _, cfg := range []clean.Config{{MaxChars: 200}, {MaxTokens: 100}, {MaxChars: 1}} {
			cfg.Long = clean.LongMerge
			out := cleaned(t, cfg, in, quarry.FormatText)
			checkParts(t, &out, cfg)
			if cfg.MaxChars == 200 && len(out.Parts) > 4*400_000/200 {
				t.Errorf("%q: %d parts", unit, len(out.Parts))
			}
		}
	}
}
