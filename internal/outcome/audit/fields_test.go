package audit

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	gojson "github.com/go-json-experiment/json"
)

// lines of journals, parts and results, as runs of this and earlier versions write them, and as none does.
var lineSeeds = []string{
	`{"order":7,"record_id":"post_1-0123456789ab-a2","class":"schema_invalid","left":true,"parts":2,"doubled":1,"earlier":true,` +
		`"result":{"id":"post-1","status":"invalid","output":{"a":[1,null]},"text":"line\nbreak 日本語","stop_reason":"end_turn","model":"m",` +
		`"requested_model":"us.m","region":"us-west-2","mode":"batch","parts":2,"attempts":2,` +
		`"usage":{"input_tokens":492,"output_tokens":167,"cache_read_tokens":1,"cache_write_tokens":2,"unknown":1},` +
		`"cost_usd":0.0000453,"job":"arn:x","record_id":"post_1-0123456789ab-a2",` +
		`"salvaged":true,"same_as":"other","document":{"title":"t"},"error":{"kind":"schema_invalid","message":"want \"string\""}}}`,
	`{"id":"post-1","order":3,"record_id":"a-0-a1","sent":"8f","parts":2,"of":4,"document":{"lang":"ja"}}`,
	`{"result":{"usage":{"input_tokens":null,"output_tokens":null,"unknown":1},"cost_usd":null,"error":null}}`,
	`{"order":null,"left":null,"result":null}`,
	`{"order":1.5}`, `{"order":"1"}`, `{"order":1e3}`, `{"order":9223372036854775808}`, `{"left":1}`, `{"class":3}`,
	`{"result":[]}`, `{"result":"x"}`, `{"result":{"usage":[]}}`,
	`{"result":{"cost_usd":"a"}}`, `{"result":{"error":"x"}}`, `{"id":7}`, `{"order":1,"order":2}`, `[]`, `7`, `{"order":1} {`, `{"ORDER":1}`, ``,
}

// FuzzFields reads lines of every kind by their members and by reflection: both give the same, or both refuse.
func FuzzFields(f *testing.F) {
	for _, line := range lineSeeds {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if string(bytes.TrimSpace(line)) == "null" {
			return // by reflection an empty line
		}
		bothWays[outcome](t, line, func(o *outcome) { o.written = nil })
		bothWays[result](t, line, nil)
		bothWays[part](t, line, nil)
		bothWays[same](t, line, nil)
	})
}

func bothWays[T any, P lineOf[T]](t *testing.T, line []byte, strip func(*T)) {
	t.Helper()
	var got, want T
	err := new(fields).read(line, P(&got))
	wantErr := gojson.Unmarshal(line, &want)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%T of %q: %v, by reflection %v", got, line, err, wantErr)
	}
	if err != nil {
		return
	}
	if strip != nil {
		strip(&got)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%T of %q is %+v, by reflection %+v", got, line, got, want)
	}
}

// UnmarshalJSON takes a value as it is written, for the reading by reflection.
func (v *value) UnmarshalJSON(text []byte) error {
	*v = value(text).clone()
	return nil
}

func (v value) clone() value { return append(value{}, v...) }

func TestWordsOfALineAreReadOnce(t *testing.T) {
	t.Parallel()
	var f fields
	for range 2 {
		for _, line := range lineSeeds[:1] {
			var o outcome
			if err := f.read([]byte(line), &o); err != nil || o.Result.Mode != "batch" || o.Class != "schema_invalid" {
				t.Fatalf("read = %+v, %v", o, err)
			}
		}
	}
	if _, known := f.words[`"arn:x"`]; !known {
		t.Errorf("words are %v, want the job among them", f.words)
	}
}

// BenchmarkJournalLine compares with reading the line by reflection.
func BenchmarkJournalLine(b *testing.B) {
	line := []byte(lineSeeds[0])
	b.Run("audit", func(b *testing.B) {
		var f fields
		for b.Loop() {
			var o outcome
			if err := f.read(line, &o); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("reflection", func(b *testing.B) {
		for b.Loop() {
			var o outcome
			if err := gojson.Unmarshal(line, &o); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		for b.Loop() {
			var o outcome
			if err := json.Unmarshal(line, &o); err != nil {
				b.Fatal(err)
			}
		}
	})
}
