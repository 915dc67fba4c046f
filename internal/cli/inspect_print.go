package cli

import (
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"

	"quarry/internal/base/figure"
	"quarry/internal/prepare/inspect"
)

// pageWidth is the widest line of `quarry inspect`, in cells.
const pageWidth = 80

func (a *App) printInspection(rep *inspect.Report) {
	say := func(format string, args ...any) {
		fmt.Fprintln(a.Stdout, runewidth.Truncate(plain(fmt.Sprintf(format, args...)), pageWidth, "…"))
	}
	for _, s := range rep.Sources {
		say("%s: %s", s.Name, s.Kind)
		for _, part := range []string{"id", "title", "body", "url", "lang", "format"} {
			if path := s.Parts[part]; path != "" {
				say("  %-8s %s", part, path)
			}
		}
	}
	items := figure.Count(rep.Items, "item") + ", " + figure.Count(rep.Documents, "document")
	if !rep.Complete {
		items = "the first " + items
	}
	if rep.Filtered > 0 {
		items += fmt.Sprintf(", %s left out by --where", figure.Thousands(rep.Filtered))
	}
	if rep.PassedOver > 0 {
		items += fmt.Sprintf(", %s not read by default", figure.Thousands(rep.PassedOver))
	}
	say("%s", items)
	for _, c := range rep.LeftOut {
		say("  not a document: %s: %s", figure.Thousands(c.Count), c.Value)
	}
	if rep.Empty > 0 {
		say("  no text after cleaning: %s", figure.Thousands(rep.Empty))
	}
	if l := rep.Chars; l.Count > 0 {
		say("text        %s to %s, median %s, 95 %% have at most %s", figure.Thousands(l.Min), figure.Count(l.Max, "character"),
			figure.Thousands(l.Median), figure.Thousands(l.P95))
	}
	if text := countsText(rep.Languages); len(rep.Languages) > 1 || (len(rep.Languages) == 1 && rep.Languages[0].Value != "") {
		say("languages   %s", text)
	}
	if len(rep.Scripts) > 0 {
		say("scripts     %s", countsText(rep.Scripts))
	}
	if len(rep.Fields) == 0 {
		return
	}
	say("")
	width := len("field")
	for i := range rep.Fields {
		width = max(width, runewidth.StringWidth(plain(rep.Fields[i].Name)))
	}
	width = min(width, 30)
	say("%s  filled  values", runewidth.FillRight("field", width))
	for i := range rep.Fields {
		f := &rep.Fields[i]
		name := runewidth.FillRight(runewidth.Truncate(plain(f.Name), width, "…"), width)
		say("%s  %s  %s", name, shareText(f), valuesText(f))
	}
	if rep.MoreFields > 0 {
		say("… and %s", figure.Count(rep.MoreFields, "more field"))
	}
}

// shareText is the share of the items in which a field is filled, six cells wide.
func shareText(f *inspect.Field) string {
	switch percent := 100 * f.Share; {
	case f.Share == 1:
		return " 100 %"
	case f.Filled > 0 && percent < 1:
		return "  <1 %"
	case percent > 99:
		return "  99 %"
	default:
		return fmt.Sprintf("%4.0f %%", percent)
	}
}

// valuesText says what a field's values are: the range of dates, the values and their counts, the length of texts, or examples.
func valuesText(f *inspect.Field) string {
	var kinds []string
	for _, k := range f.Kinds {
		kinds = append(kinds, k.Value)
	}
	kind := strings.Join(kinds, "/")
	switch {
	case f.First != "" && f.First == f.Last:
		return "date " + f.First
	case f.First != "":
		return "dates " + f.First + " to " + f.Last
	case len(f.Values) > 0 && f.Values[0].Count > 1:
		return countsText(f.Values)
	case f.Chars != nil && f.Chars.Median > 80:
		return fmt.Sprintf("text, %s to %s: %s", figure.Thousands(f.Chars.Min), figure.Count(f.Chars.Max, "character"),
			strings.Join(f.Examples[:1], ""))
	case len(f.Examples) > 0 && kind == "string":
		return strings.Join(f.Examples, ", ")
	case len(f.Examples) > 0:
		return kind + ": " + strings.Join(f.Examples, ", ")
	}
	return kind
}

func countsText(counts []inspect.Count) string {
	var parts []string
	for _, c := range counts {
		name := c.Value
		if name == "" {
			name = "(none)"
		}
		parts = append(parts, name+" "+figure.Thousands(c.Count))
	}
	return strings.Join(parts, ", ")
}
