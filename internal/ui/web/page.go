package web

import (
	"bytes"
	"embed"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync"

	"quarry"
	"quarry/internal/base/shown"
	"quarry/internal/base/template"
	"quarry/internal/outcome/report"
	"quarry/internal/ui/records"
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

var styleSheet = sync.OnceValue(func() string { return report.Style() + read("ui.css") })

var script = sync.OnceValue(func() string { return read("ui.js") })

// asset serves a text that is the same for everybody.
func asset(kind string, text func() string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write([]byte(text()))
	}
}

// page is what a page shows.
type page struct {
	status   int    // 0: 200
	template string // NAME of assets/NAME.html, which defines body
	Title    string
	Trail    []link // the pages above it
	Tabs     []tab  // the pages of its run
	Every    int    // seconds after which a browser without script reads it again; 0: never
	Body     any    // for the template
}

type link struct{ Text, Address string }

// tab leads to one of the pages of a run.
type tab struct {
	link
	Here bool
}

// page is a page of a run.
func (r *Run) page(template, title string, body any, every int) *page {
	p := &page{template: template, Title: title, Trail: []link{home, {shown.Line(r.Name, 300), r.address()}}, Every: every, Body: body}
	for _, of := range []struct{ template, text, below string }{
		{"run", "Overview", ""},
		{"records", "Records", "records"},
		{"compare", "Compare", "compare"},
		{"review", "Review", "review"},
		{"publish", "Publish", "publish"},
	} {
		p.Tabs = append(p.Tabs, tab{link{of.text, r.address() + of.below}, of.template == template})
	}
	return p
}

// errNoPage is the error of an address that leads nowhere.
var errNoPage = &quarry.Error{
	Kind: quarry.BadUsage, Err: errors.New("there is no such page"), Hint: "a run that was moved or removed is not listed any more",
}

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

// render executes a template. Nothing is sent of a page that has a fault.
func render(name string, data any) ([]byte, error) {
	all, err := templates()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = all[name].Execute(&b, data, shown.HTML)
	return b.Bytes(), err
}

// page answers a request with what make gives, or with the page of an error.
func (s *Server) page(make func(*http.Request) (*page, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := make(r)
		if err != nil {
			p = errorPage(err)
		}
		text, err := render(p.template, p)
		if err != nil {
			s.cfg.Say("%s: %v", r.URL.Path, err)
			refuse(w, http.StatusInternalServerError, "quarry has a fault in this page.")
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if p.status != 0 {
			w.WriteHeader(p.status)
		}
		_, _ = w.Write(text)
	}
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

func errorPage(err error) *page {
	v := newErrorView(err)
	status := http.StatusInternalServerError
	var q *quarry.Error
	switch {
	case errors.Is(err, errNoPage):
		status = http.StatusNotFound
	case errors.Is(err, os.ErrNotExist):
		status, v.Hint = http.StatusNotFound, errNoPage.Hint
	case errors.Is(err, records.ErrNoRecord):
		status = http.StatusNotFound
	case errors.Is(err, errStale):
		status = http.StatusConflict
	case errors.As(err, &q) && q.Kind == quarry.BadUsage:
		status = http.StatusBadRequest
	case errors.As(err, &q) && q.Kind == quarry.Denied:
		status = http.StatusForbidden
	}
	return &page{status: status, template: "error", Title: strings.TrimSpace(http.StatusText(status)), Trail: []link{home}, Body: &v}
}

var home = link{"Runs", "/"}
