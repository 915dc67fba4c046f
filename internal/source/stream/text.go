package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Text gives a whole text file in UTF-8: by its byte order mark, as it is where it is UTF-8, by the encoding that it
// declares (HTML, XML), by the one that its bytes tell. It is for texts and tables, never for JSON, which is UTF-8 by
// its own rule. A text that is UTF-8 but for some bytes is refused with the place of the first: it is broken, not old.
func Text(b []byte) ([]byte, error) {
	enc, mark := markOf(b)
	if enc == nil && mark == 0 {
		enc = Encoding(b)
	}
	b = b[mark:]
	if enc == nil {
		if at := invalidUTF8(b); at >= 0 {
			return nil, fmt.Errorf("invalid UTF-8 at byte %d", at+mark)
		}
		return b, nil
	}
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return nil, fmt.Errorf("decode as %s: %w", nameOf(enc), err)
	}
	if bytes.ContainsRune(out, utf8.RuneError) {
		return nil, fmt.Errorf("some bytes are no %s", nameOf(enc))
	}
	return out, nil
}

// ErrNotText says that bytes are no text in any encoding that is known.
var ErrNotText = errors.New("not a text")

func markOf(b []byte) (enc encoding.Encoding, size int) {
	switch {
	case bytes.HasPrefix(b, []byte{0xEF, 0xBB, 0xBF}):
		return nil, 3
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), 2
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), 2
	}
	return nil, 0
}

// Encoding tells the encoding of a text, or of a head of one, that has no byte order mark; nil is UTF-8.
func Encoding(b []byte) encoding.Encoding {
	if isISO2022JP(b) {
		return japanese.ISO2022JP // seven bits: it would pass for UTF-8
	}
	good, bad := sequences(b)
	if bad == 0 || good > 2*bad {
		return nil
	}
	if enc := declared(b); enc != nil {
		return enc
	}
	return guess(b)
}

func isISO2022JP(b []byte) bool {
	for _, shift := range []string{"\x1b$B", "\x1b$@", "\x1b(J"} {
		if bytes.Contains(b, []byte(shift)) && bytes.IndexFunc(b, func(r rune) bool { return r >= 0x80 }) < 0 {
			return true
		}
	}
	return false
}

// sequences counts the characters of more than one byte that are valid UTF-8, and the bytes that are not. A character
// that the end cuts off counts as neither, since b may be the head of a file.
func sequences(b []byte) (good, bad int) {
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, n := utf8.DecodeRune(b[i:])
		if n > 1 {
			good++
		} else if utf8.FullRune(b[i:]) {
			bad++
		}
		i += n
	}
	return good, bad
}

func invalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// declared reads the encoding that a head names: <meta charset=…>, <meta … content="…; charset=…">, <?xml encoding="…"?>.
// The HTML standard looks at the first 1024 bytes; texts of old systems are less exact.
func declared(b []byte) encoding.Encoding {
	head := bytes.ToLower(b[:min(len(b), 4096)])
	for _, key := range []string{"charset", "encoding"} {
		for rest := head; ; {
			at := bytes.Index(rest, []byte(key))
			if at < 0 {
				break
			}
			rest = bytes.TrimLeft(rest[at+len(key):], " \t\r\n")
			if len(rest) == 0 || rest[0] != '=' {
				continue
			}
			name := bytes.TrimLeft(rest[1:], " \t\r\n\"'")
			end := bytes.IndexAny(name, " \t\r\n\"'/>;?")
			if end <= 0 || strings.HasPrefix(string(name[:end]), "utf") {
				continue // said to be UTF-8, and it is not
			}
			if enc, err := htmlindex.Get(string(name[:end])); err == nil {
				return enc
			}
		}
	}
	return nil
}

// guess tells old encodings apart by what their bytes would spell. Japanese texts are full of kana, which Shift_JIS and
// EUC-JP keep in places of their own; of the one-byte code pages, Cyrillic fills whole words with high bytes and
// Central European puts its own letters where the Western page has marks. All else is the Western page.
func guess(b []byte) encoding.Encoding {
	sjis, sjisOK := shiftJIS(b)
	euc, eucOK := eucJP(b)
	switch {
	case eucOK && euc > 0 && (euc >= sjis || !sjisOK):
		return japanese.EUCJP
	case sjisOK && sjis > 0:
		return japanese.ShiftJIS
	}
	high, inRun, central := 0, 0, 0
	for i, c := range b {
		if c < 0x80 {
			continue
		}
		high++
		if c >= 0xC0 && i > 0 && b[i-1] >= 0xC0 {
			inRun++
		}
		if strings.IndexByte("\x9a\x9c\x9d\x9e\x9f\xb3\xb9\xbf", c) >= 0 && i > 0 && letter(b[i-1]) && i+1 < len(b) && letter(b[i+1]) {
			central++
		}
	}
	switch {
	case 2*inRun > high:
		return charmap.Windows1251
	case 20*central > high:
		return charmap.Windows1250
	}
	return charmap.Windows1252
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// shiftJIS counts the kana that the bytes spell in Shift_JIS, and says whether they can be Shift_JIS at all.
func shiftJIS(b []byte) (kana int, ok bool) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c < 0x80 || (c >= 0xA1 && c <= 0xDF) {
			continue
		}
		if c == 0x80 || c == 0xA0 || c > 0xFC {
			return kana, false
		}
		if i++; i == len(b) {
			break
		}
		d := b[i]
		if d < 0x40 || d == 0x7F || d > 0xFC {
			return kana, false
		}
		if (c == 0x82 && d >= 0x9F && d <= 0xF1) || (c == 0x83 && d >= 0x40 && d <= 0x96) {
			kana++
		}
	}
	return kana, true
}

// eucJP is shiftJIS for EUC-JP.
func eucJP(b []byte) (kana int, ok bool) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c < 0x80 {
			continue
		}
		if c == 0x8F { // a third plane: two more bytes
			if i++; i == len(b) {
				break
			}
		} else if c != 0x8E && (c < 0xA1 || c == 0xFF) {
			return kana, false
		}
		if i++; i == len(b) {
			break
		}
		if d := b[i]; d < 0xA1 || d == 0xFF {
			return kana, false
		}
		if c == 0xA4 || c == 0xA5 {
			kana++
		}
	}
	return kana, true
}

func nameOf(enc encoding.Encoding) string {
	if name, err := htmlindex.Name(enc); err == nil {
		return name
	}
	return "UTF-16"
}

// Decoded gives the file in UTF-8, told by its head as Text tells it; old says that it was in another encoding. Bytes
// that its encoding does not have become U+FFFD, which the old encodings cannot hold otherwise. A file in UTF-8 is given
// as it is, valid or not, without its mark.
func (f File) Decoded(ctx context.Context) (decoded File, old bool, err error) {
	head, err := f.Head(ctx)
	if err != nil {
		return File{}, false, err
	}
	enc, mark := markOf(head)
	if enc == nil && mark == 0 {
		enc = Encoding(head)
	}
	if enc == nil && mark == 0 {
		return f, false, nil
	}
	return File{Name: f.Name, Open: func(ctx context.Context) (io.ReadCloser, error) {
		in, err := f.From(ctx, int64(mark))
		if err != nil || enc == nil {
			return in, err
		}
		return struct {
			io.Reader
			io.Closer
		}{transform.NewReader(in, enc.NewDecoder()), in}, nil
	}}, enc != nil, nil
}
