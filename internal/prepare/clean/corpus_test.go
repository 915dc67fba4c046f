package clean_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/klauspost/compress/zstd"

	"quarry"
	"quarry/internal/testdata"
)

// whole makes the tests over the corpus read all of it; a sample is enough to see that nothing broke.
var whole = flag.Bool("whole-corpus", false, "read all articles of the corpus, not a sample")

// article is one article of the corpus.
type article struct {
	ID, Title, Content, Lang, Source string
	Format                           quarry.Format
}

func (a article) document() *quarry.Document {
	return &quarry.Document{ID: quarry.DocumentID(a.ID), Title: a.Title, Body: []byte(a.Content), Format: a.Format}
}

// articles yields one in every articles of a format (any, when it is empty), and all of them with -whole-corpus.
func articles(t testing.TB, format quarry.Format, every int) []article {
	t.Helper()
	f, err := os.Open(testdata.Path(t, "articles.jsonl.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if *whole {
		every = 1
	}
	var all []article
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<24)
	for n := 0; lines.Scan(); {
		// The file's order is shuffled, so that its beginning is a fair sample.
		if !*whole && len(all) >= 14_208/every {
			break
		}
		if format != "" && !strings.Contains(lines.Text(), `"format": "`+string(format)+`"`) && !strings.Contains(lines.Text(), `"format":"`+string(format)+`"`) {
			continue
		}
		var a article
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		if format == "" || a.Format == format {
			all = append(all, a)
			n++
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// wordsOf cuts a text into words in lower case; Japanese and Chinese characters are one word each.
func wordsOf(text string) []string {
	var words []string
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
			flush()
			words = append(words, string(r))
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			word.WriteRune(unicode.ToLower(r))
		default:
			flush()
		}
	}
	flush()
	return words
}

// shingles counts the runs of four words.
func shingles(words []string) map[[4]string]int {
	s := map[[4]string]int{}
	for i := 0; i+4 <= len(words); i++ {
		s[[4]string(words[i:i+4])]++
	}
	return s
}

// common is how many shingles two texts share.
func common(a, b map[[4]string]int) int {
	n := 0
	for s, count := range a {
		n += min(count, b[s])
	}
	return n
}

func total(a map[[4]string]int) int {
	n := 0
	for _, count := range a {
		n += count
	}
	return n
}
