package report

import (
	_ "embed"
	"fmt"
	"html"
	"io"
	"sync"

	"quarry/internal/base/template"
)

//go:embed page.html
var pageText string

var page = sync.OnceValues(func() (*template.Template, error) { return template.Parse("page", pageText) })

// HTML writes report.html: one file that loads nothing, runs no script and reads well on a screen of any size and on
// paper. Times are local to the process. The answer to "what happened" comes first; the rest follows in the order in
// which people have.
func HTML(w io.Writer, r *Report) error {
	t, err := page()
	if err == nil {
		err = t.Execute(w, newView(r), escaped)
	}
	if err != nil {
		return fmt.Errorf("write report of run %s: %w", r.Run, err)
	}
	return nil
}

// escaped is a value as text of HTML, or as the value of an attribute in quotes: the page has values in no other place. An address in href
// is one that webAddress let through.
func escaped(v any) (string, error) { return html.EscapeString(fmt.Sprint(v)), nil }
