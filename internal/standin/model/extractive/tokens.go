package extractive

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"
)

// tokensOf calls yield for each content word of a sentence.
func tokensOf(s, lang string, yield func(string)) {
	if lang == "ja" || lang == "zh" {
		scriptRuns(s, yield)
		return
	}
	it := words.FromString(s)
	for it.Next() {
		w := it.Value()
		r, _ := utf8.DecodeRuneInString(w)
		if len(w) < 2 || !unicode.IsLetter(r) {
			continue
		}
		if w = stem(strings.ToLower(w)); !stopWords[w] {
			yield(w)
		}
	}
}

// stem takes the plural off. More than that merges words that are not the same in technical prose.
func stem(w string) string {
	switch {
	case len(w) > 4 && strings.HasSuffix(w, "ies"):
		return w[:len(w)-3] + "y"
	case len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") && !strings.HasSuffix(w, "us") && !strings.HasSuffix(w, "is"):
		return w[:len(w)-1]
	}
	return w
}

type script uint8

const (
	none script = iota
	kanji
	katakana
	latin
)

func scriptOf(r rune) script {
	switch {
	case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_':
		return latin
	case r < 0x80:
		return none
	case r >= 0x30a1 && r <= 0x30fa, r == 'ー':
		return katakana
	case r >= 0x4e00 && r <= 0x9fff, r >= 0x3400 && r <= 0x4dbf, r == '々', r >= 0x20000 && r <= 0x3ffff:
		return kanji
	case r >= 'Ａ' && r <= 'ｚ' && unicode.IsLetter(r), r >= 0xc0 && r < 0x250 && unicode.IsLetter(r):
		return latin
	}
	return none
}

// scriptRuns cuts Japanese without a dictionary: bigrams of kanji runs, whole katakana and Latin runs. Hiragana is mostly grammar and
// is dropped.
func scriptRuns(s string, yield func(string)) {
	start, kind := 0, none
	emit := func(end int) {
		run := s[start:end]
		switch kind {
		case latin:
			if len(run) >= 2 {
				yield(strings.ToLower(run))
			}
		case katakana:
			if len(run) >= 6 {
				yield(run)
			}
		case kanji:
			a := 0
			_, size := utf8.DecodeRuneInString(run)
			b := size
			if b == len(run) {
				yield(run)
				return
			}
			for b < len(run) {
				_, next := utf8.DecodeRuneInString(run[b:])
				yield(run[a : b+next])
				a, b = b, b+next
			}
		}
	}
	for i, r := range s {
		k := scriptOf(r)
		if k == kind {
			continue
		}
		if kind != none {
			emit(i)
		}
		start, kind = i, k
	}
	if kind != none {
		emit(len(s))
	}
}

var stopWords = func() map[string]bool {
	const list = `a about above after again against all also although always am an and another any anything are as at away back be became because
become been before being below between both but by call came can cannot come could did do doe doing done down during each either else etc
even ever every example few find first following for form found from further get give given go got had ha have having he her here how however
i if in instead into is it itself just keep know last least let like look made make many may me might more most much must my need never new
next no not now of off often on once one only onto or other our out over own part per possible put rather really same see seem set several
she should show simply since so some something still such sure take than that the their them themselve then there therefore these they thi
thing this those three through thu to together too two under unless until up upon us use used useful user using usually very via wa want way
we well were what when where whether which while who whose why will with within without work would yet you your yourself it's don't doesn't
can't won't you're we're i'm that's let's isn't aren't you'll we'll`
	set := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}()
