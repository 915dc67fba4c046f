package entity_test

import (
	stdhtml "html"
	"strings"
	"testing"
	"unicode/utf8"

	"quarry/internal/prepare/clean/entity"
)

// decodeAll decodes every reference of a text.
func decodeAll(d *entity.Decoder, s string) string {
	var b strings.Builder
	for s != "" {
		n := strings.IndexByte(s, '&')
		if n < 0 {
			break
		}
		b.WriteString(s[:n])
		s = s[n:]
		text, length := d.Decode([]byte(s))
		if length == 0 {
			text, length = []byte("&"), 1
		}
		b.Write(text)
		s = s[length:]
	}
	return b.String() + s
}

func TestDecodeAgreesWithTheStandardLibrary(t *testing.T) {
	t.Parallel()
	var d entity.Decoder
	for _, s := range []string{
		"&amp;&lt;&gt;&quot;&apos;&nbsp;", "&notit; &notin; &not &copy2020", "&CounterClockwiseContourIntegral;x", "&fjlig;&bne;&semi;",
		"&#65;&#x41;&#X3042;&#12354", "&#0;&#xD800;&#1114112;&#99999999999999999999;", "&#128;&#x9f;", "&;&#;&& &unknown; &ampx &AMP",
		"&lt &lt&gt &ltx", "&Aacute &Aacutex;", strings.Repeat("&", 50), "&abcdefghijklmnopqrstuvwxyzabcdefghijklmnop;",
	} {
		if got, want := decodeAll(&d, s), stdhtml.UnescapeString(s); got != want {
			t.Errorf("Decode(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestDecodeStrict(t *testing.T) {
	t.Parallel()
	var d entity.Decoder
	for s, want := range map[string]string{"&amp;x": "&", "&amp x": "", "&#65;": "A", "&#65": "", "&#87654321;": "", "&ampx;": ""} {
		text, n := d.DecodeStrict([]byte(s))
		if string(text) != want || (n == 0) != (want == "") {
			t.Errorf("DecodeStrict(%q) = %q, %d, want %q", s, text, n, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("&amp;&notit;&#x41;")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) || strings.Contains(s, "&#") { // the library takes &#x; for U+FFFD, and overflows
			t.Skip()
		}
		var d entity.Decoder
		got := decodeAll(&d, s)
		if want := stdhtml.UnescapeString(s); got != want {
			t.Errorf("Decode(%q) = %q, want %q", s, got, want)
		}
	})
}
