package words_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quarry/internal/ui/words"
)

func TestTextsAreTakenApart(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                       "",
		"The Cat":                "the cat",
		"don't stop":             "don t stop",
		"東京都":                    "東京 京都 都",
		"犬":                      "犬",
		"AWSの料金":                 "aws の料 料金 金",
		"ｶﾞｽ ＡＢＣ":                "ガス ス abc",
		"cafe\u0301 Ünï":         "café ünï",
		"co\u00adoperate":        "cooperate",
		"a🎉b👍🏽":                  "a 🎉 b 👍 🏽",
		"❤️":                     "❤",
		"x_y-z 3.5":              "x y z 3 5",
		"a\ue000s1 b":            "a s1 b",
		"भाषा":                   "भाषा",
		"ภาษา":                   "ภา าษ ษา า",
		"한국어를":                   "한국 국어 어를 를",
		strings.Repeat("a", 100): strings.Repeat("a", 64),
	} {
		if got := strings.TrimSpace(string(words.Append(nil, text))); got != want {
			t.Errorf("Append(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestAQueryHoldsNoOperators(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"cat dog":          `"cat" AND "dog"`,
		`"big cat" dog`:    `"big cat" AND "dog"`,
		`a" OR title:"b`:   `"a" AND "or title" AND "b"`,
		"NEAR(a b)":        `"near a" AND "b"`,
		"-x* ^y":           `"x" AND "y"`,
		"東京":               `"東京"`,
		"東京都":              `"東京 京都"`,
		"犬":                `"犬"*`,
		"の":                "",
		"第1章":              `"第 1 章"*`,
		`""`:               "",
		"\x00\"'; DROP --": `"drop"`,
	} {
		list, _ := words.Phrases(query)
		if got := words.Match(list); got != want {
			t.Errorf("Match(%q) = %s, want %s", query, got, want)
		}
	}
	if _, ignored := words.Phrases("東京 の"); !slices.Equal(ignored, []string{"の"}) {
		t.Errorf("ignored %q, want の", ignored)
	}
}

// TestEveryPieceOfATextIsFoundInIt: what is cut out of a text between two words is one after another in its words.
func TestEveryPieceOfATextIsFoundInIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab Z9-東京都のカﾞé\u0301🎉ภา\u200d\ufe0f_")), 1, 40, -1).Draw(t, "text")
		all := " " + string(words.Append(nil, text))
		list, _ := words.Phrases(`"` + text + `"`)
		for _, p := range list {
			if piece := " " + strings.Join(p.Words, " "); !strings.Contains(all, piece) {
				t.Fatalf("%q has the words %q, and not %q one after another", text, all, piece)
			}
		}
	})
}
