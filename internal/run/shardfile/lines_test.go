package shardfile_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// spelled is what encoding/json writes of a value as data.
func spelled(t testing.TB, v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	fullPart = shardfile.Part{
		ID: "post-1", Order: 7, RecordID: "post_1-0123456789ab-a3", Sent: 0x299f641a33165282, Tried: 2, Bad: 1, Unreached: 1, Plain: true, Resent: true, Parts: 4,
		Document: quarry.DocumentInfo{Title: "a <b> & \u2028", URL: "https://example.com/", Lang: "ja", Fields: json.RawMessage(`{"tags":["x"]}`)},
		Cleaned:  &shardfile.Cleaned{Mode: "page", Source: 10, Text: 5, Cut: true, Dropped: map[string][2]int64{"nav": {1, 20}, "code": {3, 4}}},
		Sample:   &shardfile.Sampled{Classes: quarry.CharClasses{Words: 3, Han: 2}, Japanese: true, Head: "<head>"},
	}
	outcomes = []shardfile.Outcome{
		{},
		{
			Order: 9, RecordID: "post_1-0123456789ab-a1", Class: quarry.ClassOK, Left: true, Parts: 2, Doubled: 1, Earlier: true,
			Result: quarry.Result{ID: "post-1", Status: quarry.StatusOK, Output: json.RawMessage(`{"a":"b\n"}`), CostUSD: new(quarry.USD)},
		},
	}
	queued = []shardfile.Queued{
		{Base: json.RawMessage("null")},
		{Part: fullPart, Attempt: 4, Base: json.RawMessage(`{"messages":[]}`), Class: quarry.ClassTruncated, MaxTokens: 8192, Answer: "an \"answer\"", Complaint: "cut"},
	}
)

// checkLines writes values, compares the bytes with encoding/json's, and reads them again both ways.
func checkLines[T any](t *testing.T, values []T) {
	t.Helper()
	var file bytes.Buffer
	for i := range values {
		var b bytes.Buffer
		if err := lines.Write(&b, &values[i]); err != nil {
			t.Fatal(err)
		}
		if want := spelled(t, &values[i]); b.String() != want {
			t.Errorf("Write gives %swant        %s", &b, want)
		}
		file.Write(b.Bytes())
	}
	path := filepath.Join(t.TempDir(), "lines.jsonl")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(&file)
	n := 0
	for got, err := range lines.Read[T](path) {
		if err != nil {
			t.Fatal(err)
		}
		var want T
		if err := dec.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("Read gives %+v\nwant       %+v", got, want)
		}
		n++
	}
	if n != len(values) {
		t.Errorf("Read gives %d lines, want %d", n, len(values))
	}
}

func TestLinesAreThoseOfEncodingJSON(t *testing.T) {
	t.Parallel()
	checkLines(t, outcomes)
	checkLines(t, queued)
	checkLines(t, []shardfile.Part{{}, fullPart, {Cleaned: &shardfile.Cleaned{}}})
}

func TestALineLongerThanTheBufferIsReadWhole(t *testing.T) {
	t.Parallel()
	long := outcomes[1]
	long.Result.Text = strings.Repeat("long ", 200_000)
	checkLines(t, []shardfile.Outcome{outcomes[1], long, outcomes[1]})
}

func TestALineThatIsCutOffIsAnError(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cut.jsonl")
	if err := os.WriteFile(path, []byte("{\"order\":1,\"result\":{}}\n{\"order\":2,\"resu"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range lines.Read[shardfile.Outcome](path) {
		switch {
		case n == 0 && err != nil:
			t.Fatal(err)
		case n == 1 && (err == nil || !strings.Contains(err.Error(), "line 2")):
			t.Errorf("Read of a line that is cut off gives %v, want an error that names line 2", err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("Read gives %d lines, want one and an error", n)
	}
}

// BenchmarkJournal compares a journal's line, written and read, with encoding/json.
func BenchmarkJournal(b *testing.B) {
	o := outcomes[1]
	o.Result.Document = fullPart.Document
	o.Result.Output = json.RawMessage(`{"title_en":"` + strings.Repeat("A title. ", 20) + `","summary_ja":"` + strings.Repeat("要約です。", 40) + `"}`)
	path := filepath.Join(b.TempDir(), "journal.jsonl")
	const many = 1000
	text := []byte(strings.Repeat(spelled(b, &o), many))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		b.Fatal(err)
	}
	perLine := func(b *testing.B) { b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/many, "ns/line") }
	b.Run("write/lines", func(b *testing.B) {
		var w bytes.Buffer
		for b.Loop() {
			w.Reset()
			for range many {
				_ = lines.Write(&w, &o)
			}
		}
		perLine(b)
	})
	b.Run("write/encoding_json", func(b *testing.B) {
		var w bytes.Buffer
		for b.Loop() {
			w.Reset()
			enc := json.NewEncoder(&w)
			enc.SetEscapeHTML(false)
			for range many {
				_ = enc.Encode(&o)
			}
		}
		perLine(b)
	})
	b.Run("read/lines", func(b *testing.B) {
		for b.Loop() {
			for _, err := range lines.Read[shardfile.Outcome](path) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
		perLine(b)
	})
	b.Run("read/encoding_json", func(b *testing.B) {
		for b.Loop() {
			dec := json.NewDecoder(bytes.NewReader(text))
			for range many {
				var v shardfile.Outcome
				if err := dec.Decode(&v); err != nil {
					b.Fatal(err)
				}
			}
		}
		perLine(b)
	})
}
