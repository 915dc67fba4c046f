package stream_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"

	"quarry"
	"quarry/internal/prepare/source/stream"
)

const (
	japaneseText = "これは日本語の文章です。カタカナも漢字も含みます。\nテスト用に短くしてあります。"
	russian      = "Это обычный русский текст, в котором есть слова разной длины."
	polish       = "Zażółć gęślą jaźń. Właśnie przyszła pięść, a później wąż."
	german       = "Übermäßig große Mäuse fräßen früh schöne Äpfel – „naiv“."
)

func TestTextTellsItsEncoding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		enc  encoding.Encoding
		text string
	}{
		{"Shift_JIS", japanese.ShiftJIS, japaneseText},
		{"EUC-JP", japanese.EUCJP, japaneseText},
		{"ISO-2022-JP", japanese.ISO2022JP, japaneseText},
		{"Shift_JIS with half-width kana", japanese.ShiftJIS, japaneseText + "ｶﾀｶﾅ"},
		{"windows-1251", charmap.Windows1251, russian},
		{"windows-1250", charmap.Windows1250, polish},
		{"windows-1252", charmap.Windows1252, german},
		{"windows-1250, Czech", charmap.Windows1250, "Příliš žluťoučký kůň úpěl ďábelské ódy, což může být běžné."},
		{"windows-1250, Romanian", charmap.Windows1250, "Româna este o limbă frumoasă şi vorbită în ţară."},
		{"ISO 8859-2", charmap.ISO8859_2, "Polski tekst: łączenie się z bazą danych, gdzie są też śliwki i źrebię."},
		{"windows-1252, French", charmap.Windows1252, "À l’été, un café très élégant ; l’œuvre « naïve » où ça déjà vu."},
		{"windows-1252, English", charmap.Windows1252, "It’s “fine” – a naïve résumé costs £5 or 20 €, ±2 °C…"},
		{"windows-1252, Icelandic", charmap.Windows1252, "Þetta er íslenskur texti með ýmsum stöfum, það er gott."},
		{"windows-1251, Ukrainian", charmap.Windows1251, "Українська мова є слов’янською, її вивчають."},
		{"KOI8-R", charmap.KOI8R, russian},
		{"windows-1253", charmap.Windows1253, "Αυτό είναι ένα ελληνικό κείμενο για δοκιμή."},
		{"windows-1254", charmap.Windows1254, "İstanbul büyük bir şehirdir ve çok güzel ışıkları vardır."},
		{"windows-1255", charmap.Windows1255, "זה טקסט בעברית לבדיקת קידוד התווים."},
		{"windows-1256", charmap.Windows1256, "هذا نص عربي لاختبار ترميز الأحرف."},
		{"windows-1257", charmap.Windows1257, "Lietuva yra šalis prie Baltijos jūros, jos gyventojų skaičius mažėja, tačiau ūkis auga."},
		{"Shift_JIS without kana", japanese.ShiftJIS, "id,name\n1,東京都\n2,大阪府\n3,神奈川県\n"},
		{"Shift_JIS, one word among English", japanese.ShiftJIS, "English text mostly, with 日本 only."},
		{"UTF-16 little endian with a mark", unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), japaneseText},
		{"UTF-16 big endian with a mark", unicode.UTF16(unicode.BigEndian, unicode.UseBOM), german},
		{"koi8-r that says so", charmap.KOI8R, `<html><head><meta charset="koi8-r"></head>` + russian},
		{"euc-jp that says so in XML", japanese.EUCJP, `<?xml version="1.0" encoding="EUC-JP"?>` + "日本"},
		{"iso-8859-2 in http-equiv", charmap.ISO8859_2, `<META http-equiv=Content-Type content="text/html; charset=iso-8859-2">` + "Wąż"},
		{"windows-1252 that says it is UTF-8", charmap.Windows1252, `<meta charset="utf-8">` + german},
		{"UTF-8", encoding.Nop, japaneseText + german},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in, err := c.enc.NewEncoder().Bytes([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			got, err := stream.Text(in)
			if err != nil || string(got) != c.text {
				t.Errorf("Text = %.80q, %v, want %.80q", got, err, c.text)
			}
		})
	}
}

func TestTextRefusesWhatIsBroken(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		strings.Repeat("日本語", 10) + "\xff" + "x":      "invalid UTF-8 at byte 90",
		strings.Repeat("word ", 20) + "\xff":          "invalid UTF-8 at byte 100",
		"\ufeffabc\xe9":                               "invalid UTF-8 at byte 6",
		"English with one é and a bad \xff byte":      "invalid UTF-8 at byte 30",
		"<meta charset='utf-8'>one é, \xff \xfe \xff": "invalid UTF-8 at byte 30",
		"\xd5\xe2\xca\xc7\xd2\xbb\xb8\xf6\xd3\xc3\xd3\xda\xb2\xe2\xca\xd4\xb5\xc4\xd6\xd0\xce\xc4\xce\xc4\xb1\xbe":    stream.ErrUnknownEncoding.Error(), // GBK
		"\xc0\xcc\xb0\xcd\xc0\xba \xc0\xce\xc4\xda\xb5\xf9 \xb0\xcb\xc3\xe2\xc0\xbb \xbd\xc3\xc7\xe8\xc7\xcf\xb1\xe2": stream.ErrUnknownEncoding.Error(), // EUC-KR
		"<meta charset=euc-jp>\xa4\xa2\xff\xff\xa4\xa2":                                                               "some bytes are not euc-jp",
		"<?xml encoding='shift_jis'?>\x82\xa0\x82" + "\x01" + "x":                                                     "some bytes are not shift_jis",
	} {
		if got, err := stream.Text([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("Text(%q) = %q, %v, want %s", in, got, err, want)
		}
	}
}

func TestAPackedFileThatIsCutOff(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(bytes.Repeat([]byte("{}\n"), 1000))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	in, err := stream.Once("x.gz", bytes.NewReader(b.Bytes()[:b.Len()-10])).From(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(in)
	if e, ok := errors.AsType[*quarry.Error](err); !ok || e.Kind != quarry.BadItems || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want that the file's end is missing, as a fault of the file", err)
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte("<meta charset=euc-jp>\xa4\xa2"))
	f.Add([]byte("\xff\xfea\x00b"))
	f.Add([]byte("\x1b$B$\"\x1b(B"))
	f.Add([]byte("\x83\x65\x83\x58\x83\x67"))
	f.Fuzz(func(t *testing.T, in []byte) {
		before := bytes.Clone(in)
		out, err := stream.Text(in)
		if err == nil && !utf8.Valid(out) {
			t.Fatalf("Text(%q) = %q is not UTF-8", in, out)
		}
		if !bytes.Equal(before, in) {
			t.Fatal("Text changed its input")
		}
	})
}
