package extractive

import (
	"strings"

	"quarry"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/clean/rule"
)

// plain is the text of an article without the marks of HTML and Markdown. Code is left out if there is anything else to read.
func plain(article string) string {
	if !marked(article) {
		return article
	}
	doc := quarry.Document{Body: []byte(strings.ToValidUTF8(article, "\uFFFD")), Valid: true}
	for _, code := range []string{rule.CodeDrop, rule.CodeKeep} {
		c := clean.New(clean.Config{As: clean.AsBody, MaxChars: clean.Off, Rules: clean.Rules{Code: code}})
		if got, err := c.Clean(&doc); err == nil && lettersIn(string(got.Text)) > 0 {
			return string(got.Text)
		}
	}
	return ""
}

// marked reports whether a text has marks of HTML or Markdown. The brackets and stars of a text that was cleaned already are the author's
// own; a second cleaning would take them away.
func marked(text string) bool {
	if strings.HasPrefix(text, "```") {
		return true
	}
	for _, mark := range []string{
		"\n```", "\n~~~", "](http", "](#", "](/", "](.", "](<", "][", "![", "<a name=", "\n> ", "{% ", "\\. ", "\\.\n", "`**", "**`", "<!--",
	} {
		if strings.Contains(text, mark) {
			return true
		}
	}
	tags := 0
	for _, mark := range []string{"</p>", "</div>", "</li>", "</td>", "</pre>", "</h1>", "</h2>", "</h3>", "<br", "<p>"} {
		tags += strings.Count(text, mark)
	}
	return tags >= 2 || strings.Count(text, "**") >= 4 || strings.Count(text, "`") >= 6
}
