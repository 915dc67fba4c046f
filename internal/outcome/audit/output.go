package audit

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"regexp"
	"unicode/utf16"

	gojson "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/zstd"
)

// openOutput opens a file of output as UTF-8: what the provider or a copy of its output put around the text is taken off.
func openOutput(path string) (io.ReadCloser, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	text, err := plain(f)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return closing{text, f}, nil
}

type closing struct {
	io.Reader
	io.Closer
}

func plain(r io.Reader) (io.Reader, error) {
	in := bufio.NewReader(r)
	for layers := 0; layers < 3; layers++ {
		first, _ := in.Peek(4)
		switch {
		case bytes.HasPrefix(first, []byte("\x1f\x8b")):
			z, err := gzip.NewReader(in)
			if err != nil {
				return nil, err
			}
			in = bufio.NewReader(z)
		case bytes.HasPrefix(first, []byte("\x28\xb5\x2f\xfd")):
			z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20))
			if err != nil {
				return nil, err
			}
			in = bufio.NewReader(z.IOReadCloser())
		default:
			return unmarked(in, first), nil
		}
	}
	return in, nil
}

// unmarked reads after a byte order mark. JSON begins with ASCII, so zero bytes at its beginning are those of UTF-16.
func unmarked(in *bufio.Reader, first []byte) io.Reader {
	if bytes.HasPrefix(first, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3)
		return in
	}
	zero := func(i int) bool { return len(first) > i && first[i] == 0 }
	switch {
	case bytes.HasPrefix(first, []byte("\xff\xfe")), len(first) == 4 && !zero(0) && zero(1) && zero(3):
		return &wideText{in: in, low: 0, mark: bytes.HasPrefix(first, []byte("\xff\xfe"))}
	case bytes.HasPrefix(first, []byte("\xfe\xff")), len(first) == 4 && zero(0) && !zero(1) && zero(2):
		return &wideText{in: in, low: 1, mark: bytes.HasPrefix(first, []byte("\xfe\xff"))}
	}
	return in
}

// wideText makes UTF-8 of UTF-16, a block at a time.
type wideText struct {
	in   *bufio.Reader
	low  int // place of the low byte in a unit
	mark bool
	half uint16 // the first half of a pair that the block before ended with
	text []byte
	end  error
}

func (w *wideText) Read(p []byte) (int, error) {
	for len(w.text) == 0 {
		if w.end != nil {
			return 0, w.end
		}
		block := make([]byte, 16<<10)
		n, err := io.ReadFull(w.in, block)
		if errors.Is(err, io.ErrUnexpectedEOF) && n%2 == 0 {
			err = io.EOF
		}
		w.end = err
		var units []uint16
		if w.half != 0 {
			units = append(units, w.half)
			w.half = 0
		}
		for i := 0; i+1 < n; i += 2 {
			units = append(units, uint16(block[i+w.low])|uint16(block[i+1-w.low])<<8)
		}
		if w.mark && len(units) > 0 {
			units, w.mark = units[1:], false
		}
		if last := len(units) - 1; err == nil && last >= 0 && units[last]&0xFC00 == 0xD800 {
			w.half, units = units[last], units[:last]
		}
		w.text = []byte(string(utf16.Decode(units)))
	}
	n := copy(p, w.text)
	w.text = w.text[n:]
	return n, nil
}

// damaged reports whether an error is of a file's content, and not of reading it from the disk.
func damaged(err error) bool {
	var disk *os.PathError
	return !errors.As(err, &disk) && !errors.Is(err, errLongLine)
}

var begins = regexp.MustCompile(`\{\s*"(?:recordId|modelInput|modelOutput|error)"\s*:`)

// outputLine reads a line of output: mostly one object, else as many as there are without doubt. broken counts the parts that are none.
func outputLine(text []byte) (read []rawLine, broken int64) {
	if l, err := readRaw(text); err == nil {
		return []rawLine{l}, 0
	}
	text = bytes.Trim(text, "\uFEFF\x00\x1e \t\r")
	if s := string(text); s == "" || s == "[" || s == "]" || s == "," {
		return nil, 0
	}
	text = bytes.Trim(bytes.TrimSuffix(bytes.TrimPrefix(text, []byte("[")), []byte("]")), ", \t\r")
	whole, ok := objectsOf(text)
	if ok {
		return whole, 0
	}
	starts := 0
	for _, at := range begins.FindAllIndex(text, -1) {
		if nested(text[:at[0]]) {
			continue
		}
		if starts++; starts > 16 {
			break
		}
		if later, ok := objectsOf(text[at[0]:]); ok {
			return later, 1
		}
	}
	return whole, 1
}

// nested reports whether what follows a text that may be torn is a value in it.
func nested(text []byte) bool {
	var last, top byte
	var open []byte
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == ' ' || c == '\t' || c == '\r' {
			continue
		}
		last = c
		switch {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '{' || c == '['):
			open = append(open, c)
		case !quoted && (c == '}' || c == ']'):
			open = open[:max(len(open)-1, 0)]
		}
	}
	if len(open) > 0 {
		top = open[len(open)-1]
	}
	return last == 0 || last == ':' || last == '[' || last == ',' && top == '['
}

// objectsOf reads one object after another, and reports whether that was all of the text.
func objectsOf(text []byte) (read []rawLine, all bool) {
	for {
		text = bytes.TrimLeft(text, ", \t\r\uFEFF\x00\x1e")
		if len(text) == 0 {
			return read, true
		}
		text = escaped(text)
		d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowInvalidUTF8(true))
		v, err := d.ReadValue()
		if err != nil || v.Kind() != '{' {
			return read, false
		}
		clean, err := jsontext.AppendFormat(nil, v, jsontext.AllowInvalidUTF8(true))
		if err != nil {
			return read, false
		}
		l, err := readRaw(clean)
		if err != nil {
			return read, false
		}
		l.damaged = true
		read = append(read, l)
		text = text[d.InputOffset():]
	}
}

// escaped gives the control characters inside strings as escapes.
func escaped(text []byte) []byte {
	var out []byte
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\' && i+1 < len(text):
			out = append(out, c)
			i++
			c = text[i]
		case c == '"':
			quoted = !quoted
		case quoted && c < ' ':
			b, _ := gojson.Marshal(string(c)) // a control character is valid text
			out = append(out, b[1:len(b)-1]...)
			continue
		}
		out = append(out, c)
	}
	return out
}
