package tokens_test

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"quarry"
	"quarry/internal/base/catalog"
	"quarry/internal/prepare/tokens"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// tokenizers are the columns of testdata/counts.csv that hold known counts, and the family with their default weights.
var tokenizers = []struct {
	name   string
	column int
	family catalog.Family
}{
	{"claude2", 0, catalog.Anthropic},
	{"o200k", 1, catalog.OpenAIChat},
	{"cl100k", 2, catalog.Llama},
}

// known reads the set with known counts, as one tokenizer counts it.
func known(t *testing.T, column int) []tokens.Sample {
	t.Helper()
	f, err := os.Open("testdata/counts.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	lines, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	samples := make([]tokens.Sample, 0, len(lines))
	for _, line := range lines[1:] {
		n := make([]int64, len(line))
		for i, s := range line {
			if n[i], err = strconv.ParseInt(s, 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		samples = append(samples, tokens.Sample{Tokens: n[column], Classes: quarry.CharClasses{
			Words: n[3], Letters: n[4], Digits: n[5], Punctuation: n[6], Kana: n[7], Han: n[8], Other: n[9], Spaces: n[10],
		}})
	}
	return samples
}

// split draws a pilot at random and gives it and the rest.
func split(samples []tokens.Sample, pilot int, seed uint64) (drawn, rest []tokens.Sample) {
	shuffled := slices.Clone(samples)
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	return shuffled[:pilot], shuffled[pilot:]
}

func sum(samples []tokens.Sample) (c quarry.CharClasses, total int64) {
	for _, s := range samples {
		c.Add(s.Classes)
		total += s.Tokens
	}
	return c, total
}

func TestARandomPilotGivesTheTotalWithinThreePercent(t *testing.T) {
	t.Parallel()
	const pilots, size = 40, 100
	for i, tok := range tokenizers {
		for _, prior := range []int{i, (i + 1) % 3} { // its own default weights, and those of another tokenizer
			t.Run(tok.name+" from "+tokenizers[prior].name, func(t *testing.T) {
				t.Parallel()
				samples := known(t, tok.column)
				inBand := 0
				var worst float64
				for seed := range uint64(pilots) {
					drawn, rest := split(samples, size, seed)
					classes, want := sum(rest)
					w := tokens.Default(tokenizers[prior].family).Refit(drawn)
					b := w.Band(tokens.Texts{Classes: classes, Records: int64(len(rest))})
					off := float64(b.Estimate)/float64(want) - 1
					if worst = max(worst, math.Abs(off)); math.Abs(off) > 0.03 {
						t.Errorf("pilot %d: estimate %d of %d, off by %.2f%%", seed, b.Estimate, want, 100*off)
					}
					if b.Low <= want && want <= b.High {
						inBand++
					}
					if !b.Fitted || w.Fit.Samples != size {
						t.Fatalf("pilot %d: band %+v, fit %+v, want them fitted to %d", seed, b, w.Fit, size)
					}
				}
				if inBand < pilots*85/100 {
					t.Errorf("the band held the total in %d of %d pilots", inBand, pilots)
				}
				t.Logf("worst of %d pilots: %.2f%%; in the band: %d", pilots, 100*worst, inBand)
			})
		}
	}
}

func TestDefaultWeights(t *testing.T) {
	t.Parallel()
	for _, tok := range tokenizers {
		classes, want := sum(known(t, tok.column))
		b := tokens.Rough(tok.family, tokens.Texts{Classes: classes, Records: 1500})
		if off := float64(b.Estimate)/float64(want) - 1; math.Abs(off) > 0.03 {
			t.Errorf("%s: estimate %d of %d, off by %.2f%%", tok.name, b.Estimate, want, 100*off)
		}
		if b.Fitted || b.Low >= b.Estimate || b.High <= b.Estimate {
			t.Errorf("%s: band %+v, want a wide one that is not fitted", tok.name, b)
		}
	}
	for _, m := range catalog.Models() {
		if tokens.Default(m.Family).Letters <= 0 {
			t.Errorf("no default weights for %s", m.Family)
		}
	}
}

func TestAFewSamplesGiveAFactor(t *testing.T) {
	t.Parallel()
	samples := known(t, 0)
	for i := range samples {
		samples[i].Tokens = samples[i].Tokens * 145 / 100 // as a newer tokenizer may
	}
	drawn, rest := split(samples, 10, 1)
	w := tokens.Default(catalog.Anthropic).Refit(drawn)
	d := tokens.Default(catalog.Anthropic)
	if ratio := w.Letters / d.Letters; math.Abs(ratio-w.Han/d.Han) > 1e-9 || ratio < 1.3 || ratio > 1.6 {
		t.Errorf("letters grew by %.3f, han by %.3f, want one factor near 1.45", ratio, w.Han/d.Han)
	}
	classes, want := sum(rest)
	if off := float64(w.Total(classes, int64(len(rest))))/float64(want) - 1; math.Abs(off) > 0.15 {
		t.Errorf("ten samples: off by %.1f%%", 100*off)
	}
}

func TestAPilotOfOneLanguageKeepsThePriorOfTheOther(t *testing.T) {
	t.Parallel()
	var english, japanese []tokens.Sample
	for _, s := range known(t, 0) {
		if s.Classes.Kana > s.Classes.Letters/10 {
			japanese = append(japanese, s)
		} else {
			english = append(english, s)
		}
	}
	w := tokens.Default(catalog.Anthropic).Refit(english[:100])
	classes, want := sum(japanese)
	if off := float64(w.Total(classes, int64(len(japanese))))/float64(want) - 1; math.Abs(off) > 0.1 {
		t.Errorf("English pilot, Japanese rest: off by %.1f%%", 100*off)
	}
	pilot, _ := sum(english[:100])
	same, _ := sum(english[100:])
	if like, unlike := tokens.Drift(pilot, same), tokens.Drift(pilot, classes); like > 0.05 || unlike < 0.3 {
		t.Errorf("Drift is %.3f to more of the same and %.3f to another language", like, unlike)
	}
}

func TestThePromptAroundTheText(t *testing.T) {
	t.Parallel()
	d := tokens.Default(catalog.Anthropic)
	prompt := quarry.CharClasses{Words: 20, Letters: 100, Spaces: 20}
	text := quarry.CharClasses{Words: 1000, Letters: 5000, Spaces: 1000}
	w := d.Around(prompt)
	if got, want := w.Estimate(text)-d.Estimate(text), d.Estimate(prompt); got < want-1 || got > want+1 {
		t.Errorf("the prompt adds %d tokens, want %d", got, want)
	}
	if got, want := w.Total(text, 10)-w.Total(text, 0), 10*d.Estimate(prompt); got < want-10 || got > want {
		t.Errorf("ten prompts add %d tokens, want about %d", got, want)
	}
	// A pilot shows the prompt in its usage, where no one reported the weights of it.
	samples := known(t, 0)
	for i := range samples {
		samples[i].Tokens += 400
	}
	drawn, rest := split(samples, 100, 4)
	classes, want := sum(rest)
	fitted := d.Refit(drawn)
	if off := float64(fitted.Total(classes, int64(len(rest))))/float64(want) - 1; math.Abs(off) > 0.03 || fitted.Base < 200 {
		t.Errorf("with a prompt of 400 tokens: base %.0f, off by %.2f%%", fitted.Base, 100*off)
	}
}

func TestHostileSamplesChangeNothingOrLittle(t *testing.T) {
	t.Parallel()
	d := tokens.Default(catalog.Anthropic)
	one := tokens.Sample{Classes: quarry.CharClasses{Words: 100, Letters: 500, Spaces: 100}, Tokens: 130}
	for _, tt := range []struct {
		name    string
		samples []tokens.Sample
	}{
		{"none", nil},
		{"without tokens", []tokens.Sample{{Classes: one.Classes}, {Tokens: -5}}},
		{"without text", slices.Repeat([]tokens.Sample{{Tokens: 7}}, 30)},
		{"all the same", slices.Repeat([]tokens.Sample{one}, 200)},
		{"as large as can be", slices.Repeat([]tokens.Sample{{Classes: quarry.CharClasses{Letters: math.MaxInt64}, Tokens: math.MaxInt64}}, 30)},
		{"tokens out of nothing", append(slices.Repeat([]tokens.Sample{one}, 30), tokens.Sample{Tokens: math.MaxInt64})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := slices.Clone(tt.samples)
			w := d.Refit(tt.samples)
			b, err := json.Marshal(w) // fails for what is no number
			if err != nil {
				t.Fatalf("Refit gives %+v: %v", w, err)
			}
			var again tokens.Weights
			if err := json.Unmarshal(b, &again); err != nil || again != w {
				t.Errorf("weights do not go through JSON: %+v, %v", again, err)
			}
			if diff := cmp.Diff(before, tt.samples); diff != "" {
				t.Errorf("Refit changed the samples:\n%s", diff)
			}
			if got := w.Estimate(one.Classes); got < 0 {
				t.Errorf("Estimate = %d", got)
			}
		})
	}
	if got := d.Refit(nil); got != d {
		t.Errorf("Refit(nil) = %+v, want no change", got)
	}
	if got := d.Total(quarry.CharClasses{Letters: math.MaxInt64, Han: math.MaxInt64, Other: math.MaxInt64}, math.MaxInt64); got != math.MaxInt64 {
		t.Errorf("Total of everything = %d", got)
	}
	if got := d.Band(tokens.Texts{Classes: quarry.CharClasses{Other: math.MaxInt64}, Records: 1}); got.High < got.Estimate || got.Low > got.Estimate {
		t.Errorf("Band of everything = %+v", got)
	}
	if got := (tokens.Weights{}).Band(tokens.Texts{}); got != (tokens.Band{}) {
		t.Errorf("Band of nothing = %+v", got)
	}
	if got := tokens.Drift(quarry.CharClasses{}, quarry.CharClasses{}); got != 0 {
		t.Errorf("Drift of nothing = %v", got)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	drawn, rest := split(known(t, 1), 100, 9)
	classes, _ := sum(rest)
	w := tokens.Default(catalog.OpenAIChat).Refit(drawn)
	twice := w.Times(2)
	if got, want := twice.Total(classes, 1400), 2*w.Total(classes, 1400); got < want-2 || got > want+2 {
		t.Errorf("Total of twice the weights = %d, want %d", got, want)
	}
	if got, want := twice.Fit.Mean, 2*w.Fit.Mean; got != want {
		t.Errorf("Mean = %v, want %v", got, want)
	}
}

func TestMoreTextIsNeverFewerTokens(t *testing.T) {
	t.Parallel()
	samples := known(t, 0)
	rapid.Check(t, func(t *rapid.T) {
		drawn, _ := split(samples, rapid.IntRange(0, 60).Draw(t, "pilot"), rapid.Uint64().Draw(t, "seed"))
		w := tokens.Default(catalog.Anthropic).Refit(drawn)
		count := rapid.Int64Range(0, 10_000)
		draw := func(name string) quarry.CharClasses {
			return quarry.CharClasses{
				Words: count.Draw(t, name), Letters: count.Draw(t, name), Digits: count.Draw(t, name), Punctuation: count.Draw(t, name),
				Kana: count.Draw(t, name), Han: count.Draw(t, name), Other: count.Draw(t, name), Spaces: count.Draw(t, name),
			}
		}
		text, more := draw("text"), draw("more")
		less := w.Estimate(text)
		text.Add(more)
		if got := w.Estimate(text); got < less || less < 0 {
			t.Fatalf("Estimate = %d with more text, %d with less", got, less)
		}
	})
}
