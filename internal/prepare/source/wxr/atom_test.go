package wxr_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/note"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/stream"
	"quarry/internal/prepare/source/wxr"
)

const (
	atomHead = `<?xml version='1.0' encoding='UTF-8'?><feed xmlns='http://www.w3.org/2005/Atom' xml:lang="en"><id>f</id><title>Feed</title>`
	atomFoot = `</feed>`
	postKind = `<category scheme='http://schemas.google.com/g/2005#kind' term='http://schemas.google.com/blogger/2008/kind#post'/>`
)

func kindOf(kind string) string { return strings.Replace(postKind, "#post", "#"+kind, 1) }

// TestAtom: entries of Atom, as feeds and backups of Blogger have them.
func TestAtom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		want     []string // id|title|body|format|address|language
	}{
		{"escaped HTML", `<entry><id>1</id><title type='text'>Hello</title><content type='html'>&lt;p&gt;Text &amp;amp; &lt;b&gt;one&lt;/b&gt;&lt;/p&gt;</content><link rel='alternate' href='https://x/h.html?a=1&amp;b=2'/></entry>`, []string{"1|Hello|<p>Text &amp; <b>one</b></p>|marked|https://x/h.html?a=1&b=2|en"}},
		{"a section", `<entry><id>1</id><title><![CDATA[A]]></title><content type="html"><![CDATA[<p>x & y</p>]]></content></entry>`, []string{"1|A|<p>x & y</p>|marked||en"}},
		{"XHTML", `<entry><id>1</id><title>A</title><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>x &amp; y</p><br/></div></content></entry>`, []string{`1|A|<div xmlns="http://www.w3.org/1999/xhtml"><p>x &amp; y</p><br/></div>|marked||en`}},
		{"text", `<entry><id>1</id><title>A</title><content type="text">if a &lt; b</content></entry>`, []string{"1|A|if a < b|text||en"}},
		{"text that holds markup", `<entry><id>1</id><title>A</title><content type="text">&lt;p&gt;x&lt;/p&gt;</content></entry>`, []string{"1|A|<p>x</p>|marked||en"}},
		{"no type", `<entry><id>1</id><title>A</title><content>&lt;p&gt;x&lt;/p&gt;</content></entry>`, []string{"1|A|<p>x</p>|marked||en"}},
		{"Markdown", `<entry><id>1</id><title>A</title><content type="text/markdown"># T</content></entry>`, []string{"1|A|# T|markdown||en"}},
		{"Atom 0.3", `<entry><id>1</id><title>A</title><content type="text/html" mode="escaped">&lt;p&gt;x&lt;/p&gt;</content></entry>`, []string{"1|A|<p>x</p>|marked||en"}},
		{"summaries alone", `<entry><id>1</id><title>A</title><summary type="html">&lt;p&gt;x&lt;/p&gt;</summary></entry><entry><id>2</id><summary>y</summary></entry>`, []string{"1|A|<p>x</p>|marked||en", "2||y|marked||en"}},
		{"links of other kinds first", `<entry><id>1</id><link rel="replies" href="r"/><link rel="edit" href="e"/><link href="h"/><link rel="alternate" href="z"/><content type="html">x</content></entry>`, []string{"1||x|marked|h|en"}},
		{"over lines, with attributes", "<entry xml:lang='de'>\n<id>1</id>\n<title\n type='text'>A</title>\n<content\ttype=\"html\"\n>x</content>\n</entry>", []string{"1|A|x|marked||en"}},
		{"elsewhere", `<entry><id>1</id><content type="html">x</content></entry><entry><id>2</id><content src="https://e.x/2"/></entry>`, []string{"1||x|marked||en", `in.xml:1: no body (member content) in "2"`}},
		{"empty", `<entry><id>1</id><content type="html"/></entry>`, []string{"1|||marked||en"}},
		{"without an id", `<entry><title>A</title><content type="html">x</content></entry><entry><id>2</id><content>y</content></entry>`, []string{"in.xml:1: no id", "2||y|marked||en"}},
		{"Blogger's kinds", `<entry><id>1</id>` + postKind + `<content type="html">x</content></entry><entry><id>2</id>` + kindOf("page") + `<content type="html">y</content></entry><entry><id>3</id>` + kindOf("comment") + `<content type="html">z</content></entry><entry><id>4</id>` + kindOf("settings") + `<content type="text">w</content></entry>`, []string{"1||x|marked||en", "2||y|marked||en"}},
		{"Blogger's drafts", `<entry><id>1</id>` + postKind + `<app:control xmlns:app='http://purl.org/atom/app#'><app:draft>yes</app:draft></app:control><content type="html">x</content></entry><entry><id>2</id>` + postKind + `<content>y</content></entry>`, []string{"2||y|marked||en"}},
		{"Blogger's new backup", `<entry><id>1</id><blogger:type>POST</blogger:type><blogger:status>LIVE</blogger:status><content type="html">x</content></entry><entry><id>2</id><blogger:type>POST</blogger:type><blogger:status>DRAFT</blogger:status><content type="html">y</content></entry><entry><id>3</id><blogger:type>COMMENT</blogger:type><blogger:status>LIVE</blogger:status><content type="html">z</content></entry>`, []string{"1||x|marked||en"}},
		{"an entry that was not closed", `<entry><id>1</id><content type="html">x</content><entry><id>2</id><content>y</content></entry>`, []string{"in.xml:1: an element or a CDATA section that is not closed", "2||y|marked||en"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			prefixed := strings.NewReplacer("<feed xmlns=", "<atom:feed xmlns:atom=", "</feed", "</atom:feed", "<entry", "<atom:entry", "</entry", "</atom:entry",
				"<content", "<atom:content", "</content", "</atom:content", "<id", "<atom:id", "</id", "</atom:id", "<title", "<atom:title", "</title", "</atom:title",
				"<link", "<atom:link", "<category", "<atom:category", "<summary", "<atom:summary", "</summary", "</atom:summary").Replace(atomHead + c.in + atomFoot)
			for _, in := range []string{atomHead + c.in + atomFoot, prefixed} {
				s := &wxr.Source{File: memory(in)}
				if !wxr.Is([]byte(in)) {
					t.Fatal("it is not recognized")
				}
				if diff := cmp.Diff(c.want, shown(t, s)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				sourcetest.Run(t, s)
			}
		})
	}
}

func shown(t *testing.T, s sourcetest.Source) (got []string) {
	t.Helper()
	for _, e := range sourcetest.Read(t, s) {
		if d := e.Document; e.Fault != "" {
			got = append(got, e.Fault)
		} else {
			got = append(got, fmt.Sprintf("%s|%s|%s|%s|%s|%s", d.ID, d.Title, d.Body, formatName(d.Format), d.URL, d.Lang))
		}
	}
	return got
}

func formatName(f quarry.Format) string {
	if f == quarry.FormatMarked {
		return "marked"
	}
	return string(f)
}

// What an entry has next to its text is kept, what is not published is counted, and a feed that was cut off is reported.
func TestAtomsRest(t *testing.T) {
	t.Parallel()
	book := new(note.Book)
	in := atomHead + `<entry><id>1</id><published>2020-01-02T03:04:05Z</published><updated>2021-01-02T03:04:05Z</updated><author><name>Ada &amp; Co</name><uri>u</uri></author>` + postKind +
		`<category scheme='http://www.blogger.com/atom/ns#' term='Go'/><category term="A &amp; B"/><content type="html">x</content></entry><entry><id>2</id>` + kindOf("comment") + `<content>y</content></entry>`
	docs, faults := sourcetest.Documents(t, &wxr.Source{File: memory(in), Config: item.Config{Notes: book}})
	want := `{"published":"2020-01-02T03:04:05Z","updated":"2021-01-02T03:04:05Z","author":"Ada & Co","post_type":"post","categories":["Go","A & B"]}`
	if len(docs) != 1 || string(docs[0].Fields) != want {
		t.Errorf("%+v, want the fields %s", docs, want)
	}
	if len(faults) != 1 || faults[0] != "in.xml:1: no </feed> after the last entry: the file is truncated or is not Atom" {
		t.Errorf("faults %q", faults)
	}
	if notes := book.Take(); len(notes) != 1 || !strings.Contains(notes[0], "1 comment") {
		t.Errorf("notes %q", notes)
	}
	half, faults := sourcetest.Documents(t, &wxr.Source{File: memory(atomHead + `<entry><id>1</id><content>x</content></entry><entry><id>2</id><conte`)})
	if len(half) != 1 || len(faults) != 1 {
		t.Errorf("of a feed that was cut off: %d documents, %q", len(half), faults)
	}
	all, _ := sourcetest.Documents(t, &wxr.Source{File: memory(in + atomFoot), Config: item.Config{Where: []item.Condition{{Field: "post_type", Value: "comment"}}}})
	if len(all) != 1 || all[0].ID != "2" {
		t.Errorf("asked for comments: %+v", all)
	}
	for in, want := range map[string]bool{
		`<?xml version="1.0"?><!-- a <feed> --><rss version="2.0">`: true, `<rdf:RDF xmlns="http://purl.org/rss/1.0/">`: true,
		`<html><body><feed xmlns="http://www.w3.org/2005/Atom">`: false, `<feed><entry>`: false, `<rdf:RDF xmlns="http://xmlns.com/foaf/">`: false, ``: false, `<`: false, `<!-- `: false,
		`<feed version="0.3" xmlns="http://purl.org/atom/ns#">`: true,
	} {
		if wxr.Is([]byte(in)) != want {
			t.Errorf("Is(%q) = %v", in, !want)
		}
	}
}

// A long feed is read in chunks, and as fast for each entry.
func TestLongAtom(t *testing.T) {
	one := `<entry><id>1</id><content type="html">` + strings.Repeat("&lt;p&gt;x&lt;/p&gt;", 50) + `</content><link href="h"/></entry>`
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(atomHead + strings.Repeat(one+"\n", 2500) + atomFoot); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	local, err := stream.Local(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	sourcetest.Run(t, &wxr.Source{File: local})
	for _, one := range []string{one, "<entry><a>", "<entry><content type='xhtml'><", "<entry><link href='"} {
		sourcetest.Linear(t, one, 1<<19, func(in string) sourcetest.Source { return &wxr.Source{File: memory(atomHead + in)} })
	}
}
