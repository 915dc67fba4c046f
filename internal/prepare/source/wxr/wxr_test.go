package wxr_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/note"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/stream"
	"quarry/internal/prepare/source/wxr"
	"quarry/internal/testdata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func memory(content string) stream.File {
	return stream.File{Name: "in.xml", Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

func local(t *testing.T, name ...string) stream.File {
	t.Helper()
	file, err := stream.Local(testdata.Path(t, name...))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func itemsOf(t *testing.T, s sourcetest.Source) []string {
	t.Helper()
	var got []string
	for _, e := range sourcetest.Read(t, s) {
		if e.Fault != "" {
			got = append(got, e.Fault)
		} else {
			d := e.Document
			got = append(got, fmt.Sprintf("%d %s|%s|%s", d.At.Line, d.ID, d.Title, d.Body))
		}
	}
	return got
}

const head = `<?xml version="1.0"?><rss><channel><title>Blog</title><language> ja </language>
`

const foot = "</channel></rss>\n"

func one(id, body string) string {
	return "<item>\n<title>T &amp; " + id + "</title><content:encoded>" + body + "</content:encoded><wp:post_id>" + id + "</wp:post_id></item>\n"
}

const noEnd = "no </channel> or </rss> after the last item: the file is truncated or is not RSS"

func TestItems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"plain", head + one("1", "<![CDATA[a]]>") + one("2", "a &lt;b&gt; &#8217;&#x41; &bogus; & c"), []string{"2 1|T & 1|a", "4 2|T & 2|a <b> ’A &bogus; & c"}},
		{"CDATA escaped as it should be", head + one("1", "<![CDATA[x ]]]]><![CDATA[> y]]>"), []string{"2 1|T & 1|x ]]> y"}},
		{"CDATA inside of CDATA", head + one("1", "<![CDATA[x <![CDATA[ y ]]> z]]>"), []string{"2 1|T & 1|x <![CDATA[ y ]]> z"}},
		{"text around CDATA", head + one("1", "\n a &amp; <![CDATA[b]]> &lt;c "), []string{"2 1|T & 1|a & b <c"}},
		{"tags of the file inside of CDATA", head + one("1", "<![CDATA[<item><title>x</title></item>]]>") + one("2", "<![CDATA[</content:encoded>]]>"), []string{"2 1|T & 1|<item><title>x</title></item>", "4 2|T & 2|</content:encoded>"}},
		{"an item that is not closed", head + "<item><title>x</title>\n" + one("2", "<![CDATA[b]]>"), []string{"in.xml:2: an element or a CDATA section that is not closed", "3 2|T & 2|b"}},
		{"a CDATA section that is not closed", head + one("1", "<![CDATA[a") + one("2", "<![CDATA[b]]>") + one("3", "<![CDATA[c]]>"), []string{
			"in.xml:2: an element or a CDATA section that is not closed", "4 2|T & 2|b", "6 3|T & 3|c",
		}},
		{"an element that is not closed", head + "<item><title>x<wp:post_id>1</wp:post_id></item>\n" + one("2", "<![CDATA[b]]>"), []string{"in.xml:2: an element or a CDATA section that is not closed", "3 2|T & 2|b"}},
		{"cut off in an item", head + one("1", "<![CDATA[a]]>") + "<item><title>", []string{"2 1|T & 1|a", "in.xml:4: an element or a CDATA section that is not closed"}},
		{"cut off between two items", head + one("1", "<![CDATA[</channel>]]>"), []string{"2 1|T & 1|</channel>", "in.xml:3: " + noEnd}},
		{"cut off in a tag", head + one("1", "<![CDATA[a]]>") + "<ite", []string{"2 1|T & 1|a", "in.xml:3: " + noEnd}},
		{"cut off: no RSS at all", `<?xml version="1.0"?><news><entry><id>1</id></entry></news>`, []string{"in.xml:1: " + noEnd}},
		{"items after their channel", "<rdf:RDF><channel></channel>" + one("1", "a") + "</rdf:RDF>", []string{"1 1|T & 1|a"}},
		{"control characters and bad bytes", head + one("1", "<![CDATA[a\x1cb\x00]]>") + one("2", "<![CDATA[日本語日本語\xff]]>"), []string{"2 1|T & 1|a\x1cb\x00", "in.xml:4: invalid UTF-8 at byte 75"}},
		{"an item above the limit", head + one("1", "<![CDATA[a]]>") + one("2", "<![CDATA["+strings.Repeat("x</", 300)+"]]>") + one("3", "<![CDATA[c]]>"), []string{"2 1|T & 1|a", "in.xml:4: item of 1,011 bytes is above the limit of 500", "6 3|T & 3|c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := c.in
			if !strings.HasPrefix(c.name, "cut off") {
				in += foot
			}
			s := &wxr.Source{File: memory(in), Config: item.Config{MaxBytes: 500}}
			if diff := cmp.Diff(c.want, itemsOf(t, s)); diff != "" {
				t.Error(diff)
			}
			sourcetest.Run(t, s)
		})
	}
}

func TestAFeedThatIsNotFromWordPress(t *testing.T) {
	t.Parallel()
	in := `<rss><channel><language>en</language><item><guid isPermaLink="false">g-1</guid><title>T</title><link>https://e.x/1</link><description>&lt;p&gt;x</description></item></channel></rss>`
	docs, faults := sourcetest.Documents(t, &wxr.Source{File: memory(in)})
	want := []quarry.Document{{ID: "g-1", Title: "T", URL: "https://e.x/1", Lang: "en", Valid: true, Format: quarry.FormatMarked, Body: []byte("<p>x"), At: quarry.Position{File: "in.xml", Line: 1, Offset: 43}}}
	want[0].At.Offset = int64(strings.Index(in, "<item>"))
	if diff := cmp.Diff(want, docs); diff != "" || len(faults) > 0 {
		t.Error(diff, faults)
	}
}

func TestFieldsOfAnItem(t *testing.T) {
	t.Parallel()
	in := head + `<item><title>T</title><content:encoded><![CDATA[x]]></content:encoded><wp:post_id>7</wp:post_id><wp:post_type>page</wp:post_type><wp:status>draft</wp:status>
<category domain="category" nicename="c"><![CDATA[C & D]]></category><category domain="post_tag" nicename="t">Tag &amp; x</category><category domain="nav_menu">menu</category>
<wp:post_password>secret</wp:post_password><wp:postmeta><wp:meta_key>_edit_lock</wp:meta_key><wp:meta_value>1</wp:meta_value></wp:postmeta>
<wp:postmeta><wp:meta_key><![CDATA[source]]></wp:meta_key><wp:meta_value><![CDATA[a "b"]]></wp:meta_value></wp:postmeta>
<wp:comment><wp:comment_id>1</wp:comment_id><wp:comment_content><![CDATA[no]]></wp:comment_content></wp:comment></item>` + foot
	s := &wxr.Source{File: memory(in), Config: item.Config{LeaveOut: leaveNone}}
	docs, _ := sourcetest.Documents(t, s)
	want := `{"post_type":"page","status":"draft","protected":true,"categories":["C & D"],"tags":["Tag & x"],"meta":{"source":"a \"b\""}}`
	if len(docs) != 1 || string(docs[0].Fields) != want || docs[0].Lang != "ja" {
		t.Errorf("got %s, want %s", docs[0].Fields, want)
	}
	s.Config.Where = []item.Condition{{Field: "post_type", Value: "post"}}
	if docs, faults := sourcetest.Documents(t, s); len(docs)+len(faults) != 0 {
		t.Errorf("a page met post_type=post: %v %v", docs, faults)
	}
}

// Where encoding/xml reads a file, the items are the same to the byte.
func TestRealExportsAgainstXML(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path []string
		want int
	}{
		{[]string{"wordpress", "example-tech-blog.wordpress.xml"}, 251},
		{[]string{"wxr", "theme-unit-test-data.xml"}, 186},
		{[]string{"wxr", "small-export.xml"}, 11},
		{[]string{"wxr", "valid-wxr-1.0.xml"}, 6},
		{[]string{"wxr", "valid-wxr-1.1.xml"}, 2},
		{[]string{"wxr", "post-content-blank-lines.xml"}, 1},
		{[]string{"wxr", "cdata-edge.xml"}, 1},
		{[]string{"wxr", "crazy-cdata-escaped.xml"}, 1},
	} {
		t.Run(c.path[1], func(t *testing.T) {
			t.Parallel()
			s := &wxr.Source{File: local(t, c.path...), Config: item.Config{LeaveOut: leaveNone}}
			sourcetest.Run(t, s)
			docs, faults := sourcetest.Documents(t, s)
			if len(docs) != c.want || len(faults) > 0 {
				t.Fatalf("%d documents and %v, want %d", len(docs), faults, c.want)
			}
			f, err := os.Open(testdata.Path(t, c.path...))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = f.Close() }()
			var rss struct {
				Items []struct {
					Title   string `xml:"title"`
					Link    string `xml:"link"`
					Content string `xml:"http://purl.org/rss/1.0/modules/content/ encoded"`
					ID      string `xml:"post_id"`
					Type    string `xml:"post_type"`
				} `xml:"channel>item"`
			}
			if err := xml.NewDecoder(f).Decode(&rss); err != nil {
				t.Fatal(err)
			}
			for i, want := range rss.Items {
				d := docs[i]
				postType, _ := jsonl.Lookup(d.Fields, "post_type")
				// XML readers make one line break of two, and keep the layout around a text.
				body := strings.TrimSpace(strings.ReplaceAll(string(d.Body), "\r\n", "\n"))
				want.Content, want.Link = strings.TrimSpace(want.Content), strings.TrimSpace(want.Link)
				if string(d.ID) != want.ID || d.Title != strings.TrimSpace(want.Title) || d.URL != want.Link || string(jsonl.Unescape(nil, postType)) != want.Type {
					t.Errorf("item %d: %q %q %q %s, want %q %q %q %q", i, d.ID, d.Title, d.URL, postType, want.ID, want.Title, want.Link, want.Type)
				}
				if body != want.Content {
					t.Errorf("item %d: %s", i, cmp.Diff(want.Content, body))
				}
			}
		})
	}
}

func TestExportsThatAreNotXML(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"crazy-cdata.xml": 1, "namespace-edge-cases.xml": 6, "wxr-utf-8-challenges.xml": 1, "malformed.xml": 0, "large-authors.xml": 0} {
		s := &wxr.Source{File: local(t, "wxr", name), Config: item.Config{LeaveOut: leaveNone}}
		docs, faults := sourcetest.Documents(t, s)
		if len(docs) != want || len(faults) > 0 {
			t.Errorf("%s: %d documents and %v, want %d", name, len(docs), faults, want)
		}
		if name == "crazy-cdata.xml" && string(docs[0].Body) != "Content with nested <![CDATA[ tags ]]> :)" {
			t.Errorf("%s: %q", name, docs[0].Body)
		}
	}
}

func TestBrokenExportsTakeLinearTime(t *testing.T) { // not parallel: it measures
	for _, one := range []string{"<item>", "<item><a>", "<item><a><![CDATA[", "<item><a><![CDATA[</a>", "<item><!--", "<item><a></a>", "<![CDATA["} {
		sourcetest.Linear(t, one, 1<<17, func(in string) sourcetest.Source {
			return &wxr.Source{File: memory(in), Config: item.Config{MaxBytes: 64 << 10}}
		})
	}
}

func TestABrokenItemHidesNoOther(t *testing.T) {
	t.Parallel()
	in := head + one("1", "<p>one</p>") + one("2", "<p>two \xff</p>") + one("3", "<p>three</p>") + "</channel></rss>"
	docs, faults := sourcetest.Documents(t, &wxr.Source{File: memory(in)})
	if len(docs) != 2 || len(faults) != 1 || !strings.Contains(faults[0], "invalid UTF-8") {
		t.Errorf("%d documents, faults %v; want 2, and one for the item of invalid UTF-8", len(docs), faults)
	}
}

func FuzzExport(f *testing.F) {
	f.Add([]byte(one("1", "<![CDATA[x <![CDATA[ y ]]> z]]>")+one("2", "x")), uint16(300))
	f.Add([]byte("<item><a><![CDATA[</a>]]></a><item><title>x"), uint16(10))
	f.Fuzz(func(t *testing.T, in []byte, limit uint16) {
		s := &wxr.Source{File: memory(head + string(in)), Config: item.Config{MaxBytes: int64(limit) + 1}}
		for _, err := range s.Blocks(t.Context(), quarry.Position{}) {
			if errors.Is(err, stream.ErrUnknownEncoding) { // an export in no encoding that is known for sure is refused whole
				return
			}
		}
		if len(sourcetest.Read(t, s)) > 0 {
			sourcetest.Run(t, s)
		}
	})
}

func TestPublishedPostsAndPagesAreTheDefault(t *testing.T) {
	t.Parallel()
	typed := func(id, kind, status, body string) string {
		return "<item><title>T</title><content:encoded><![CDATA[" + body + "]]></content:encoded><wp:post_id>" + id + "</wp:post_id><wp:status>" + status + "</wp:status><wp:post_type>" + kind + "</wp:post_type></item>\n"
	}
	in := head + typed("1", "post", "publish", `a <!-- wp:block {"ref":7} /--> b <!-- wp:block {"ref":99} /-->`) + typed("2", "page", "publish", "p") + typed("3", "post", "draft", "d") +
		typed("4", "attachment", "inherit", "x") + typed("5", "custom_css", "publish", "x") + typed("6", "post", "private", "x") + typed("7", "wp_block", "publish", `shared <!-- wp:block {"ref":8} /-->`) +
		typed("8", "wp_block", "publish", `deep <!-- wp:block {"ref":7} /-->`) + foot
	book := new(note.Book)
	s := &wxr.Source{File: memory(in), Config: item.Config{Notes: book}}
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 2 || len(faults) > 0 || docs[0].ID != "1" || docs[1].ID != "2" {
		t.Fatalf("%v, %v", docs, faults)
	}
	if body := string(docs[0].Body); !strings.Contains(body, "shared") || !strings.Contains(body, "deep") || !strings.Contains(body, `"ref":99`) || len(body) > 2000 {
		t.Errorf("the references became %q", body)
	}
	if lines := book.Take(); len(lines) != 1 || !strings.Contains(lines[0], "6 items") || !strings.Contains(lines[0], "1 draft post") || !strings.Contains(lines[0], "2 wp_block") {
		t.Errorf("%q", lines)
	}
	s.Config.Where = []item.Condition{{Field: "post_type", Value: "attachment"}}
	if docs, _ := sourcetest.Documents(t, s); len(docs) != 1 || docs[0].ID != "4" {
		t.Errorf("with a condition: %v", docs)
	}
}

// TestReusableBlocks: a published block without a password is put into the posts that refer to it, once where it refers to itself.
func TestReusableBlocks(t *testing.T) {
	t.Parallel()
	block := func(id, status, password, body string) string {
		return "<item><title>T</title><content:encoded><![CDATA[" + body + "]]></content:encoded><wp:post_id>" + id + "</wp:post_id><wp:status>" + status +
			"</wp:status><wp:post_type>wp_block</wp:post_type><wp:post_password><![CDATA[" + password + "]]></wp:post_password></item>\n"
	}
	refer := func(id string) string { return `<!-- wp:block {"ref":` + id + `} /-->` }
	bomb := ""
	for n := range 8 {
		bomb += block(fmt.Sprint("9", n), "publish", "", strings.Repeat("text ", 100)+strings.Repeat(refer(fmt.Sprint("9", n+1)), 50))
	}
	for _, c := range []struct {
		name, text, blocks, want string
		marks                    int
	}{
		{"published", refer("5"), block("5", "publish", "", "shared"), "shared", 0},
		{"twice", refer("5") + refer("5"), block("5", "publish", "", "shared"), "sharedshared", 0},
		{"private", refer("5"), block("5", "private", "", "secret"), "", 1},
		{"in the trash", refer("5"), block("5", "trash", "", "secret"), "", 1},
		{"a draft", refer("5"), block("5", "draft", "", "secret"), "", 1},
		{"pending", refer("5"), block("5", "pending", "", "secret"), "", 1},
		{"to come", refer("5"), block("5", "future", "", "secret"), "", 1},
		{"with a password", refer("5"), block("5", "publish", "pw", "secret"), "", 1},
		{"private in a published one", refer("5"), block("5", "publish", "", "shared "+refer("6")) + block("6", "private", "", "secret"), "shared", 1},
		{"a post", refer("5"), strings.Replace(block("5", "draft", "", "secret"), "wp_block", "post", 1), "", 1},
		{"itself", refer("5"), block("5", "publish", "", "shared "+strings.Repeat(refer("5"), 5)), "shared", 5},
		{"in a circle", refer("5"), block("5", "publish", "", "a "+refer("6")) + block("6", "publish", "", "b "+refer("5")), "ab", 1},
		{"the post itself", refer("1"), "", "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := head + strings.Replace(block("1", "publish", "", c.text), "wp_block", "post", 1) + c.blocks + foot
			docs, faults := sourcetest.Documents(t, &wxr.Source{File: memory(in)})
			if len(docs) != 1 || len(faults) > 0 {
				t.Fatalf("%v, %v", docs, faults)
			}
			body := string(docs[0].Body)
			text := strings.Join(strings.Fields(regexp.MustCompile("<!--.*?-->").ReplaceAllString(body, "")), "")
			if text != c.want || strings.Count(body, "<!-- wp:block") != c.marks {
				t.Errorf("the body is %q", body)
			}
		})
	}
	docs, _ := sourcetest.Documents(t, &wxr.Source{File: memory(head + strings.Replace(block("1", "publish", "", refer("90")), "wp_block", "post", 1) + bomb + foot)})
	if len(docs) != 1 || len(docs[0].Body) < 1<<19 || len(docs[0].Body) > 2<<20 {
		t.Errorf("%d documents, the first of %d bytes", len(docs), len(docs[0].Body))
	}
	where := item.Config{Where: []item.Condition{{Field: "post_type", Value: "wp_block"}}}
	docs, _ = sourcetest.Documents(t, &wxr.Source{File: memory(head + block("5", "publish", "", "shared "+refer("5")) + foot), Config: where})
	if len(docs) != 1 || strings.Count(string(docs[0].Body), "shared") != 1 {
		t.Errorf("a block that refers to itself, read as a document: %v", docs)
	}
}

// TestProtectedPosts: posts that a password protects are left out and named, and read where they are asked for.
func TestProtectedPosts(t *testing.T) {
	t.Parallel()
	post := func(id, kind, status, password string) string {
		return `<item><title>T` + id + `</title><content:encoded>x</content:encoded><wp:post_id>` + id + `</wp:post_id><wp:post_type>` + kind + `</wp:post_type><wp:status>` + status + `</wp:status>` + password + `</item>`
	}
	const secret = `<wp:post_password><![CDATA[hunter2]]></wp:post_password>`
	in := head + post("1", "post", "publish", `<wp:post_password></wp:post_password>`) + post("2", "post", "publish", secret) + post("3", "page", "publish", `<wp:post_password>x</wp:post_password>`) +
		post("4", "post", "draft", secret) + post("5", "post", "publish", "<wp:post_password>\n</wp:post_password>") + post("6", "post", "publish", "<wp:post_password/>") + post("7", "post", "publish", `<wp:post_password><![CDATA[]]></wp:post_password>`) + foot
	for _, c := range []struct {
		where, want string
		notes       []string
	}{
		{"", "1 5 6 7", []string{"1 draft post", `2 posts with password protection (2 "T2", 3 "T3")`}},
		{"protected=true", "2 3", []string{"1 draft post"}},
		{"status=publish", "1 5 6 7", []string{`2 posts with password protection`}},
		{"status=draft", "", []string{`1 post with password protection (4 "T4")`}},
	} {
		book := new(note.Book)
		s := &wxr.Source{File: memory(in), Config: item.Config{Notes: book}}
		if field, value, ok := strings.Cut(c.where, "="); ok {
			s.Config.Where = []item.Condition{{Field: field, Value: value}}
		}
		docs, faults := sourcetest.Documents(t, s)
		var ids []string
		for _, d := range docs {
			ids = append(ids, string(d.ID))
			if strings.Contains(string(d.Fields), "hunter2") {
				t.Errorf("the password is a field: %s", d.Fields)
			}
		}
		notes := book.Take()
		if strings.Join(ids, " ") != c.want || len(faults) > 0 || len(notes) != len(c.notes) {
			t.Errorf("where %q: %v, %v, %q", c.where, ids, faults, notes)
			continue
		}
		for i, want := range c.notes {
			if !strings.Contains(notes[i], want) || strings.Contains(notes[i], "hunter2") {
				t.Errorf("where %q: said %q, want %q", c.where, notes[i], want)
			}
		}
	}
}

// TestElementor: a page whose body is empty and whose text Elementor keeps.
func TestElementor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, data, want string }{
		{"a text", "", `[{"id":"1","elType":"widget","settings":{"editor":"<p>Elementor text</p>"},"widgetType":"text-editor"}]`, "<div><p>Elementor text</p></div>"},
		{"a blank body", " \n", `[{"elType":"widget","settings":{"editor":"x"}}]`, "<div>x</div>"},
		{"a heading", "", `[{"elType":"widget","settings":{"title":"T","header_size":"h3","link":{"url":"https://e.x"}},"widgetType":"heading"}]`, "<h2>T</h2>"},
		{"sections and columns", "", `[{"elType":"section","settings":[],"elements":[{"elType":"column","settings":{"_column_size":50},"elements":[{"elType":"widget","settings":{"editor":"a"}},{"elType":"widget","settings":{"editor":"b"}}]}]}]`, "<div>a</div><div>b</div>"},
		{"tabs", "", `[{"elType":"widget","settings":{"tabs":[{"tab_title":"Q","tab_content":"<p>A</p>"},{"tab_title":"R","_id":"x"}]}}]`, "<div>Q</div><div><p>A</p></div><div>R</div>"},
		{"a list", "", `[{"elType":"widget","settings":{"icon_list":[{"text":"one","selected_icon":{"value":"fa"}},{"text":"two"}]}}]`, "<div>one</div><div>two</div>"},
		{"settings that are none of words", "", `[{"elType":"widget","settings":{"background_color":"#fff","html_tag":"p","image":{"url":"u","alt":"a"},"caption":"C"}}]`, "<div>C</div>"},
		{"escapes", "", `[{"elType":"widget","settings":{"editor":"A \u201cB\u201d<br>\/"}}]`, "<div>A “B”<br>/</div>"},
		{"a body that has the text", "<p>x</p>", `[{"elType":"widget","settings":{"editor":"y"}}]`, "<p>x</p>"},
		{"broken data", "", `[{"elType":`, ""},
		{"no data", "", ``, ""},
		{"deep data", "", strings.Repeat(`[{"elements":`, 100) + `[]` + strings.Repeat(`}]`, 100), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := head + `<item><title>E</title><content:encoded><![CDATA[` + c.body + `]]></content:encoded><wp:post_id>1</wp:post_id><wp:postmeta><wp:meta_key><![CDATA[_elementor_data]]></wp:meta_key><wp:meta_value><![CDATA[` + c.data + `]]></wp:meta_value></wp:postmeta></item>` +
				`<item><title>N</title><content:encoded></content:encoded><wp:post_id>2</wp:post_id></item>` + foot
			docs, faults := sourcetest.Documents(t, &wxr.Source{File: memory(in)})
			if len(docs) != 2 || len(faults) > 0 || string(docs[0].Body) != c.want || len(docs[1].Body) != 0 || strings.Contains(string(docs[0].Fields), "elementor") {
				t.Errorf("got %+v, %q, want %q", docs, faults, c.want)
			}
		})
	}
}

// leaveNone is a rule by which every item of an export is read.
func leaveNone([]byte) (note.Kind, string) { return 0, "" }

// TestAConditionReplacesItsOwnFilterAlone: of type, state and password, what no condition is on stays as it is by default.
func TestAConditionReplacesItsOwnFilterAlone(t *testing.T) {
	t.Parallel()
	in := head
	for i, of := range []string{
		"post publish", "post draft", "page private", "post future", "wp_block publish", "wp_block draft", "product publish", "product draft", "attachment inherit", "revision inherit", "page publish", "post inherit",
	} {
		kind, status, _ := strings.Cut(of, " ")
		in += fmt.Sprintf("<item><title>T</title><content:encoded>x</content:encoded><wp:post_id>%d</wp:post_id><wp:post_type>%s</wp:post_type><wp:status>%s</wp:status></item>", i+1, kind, status)
	}
	in += foot
	for where, want := range map[string]struct {
		ids   string
		lines []string
	}{
		"":                                 {"1 11", []string{"--where post_type=product,", "--where post_type=product --where status=draft", "--where status=private", "--where status=draft,", "--where status=future", "--where post_type=attachment", "10 items"}},
		"post_type=post":                   {"1", []string{"3 items", "--where post_type=post --where status=future"}},
		"post_type=product":                {"7", []string{"1 item ", "1 draft product", "--where post_type=product --where status=draft"}},
		"post_type=product status=draft":   {"8", nil},
		"status=publish":                   {"1 11", []string{"2 items", "--where post_type=wp_block", "--where post_type=product"}},
		"status=draft":                     {"2", []string{"2 items"}},
		"status=private":                   {"3", nil},
		"post_type=wp_block":               {"5", []string{"draft wp_block"}},
		"post_type=attachment":             {"9", nil},
		"post_type=post post_type=product": {"1 7", []string{"4 items"}},
		"title=T":                          {"1 11", []string{"10 items"}},
	} {
		s := &wxr.Source{File: memory(in), Config: item.Config{Notes: new(note.Book)}}
		for w := range strings.FieldsSeq(where) {
			field, value, _ := strings.Cut(w, "=")
			s.Config.Where = append(s.Config.Where, item.Condition{Field: field, Value: value})
		}
		docs, faults := sourcetest.Documents(t, s)
		var ids []string
		for _, d := range docs {
			ids = append(ids, string(d.ID))
		}
		lines := strings.Join(s.Config.Notes.Take(), "; ")
		if strings.Join(ids, " ") != want.ids || len(faults) > 0 || (lines == "") != (want.lines == nil) {
			t.Errorf("where %q: %v, %v, %q", where, ids, faults, lines)
		}
		for _, part := range want.lines {
			if !strings.Contains(lines, part) {
				t.Errorf("where %q: %q, want %q in it", where, lines, part)
			}
		}
	}
}
