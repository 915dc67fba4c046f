package audit

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// asAny gives a value as encoding/json does.
func asAny(v value) any {
	switch {
	case v.begins('{'):
		object := map[string]any{}
		for name, member := range v.members() {
			object[string(name)] = asAny(member)
		}
		return object
	case v.begins('['):
		list := []any{}
		for e := range v.elements() {
			list = append(list, asAny(e))
		}
		return list
	case v.begins('"'):
		return v.text()
	case v.begins('n'):
		return nil
	case v.begins('t'), v.begins('f'):
		return v[0] == 't'
	}
	return json.Number(v)
}

// FuzzValue walks every value that the check lets through, and compares with encoding/json.
func FuzzValue(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":"\\\"","c":[]},null,true],"\u0061b":"\ud83d\ude00","":{}}`, ` [ { } , [ 1e5 ] ] `, `"\\"`, `7`, `{"a" : "b" , "c" : false}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v := checked(text)
		if v == nil {
			return
		}
		dec := json.NewDecoder(strings.NewReader(string(text)))
		dec.UseNumber()
		var want any
		if err := dec.Decode(&want); err != nil {
			t.Fatalf("checked(%q) accepts what encoding/json does not: %v", text, err)
		}
		if got := asAny(v); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as %#v, want %#v", text, got, want)
		}
	})
}

// FuzzLikeness compares with spelling both values in one way.
func FuzzLikeness(f *testing.F) {
	for _, pair := range [][2]string{
		{`{"a":[1,{"b":"x"}],"c":null}`, ` {"c" : null, "\u0061" : [1, {"b":"\u0078"}]}`},
		{`{"a":{"b":1},"c":{}}`, `{"a":{},"c":{"b":1}}`},
		{`[1,2]`, `[2,1]`},
		{`["a","b"]`, `["ab"]`},
		{`[[]]`, `[{}]`},
		{`1`, `"1"`},
		{`{"a":1,"b":2}`, `{"a":2,"b":1}`},
		{`"\ud83d\ude00\/\n\t\b\f\r\\\""`, `"😀/\u000a\u0009\u0008\u000C\u000d\u005c\u0022"`},
		{`1.0`, `1`},
		{`true`, `"true"`},
	} {
		f.Add([]byte(pair[0]), []byte(pair[1]))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		x, y := checked(a), checked(b)
		if x == nil || y == nil {
			return
		}
		if got, want := x.like(y), uniform(x) == uniform(y); got != want {
			t.Errorf("%s and %s: like = %t, want %t", a, b, got, want)
		}
		if z := checked([]byte(uniform(x))); x.likeness() != z.likeness() {
			t.Errorf("%s has another likeness than %s", a, z)
		}
	})
}

// BenchmarkLikeness compares with spelling a value in one way.
func BenchmarkLikeness(b *testing.B) {
	v := checked([]byte(`{"title_en":"` + strings.Repeat("a title ", 20) + `","summary_ja":"` + strings.Repeat("要約\\n", 60) +
		`","summary_en":"` + strings.Repeat("text ", 60) + `"}`))
	b.Run("audit", func(b *testing.B) {
		for b.Loop() {
			v.likeness()
		}
	})
	b.Run("one spelling", func(b *testing.B) {
		for b.Loop() {
			uniform(v)
		}
	})
}

// BenchmarkReadRaw compares with decoding the line as encoding/json does, once.
func BenchmarkReadRaw(b *testing.B) {
	answer, _ := json.Marshal(`{"title_en":"` + strings.Repeat("a \"title\" ", 20) + `","summary_ja":"` + strings.Repeat("要約\n", 60) + `"}`)
	line := []byte(`{"recordId":"post_1-0123456789ab-a1","modelInput":{"messages":[{"role":"user","content":"` + strings.Repeat(`a text\n`, 250) +
		`"}],"max_tokens":4096},"modelOutput":{"type":"message","content":[{"type":"text","text":` + string(answer) +
		`}],"stop_reason":"end_turn","usage":{"input_tokens":492,"output_tokens":167}}}`)
	b.Run("audit", func(b *testing.B) {
		for b.Loop() {
			if _, err := readRaw(line); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		for b.Loop() {
			var v any
			if err := json.Unmarshal(line, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
