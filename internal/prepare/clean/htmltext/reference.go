package htmltext

import (
	"bytes"

	"quarry/internal/prepare/clean/rule"
)

// referenceMarks begin the comments that stand for text which is elsewhere: a reusable block of WordPress, an entry that
// Contentful's rich text embeds, a document that Sanity's refers to. A source that has the text puts it in their place.
var referenceMarks = [...]string{"wp:block {", "contentful:entry ", "sanity:reference "}

// commentRule says which rule a comment counts under, by what is between its marks.
func commentRule(content []byte) rule.Rule {
	content = bytes.TrimLeft(content, " \n\t\r")
	for n, mark := range referenceMarks {
		if bytes.HasPrefix(content, []byte(mark)) && (n > 0 || bytes.Contains(content, []byte(`"ref":`))) {
			return rule.Reference
		}
	}
	return rule.Comment
}
