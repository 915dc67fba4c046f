package worker_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/standin/worker"
)

func FuzzParseRecord(f *testing.F) {
	for _, l := range []string{
		`{"recordId":"a","modelInput":{"x":[1,2,{"y":null}]}}`,
		` { "modelInput" : { } , "other" : 1e400 , "recordId" : "\ud83d\ude00" } `,
		`{"modelInput":{"a":1,"a":2},"modelInput":{}}`,
		`{"recordId":null,"modelInput":{}}`, `{"\u006dodelInput":{}}`, `[]`, `{`, ``, "\xff", `{"modelInput":{}}x`,
	} {
		f.Add([]byte(l))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		before := bytes.Clone(line)
		id, input, err := worker.ParseRecord(line)
		if !bytes.Equal(before, line) {
			t.Fatal("the line was changed")
		}
		var want map[string]json.RawMessage
		jsonErr := json.Unmarshal(line, &want)
		if err != nil {
			in := bytes.TrimSpace(want["modelInput"])
			rid, hasID := want["recordId"]
			strict := jsonErr == nil && utf8.Valid(line) && !bytes.Contains(line, []byte(`\u`)) && !bytes.Contains(line, []byte(`"modelInput"`+":")) // surrogates and doubled names differ
			if strict && len(in) > 0 && in[0] == '{' && (!hasID || rid[0] == '"') {
				t.Errorf("refused %q: %v", line, err)
			}
			return
		}
		if jsonErr != nil {
			t.Fatalf("took %q, which is not JSON: %v", line, jsonErr)
		}
		if !bytes.Equal(input, want["modelInput"]) || len(id) > 0 && !bytes.Equal(id, want["recordId"]) {
			t.Errorf("%q: id %q, input %q; want %q, %q", line, id, input, want["recordId"], want["modelInput"])
		}
	})
}

func FuzzReadFrames(f *testing.F) {
	two := append(worker.Frame(0, "a", []byte(`{}`)), worker.Frame(1<<40, "", nil)...)
	f.Add(two)
	f.Add(two[:len(two)-1])
	f.Add([]byte{0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0})
	f.Add(make([]byte, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, end, err := worker.ReadFrames(bytes.NewReader(b))
		if err != nil || end > int64(len(b)) || n > 0 && end == 0 {
			t.Fatalf("%d frames, end %d of %d, %v", n, end, len(b), err)
		}
		again, _, err := worker.ReadFrames(bytes.NewReader(append(b[:end:end], worker.Frame(7, "next", []byte("x"))...)))
		if err != nil || again != n+1 {
			t.Errorf("after %d frames a new one makes %d, %v", n, again, err)
		}
	})
}

func TestLinesOfAnyLengthAndEnding(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3<<20)
	for name, test := range map[string]struct {
		in   string
		want []string
	}{
		"a last line without an end": {"a\nb", []string{"a", "b"}},
		"Windows ends":               {"a\r\nb\r\n", []string{"a", "b"}},
		"longer than the buffer":     {long + "\n" + long, []string{long, long}},
		"blank ones":                 {"\n \n\t\r\na\n\n", []string{"a"}},
		"nothing":                    {"", nil},
	} {
		for _, r := range []io.Reader{strings.NewReader(test.in), iotest.HalfReader(strings.NewReader(test.in)), iotest.DataErrReader(strings.NewReader(test.in))} {
			got, err := worker.Lines(r)
			if !errors.Is(err, io.EOF) || !cmp.Equal(got, test.want) {
				t.Errorf("%s: %d lines, %v", name, len(got), err)
			}
		}
	}
	if _, err := worker.Lines(iotest.TimeoutReader(strings.NewReader(long))); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("a reader that fails: %v", err)
	}
}
