package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"quarry"
)

// Text gives a whole text file in UTF-8: by its byte order mark, as it is where it is UTF-8, by the encoding that it
// declares (HTML, XML), by the one that its bytes tell. It is for texts and tables, never for JSON, which is UTF-8 by
// its own rule. A text that is UTF-8 but for some bytes is refused with the place of the first: it is broken, not old.
func Text(b []byte) ([]byte, error) {
	enc, mark := markOf(b)
	if enc == nil && mark == 0 {
		var err error
		if enc, err = detect(b); err != nil {
			return nil, err
		}
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
		return nil, fmt.Errorf("some bytes are not %s", nameOf(enc))
	}
	return out, nil
}

// ErrUnknownEncoding says that a text is not UTF-8, and that its encoding is not declared and is not known for sure. A
// wrong guess would be paid for as an article of nonsense.
var ErrUnknownEncoding = errors.New("it is not UTF-8, and its encoding is not recognized")

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

// detect gives the encoding of a text, or of a head of one, that has no byte order mark; nil is UTF-8.
func detect(b []byte) (encoding.Encoding, error) {
	if isISO2022JP(b) {
		return japanese.ISO2022JP, nil // seven bits: it would pass for UTF-8
	}
	good, bad := sequences(b)
	if bad == 0 || good > 2*bad {
		return nil, nil
	}
	enc, saysUTF8 := declared(b)
	switch {
	case enc != nil:
		return enc, nil
	case saysUTF8 && good > 0:
		return nil, nil // it is what it says, but for some bytes
	}
	enc = guess(b)
	switch {
	case enc == japanese.ShiftJIS || enc == japanese.EUCJP:
		return enc, nil
	case enc == nil && (saysUTF8 || bad <= len(b)/50):
		return nil, nil // a table with a broken row, say: what is broken is named, and the rest is read
	case enc == nil && 2*good <= bad:
		return nil, ErrUnknownEncoding
	case 3*good >= bad:
		return nil, nil // text in a code page of one byte hardly ever spells UTF-8 by chance
	}
	return enc, nil
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
// The HTML standard looks at the first 1024 bytes; texts of old systems are less exact. What is said to be UTF-8 is
// known not to be that altogether.
func declared(b []byte) (enc encoding.Encoding, saysUTF8 bool) {
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
			if end <= 0 || bytes.HasPrefix(name[:end], []byte("utf")) {
				saysUTF8 = saysUTF8 || end > 0
				continue
			}
			if enc, err := htmlindex.Get(string(name[:end])); err == nil {
				return enc, saysUTF8
			}
		}
	}
	return nil, saysUTF8
}

func nameOf(enc encoding.Encoding) string {
	if name, err := htmlindex.Name(enc); err == nil {
		return name
	}
	return "UTF-16"
}

// Decoded gives the file in UTF-8, detected from its head as Text tells it; old says that it was in another encoding. Bytes
// that its encoding does not have become U+FFFD, which the old encodings cannot hold otherwise. A file in UTF-8 is given
// as it is, valid or not, without its mark.
func (f File) Decoded(ctx context.Context) (decoded File, old bool, err error) {
	head, err := f.Head(ctx)
	if err != nil {
		return File{}, false, err
	}
	enc, mark := markOf(head)
	if enc == nil && mark == 0 {
		if enc, err = detect(head); err != nil {
			return File{}, false, &quarry.Error{Kind: quarry.BadItems, Err: err, Hint: "convert it to UTF-8: iconv -f ENCODING -t UTF-8"}
		}
	}
	if enc == nil && mark == 0 {
		return f, false, nil
	}
	head = head[mark:]
	if enc != nil {
		if head, err = enc.NewDecoder().Bytes(head); err != nil {
			return File{}, false, fmt.Errorf("decode as %s: %w", nameOf(enc), err)
		}
		head = bytes.TrimSuffix(head, []byte("\ufffd")) // a character that the head's end cuts off
	}
	return File{Name: f.Name, head: head, Open: func(ctx context.Context) (io.ReadCloser, error) {
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

// Lines gives a file whose lines end in line feeds. Spreadsheets of the Mac end them with a carriage return alone ("CSV
// (Macintosh)"): all of such a table would be its header.
func (f File) Lines(ctx context.Context) (File, error) {
	head, err := f.Head(ctx)
	if err != nil || bytes.IndexByte(head, '\n') >= 0 || bytes.IndexByte(head, '\r') < 0 {
		return f, err
	}
	return File{Name: f.Name, head: bytes.ReplaceAll(head, []byte{'\r'},
		[]byte{'\n'}), Open: func(ctx context.Context) (io.ReadCloser, error) {
		in, err := f.From(ctx, 0)
		if err != nil {
			return nil, err
		}
		return returns{in}, nil
	}}, nil
}

// returns reads carriage returns as line feeds.
type returns struct{ io.ReadCloser }

func (r returns) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	for i, c := range p[:n] {
		if c == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}
