package forecast_test

import (
	"encoding/csv"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"quarry"
	"quarry/internal/base/catalog"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/tokens"
	"quarry/internal/run/forecast"
	"quarry/internal/run/weigh"
)

// A back end of these tests counts with a profile that is drawn for each run: so many tokens a character of a language,
// 15 % more or less for each document. It knows nothing of weights and classes.

// rates reads tokens per character by language, for each tokenizer.
func rates(t *testing.T) (list []map[string]float64) {
	t.Helper()
	f, err := os.Open("testdata/rates.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r := csv.NewReader(f)
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for column := 1; column < len(rows[0]); column++ {
		of := map[string]float64{}
		for _, row := range rows[1:] {
			if of[row[0]], err = strconv.ParseFloat(row[column], 64); err != nil {
				t.Fatal(err)
			}
		}
		list = append(list, of)
	}
	return list
}

var sentences = map[string][]string{
	"en": {
		"Stone is cut from the face of a hill and carried down to the valley by rail every morning. ",
		"Masons take the blocks there, but the price of marble stays high for small workshops. ",
		"In 1912 the company bought 40 new saws, and half of them are still in use today. ",
	},
	"ru": {
		"Камень добывают на склоне холма и каждое утро спускают в долину по железной дороге. ",
		"Там его получают мастера, но цена мрамора остается высокой для небольших мастерских. ",
		"В 1912 году компания купила 40 новых пил, и половина из них работает до сих пор. ",
	},
	"ja": {
		"石は丘の斜面から切り出され、毎朝レールで谷まで運ばれます。",
		"そこで職人が受け取りますが、小さな工房にとって大理石の値段は高いままです。",
		"1912年に会社は新しい鋸を40本買い、その半分は今も使われています。",
	},
}

const promptText = "Summarise the article below in two languages. Give a title and a summary of at most three sentences, as JSON, and nothing else."

// article is a document with what it takes.
type article struct {
	weigh.Doc
	chars    int
	language string
	in, out  int64
}

// world is what a run is about: how its documents are mixed and how the back end counts.
type mixture struct {
	shares  map[string]float64
	long    float64 // share of long documents
	spread  float64 // of the lengths
	profile map[string]float64
	answer  map[string]float64 // tokens of an answer, and how much longer one to a longer record is
	slope   float64
}

func drawMixture(r *rand.Rand, profiles []map[string]float64) mixture {
	m := mixture{
		shares: map[string]float64{}, long: r.Float64() / 4, spread: 0.2 + 0.8*r.Float64(), profile: profiles[r.IntN(len(profiles))],
		answer: map[string]float64{}, slope: r.Float64() / 5,
	}
	for _, l := range []string{"en", "ja", "ru"} {
		m.shares[l] = r.Float64()
		m.answer[l] = 60 + 300*r.Float64()
	}
	if r.IntN(4) == 0 { // one language only
		for _, l := range []string{"en", "ja", "ru"} {
			m.shares[l] = 0
		}
		m.shares[[]string{"en", "ja", "ru"}[r.IntN(3)]] = 1
	}
	return m
}

func (m *mixture) language(r *rand.Rand) string {
	x := r.Float64() * (m.shares["en"] + m.shares["ja"] + m.shares["ru"])
	for _, l := range []string{"en", "ja"} {
		if x -= m.shares[l]; x < 0 {
			return l
		}
	}
	return "ru"
}

func (m *mixture) draw(r *rand.Rand) article {
	l := m.language(r)
	mean := 8 * math.Exp(m.spread*r.NormFloat64())
	if r.Float64() < m.long {
		mean *= 8
	}
	var text strings.Builder
	for range 1 + int(min(mean, 400)) {
		text.WriteString(sentences[l][r.IntN(3)])
	}
	a := article{Doc: weigh.Doc{Classes: clean.Classes([]byte(text.String())), Japanese: l == "ja"}, chars: utf8.RuneCountInString(text.String()), language: l}
	off := 0.85 + 0.3*r.Float64()
	a.in = int64(math.Round(m.profile[l]*float64(a.chars)*off + m.profile["en"]*float64(len(promptText))))
	a.out = max(1, int64((m.answer[l]+m.slope*float64(a.in))*(0.7+0.6*r.Float64())))
	return a
}

// sumOf adds up documents as a plan does, and what they take.
func sumOf(list []article) (t forecast.Texts, u quarry.Usage) {
	for i := range list {
		t.Add(&list[i].Doc, 1)
		u.Add(quarry.Usage{InputTokens: list[i].in, OutputTokens: list[i].out})
	}
	t.Around = weigh.Around{Records: 1, Classes: clean.Classes([]byte(promptText))}
	return t, u
}

// learn does what a pilot does with its answers.
func learn(pilot []article) *forecast.Learned {
	l := &forecast.Learned{}
	var samples []tokens.Sample
	for i := range pilot {
		a := &pilot[i]
		samples = append(samples, tokens.Sample{Classes: a.Classes, Tokens: a.in})
		if a.Japanese {
			l.Japanese.Add(a.in, a.out)
		} else {
			l.Other.Add(a.in, a.out)
		}
	}
	l.Weights = tokens.Default(catalog.Anthropic).Refit(samples)
	return l
}

// tally counts how bands fare.
type bands struct {
	n, in int
	half  []float64
	off   []float64
}

func (b *bands) add(got tokens.Band, want int64) {
	b.n++
	if got.Low <= want && want <= got.High {
		b.in++
	}
	b.half = append(b.half, float64(got.High-got.Low)/2/float64(got.Estimate))
	b.off = append(b.off, math.Abs(float64(got.Estimate)/float64(want)-1))
}

func (b *bands) check(t *testing.T, name string, share, half, off float64) {
	t.Helper()
	slices.Sort(b.half)
	slices.Sort(b.off)
	at := func(list []float64, p float64) float64 { return list[min(len(list)-1, int(p*float64(len(list))))] }
	t.Logf("%-32s in the band %5.1f %%, half width %5.1f %% (median), off by %4.1f %% (median), %4.1f %% (95 of 100)",
		name, 100*float64(b.in)/float64(b.n), 100*at(b.half, 0.5), 100*at(b.off, 0.5), 100*at(b.off, 0.95))
	if float64(b.in) < share*float64(b.n) {
		t.Errorf("%s: the band holds %d of %d", name, b.in, b.n)
	}
	if got := at(b.half, 0.5); got > half {
		t.Errorf("%s: the median half width is %.1f %%, want at most %.1f %%", name, 100*got, 100*half)
	}
	if got := at(b.off, 0.5); got > off {
		t.Errorf("%s: the estimate is off by %.1f %% (median), want at most %.1f %%", name, 100*got, 100*off)
	}
}

func TestForecastsAreHonest(t *testing.T) {
	t.Parallel()
	runs := uint64(60)
	if *full {
		runs = 2000
	}
	profiles := rates(t)
	model := forecast.Model{Family: catalog.Anthropic, MaxTokens: 4096}
	var before, after, rest, answers, later, unlike bands
	for seed := range runs {
		r := rand.New(rand.NewPCG(seed, 12))
		m := drawMixture(r, profiles)
		var all []article
		for range 300 + r.IntN(1200) {
			if a := m.draw(r); r.IntN(3) > 0 { // the answer of a third is known: they are not sent
				all = append(all, a)
			}
		}
		texts, want := sumOf(all)
		before.add(model.Expect(nil, texts).Input, want.InputTokens)

		const size = 100 // drawn at random: documents come in no order here
		l := learn(all[:size])
		first, spent := sumOf(all[:size])
		left := texts
		left.Sub(&first.Sums)
		e := model.Expect(l, left)
		rest.add(e.Input, want.InputTokens-spent.InputTokens)
		after.add(e.After(spent).Input, want.InputTokens)
		answers.add(e.After(spent).Output, want.OutputTokens)

		var more []article // a later run, of documents like these
		for range 50 + r.IntN(500) {
			more = append(more, m.draw(r))
		}
		texts, want = sumOf(more)
		later.add(model.Expect(l, texts).Input, want.InputTokens)

		other := drawMixture(r, profiles) // and of others, counted as before
		other.profile, other.answer, other.slope = m.profile, m.answer, m.slope
		more = nil
		for range 50 + r.IntN(500) {
			more = append(more, other.draw(r))
		}
		texts, want = sumOf(more)
		unlike.add(model.Expect(l, texts).Input, want.InputTokens)
	}
	before.check(t, "input, before any answer", 0.95, 0.35, 0.33)
	after.check(t, "input, after the pilot", 0.95, 0.06, 0.03)
	rest.check(t, "input of the rest", 0.95, 0.06, 0.03)
	answers.check(t, "output, after the pilot", 0.95, 0.15, 0.05)
	later.check(t, "input of a later run", 0.95, 0.06, 0.03)
	unlike.check(t, "input of unlike documents", 0.95, 0.12, 0.05)
}
