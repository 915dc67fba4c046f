package contentful_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"quarry/internal/prepare/source/contentful"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/stream"
)

// rich is a rich text of some nodes, link a node that embeds an entry.
func rich(nodes ...string) string {
	return `{"nodeType":"document","data":{},"content":[` + strings.Join(nodes, ",") + `]}`
}

func paragraph(nodes ...string) string {
	return `{"nodeType":"paragraph","data":{},"content":[` + strings.Join(nodes, ",") + `]}`
}

func said(text string) string {
	return fmt.Sprintf(`{"nodeType":"text","value":%q,"marks":[],"data":{}}`, text)
}

func link(kind, id string) string {
	return `{"nodeType":"` + kind + `","data":{"target":{"sys":{"id":"` + id + `","type":"Link","linkType":"Entry"}}},"content":[]}`
}

func entry(id, fields string) string {
	return `{"sys":{"id":"` + id + `","type":"Entry"},"fields":{` + fields + `}}`
}

func in(locale, value string) string { return `{"` + locale + `":` + value + `}` }

// TestEmbeddedEntries: text that an article embeds is in another entry of the file.
func TestEmbeddedEntries(t *testing.T) {
	t.Parallel()
	const block, inline = "embedded-entry-block", "embedded-entry-inline"
	for _, c := range []struct {
		name, text string // of the article a
		others     []string
		want       string
	}{
		{"a block", rich(paragraph(said("A.")), link(block, "b"), paragraph(said("C."))), []string{entry("b", `"title":`+in("en-US", `"Tip"`)+`,"body":`+in("en-US", `"Mind it."`))}, "<p>A.</p><p>Tip</p><p>Mind it.</p><p>C.</p>"},
		{"a block of rich text", rich(link(block, "b")), []string{entry("b", `"copy":`+in("en-US", rich(paragraph(said("Rich < text.")))))}, "<p>Rich &lt; text.</p>"},
		{"in a sentence", rich(paragraph(said("See "), link(inline, "b"), said(" there."))), []string{entry("b", `"name":`+in("en-US", `"the guide"`)+`,"body":`+in("en-US", `"Long."`))}, "<p>See the guide there.</p>"},
		{"in a sentence, without a title", rich(paragraph(link(inline, "b"))), []string{entry("b", `"text":`+in("en-US", `"words"`))}, "<p>words</p>"},
		{"before the article", rich(link(block, "b")), []string{"first", entry("b", `"text":`+in("en-US", `"Words."`))}, "<p>Words.</p>"},
		{"one that embeds another", rich(link(block, "b")), []string{entry("b", `"text":`+in("en-US", rich(paragraph(said("B.")), link(block, "c")))), entry("c", `"text":`+in("en-US", `"C."`))}, "<p>B.</p><p>C.</p>"},
		{"one that embeds itself", rich(link(block, "b")), []string{entry("b", `"text":`+in("en-US", rich(paragraph(said("B.")), link(block, "b"))))}, "<p>B.</p><!-- contentful:entry b -->"},
		{"the article itself", rich(paragraph(said("A.")), link(block, "a")), nil, "<p>A.</p><!-- contentful:entry a -->"},
		{"two that embed one another", rich(link(block, "b")), []string{entry("b", `"text":`+in("en-US", rich(paragraph(said("B.")), link(block, "c")))), entry("c", `"text":`+in("en-US", rich(paragraph(said("C.")), link(block, "b"))))}, "<p>B.</p><p>C.</p><!-- contentful:entry b -->"},
		{"one twice", rich(link(block, "b"), link(block, "b")), []string{entry("b", `"text":`+in("en-US", `"B."`))}, "<p>B.</p><p>B.</p>"},
		{"in another locale alone", rich(link(block, "b")), []string{entry("b", `"text":`+in("ja", `"語"`))}, "<p>語</p>"},
		{"in both locales", rich(link(block, "b")), []string{entry("b", `"text":{"ja":"語","en-US":"word"}`)}, "<p>word</p>"},
		{"HTML and paragraphs", rich(link(block, "b")), []string{entry("b", `"question":`+in("en-US", `"Why?\n\nHow?"`)+`,"answer":`+in("en-US", `"<b>So.</b>"`))}, "<p>Why?</p><p>How?</p><div><b>So.</b></div>"},
		{"addresses and settings", rich(link(block, "b")), []string{entry("b", `"slug":`+in("en-US", `"x-y"`)+`,"internalName":`+in("en-US", `"z"`)+`,"caption":`+in("en-US", `"Seen."`))}, "<p>Seen.</p>"},
		{"in a list", rich(`{"nodeType":"unordered-list","content":[{"nodeType":"list-item","content":[` + link(block, "b") + `]}]}`), []string{entry("b", `"text":`+in("en-US", `"B."`))}, "<ul><li><p>B.</p></li></ul>"},
		{"written over lines", strings.NewReplacer(":", " : ", ",", ",\n  ").Replace(rich(link(block, "b"))), []string{entry("b", `"text":`+in("en-US", `"B."`))}, "<p>B.</p>"},
		{"not in the file", rich(paragraph(said("A.")), link(block, "gone"), paragraph(link(inline, "lost"))), nil, "<p>A.</p><!-- contentful:entry gone --><p><!-- contentful:entry lost --></p>"},
		{"of another space", rich(paragraph(said("A.")), `{"nodeType":"embedded-resource-block","data":{"target":{"sys":{"urn":"crn:contentful:::content:spaces/x/entries/y","type":"ResourceLink"}}},"content":[]}`), nil, "<p>A.</p><!-- contentful:entry crn_contentful___content_spaces_x_entries_y -->"},
		{"an id that is none", rich(paragraph(said("A.")), link(block, "a--> <b>")), nil, "<p>A.</p><!-- contentful:entry a_____b_ -->"},
		{"data of another kind", rich(paragraph(said("A.")), `{"nodeType":"embedded-entry-block","data":[],"content":[]}`), nil, "<p>A.</p><!-- contentful:entry  -->"},
		{"a link to an entry keeps its words", rich(paragraph(`{"nodeType":"entry-hyperlink","data":{"target":{"sys":{"id":"b"}}},"content":[` + said("words") + `]}`)), []string{entry("b", `"text":`+in("en-US", `"B."`))}, "<p>words</p>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			entries := []string{entry("a", `"title":`+in("en-US", `"A"`)+`,"body":`+in("en-US", c.text))}
			if len(c.others) > 0 && c.others[0] == "first" {
				entries = append(c.others[1:], entries...)
			} else {
				entries = append(entries, c.others...)
			}
			export := `{"tags":[],"locales":[{"code":"en-US","sys":{"id":"l"}}],"contentTypes":[],"entries":[` + strings.Join(entries, ",\n") + `],"assets":[]}`
			if !contentful.Is([]byte(export)) {
				t.Fatal("it is not recognized")
			}
			s := contentful.New(memory(export), item.Config{}, 0)
			sourcetest.Run(t, s)
			docs, _ := sourcetest.Documents(t, s)
			for _, d := range docs {
				if d.ID == "a" {
					if got := string(d.Body); got != c.want {
						t.Errorf("got  %s\nwant %s", got, c.want)
					}
					return
				}
			}
			t.Errorf("no article among %d documents", len(docs))
		})
	}
	// What comes once cannot be read again: its references are counted, and its articles read.
	once := `{"entries":[` + entry("a", `"body":`+in("en-US", rich(paragraph(said("A.")), link(block, "b")))) + "," + entry("b", `"body":`+in("en-US", `"B."`)) + `]}`
	docs, faults := sourcetest.Documents(t, contentful.New(stream.Once("stdin", strings.NewReader(once)), item.Config{}, 0))
	if len(docs) != 2 || len(faults) > 0 || string(docs[0].Body) != "<p>A.</p><!-- contentful:entry b -->" {
		t.Errorf("from a stream: %+v, %q", docs, faults)
	}
}

// Entries that embed many others cost what they hold.
func TestEmbeddedIsLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine with much work: nothing for the race detector")
	}
	t.Parallel()
	var entries []string
	for i := range 20 { // each embeds the next one twice: a gigabyte, if nothing bounds it
		entries = append(entries, entry(fmt.Sprintf("e%d", i), `"body":`+in("en-US", rich(paragraph(said(strings.Repeat("x", 1000))), link("embedded-entry-block", fmt.Sprintf("e%d", i+1)), link("embedded-entry-block", fmt.Sprintf("e%d", i+1))))))
	}
	for i := range 8 { // and a bomb without text: each embeds the next one 100 times
		entries = append(entries, entry(fmt.Sprintf("b%d", i), `"body":`+in("en-US", rich(slices.Repeat([]string{link("embedded-entry-block", fmt.Sprintf("b%d", i+1))}, 100)...))))
	}
	docs, _ := sourcetest.Documents(t, contentful.New(memory(`{"entries":[`+strings.Join(entries, ",")+`]}`), item.Config{}, 0))
	if len(docs) != 28 || len(docs[20].Body) > 5<<20 || len(docs[0].Body) > 5<<20 {
		t.Errorf("%d documents, the first of %d bytes", len(docs), len(docs[0].Body))
	}
}
