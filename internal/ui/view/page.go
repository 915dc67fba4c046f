package view

import (
	"bytes"
	"embed"
	"errors"
	"io/fs"
	"os"
	"sync"

	"quarry"
	"quarry/internal/base/shown"
	"quarry/internal/base/template"
	"quarry/internal/outcome/report"
)

//go:embed assets
var assets embed.FS

// read gives one of the files of this package, which are there.
func read(name string) string {
	b, err := fs.ReadFile(assets, "assets/"+name)
	if err != nil {
		panic(err) // seen by every test
	}
	return string(b)
}

// Style is the style sheet of the pages.
var Style = sync.OnceValue(func() string { return report.Style() + read("ui.css") })

// Script is the script of the pages.
var Script = sync.OnceValue(func() string { return read("ui.js") })

// Page is what a page shows.
type Page struct {
	template string // NAME of assets/NAME.html, which defines body
	Title    string
	Trail    []Link // to the pages above it
	Tabs     []tab  // to the pages of its run
	Every    int    // seconds after which a browser without script reads it again; 0: never
	Body     any    // for the template
}

// Link leads to another page.
type Link struct{ Text, Address string }

// tab leads to one of the pages of a run.
type tab struct {
	Link
	Here bool
}

// page is a page of a run.
func (r *Run) page(template, title string, body any, every int) *Page {
	p := &Page{template: template, Title: title, Trail: []Link{home, {shown.Line(r.Name, 300), r.Address()}}, Every: every, Body: body}
	for _, of := range []struct{ template, text, below string }{
		{"run", "Overview", ""},
		{"records", "Records", "records"},
		{"compare", "Compare", "compare"},
		{"review", "Review", "review"},
		{"publish", "Publish", "publish"},
	} {
		p.Tabs = append(p.Tabs, tab{Link{of.text, r.Address() + of.below}, of.template == template})
	}
	return p
}

// ErrNoPage is the error of an address that leads nowhere. ErrStale is the error of a form whose page showed another answer than the one that
// counts now.
var (
	ErrNoPage = &quarry.Error{
		Kind: quarry.BadUsage, Err: errors.New("there is no such page"), Hint: "a run that was moved or removed is not listed any more",
	}
	ErrStale = errors.New("it has another answer now")
)

// parts are the files that a page needs in addition to its own.
var parts = map[string][]string{"run": {"state", "waits"}, "state": {"state", "waits"}, "record": {"judge"}}

// templates has the parsed template of each page.
var templates = sync.OnceValues(func() (map[string]*template.Template, error) {
	parsed := map[string]*template.Template{}
	layout := read("layout.html")
	for _, name := range []string{"runs", "run", "state", "records", "record", "attempts", "compare", "review", "publish", "error"} {
		text := layout
		if name == "state" { // a part of the page of a run, which replaces itself
			text = `{{template "state" .}}`
		}
		for _, part := range parts[name] {
			text += read(part + ".html")
		}
		if name != "state" {
			text += read(name + ".html")
		}
		t, err := template.Parse("page", text)
		if err != nil {
			return nil, err
		}
		parsed[name] = t
	}
	return parsed, nil
})

// Render gives a page as HTML. Nothing is given of a page that has a fault.
func (p *Page) Render() ([]byte, error) { return render(p.template, p) }

// render executes a template.
func render(name string, data any) ([]byte, error) {
	all, err := templates()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = all[name].Execute(&b, data, shown.HTML)
	return b.Bytes(), err
}

// errorView is an error as a page says it.
type errorView struct{ What, Hint string }

const maxMessage = 2000 // characters of an error

func newErrorView(err error) errorView {
	v := errorView{What: shown.Lines(err.Error(), maxMessage)}
	if q := (*quarry.Error)(nil); errors.As(err, &q) {
		v.Hint = shown.Lines(q.Hint, maxMessage)
	}
	return v
}

// ErrorPage says an error, under a title.
func ErrorPage(title string, err error) *Page {
	v := newErrorView(err)
	if errors.Is(err, os.ErrNotExist) {
		v.Hint = ErrNoPage.Hint
	}
	return &Page{template: "error", Title: title, Trail: []Link{home}, Body: &v}
}

var home = Link{"Runs", "/"}
