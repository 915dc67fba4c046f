package jsonl_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"quarry/internal/base/jsonl"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	const doc = `{"id":7,"fields":{"body":{"en-US":"a \"quoted\" b","ja":null},"tags":["x",{"y":"z"}]},"_id":{"$oid":"5f"},"\u006bey":"v\\"}`
	for _, c := range []struct {
		path, want string
		ok         bool
	}{
		{"id", "7", true},
		{"fields.body.en-US", `"a \"quoted\" b"`, true},
		{"fields.body.ja", "null", true},
		{"fields.body.de", "", false},
		{"fields.tags.1.y", `"z"`, true},
		{"fields.tags.2", "", false},
		{"fields.tags.x", "", false},
		{"_id.$oid", `"5f"`, true},
		{"key", `"v\\"`, true},
		{"id.x", "", false},
		{"fields.tags", `["x",{"y":"z"}]`, true},
	} {
		got, ok := jsonl.Lookup([]byte(doc), strings.Split(c.path, ".")...)
		if ok != c.ok || string(got) != c.want {
			t.Errorf("Lookup(%s) = %s, %v, want %s, %v", c.path, got, ok, c.want, c.ok)
		}
	}
}

func TestElements(t *testing.T) {
	t.Parallel()
	var got []string
	for v := range jsonl.Elements([]byte(` [ 1, "a,]" ,[2,3],{"a":"]"} , null ] `)) {
		got = append(got, string(v))
	}
	if diff := cmp.Diff([]string{"1", `"a,]"`, "[2,3]", `{"a":"]"}`, "null"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	got, err := jsonl.Canonical([]byte("x"), []byte(`{"b":1.0,"a":[1e2, "\u0041\/"],"€":null}`))
	if want := `x{"a":[100,"A/"],"b":1,"€":null}`; err != nil || string(got) != want {
		t.Errorf("Canonical = %s, %v, want %s", got, err, want)
	}
	if _, err := jsonl.Canonical(nil, []byte(`{"a":1,"a":2}`)); err == nil {
		t.Error("Canonical took a name twice")
	}
}

// No one says that what is walked was checked before: the walk must end, and stay inside.
func FuzzWalkUnchecked(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":"x`, `{"a"`, `{"a":`, `{"a":[`, `[1,2`, `{"a":1 "b"}`, `[,]`, `{"a\`, `["\"`, `[x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(_ *testing.T, in []byte) {
		n := 0
		for range jsonl.Members(in) {
			n++
		}
		for range jsonl.Elements(in) {
			n++
		}
		if n > len(in) {
			panic("more members than bytes")
		}
		jsonl.Lookup(in, "a", "0", "b")
	})
}

// FuzzAppendNormal compares with jsontext's own form of compact JSON.
func FuzzAppendNormal(f *testing.F) {
	for _, s := range []string{`{ "a" : [ 1.50 , "\u0041\/\n\u2028", null ] }`, `"\ud83d\ude00\u007f\b"`, ` 1e5 `} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if jsonl.Check(text) != nil {
			return
		}
		want, err := jsontext.AppendFormat(nil, text, jsontext.PreserveRawStrings(false))
		if err != nil {
			t.Fatal(err)
		}
		if got := jsonl.AppendNormal(nil, text); !bytes.Equal(got, want) {
			t.Errorf("AppendNormal(%q) = %q, want %q", text, got, want)
		}
	})
}
