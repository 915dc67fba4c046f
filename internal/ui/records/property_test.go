package records_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"quarry"
	"quarry/internal/prepare/clean"
	"quarry/internal/ui/records"
)

// pieces are what random texts are made of: words, Japanese, marks, emoji, and what separates.
var pieces = []string{
	"cat", "Dog", "über", "cafe\u0301", "don't", "東京", "京都", "東", "の", "データ", "ﾃﾞｰﾀ", "機械学習", "🎉", "👩\u200d💻", "第1章", "3.5", "x_y", "ภาษา", "한국어", "नमस्ते",
}

func randomText(r *rand.Rand, most int) string {
	var b strings.Builder
	for range r.IntN(most + 1) {
		b.WriteString(pieces[r.IntN(len(pieces))])
		b.WriteString([]string{"", " ", " ", "。", "-"}[r.IntN(5)])
	}
	return b.String()
}

// unit is a word, or a character of a script without blanks.
type unit struct {
	text   string
	single bool // such a character
	joined bool // and one is right before it
}

// units is the naive way to take a text apart.
func units(text string) (list []unit) {
	was := ""
	for _, r := range norm.NFKC.String(text) {
		r = unicode.ToLower(r)
		kind := "gap"
		switch {
		case r == '\u200d' || r == '\ufe0f':
			continue
		case unicode.IsMark(r) && was == "single":
			kind = "single"
		case r == 'ー' || unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai):
			kind = "single"
		case unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r):
			kind = "word"
		case r > 127 && unicode.IsSymbol(r):
			kind = "symbol"
		}
		switch {
		case kind == "word" && was == "word":
			list[len(list)-1].text += string(r)
		case kind != "gap":
			list = append(list, unit{string(r), kind == "single", kind == "single" && was == "single"})
		}
		was = kind
	}
	return list
}

// has reports whether a text has the units of a phrase one after another.
func has(text, phrase []unit) bool {
	ends := len(phrase) > 0 && phrase[len(phrase)-1].text == "" // what follows is not joined to it
	for i := 0; i+len(phrase) <= len(text) || ends && i+len(phrase) == len(text)+1; i++ {
		same := true
		for j, u := range phrase {
			if u.text == "" {
				same = same && (i+j == len(text) || !text[i+j].joined)
				continue
			}
			same = same && text[i+j].text == u.text && (j == 0 || text[i+j].joined == u.joined)
		}
		if same {
			return true
		}
	}
	return false
}

// phrasesOf takes a query apart: a lone character of few is left out. What was before it ends there, as in the query: an empty unit.
func phrasesOf(query string) (list [][]unit) {
	for _, piece := range strings.Fields(query) {
		u := units(piece)
		if n := len(u); n > 0 && u[n-1].single && !u[n-1].joined && !unicode.In([]rune(u[n-1].text)[0], unicode.Han, unicode.Hangul) {
			if u = u[:n-1]; n > 1 {
				u = append(slices.Clone(u), unit{})
			}
		}
		if len(u) > 0 {
			list = append(list, u)
		}
	}
	return list
}

// naive is a record as a scan sees it.
type naive struct {
	id                            string
	place                         int64
	fields                        [3][]unit
	status, class, language, pool string
	cost                          *quarry.USD
}

func (n *naive) meets(q *records.Query, but string) bool {
	w := &q.Where
	is := func(name, want, have string) bool { return but == name || want == "" || want == have }
	if !is("status", string(w.Status), n.status) || !is("class", w.Class, n.class) || !is("language", w.Language, n.language) || !is("pool", w.Pool, n.pool) {
		return false
	}
	if (w.CostMin != nil || w.CostMax != nil) && n.cost == nil || w.CostMin != nil && *n.cost < *w.CostMin || w.CostMax != nil && *n.cost > *w.CostMax {
		return false
	}
	if q.Text == "" {
		return true
	}
	phrases := phrasesOf(q.Text)
	for _, p := range phrases {
		found := false
		for i, name := range []records.Field{records.Title, records.Text, records.Answer} {
			found = found || (q.In == "" || q.In == name) && has(n.fields[i], p)
		}
		if !found {
			return false
		}
	}
	return len(phrases) > 0
}

// randomWorld is a run with records of all kinds, and how a scan sees them.
func randomWorld(t *testing.T, n int) (*world, []doc, []naive) {
	r := rand.New(rand.NewPCG(1, 2))
	w := newWorld(t)
	docs, all := make([]doc, n), []naive(nil)
	cleaner := clean.New(w.cfg.Clean)
	for i := range docs {
		id := fmt.Sprintf("d%d", i)
		d := doc{ID: id, Title: randomText(r, 3), Body: "x " + randomText(r, 12), Lang: []string{"", "en", "ja"}[r.IntN(3)], none: r.IntN(20) == 0}
		d.result = answered(id, d.Title, randomText(r, 4))
		d.result.Document.Lang = d.Lang
		d.result.Region = []string{"us-west-2", "us-east-1"}[r.IntN(2)]
		cost := quarry.USD(r.IntN(1000))
		d.result.CostUSD = &cost
		switch r.IntN(12) {
		case 0:
			d.result.Status, d.result.Output, d.result.CostUSD = quarry.StatusFailed, nil, nil
			d.result.Error = &quarry.ResultError{Kind: []string{"throttled", "missing"}[r.IntN(2)]}
		case 1:
			d.result.Status, d.result.Output, d.result.Text = quarry.StatusInvalid, nil, randomText(r, 4)
			d.result.Error = &quarry.ResultError{Kind: "not_json"}
		case 2:
			d.result.Status, d.result.Output, d.result.RequestedModel = quarry.StatusSkipped, nil, ""
			d.result.Error = &quarry.ResultError{Kind: "empty"}
		}
		docs[i] = d
		if d.none {
			continue
		}
		text, err := cleaner.Clean(&quarry.Document{ID: quarry.DocumentID(id), Title: d.Title, Body: []byte(d.Body)})
		if err != nil {
			t.Fatal(err)
		}
		v := naive{id: id, place: int64(i) + 1, status: string(d.result.Status), class: string(d.result.Status), language: d.Lang, cost: d.result.CostUSD}
		v.fields = [3][]unit{units(d.Title), units(string(text.Text)), units(records.AnswerText(&d.result))}
		if d.result.Error != nil {
			v.class = d.result.Error.Kind
		}
		if d.Lang == "" {
			v.language = records.NotGiven
		}
		if v.pool = records.NotGiven; d.result.RequestedModel != "" {
			v.pool = d.result.Region + " m"
		}
		all = append(all, v)
	}
	w.run(docs)
	return w, docs, all
}

func randomQuery(t *rapid.T) records.Query {
	q := records.Query{
		In: rapid.SampledFrom([]records.Field{"", "", records.Title, records.Text, records.Answer}).Draw(t, "in"),
		Where: records.Filter{
			Status:   rapid.SampledFrom([]quarry.Status{"", "", "ok", "failed", "skipped", "other"}).Draw(t, "status"),
			Class:    rapid.SampledFrom([]string{"", "", "ok", "throttled", "not_json", "none such"}).Draw(t, "class"),
			Language: rapid.SampledFrom([]string{"", "", "en", "ja", records.NotGiven, "fr"}).Draw(t, "language"),
			Pool:     rapid.SampledFrom([]string{"", "", "us-west-2 m", records.NotGiven}).Draw(t, "pool"),
		},
		Limit: rapid.SampledFrom([]int{0, 333, 1000}).Draw(t, "limit"),
	}
	words := rapid.SliceOfN(rapid.SampledFrom(append([]string{"京", "カ", "都の", "学習", "章", "zzz", "-"}, pieces...)), 0, 3).Draw(t, "words")
	q.Text = strings.Join(words, rapid.SampledFrom([]string{" ", ""}).Draw(t, "between"))
	for _, bound := range []**quarry.USD{&q.Where.CostMin, &q.Where.CostMax} {
		if rapid.IntRange(0, 3).Draw(t, "bounded") == 0 {
			usd := quarry.USD(rapid.IntRange(0, 1000).Draw(t, "cost"))
			*bound = &usd
		}
	}
	return q
}

// TestAQueryFindsWhatAScanFinds compares pages, counts and facets with a scan over all records, in both directions of paging.
func TestAQueryFindsWhatAScanFinds(t *testing.T) {
	t.Parallel()
	w, _, all := randomWorld(t, 2500)
	cfg := w.config()
	cfg.Within = time.Minute
	s := w.store(cfg)
	if p := s.Progress(); p.Texts != int64(len(all)) || p.NotKept != "" {
		t.Fatalf("%d texts of %d, %+v", p.Texts, len(all), p)
	}
	rapid.Check(t, func(t *rapid.T) {
		q := randomQuery(t)
		var want []string
		facets := map[string]map[string]int64{"status": {}, "class": {}, "language": {}, "pool": {}}
		for i := range all {
			n := &all[i]
			if n.meets(&q, "") {
				want = append(want, n.id)
			}
			for name, value := range map[string]string{"status": n.status, "class": n.class, "language": n.language, "pool": n.pool} {
				if n.meets(&q, name) {
					facets[name][value]++
				}
			}
		}
		forth, p := walk(t, s, q, false)
		if !slices.Equal(forth, want) {
			t.Fatalf("%+v finds %d records, want %d: %v, %v", q, len(forth), len(want), forth, want)
		}
		if back, _ := walk(t, s, q, true); !slices.Equal(back, want) {
			t.Fatalf("%+v finds %d records backwards, want %d: %v, %v", q, len(back), len(want), back, want)
		}
		if p.Count.More || p.Count.N != int64(len(want)) {
			t.Fatalf("%+v counts %v, want %d", q, p.Count, len(want))
		}
		for name, list := range map[string][]records.Facet{"status": p.Facets.Status, "class": p.Facets.Class, "language": p.Facets.Language, "pool": p.Facets.Pool} {
			if len(list) != len(facets[name]) {
				t.Fatalf("%+v: %s has %v, want %v", q, name, list, facets[name])
			}
			for _, f := range list {
				if f.Count.More || f.Count.N != facets[name][f.Value] {
					t.Fatalf("%+v: %s has %v, want %v", q, name, list, facets[name])
				}
			}
		}
	})
}

type fataler interface {
	Context() context.Context
	Fatal(args ...any)
}

// walk reads all pages of a query, each row once, and gives the first one. A query that ended early continues.
func walk(t fataler, s *records.Store, q records.Query, back bool) (all []string, first records.Page) {
	if back {
		q.Before = 1 << 40
	}
	for n := 0; ; n++ {
		p, err := s.Page(t.Context(), &q)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			first = p
		}
		rows := ids(p)
		if back {
			all = append(rows, all...)
			switch {
			case p.Continue > 0:
				q.Before = p.Continue
			case !p.Earlier:
				return all, first
			default:
				q.Before = p.Rows[0].Place
			}
			continue
		}
		all = append(all, rows...)
		switch {
		case p.Continue > 0:
			q.After = p.Continue
		case !p.Later:
			return all, first
		default:
			q.After = p.Rows[len(p.Rows)-1].Place
		}
	}
}

// TestAQueryThatEndsEarlyGoesOn gives a query no time: its pages together have every row once.
func TestAQueryThatEndsEarlyGoesOn(t *testing.T) {
	t.Parallel()
	w, _, all := randomWorld(t, 2500)
	cfg := w.config()
	cfg.Within = time.Nanosecond
	s := w.store(cfg)
	early := false
	for _, q := range []records.Query{
		{Where: records.Filter{Class: "throttled"}, Limit: 3}, {Text: "cat", Limit: 1000}, {Text: "東京", Where: records.Filter{Language: "ja"}, Limit: 100},
	} {
		var want []string
		for i := range all {
			if all[i].meets(&q, "") {
				want = append(want, all[i].id)
			}
		}
		for _, back := range []bool{false, true} {
			got, first := walk(t, s, q, back)
			if !slices.Equal(got, want) {
				t.Fatalf("%+v finds %d records, want %d", q, len(got), len(want))
			}
			early = early || first.Count.More && first.Count.N < int64(len(want))
		}
	}
	if !early {
		t.Error("no query ended early")
	}
}
