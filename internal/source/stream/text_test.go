package stream_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"

	"quarry/internal/source/stream"
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
		strings.Repeat("日本語", 10) + "\xff" + "x": "invalid UTF-8 at byte 90",
		"\ufeffabc\xe9": "invalid UTF-8 at byte 6",
		"<meta charset=euc-jp>\xa4\xa2\xff\xff\xa4\xa2":           "some bytes are no euc-jp",
		"<?xml encoding='shift_jis'?>\x82\xa0\x82" + "\x01" + "x": "some bytes are no shift_jis",
	} {
		if got, err := stream.Text([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("Text(%q) = %q, %v, want %s", in, got, err, want)
		}
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
