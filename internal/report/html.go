package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"sync"
)

//go:embed page.html
var pageText string

var page = sync.OnceValue(func() *template.Template { return template.Must(template.New("page").Parse(pageText)) })

// HTML writes report.html: one file that loads nothing, runs no script and reads well on a screen of any size and on
// paper. Times are local to the process. The answer to "what happened" comes first; the rest follows in the order in
// which people ask.
func HTML(w io.Writer, r *Report) error {
	if err := page().Execute(w, newView(r)); err != nil {
		return fmt.Errorf("write report of run %s: %w", r.Run, err)
	}
	return nil
}
