package jsonl_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"quarry/internal/base/jsonl"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	many := func(last string) string {
		var b strings.Builder
		b.WriteByte('{')
		for i := range 100 {
			fmt.Fprintf(&b, `"name%d":%d,`, i, i)
		}
		return b.String() + last + ":1}"
	}
	for _, c := range []struct{ name, in, want string }{
		{"an object", `{"a":1,"b":[true,false,null,"x",-0.5e+3],"c":{"a":{}}}`, ""},
		{"white space of all kinds around it", " \t\r\n{ \"a\" : [ 1 , 2 ] } \r\n", ""},
		{"two objects on a line", `{} {}`, "text after the value at byte 3"},
		{"nothing", "", "unexpected end at byte 0"},
		{"nothing but spaces", "  ", "unexpected end at byte 2"},
		{"a byte order mark inside the stream", "\ufeff{}", `unexpected "\ufeff" at byte 0`},
		{"Japanese", `{"題":"日本語の文章。ｶﾅ"}`, ""},
		{"an emoji", `"👨‍👩‍👧"`, ""},
		{"a raw tab in a string", "\"a\tb\"", "control character in a string at byte 2"},
		{"a raw NUL in a string", "\"a\x00b\"", "control character in a string at byte 2"},
		{"a raw newline in a string", "\"aaaaaaaaaaaaaaaa\nb\"", "control character in a string at byte 17"},
		{"DEL is a character like others", "\"\x7f\"", ""},
		{"an unknown escape", `"a\x41"`, "invalid escape at byte 2"},
		{"an escape cut off by the end", `"a\`, "unexpected end inside a string at byte 3"},
		{"a hex digit that is none", `"\u12g4"`, "invalid escape at byte 1"},
		{"a first half of a pair alone", `"\ud83d"`, "escape of half a surrogate pair at byte 1"},
		{"a first half before another escape", `"\ud83d\n"`, "escape of half a surrogate pair at byte 1"},
		{"a first half before a character", `"\ud83d\u0041"`, "escape of half a surrogate pair at byte 1"},
		{"a second half alone", `"\ude00"`, "escape of half a surrogate pair at byte 1"},
		{"a pair", `"\ud83d\ude00"`, ""},
		{"a byte that is no UTF-8", "{\"a\":\"caf\xe9\"}", "invalid UTF-8 at byte 9"},
		{"an overlong slash", "\"\xc0\xaf\"", "invalid UTF-8 at byte 1"},
		{"a surrogate in bytes (CESU)", "\"\xed\xa0\xbd\xed\xb8\x80\"", "invalid UTF-8 at byte 1"},
		{"a character cut by the quote", "\"日\xe6\x9c\"", "invalid UTF-8 at byte 4"},
		{"above U+10FFFF", "\"\xf4\x90\x80\x80\"", "invalid UTF-8 at byte 1"},
		{"a byte that is no UTF-8 outside of strings", "{\xff}", "want a name in quotes at byte 1"},
		{"a value that is no UTF-8", "[\xff]", "invalid UTF-8 at byte 1"},
		{"a name twice", `{"a":1,"b":2,"a":3}`, `duplicate name "a" at byte 13`},
		{"a name twice, once escaped", `{"a":1,"\u0061":3}`, `duplicate name "a" at byte 7`},
		{"a name twice further in", `[{"x":{"kk":1,"kk":2}}]`, `duplicate name "kk" at byte 14`},
		{"a name again in another object", `{"a":{"a":1},"b":{"a":1}}`, ""},
		{"names that share their beginnings", `{"publishedA":1,"publishedB":2}`, ""},
		{"a name twice among a hundred", many(`"name7"`), `duplicate name "name7" at byte 1181`},
		{"a hundred and one names", many(`"name100"`), ""},
		{"names differ in case", `{"recordId":1,"RECORDID":2}`, ""},
		{"an empty name twice", `{"":1,"":2}`, `duplicate name "" at byte 6`},
		{"NaN", `[NaN]`, `unexpected "N" at byte 1`},
		{"Infinity", `[-Infinity]`, "want a digit at byte 2"},
		{"a number with a leading zero", `[010]`, "want , or ] after an array's value at byte 2"},
		{"a number that ends in its point", `[1.]`, "want a digit at byte 3"},
		{"a number without a whole part", `[.5]`, `unexpected "." at byte 1`},
		{"a number with a plus", `[+1]`, `unexpected "+" at byte 1`},
		{"an exponent without digits", `[1e]`, "want a digit at byte 3"},
		{"a number of any size", `[-0, 1E400, 123456789012345678901234567890.0e-5]`, ""},
		{"a literal cut short", `[tru]`, `unexpected "t" at byte 1`},
		{"a literal too long", `[nulll]`, "want , or ] after an array's value at byte 5"},
		{"a comma before the end of an array", `[1,]`, `unexpected "]" at byte 3`},
		{"a comma before the end of an object", `{"a":1,}`, "want a name in quotes at byte 7"},
		{"no colon", `{"a" 1}`, "want : after a name at byte 5"},
		{"brackets that do not fit", `[1}`, "want , or ] after an array's value at byte 2"},
		{"braces that do not fit", `{"a":1]`, "want , or } after an object's value at byte 6"},
		{"a comment", `{"a":1} // x`, "text after the value at byte 8"},
		{"single quotes", `{'a':1}`, "want a name in quotes at byte 1"},
		{"an object cut off", `{"a":{"b":1}`, "unexpected end at byte 12"},
		{"10,000 levels", strings.Repeat("[", 10000) + strings.Repeat("]", 10000), ""},
		{"10,001 levels", strings.Repeat("[", 10001) + strings.Repeat("]", 10001), "nesting deeper than 10000 at byte 10000"},
		{"10,001 levels of objects", strings.Repeat(`{"a":`, 10000) + "{}" + strings.Repeat("}", 10000), "nesting deeper than 10000 at byte 50000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if err := jsonl.Check([]byte(c.in)); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("Check(%.60q) = %q, want %q", c.in, got, c.want)
			}
			if strict := jsontext.Value(c.in).IsValid(); strict != (got == "") {
				t.Errorf("Check(%.60q) = %q, but jsontext says valid: %v", c.in, got, strict)
			}
		})
	}
}

func TestCheckNamesItsClass(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]error{"\"\xff\"": jsonl.ErrUTF8, `{"a":1,"a":1}`: jsonl.ErrDuplicate} {
		if err := jsonl.Check([]byte(in)); !errors.Is(err, want) {
			t.Errorf("Check(%q) = %v, want one that is %v", in, err, want)
		}
	}
}

func TestObjectGivesItsMembers(t *testing.T) {
	t.Parallel()
	var c jsonl.Checker
	for range 2 { // the second time with memory that was used
		members, err := c.Object([]byte(` {"id":"p-1", "\u0062ody" : "a\nb","n":{"a":[1,{"b":2}]},"empty":"","list":[],"o":{},"num":-1.5 } `))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range members {
			got = append(got, fmt.Sprintf("%s=%s plain=%v", m.Name, m.Value, m.Plain))
		}
		want := []string{
			`id="p-1" plain=true`, `body="a\nb" plain=false`, `n={"a":[1,{"b":2}]} plain=false`, `empty="" plain=true`,
			`list=[] plain=false`, `o={} plain=false`, `num=-1.5 plain=false`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Object: %s", diff)
		}
	}
	for _, in := range []string{`[{"a":1}]`, `"x"`, `3`, `null`} {
		if _, err := c.Object([]byte(in)); err == nil || !strings.Contains(err.Error(), "not a JSON object at byte 0") {
			t.Errorf("Object(%s) = %v, want that it is no object", in, err)
		}
	}
}

// The checker and jsontext must agree on every input, and the members must be what jsontext reads.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{
		`{"a":1,"b":[true,null,"x\u00e9\ud83d\ude00"],"c":{"d":-0.5e+3}}`, `{"a":1,"a":2}`, `{"\u0061":1,"a":2}`, "\"日本語\xff\"", `"\ud800"`,
		`{"long":"` + strings.Repeat("x\\\"", 99) + `","l":[{"a":"` + strings.Repeat("y", 200) + `"},2]}`,
		`[[[[[[[[]]]]]]]]`, `{"a":{"b":{"c":{}}}} `, "\"a\x00\"", `-0`, `01`, `1e5`, `nul`, "\ufeff{}", "\"\xed\xa0\x80\"", "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
		"{\"あいうえおかきくけこ\":\"ａｂｃ\xe0\x9f\xbf\"}", `{"":1,"":2}`, "\"\xef\xbf\xbd\xee\x80\x80\"", `{"a":"\\\\\"x","b":"\\"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		err := jsonl.Check(in)
		if valid := jsontext.Value(in).IsValid(); valid != (err == nil) {
			t.Fatalf("Check(%q) = %v, jsontext says valid: %v", in, err, valid)
		}
		var c jsonl.Checker
		members, err2 := c.Object(in)
		decodes(t, in, members, err2)
		if err != nil {
			var s *jsonl.SyntaxError
			if !errors.As(err, &s) || s.Offset < 0 || s.Offset > len(in) {
				t.Fatalf("Check(%q) = %v: no offset inside of it", in, err)
			}
			if err2 == nil || err2.Error() != err.Error() {
				t.Fatalf("Check(%q) = %v, Object = %v", in, err, err2)
			}
			return
		}
		if err2 != nil {
			return // valid, but no object
		}
		d := jsontext.NewDecoder(strings.NewReader(string(in)))
		if _, err := d.ReadToken(); err != nil {
			t.Fatal(err)
		}
		walked := 0
		next, stop := iter.Pull2(c.Members(in))
		defer stop()
		for name, value := range jsonl.Members(in) {
			if n, v, ok := next(); !ok || string(n) != string(name) || string(v) != string(value) {
				t.Fatalf("the Checker walks %q to %q %q, Members to %q %q", in, n, v, name, value)
			}
			tok, err := d.ReadToken()
			if err != nil || walked >= len(members) {
				t.Fatalf("Members(%q): more than there are: %v", in, err)
			}
			want := tok.String()
			v, err := d.ReadValue()
			if err != nil {
				t.Fatal(err)
			}
			m := members[walked]
			if string(m.Name) != want || !jsonl.NameIs(name, want) {
				t.Fatalf("name %d of %q: Object %q, Members %q, want %q", walked, in, m.Name, name, want)
			}
			if string(m.Value) != string(v) || string(value) != string(v) {
				t.Fatalf("value of %q in %q: Object %q, Members %q, want %q", want, in, m.Value, value, v)
			}
			if m.String() {
				text, err := jsontext.AppendUnquote(nil, v)
				if got := jsonl.Unescape(nil, m.Value); err != nil || string(got) != string(text) {
					t.Fatalf("Unescape(%q) = %q, want %q (%v)", m.Value, got, text, err)
				}
				if m.Plain && string(m.Value[1:len(m.Value)-1]) != string(text) {
					t.Fatalf("%q is said to be plain", m.Value)
				}
			}
			walked++
		}
		if walked != len(members) {
			t.Fatalf("Members(%q) gave %d, Object %d", in, walked, len(members))
		}
	})
}

// decodes fails where Decode does not give what Object and Unescape do.
func decodes(t *testing.T, in []byte, members []jsonl.Member, err error) {
	t.Helper()
	var c jsonl.Checker
	var arena jsonl.Arena
	before := arena.Keep(append(arena.Room(len("before")), "before"...))
	got, err2 := c.Decode(in, &arena)
	if (err == nil) != (err2 == nil) || err != nil && err.Error() != err2.Error() {
		t.Fatalf("Decode(%q) = %v, Object says %v", in, err2, err)
	}
	if string(before) != "before" {
		t.Fatalf("Decode(%q) wrote over what lay in the arena: %q", in, before)
	}
	for i, m := range got {
		want := members[i]
		switch {
		case string(m.Name) != string(want.Name) || string(m.Value) != string(want.Value) || m.Plain != want.Plain:
			t.Fatalf("Decode(%q)[%d] = %q: %q, want %q: %q", in, i, m.Name, m.Value, want.Name, want.Value)
		case !m.String() && m.Text != nil:
			t.Fatalf("Decode(%q)[%d] gives %q a text: %q", in, i, m.Value, m.Text)
		case m.String() && string(m.Text) != string(jsonl.Unescape(nil, m.Value)):
			t.Fatalf("Decode(%q)[%d] = %q, want %q", in, i, m.Text, jsonl.Unescape(nil, m.Value))
		}
	}
}

func FuzzStrings(f *testing.F) {
	f.Add("plain", "")
	f.Add("a\"b\\c\x00\x1f\b\f\n\r\t/\x7f\u2028日本👍", "before")
	f.Add(strings.Repeat("\x00\"", 40), strings.Repeat("x", 100))
	f.Add("eight plain bytes\xc3 and a broken one", "")
	f.Fuzz(func(t *testing.T, s, before string) {
		checked, valid := jsonl.AppendText([]byte(before), []byte(s))
		if valid != utf8.ValidString(s) {
			t.Fatalf("AppendText(%q) says valid: %v", s, valid)
		}
		s = strings.ToValidUTF8(s, "")
		quoted := jsonl.AppendString([]byte(before), []byte(s))
		if valid && before+`"`+string(checked[len(before):])+`"` != string(quoted) {
			t.Fatalf("AppendText(%q) = %q, AppendString has %q", s, checked, quoted)
		}
		if known := jsonl.AppendValid([]byte(before), []byte(s)); before+`"`+string(known[len(before):])+`"` != string(quoted) {
			t.Fatalf("AppendValid(%q) = %q, AppendString has %q", s, known, quoted)
		}
		if string(quoted[:len(before)]) != before {
			t.Fatalf("AppendString(%q, %q) changed what was there", before, s)
		}
		quoted = quoted[len(before):]
		want := jsontext.Value(append([]byte(nil), quoted...))
		if err := want.Canonicalize(); err != nil || string(want) != string(quoted) {
			t.Fatalf("AppendString(%q) = %q, canonical is %q (%v)", s, quoted, want, err)
		}
		if err := jsonl.Check(quoted); err != nil {
			t.Fatalf("AppendString(%q) = %q: %v", s, quoted, err)
		}
		if got := jsonl.Unescape([]byte(before), quoted); string(got) != before+s {
			t.Fatalf("Unescape(%q) = %q, want %q", quoted, got, before+s)
		}
		canonical, err := jsonl.Canonical([]byte(before), quoted)
		if err != nil || string(canonical) != before+string(quoted) {
			t.Fatalf("Canonical(%q) = %q, %v", quoted, canonical, err)
		}
	})
}
