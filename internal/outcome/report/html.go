package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"sync"

	"quarry/internal/base/shown"
	"quarry/internal/base/template"
)

//go:embed page.html
var pageText string

//go:embed style.css
var style string

//go:embed search.js
var script string

// Style is the stylesheet of the page, for pages that look like it.
func Style() string { return style }

// page has style and script in their places and the script's hash in its policy, so that no other script runs: the template's values never
// get into a script.
var page = sync.OnceValues(func() (*template.Template, error) {
	hash := sha256.Sum256([]byte(script))
	text := strings.NewReplacer(
		"{{.ScriptHash}}", "sha256-"+base64.StdEncoding.EncodeToString(hash[:]), "{{.Script}}", script, "{{.Style}}", style,
	).Replace(pageText)
	return template.Parse("page", text)
})

// HTML writes report.html: one file that loads nothing and reads well on a screen of any size and on paper. Its one script searches in
// the answers; without it the page is whole. Times are local to the process. The answer to "what happened" comes first; the rest
// follows in the order of people's questions.
func HTML(w io.Writer, r *Report) error {
	t, err := page()
	if err == nil {
		err = t.Execute(w, newView(r), shown.HTML)
	}
	if err != nil {
		return fmt.Errorf("write report of run %s: %w", r.Run, err)
	}
	return nil
}
