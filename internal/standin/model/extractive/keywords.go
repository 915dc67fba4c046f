package extractive

import (
	"cmp"
	"slices"
	"strings"
)

// Keywords are up to n words that the article's prose repeats, as it writes them, the most frequent first.
func (d Digest) Keywords(n int) []string {
	type entry struct {
		word         string
		count, first int
	}
	found := map[string]*entry{}
	order := 0
	for _, text := range d.prose {
		wholeWords(text, d.Lang, func(w string) {
			key := strings.ToLower(w)
			if e := found[key]; e != nil {
				e.count++
				return
			}
			order++
			found[key] = &entry{w, 1, order}
		})
	}
	list := make([]*entry, 0, len(found))
	for _, e := range found {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *entry) int { return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.first, b.first)) })
	var out []string
	for _, e := range list[:min(n, len(list))] {
		out = append(out, e.word)
	}
	return out
}

// wholeWords is tokensOf without cutting kanji runs apart and without taking endings off.
func wholeWords(text, lang string, yield func(string)) {
	if lang != "ja" && lang != "zh" {
		for w := range strings.FieldsSeq(text) {
			w = strings.Trim(w, ".,;:!?()\"'“”‘’[]")
			if len(w) > 3 && lettersIn(w) == runes(w) && !stopWords[stem(strings.ToLower(w))] {
				yield(w)
			}
		}
		return
	}
	start, kind := 0, none
	emit := func(end int) {
		if w := text[start:end]; kind != none && runes(w) >= 2 && (kind != latin || len(w) > 2 && lettersIn(w) > 0) {
			yield(w)
		}
	}
	for i, r := range text {
		if k := scriptOf(r); k != kind {
			emit(i)
			start, kind = i, k
		}
	}
	emit(len(text))
}
