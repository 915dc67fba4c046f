package item_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/note"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		fields map[string]string
		items  []string
		want   item.Keys
	}{
		{"the common names", nil, []string{`{"id":"a","title":"T","content":"x","url":"u","lang":"en","format":"html"}`}, item.Keys{
			ID: item.Path{"id"}, Title: item.Path{"title"}, Body: item.Path{"content"}, URL: item.Path{"url"}, Lang: item.Path{"lang"}, Format: item.Path{"format"},
		}},
		{"a document database", nil, []string{`{"_id":{"$oid":"5f"},"headline":"T","html":"<p>","permalink":"u","locale":"ja"}`}, item.Keys{
			ID: item.Path{"_id", "$oid"}, Title: item.Path{"headline"}, Body: item.Path{"html"}, URL: item.Path{"permalink"}, Lang: item.Path{"locale"}, BodyFormat: quarry.FormatMarked,
		}},
		{"WordPress over REST; its format is no text format", nil, []string{`{"id":7,"title":{"rendered":"T"},"content":{"rendered":"<p>"},"link":"u","format":"standard"}`}, item.Keys{
			ID: item.Path{"id"}, Title: item.Path{"title", "rendered"}, Body: item.Path{"content", "rendered"}, URL: item.Path{"link"}, BodyFormat: quarry.FormatMarked,
		}},
		{"names in capitals", nil, []string{`{"ID":"1","Title":"T","BODY":"x"}`}, item.Keys{ID: item.Path{"ID"}, Title: item.Path{"Title"}, Body: item.Path{"BODY"}}},
		{"the better name only in few items", nil, []string{`{"slug":"a","text":"x"}`, `{"slug":"b","text":"x","id":"9"}`, `{"slug":"c","text":"x"}`}, item.Keys{
			ID: item.Path{"slug"}, Body: item.Path{"text"},
		}},
		{"a name of the wrong kind", nil, []string{`{"id":{"x":1},"guid":"g","content":{"a":1},"body":"x"}`}, item.Keys{ID: item.Path{"guid"}, Body: item.Path{"body"}}},
		{"configured paths", map[string]string{"body": "fields.body.en-US", "id": "sys.id", "title": "a.b"}, []string{`{"id":"no","content":"no","a.b":"T","fields":{"body":{"en-US":"x"}}}`}, item.Keys{
			ID: item.Path{"sys", "id"}, Title: item.Path{"a.b"}, Body: item.Path{"fields", "body", "en-US"},
		}},
		{"nothing", nil, nil, item.Keys{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var first [][]byte
			for _, s := range c.items {
				first = append(first, []byte(s))
			}
			if diff := cmp.Diff(c.want, item.Config{Fields: c.fields}.Decide(first)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFieldsWithoutTheBody(t *testing.T) {
	t.Parallel()
	in := "{\"id\":1,\"fields\":{\"body\":{\"ja\":\"本文\",\"en\":\"text\"},\n \"n\": 1 },\"a\\\"b\":[1,\n 2],\"url\":\"u\"}"
	cfg := item.Config{Fields: map[string]string{"body": "fields.body.ja"}}
	d, err := cfg.NewReader(cfg.Decide([][]byte{[]byte(in)})).Read([]byte(in), quarry.Position{File: "f", Line: 3})
	want := quarry.Document{
		ID: "1", Body: []byte("本文"), Valid: true, URL: "u", At: quarry.Position{File: "f", Line: 3},
		Fields: []byte(`{"fields":{"body":{"en":"text"},"n":1},"a\"b":[1,2]}`),
	}
	if diff := cmp.Diff(want, d); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestBodiesOutliveTheReading(t *testing.T) {
	t.Parallel()
	r := item.Config{}.NewReader(item.Keys{ID: item.Path{"id"}, Body: item.Path{"body"}})
	var bodies [][]byte
	for range 2000 {
		d, err := r.Read([]byte(`{"id":"a","body":"line\nline `+strings.Repeat("x", 300)+`","more":{"a":"b\n"}}`), quarry.Position{})
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, d.Body)
	}
	for i, b := range bodies {
		if string(b) != "line\nline "+strings.Repeat("x", 300) {
			t.Fatalf("body %d was written over: %.40q", i, b)
		}
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	for condition, keep := range map[string]bool{
		"status=publish": true, "status=draft": false, "n=7": true, "n=7.0": false, "flag=true": true, "none=null": true, "missing=": false,
		"meta.lang=ja": true, "a.b=dotted": true, "empty=": true,
	} {
		w, err := item.ParseCondition(condition)
		if err != nil {
			t.Fatal(err)
		}
		cfg := item.Config{Where: []item.Condition{w}}
		r := cfg.NewReader(item.Keys{ID: item.Path{"id"}, Body: item.Path{"body"}})
		_, err = r.Read([]byte(`{"id":"a","body":"x","status":"publ\u0069sh","n":7,"flag":true,"none":null,"meta":{"lang":"ja"},"a.b":"dotted","empty":""}`), quarry.Position{})
		if got := !errors.Is(err, item.ErrFiltered); got != keep {
			t.Errorf("%s keeps: %v, want %v", condition, got, keep)
		}
	}
	for _, s := range []string{"", "x", "=y"} {
		if _, err := item.ParseCondition(s); err == nil {
			t.Errorf("ParseCondition(%q) took it", s)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, c := range []item.Config{
		{Fields: map[string]string{"nobody": "x"}},
		{Fields: map[string]string{"body": ""}},
		{Where: []item.Condition{{Value: "x"}}},
		{MaxBytes: -1},
		{MaxBytes: 2 << 30},
	} {
		if c.Validate() == nil {
			t.Errorf("Validate took %+v", c)
		}
	}
}

// TestLockedPosts: a site of WordPress gives no text of a post that a password protects.
func TestLockedPosts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body, in string
		locked         bool
	}{
		{"a locked post", "", `{"id":7,"title":{"rendered":"Secret"},"content":{"rendered":"","protected":true}}`, true},
		{"with a blank text", "", `{"id":7,"title":{"rendered":"Secret"},"content":{"rendered":" \n","protected":true}}`, true},
		{"members in another order", "", `{"id":7,"title":{"rendered":"Secret"},"content":{"protected":true,"rendered":""}}`, true},
		{"without a title", "", `{"id":7,"content":{"rendered":"","protected":true}}`, true},
		{"with a number for an id", "", `{"id":"7","title":{"rendered":"A &#8211; B"},"content":{"rendered":"","protected":true}}`, true},
		{"an excerpt", "excerpt.rendered", `{"id":7,"content":{"rendered":"x","protected":false},"excerpt":{"rendered":"","protected":true}}`, true},
		{"the content of a post whose excerpt is locked", "", `{"id":7,"content":{"rendered":"x","protected":false},"excerpt":{"rendered":"","protected":true}}`, false},
		{"a post that was given with its password", "", `{"id":7,"content":{"rendered":"<p>x</p>","protected":true}}`, false},
		{"an empty post", "", `{"id":7,"content":{"rendered":"","protected":false}}`, false},
		{"an empty post of an old site", "", `{"id":7,"content":{"rendered":""}}`, false},
		{"a protected text of another kind", "content.raw", `{"id":7,"content":{"raw":"","rendered":"","protected":true}}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			book := new(note.Book)
			cfg := item.Config{Notes: book}
			if c.body != "" {
				cfg.Fields = map[string]string{"body": c.body}
			}
			d, err := cfg.NewReader(cfg.Decide([][]byte{[]byte(c.in)})).Read([]byte(c.in), quarry.Position{})
			notes := book.Take()
			if c.locked != errors.Is(err, item.ErrFiltered) || c.locked != (len(notes) == 1) {
				t.Fatalf("%+v, %v, %q", d, err, notes)
			}
			if c.locked && (!strings.Contains(notes[0], "(7") || strings.Contains(c.in, "Secret") && !strings.Contains(notes[0], `7 "Secret"`)) {
				t.Errorf("said %q", notes[0])
			}
		})
	}
}
