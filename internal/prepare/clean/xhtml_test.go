package clean_test

import (
	"strings"
	"testing"

	"quarry"
	"quarry/internal/prepare/clean"
)

// TestXHTML: in XML an element that closes itself is closed.
func TestXHTML(t *testing.T) {
	t.Parallel()
	const head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "x"><html xmlns="http://www.w3.org/1999/xhtml"><head><title>T</title></head><body>`
	const div = `<div xmlns="http://www.w3.org/1999/xhtml">`
	for _, tt := range []struct{ name, in, want string }{
		{"a title", strings.Replace(head, "<title>T</title>", "<title/>", 1) + `<p>A.</p></body></html>`, "A."},
		{"a script with a source", strings.Replace(head, "</head>", `<script src="a.js" type="text/javascript"/></head>`, 1) + `<p>A.</p></body></html>`, "A."},
		{"a style", strings.Replace(head, "</head>", `<style type="text/css" /></head>`, 1) + `<p>A.</p></body></html>`, "A."},
		{"a text area", head + `<textarea/><p>A.</p></body></html>`, "A."},
		{"a frame", head + `<p>A.</p><iframe src="x"/><p>B.</p></body></html>`, "A.\n\nB."},
		{"a hidden element", head + `<div style="display:none"/><p>A.</p></body></html>`, "A."},
		{"an anchor and a paragraph", head + `<a id="p1"/><p/><p>A.</p></body></html>`, "A."},
		{"void elements", head + `<p>A.<br/>B.</p><hr/><img src="a.png"/><p>C.</p></body></html>`, "A.\nB.\n\nC."},
		{"a slash in a value", head + `<p><a href="x/">A</a>.</p></body></html>`, "A."},
		{"a sign in a value", head + `<p title="a > b/">A.</p></body></html>`, "A."},
		{"a sign in text", head + `<p>1 < 2, it's so.</p><script/><p>It's B.</p></body></html>`, "1 < 2, it's so.\n\nIt's B."},
		{"in a comment", head + `<!-- <script/> --><p>A.</p></body></html>`, "A."},
		{"a fragment", div + `<script src="a.js"/><p>A.</p></div>`, "A."},
		{"a fragment with an object", div + `<object data="x"/><p>A.</p></div>`, "A."},
		{"without an end", div + `<p>A.</p><script src="`, "A."},
		{"in HTML the slash means nothing", `<p>A.</p><script src="a.js"/><p>B.</p>`, "A."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, as := range []string{clean.AsBody, clean.AsPage} {
				if got := string(cleaned(t, clean.Config{As: as}, tt.in, html).Text); got != tt.want {
					t.Errorf("as %s the text is %q, want %q", as, got, tt.want)
				}
			}
		})
	}
	// A page whose main content is found, and one document after another.
	c := clean.New(clean.Config{})
	long := strings.Repeat("<p>"+strings.Repeat("A sentence of the article, with some words in it. ", 4)+"</p>", 8)
	for range 2 {
		out, err := c.Clean(&quarry.Document{Body: []byte(strings.Replace(head, "<title>T</title>", "<title/><script src='x'/>", 1) + `<nav><a href="/">Home</a></nav><main>` + long + `</main></body></html>`), Format: html})
		if err != nil || out.Mode != clean.ModePage || !strings.HasPrefix(string(out.Text), "A sentence") {
			t.Errorf("read as %s: %.60q, %v", out.Mode, out.Text, err)
		}
	}
}
