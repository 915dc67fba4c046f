package resultline_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/resultline"
)

// spelled is what encoding/json writes of a value as data.
func spelled(t testing.TB, v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func results() []quarry.Result {
	cost := quarry.USD(45_300_000)
	return []quarry.Result{
		{},
		{
			ID: "post-1", Status: quarry.StatusOK, Output: json.RawMessage(`{"title_en":"a \"b\"","n":[1,2.50,null]}`), StopReason: "end_turn", Model: "m",
			RequestedModel: "us.m", Region: "us-west-2", Mode: "batch", Attempts: 2, Usage: quarry.Usage{InputTokens: 492, OutputTokens: 167}, CostUSD: &cost,
			Job: "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/x", RecordID: "post_1-0123456789ab-a2",
			Document: quarry.DocumentInfo{Title: "日本語 <b>&\u2028", URL: "https://example.com/?a=1&b=2", Lang: "ja"},
		},
		{
			ID: "a\tb\x01\xff", Status: quarry.StatusInvalid, Text: "line\nbreak \\ 😀 é", Parts: 3, Salvaged: true, SameAs: "other", Similarity: 0.91,
			Usage:    quarry.Usage{InputTokens: 5, CacheReadTokens: 1, CacheWriteTokens: 2, Unknown: 1},
			Document: quarry.DocumentInfo{Title: "t", Fields: json.RawMessage(`{ "title" : "other", "tags": [ "a" , "b" ], "é":1 , "n\u0061me":"x"}`)},
			Error:    &quarry.ResultError{Kind: "schema_invalid", Message: "want \"string\""}, ModelOutput: json.RawMessage(`{"x": 1}`),
			CorrectedBy: "ann <a>", CorrectedAt: "2026-12-01T08:00:00.000Z",
		},
		{Usage: quarry.Usage{Unknown: 1}, CostUSD: new(quarry.USD), Document: quarry.DocumentInfo{Fields: json.RawMessage(`{"url":7}`)}},
	}
}

func TestAppendSpellsAsEncodingJSONDoes(t *testing.T) {
	for _, r := range results() {
		got, err := resultline.Append(nil, &r)
		if want := spelled(t, r); err != nil || string(got) != want {
			t.Errorf("Append = %s (%v)\nwant     %s", got, err, want)
		}
	}
}

func TestReadGivesWhatEncodingJSONGives(t *testing.T) {
	var reader resultline.Reader
	for _, r := range results() {
		line := spelled(t, r)
		var got, want quarry.Result
		if err := reader.Read([]byte(line), &got); err != nil {
			t.Fatalf("Read(%s): %v", line, err)
		}
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("Read(%s) = %+v\nwant %+v", line, got, want)
		}
	}
}

func TestReadNamesTheFirstValueThatDoesNotFit(t *testing.T) {
	for _, line := range []string{
		`{"id":7}`, `{"attempts":1.5}`, `{"attempts":"1"}`, `{"usage":[]}`, `{"salvaged":0}`, `{"cost_usd":"a"}`, `{"document":3}`, `{"error":"x"}`, `[]`, `{"id":"a"`, `{"id":"a","id":"b"}`,
	} {
		var r quarry.Result
		if err := new(resultline.Reader).Read([]byte(line), &r); err == nil {
			t.Errorf("Read(%s) gives no error", line)
		}
	}
}

// FuzzAgainstEncodingJSON reads any line both ways. What Read accepts, encoding/json accepts with the same values, and both spell them alike.
// What it refuses, encoding/json refuses too, unless a name comes twice, differs in case, or text is not UTF-8.
func FuzzAgainstEncodingJSON(f *testing.F) {
	for _, r := range results() {
		f.Add([]byte(spelled(f, r)))
	}
	f.Add([]byte(`{"usage":{"input_tokens":null},"cost_usd":1e-3,"document":null,"error":null,"output":null,"similarity":1e21}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var got, want quarry.Result
		err := new(resultline.Reader).Read(line, &got)
		wantErr := json.Unmarshal(line, &want)
		if err != nil {
			if wantErr == nil && jsonl.Check(line) == nil && line[0] == '{' && exactNames(line) {
				t.Fatalf("Read(%q): %v; encoding/json reads it", line, err)
			}
			return
		}
		if !exactNames(line) {
			return // encoding/json takes "ID" for id
		}
		if wantErr != nil {
			t.Fatalf("Read(%q) succeeds; encoding/json: %v", line, wantErr)
		}
		if fmt.Sprintf("%+v", values(got)) != fmt.Sprintf("%+v", values(want)) {
			t.Fatalf("Read(%q) = %+v\nwant %+v", line, values(got), values(want))
		}
		spelling, err := resultline.Append(nil, &got)
		if err != nil || string(spelling) != spelled(t, want) {
			t.Fatalf("Append = %s (%v)\nwant     %s", spelling, err, spelled(t, want))
		}
	})
}

// values are a result's values, those after pointers included.
func values(r quarry.Result) any {
	cost, fault := r.CostUSD, r.Error
	r.CostUSD, r.Error = nil, nil
	return []any{r, spelledOrNil(cost), fmt.Sprintf("%+v", fault)}
}

func spelledOrNil(u *quarry.USD) string {
	if u == nil {
		return "null"
	}
	return u.String()
}

// exactNames reports whether no member's name needs encoding/json's leniency about case, at any depth.
func exactNames(value []byte) bool {
	for name, value := range jsonl.Members(value) {
		if !bytes.Equal(name, bytes.ToLower(name)) || bytes.IndexByte(name, '\\') >= 0 || bytes.ContainsFunc(name, func(r rune) bool { return r >= 0x80 }) || !exactNames(value) {
			return false
		}
	}
	return true
}

func BenchmarkAppend(b *testing.B) {
	r := results()[1]
	b.Run("resultline", func(b *testing.B) {
		b.ReportAllocs()
		var line []byte
		for b.Loop() {
			line, _ = resultline.Append(line[:0], &r)
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		var line bytes.Buffer
		for b.Loop() {
			line.Reset()
			enc := json.NewEncoder(&line)
			enc.SetEscapeHTML(false)
			_ = enc.Encode(&r)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	line := []byte(spelled(b, results()[1]))
	b.Run("resultline", func(b *testing.B) {
		b.ReportAllocs()
		var reader resultline.Reader
		for b.Loop() {
			var r quarry.Result
			_ = reader.Read(line, &r)
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var r quarry.Result
			_ = json.Unmarshal(line, &r)
		}
	})
}
