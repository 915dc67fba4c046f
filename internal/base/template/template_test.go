package template_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	texttemplate "text/template"

	"quarry/internal/base/template"
)

type inner struct {
	Name string
	N    int
}

// data has what the program's own templates see: maps, lists and structs, numbers as their source wrote them, null, and what is not there.
type data struct {
	Text, Empty string
	Part        int
	On          bool
	Fields      map[string]any
	List        []inner
	Inner       *inner
	None        *inner
}

func values() *data {
	return &data{
		Text: "tomé <b>", Part: 3, On: true, List: []inner{{"a", 1}, {"b", 0}}, Inner: &inner{"in", 7},
		Fields: map[string]any{
			"s": "x y", "n": json.Number("12345678901234567890"), "null": nil, "t": true, "list": []any{"a", json.Number("2"), nil, map[string]any{"k": "v"}},
			"o": map[string]any{"b": "2", "a": "1"}, "e": []any{}, "a-b": "dash",
		},
	}
}

func printed(v any) (string, error) {
	if v == nil {
		return "<no value>", nil
	}
	if r := reflect.Indirect(reflect.ValueOf(v)); r.IsValid() {
		v = r.Interface()
	}
	return fmt.Sprint(v), nil
}

var address = regexp.MustCompile(`0x[0-9a-f]{6,}`) // of a pointer that is printed

// compare executes a template with both; text/template decides what is right.
func compare(t *testing.T, source string) {
	t.Helper()
	theirs, theirErr := texttemplate.New("x").Parse(source)
	ours, ourErr := template.Parse("x", source)
	if (theirErr == nil) != (ourErr == nil) || theirErr != nil && theirErr.Error() != ourErr.Error() {
		t.Fatalf("Parse(%q): %v, want %v", source, ourErr, theirErr)
	}
	if theirErr != nil {
		return
	}
	var want, got strings.Builder
	theirErr = theirs.Execute(&want, values())
	ourErr = ours.Execute(&got, values(), printed)
	if theirErr == nil && ourErr != nil && strings.Contains(ourErr.Error(), "non-function") {
		return // text/template refuses an argument to a member only if the member is there
	}
	if (theirErr == nil) != (ourErr == nil) {
		t.Fatalf("Execute(%q): error %v, want %v", source, ourErr, theirErr)
	}
	if address.ReplaceAllString(got.String(), "") != address.ReplaceAllString(want.String(), "") {
		t.Errorf("Execute(%q) = %q, want %q", source, got.String(), want.String())
	}
	var placed *template.Error
	if ourErr != nil && (!errors.As(ourErr, &placed) || placed.Name != "x" || placed.Line < 1 || placed.Action == "") {
		t.Errorf("Execute(%q): %v does not name its place", source, ourErr)
	}
}

var sources = []string{
	"plain {{/* none */}} {{- .Text -}} text", "{{.Part}} {{.On}} {{.Empty}} {{.Fields.s}} {{.Fields.n}} {{.Fields.none}} {{.Fields.null}}",
	"{{.Fields.none.x}}", "{{.Fields.null.x}}", "{{.Fields.s.x}}", "{{(index .Fields \"null\").x}}", "{{$x := .Fields.null}}{{$x.y}}", "{{.Wrong}}", "{{.Inner.Name}}{{.Inner.N}}",
	"{{.None.Name}}", "{{if .None}}a{{else}}b{{end}}", "{{.List.Name}}", "{{.Text.x}}", "{{.Fields.s 1}}", "{{1 | .Text}}", "{{nil}}", "{{3 4}}", "{{(.Fields).s}}",
	"{{if .On}}a{{end}}{{if not .On}}b{{else if .Part}}c{{else}}d{{end}}", "{{if .Fields.e}}a{{else}}b{{end}}{{if .Fields.t}}c{{end}}{{if .Fields.none}}d{{end}}{{if .Fields.n}}e{{end}}",
	"{{with .Fields.s}}[{{.}}{{$.Part}}]{{end}}{{with .Empty}}a{{else}}b{{end}}{{with .Empty}}a{{else with .Part}}{{.}}{{end}}", "{{with $y := .Part}}{{$y}}{{end}}",
	"{{range .List}}{{.Name}}{{.N}};{{end}}{{range $i, $v := .Fields.list}}{{$i}}={{$v}};{{end}}{{range $v := .Fields.o}}{{$v}}{{end}}{{range $k, $v := .Fields.o}}{{$k}}{{$v}}{{end}}",
	"{{range .Fields.e}}a{{else}}b{{end}}{{range .Fields.none}}a{{else}}c{{end}}{{range 3}}{{.}}{{end}}{{range $i := .Part}}{{$i}}{{end}}{{range 0}}a{{else}}b{{end}}",
	"{{range $i, $v := 3}}{{end}}", "{{range .Text}}{{end}}", "{{range .On}}{{end}}", "{{range 1.5}}{{end}}", "{{range .Inner}}{{end}}", "{{range -2}}a{{else}}b{{end}}",
	"{{range .Fields.list}}{{if eq . \"a\"}}{{continue}}{{end}}{{.}}{{break}}{{end}}", "{{range .List}}{{range .Name}}{{end}}{{end}}", "{{range .List}}{{range $.List}}{{break}}{{end}}x{{end}}",
	"{{$x := 1}}{{$x = 2}}{{$x}}{{if true}}{{$x = 3}}{{$x := 4}}{{end}}{{$x}}{{range $x = .List}}{{$x.Name}}{{end}}{{$x}}", "{{$i := 0}}{{$v := 0}}{{range $i, $v = .Fields.list}}{{end}}{{$i}}{{$v}}",
	"{{define \"d\"}}<{{.}}{{$}}>{{end}}{{template \"d\" .Text}}{{template \"d\"}}{{template \"d\" .Fields.none}}{{block \"b\" .Part}}{{.}}{{end}}", "{{template \"none\"}}",
	"{{define \"r\"}}{{if .}}{{len .}}{{template \"r\" (slice . 1)}}{{end}}{{end}}{{template \"r\" .Text}}", "{{define \"d\"}}{{$x}}{{end}}", "{{define \"l\"}}{{template \"l\"}}{{end}}",
	"{{len .Text}}{{len .Fields}}{{len .List}}{{len .Fields.list}}", "{{len .Part}}", "{{len .Fields.none}}", "{{len .None}}", "{{len nil}}", "{{len}}", "{{len .Text .Text}}",
	"{{index .Fields \"a-b\"}}{{index .Fields \"no\"}}{{index .Fields.list 0}}{{index .Fields.list 3 \"k\"}}{{index .Text 3}}{{index .List 1}}{{index .Text}}",
	"{{index .Fields.list 9}}", "{{index .Fields.list 4}}", "{{index .Fields.list -1}}", "{{index .Fields.none 1}}", "{{index .Fields 1}}", "{{index .Fields.list \"a\"}}", "{{index .Part 0}}", "{{index .Fields \"no\" 1}}",
	"{{slice .Text 1}}|{{slice .Text 1 2}}|{{slice .Text}}|{{slice .Fields.list 0 2}}|{{slice .Fields.list 0 1 2}}", "{{slice .Text 0 99}}", "{{slice .Text 3 1}}", "{{slice .Text 0 1 2}}", "{{slice .Part 1}}", "{{slice .Fields.none 1}}",
	"{{slice .Text \"a\"}}", "{{slice .Text 1 2 3 4}}", "{{slice .Text (index .Text 0)}}", "{{and .On .Part}}{{and .Empty .Wrong}}{{or .Empty .Text}}{{or .On .Wrong}}{{.Part | and .On}}{{.Part | or .Empty}}{{not .Empty}}", "{{and}}", "{{not}}",
	"{{eq .Part 3}}{{eq .Part 1 2 3}}{{eq .Text \"x\"}}{{ne .Part 3}}{{lt .Part 4}}{{le .Part 3}}{{gt 1 2}}{{ge 2 2}}{{lt \"a\" \"b\"}}{{eq 1.5 1.5}}{{eq true .On}}{{eq .Fields.n \"12345678901234567890\"}}",
	"{{eq .Part \"3\"}}", "{{eq .Fields.none nil}}{{eq .Fields.none \"a\"}}{{eq nil nil}}", "{{lt .On true}}", "{{lt 1 1.5}}", "{{lt .Fields.none 1}}", "{{eq .Fields .Fields}}", "{{eq 1}}", "{{eq .Part .Fields.n}}", "{{eq (index .Text 0) 116}}",
	"{{gt .Part 1 2}}", "{{ne nil 1}}", "{{le .Part .Text}}", "{{eq 1i 1i}}{{1i}}", "{{lt 1i 2i}}", "{{ge 1.5 0.5}}",
	"{{print 1 \"a\" .On nil}}{{println .Text}}{{printf \"%d-%s-%v-%.2f\" .Part .Text .Fields.n 1.5}}{{print}}{{printf \"%s\" .Fields.none}}", "{{printf .Part}}", "{{printf}}", "{{printf nil}}", "{{printf .Fields.n}}",
	"{{.Text | printf \"%5.2s|\" | len}}{{html .Text}}{{js .Text}}{{urlquery .Text}}{{.Text | html | len}}", "{{call .Text}}", "{{call .Fields.none}}", "{{call}}", "{{call nil}}",
	"{{0x1F}}{{'a'}}{{1e3}}{{0b11}}{{1_000}}{{-5}}{{1.0}}{{0x1p4}}{{\"q\\n\"}}{{`raw`}}{{true}}", "{{18446744073709551615}}", "{{(1)}}{{(print 1 2)}}{{(.Inner).Name}}{{(index .List 0).Name}}{{$.Inner.Name}}", "{{nil.x}}", "{{.Inner.Name.x}}",
	"{{if}}", "{{.Text", "{{shell}}", "{{break}}", "{{end}}", "{{$u}}", "{{$0 =0}}", "{{range $u = 3}}{{end}}", "{{range $0 = .Fields.no}}{{end}}", "{{range $x := .Fields.e}}{{else}}{{$x}}{{end}}", "a\nb{{.Text.x\n}}",
}

func TestTheLanguageIsThatOfTextTemplate(t *testing.T) {
	t.Parallel()
	for _, source := range sources {
		compare(t, source)
	}
}

func FuzzExecute(f *testing.F) {
	for _, source := range sources {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		for _, differs := range []string{"define", "block", "Fields.list", "js", "urlquery", "html", "%", "slice"} {
			if strings.Contains(source, differs) {
				return // deep calls, capacities, and Go's own notations, in which the places of memory differ
			}
		}
		compare(t, source)
	})
}

func TestAFaultNamesItsPlace(t *testing.T) {
	t.Parallel()
	var (
		member *template.NotObject
		end    *template.OutOfRange
	)
	for source, is := range map[string]func(error) bool{
		"a\n{{.Text.x}}":                   func(err error) bool { return errors.As(err, &member) && member.Member == "x" },
		"a\n{{.Fields.null.x}}":            func(err error) bool { return errors.As(err, &member) && member.Member == "x" },
		"\n{{if true}}{{len nil}}{{end}}":  func(err error) bool { return errors.Is(err, template.ErrNil) },
		"\n{{index .Fields.list 7 | len}}": func(err error) bool { return errors.As(err, &end) && end.Index == 7 && end.Function == "index" },
		"\n{{slice .Text 100}}":            func(err error) bool { return errors.As(err, &end) && end.Index == 100 && end.Function == "slice" },
		"\n{{.Empty}}":                     func(err error) bool { return errors.Is(err, errEmpty) },
	} {
		tmpl, err := template.Parse("x", source)
		if err != nil {
			t.Fatal(err)
		}
		err = tmpl.Execute(&strings.Builder{}, values(), func(v any) (string, error) {
			if v == "" {
				return "", errEmpty
			}
			return printed(v)
		})
		var placed *template.Error
		if !is(err) || !errors.As(err, &placed) || placed.Line != 2 || !strings.Contains(source, placed.Action) {
			t.Errorf("Execute(%q): %#v", source, err)
		}
	}
}

var errEmpty = errors.New("empty")

func TestTemplatesThatCallThemselvesEnd(t *testing.T) {
	t.Parallel()
	tmpl, err := template.Parse("x", `{{define "l"}}{{template "l"}}{{end}}{{template "l"}}`)
	if err != nil {
		t.Fatal(err)
	}
	if err := tmpl.Execute(&strings.Builder{}, nil, printed); err == nil || !strings.Contains(err.Error(), "deep") {
		t.Errorf("Execute = %v, want an error about the depth", err)
	}
}
