package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"strings"
	"sync"

	"quarry/internal/base/template"
)

//go:embed page.html
var pageText string

//go:embed search.js
var script string

// page has the script in its place and the script's hash in its policy, so that no other script runs: the template's values never
// get into a script.
var page = sync.OnceValues(func() (*template.Template, error) {
	hash := sha256.Sum256([]byte(script))
	text := strings.NewReplacer("{{.ScriptHash}}", "sha256-"+base64.StdEncoding.EncodeToString(hash[:]), "{{.Script}}", script).Replace(pageText)
	return template.Parse("page", text)
})

// HTML writes report.html: one file that loads nothing and reads well on a screen of any size and on paper. Its one script searches in
// the answers; without it the page is whole. Times are local to the process. The answer to "what happened" comes first; the rest
// follows in the order of people's questions.
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
