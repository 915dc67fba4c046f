package plain_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"

	"quarry"
	"quarry/internal/prepare/clean/plain"
	"quarry/internal/prepare/clean/rule"
)

func write(w *plain.Writer, f func(w *plain.Writer)) string {
	w.Reset()
	f(w)
	text, classes := w.Finish()
	if classes != plain.Classes(text) {
		return "counted wrong: " + string(text)
	}
	return string(text)
}

func TestWriterLayout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(w *plain.Writer)
		want string
	}{
		{"blanks collapse over calls", func(w *plain.Writer) { w.Text([]byte("a ")); w.Text([]byte(" \t b")) }, "a b"},
		{"the strongest break holds", func(w *plain.Writer) {
			w.Text([]byte("a"))
			w.Break(1)
			w.Break(2)
			w.Break(1)
			w.Text([]byte("b"))
		}, "a\n\nb"},
		{"no break at the ends", func(w *plain.Writer) { w.Break(2); w.Text([]byte("a ")); w.Break(2) }, "a"},
		{"a mark without text is not written", func(w *plain.Writer) {
			w.Text([]byte("a"))
			w.Break(1)
			w.Mark("- ")
			w.Unmark()
			w.Break(2)
			w.Text([]byte("b"))
		}, "a\n\nb"},
		{"rows have borders between their cells", func(w *plain.Writer) {
			w.Row()
			w.Cell()
			w.Text([]byte("a"))
			w.Cell()
			w.Cell()
			w.Text([]byte("c"))
			w.EndRow()
			w.Row()
			w.Cell()
			w.Cell()
			w.Text([]byte("d"))
			w.Cell()
			w.EndRow()
		}, "a | | c\n| d"},
		{"lines of Japanese join", func(w *plain.Writer) { w.Text([]byte("日本\n語 、\n「x」\nfoo\n漢")) }, "日本語 、「x」 foo 漢"},
		{"lines of Korean do not", func(w *plain.Writer) { w.Text([]byte("한국\n어")) }, "한국 어"},
		{"an address alone is dropped", func(w *plain.Writer) {
			w.Text([]byte("a"))
			w.Break(2)
			w.Text([]byte("https://x.y/z"))
			w.Break(2)
			w.Text([]byte("b"))
		}, "a\n\nb"},
		{"an address in a link stays", func(w *plain.Writer) { w.Break(2); w.Link(); w.Text([]byte("https://x.y/z")) }, "https://x.y/z"},
		{"verbatim text keeps indents and runs of blanks", func(w *plain.Writer) {
			w.Verbatim([]byte("a\n\tb   c\n\n\n\n  d  \ne"))
		}, "a\n    b   c\n\n  d\ne"},
		{"text is composed", func(w *plain.Writer) { w.Text([]byte("e\u0301 か\u3099 \u212B \u1112\u1161\u11AB")) }, "é が Å 한"},
		{"one selector after what it selects", func(w *plain.Writer) {
			w.Text([]byte("❤\uFE0F\uFE0F 1\uFE0F\u20E3 葛\U000E0100\U000E0101 a\uFE0F"))
		}, "❤\uFE0F 1\uFE0F\u20E3 葛\U000E0100 a"},
		{"joiners in emoji stay", func(w *plain.Writer) { w.Text([]byte("👨‍👩‍👧 x")) }, "👨‍👩‍👧 x"},
		{"invisible characters go", func(w *plain.Writer) {
			w.Text([]byte("a\u200B\uFEFF\u00AD\u2060\u202E\u2066\U000E0041\uE000\uFFFE\u0085b"))
		}, "a b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, write(&plain.Writer{}, tt.do)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFoldWidth(t *testing.T) {
	t.Parallel()
	w := &plain.Writer{FoldWidth: true}
	got := write(w, func(w *plain.Writer) {
		w.Text([]byte("ＡＢＣ１２３！ ｶﾞｷﾞﾊﾟｳﾞﾜﾞｱ 全角〜"))
	})
	if want := "ABC123! ガギパヴワ\uFF9Eア 全角〜"; got != want {
		t.Errorf("folded = %q, want %q", got, want)
	}
}

// TestEveryCharacter writes each character of Unicode between two letters: what comes out is in NFC, is counted as
// Classes counts it, and a character that is dropped is counted as such.
func TestEveryCharacter(t *testing.T) {
	t.Parallel()
	var counts rule.Counts
	w := &plain.Writer{Dropped: &counts}
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if r >= 0xD800 && r <= 0xDFFF {
			continue
		}
		before := counts[rule.Character].Items
		got := write(w, func(w *plain.Writer) { w.Text([]byte("漢" + string(r) + "a")) })
		if !norm.NFC.IsNormalString(got) {
			t.Fatalf("%U gives %q, which is not in NFC", r, got)
		}
		if dropped := counts[rule.Character].Items > before; dropped != (got == "漢a") {
			t.Fatalf("%U gives %q, counted as dropped: %v", r, got, dropped)
		}
	}
}

func TestClasses(t *testing.T) {
	t.Parallel()
	got := plain.Classes([]byte("Go 1.26 は速い。naïve ½ café\n한글🙂"))
	want := quarry.CharClasses{Words: 3, Letters: 11, Digits: 3, Punctuation: 3, Kana: 2, Han: 1, Other: 3, Spaces: 5, Accented: 2, Hangul: 2, Symbols: 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Classes (-want +got):\n%s", diff)
	}
	if n := plain.Chars(got); n != 28 {
		t.Errorf("Chars = %d, want 28", n)
	}
}

func TestClassesOfATextAsAWhole(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text                string
		foreign, chinese, figures bool
	}{
		{"English", "Stone is cut from the face of a hill and carried down to the valley by rail.", false, false, false},
		{"a list of names", strings.Repeat("Anna Carrara Marmor Quarrel Verona ", 5), false, false, false},
		{"code", "if err != nil { return fmt.Errorf(msg, err) } for i := range list { total += list[i].size }", false, false, false},
		{"German", "Der Stein wird aus dem Hang geschnitten und mit der Bahn ins Tal gebracht.", true, false, false},
		{"French", "La pierre est taillée dans la colline et descend dans la vallée par le rail.", true, false, false},
		{"Spanish", "La piedra se corta en la ladera y baja al valle por el tren de la mañana.", true, false, false},
		{"Indonesian", "Batu dipotong dari lereng bukit dan dibawa ke lembah dengan kereta untuk dijual.", true, false, false},
		{"Turkish", "Taş yamaçtan kesilir ve bir tren ile vadiye indirilir, ama fiyat daha yüksek.", true, false, false},
		{"Czech", "Kámen se řeže ze svahu a vozí se po kolejích do údolí, ale cena je vysoká.", true, false, false},
		{"Polish", "Kamień jest cięty ze zbocza i zwożony koleją do doliny, ale cena nie spada.", true, false, false},
		{"Hungarian", "A követ a hegyoldalból vágják, és vasúton viszik le a völgybe, hogy eladják, de nem olcsó.", true, false, false},
		{"English in Japanese", "石は Quarry の丘から切り出されます。von der", false, false, false},
		{"Japanese", "石は丘の斜面から切り出されます。", false, false, false},
		{"Chinese", "石头从山坡上切下来，用火车运到山谷。", false, true, false},
		{"numbers", "3141592653 5897932384 6264338327", false, false, true},
		{"a date", "On 2026-11-29 the price was 12.", false, false, false},
	} {
		c := plain.Classes([]byte(tt.text))
		if c.Foreign > 0 != tt.foreign || c.Chinese > 0 != tt.chinese || c.Figures > 0 != tt.figures {
			t.Errorf("%s: %+v", tt.name, c)
		}
	}
}

func TestClassesOfEachScript(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]quarry.CharClasses{
		"камень":  {Other: 6, Cyrillic: 6},
		"камінь":  {Other: 6, Cyrillic: 6, Slavic: 1},
		"πέτρα":   {Other: 5, Greek: 5},
		"حجر":     {Other: 3, Arabic: 3},
		"سنگ":     {Other: 3, Arabic: 3},
		"אבן":     {Other: 3, Hebrew: 3},
		"돌":       {Other: 1, Hangul: 1},
		"หิน":     {Other: 3, Thai: 3},
		"पत्थर":   {Other: 5, Devanagari: 5},
		"পাথর":    {Other: 4, Indic: 4},
		"ქვა":     {Other: 3},
		"🙂→∑":     {Other: 3, Symbols: 3},
		"đường":   {Words: 1, Letters: 5, Extended: 1, Vietnamese: 2},
		"słoń":    {Words: 1, Letters: 4, Accented: 0, Extended: 2},
		"größe":   {Words: 1, Letters: 5, Accented: 2},
		"石":       {Han: 1, Chinese: 1},
		"石です石です石": {Han: 3, Kana: 4},
	} {
		if diff := cmp.Diff(want, plain.Classes([]byte(text))); diff != "" {
			t.Errorf("Classes(%q) (-want +got):\n%s", text, diff)
		}
	}
}
