package ghost_test

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/prepare/source/ghost"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/note"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func memory(content string) stream.File {
	return stream.File{Name: "ghost.json", Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

// export writes what Ghost's "Export content" gives, with these posts.
func export(t *testing.T, posts ...map[string]any) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{"db": []any{map[string]any{
		"meta": map[string]any{"exported_on": 1700000000000, "version": "5.80.0"},
		"data": map[string]any{"posts_tags": []any{map[string]any{"id": "x", "post_id": "y"}}, "posts": posts, "users": []any{map[string]any{"id": "1", "email": "a@e.x"}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	// Ghost puts meta first; Go's maps are written in the order of their names.
	return strings.Replace(string(b), `{"db":[{"data":`, `{"db":[{"meta":{"exported_on":1},"data":`, 1)
}

const (
	lexical = `{"root":{"children":[
		{"type":"heading","tag":"h3","children":[{"type":"text","text":"A < B","format":1}]},
		{"type":"paragraph","children":[{"type":"text","text":"Use "},{"type":"text","text":"x & y","format":16},{"type":"linebreak"},{"type":"link","url":"https://e.x","children":[{"type":"text","text":"here"}]}]},
		{"type":"list","tag":"ol","children":[{"type":"listitem","children":[{"type":"text","text":"one"}]}]},
		{"type":"codeblock","code":"a<b","language":"go"},{"type":"html","html":"<em>raw</em>"},{"type":"markdown","markdown":"p1\n\np2"},
		{"type":"image","src":"x.png","caption":"Cap"},{"type":"header","header":"Big","subheader":"<b>small</b>"},{"type":"product","productTitle":"Thing","productDescription":"<p>good</p>"},{"type":"unheard-of","children":[{"type":"text","text":"kept"}]}],"type":"root"}}`
	lexicalHTML = `<h3>A &lt; B</h3><p>Use <code>x &amp; y</code><br>here</p><ol><li>one</li></ol><pre><code>a&lt;b</code></pre><em>raw</em><p>p1</p><p>p2</p>` +
		`<figure><figcaption>Cap</figcaption></figure><div>Big</div><div><b>small</b></div><div>Thing</div><div><p>good</p></div><p>kept</p>`
	mobiledoc = `{"version":"0.3.1","atoms":[["soft-return","",{}]],"cards":[["code",{"code":"x<y"}],["hr",{}],["image",{"src":"a"}],["header",{"header":"Big"}]],"markups":[["strong"],["code"],["a",["href","https://e.x"]]],
		"sections":[[1,"h2",[[0,[],0,"Head"]]],[1,"p",[[0,[0],1,"bold"],[1,[],0,0],[0,[2,1],2," a & b"],[0,[],0," end"]]],[3,"ul",[[[0,[],0,"one"]],[[0,[],0,"two"]]]],[10,0],[10,1],[10,2],[10,3],[10,99]]}`
	mobiledocHTML = `<h2>Head</h2><p>bold<br><code> a &amp; b</code> end</p><ul><li>one</li><li>two</li></ul><pre><code>x&lt;y</code></pre><hr><div>Big</div>`
)

func TestPosts(t *testing.T) {
	t.Parallel()
	in := export(t,
		map[string]any{"id": "a", "title": "A", "html": "<p>made</p>", "lexical": lexical, "plaintext": "made", "status": "published", "type": "post", "locale": nil},
		map[string]any{"id": "b", "title": "B", "html": nil, "lexical": lexical, "mobiledoc": nil, "status": "draft", "type": "page"},
		map[string]any{"id": "c", "title": "C", "html": "", "mobiledoc": mobiledoc, "status": "draft", "type": "post"},
		map[string]any{"id": "d", "title": "D", "html": nil, "lexical": nil, "status": "draft"},
		map[string]any{"id": "e", "title": "E", "lexical": "{broken"},
	)
	if !ghost.Is([]byte(in)) {
		t.Error("the export is not recognized")
	}
	s := ghost.New(memory(in), []byte(in), item.Config{LeaveOut: func([]byte) (note.Kind, string) { return 0, "" }}, 0)
	sourcetest.Run(t, s)
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 3 || len(faults) != 2 || !strings.HasSuffix(faults[0], `no body (member html) in "d"`) {
		t.Fatalf("%d documents and %q, want 3 and two without a body", len(docs), faults)
	}
	for i, want := range []string{"<p>made</p>", lexicalHTML, mobiledocHTML} {
		if string(docs[i].Body) != want || docs[i].Format != quarry.FormatHTML {
			t.Errorf("%s is\n%s\nwant\n%s", docs[i].ID, docs[i].Body, want)
		}
	}
	if want := `{"status":"draft","type":"page"}`; string(docs[1].Fields) != want {
		t.Errorf("fields %s, want %s", docs[1].Fields, want)
	}
}

func TestPublishedPostsForEverybodyAreTheDefault(t *testing.T) {
	t.Parallel()
	post := func(id, status, visibility string) map[string]any {
		return map[string]any{"id": id, "html": "<p>x", "status": status, "visibility": visibility}
	}
	in := export(t, post("a", "published", "public"), post("b", "draft", "public"), post("c", "scheduled", "public"), post("d", "published", "members"), post("e", "draft", "paid"), post("f", "sent", "public"))
	for where, want := range map[string]struct{ ids, line string }{
		"": {"a", "left out: 5 items that are not published, or no texts (1 draft, 1 draft for paid, 1 for members, 1 scheduled, 1 sent); to read those of one kind: --where status=draft, " +
			"or --where status=draft --where visibility=paid, or --where visibility=members, or --where status=scheduled, or --where status=sent"},
		"status=draft":       {"b", "left out: 1 item that is not published, or no texts (1 for paid); to read those of one kind: --where visibility=paid"},
		"status=published":   {"a", "left out: 1 item that is not published, or no texts (1 for members); to read those of one kind: --where visibility=members"},
		"visibility=members": {"d", ""},
		"visibility=paid":    {"", "left out: 1 item that is not published, or no texts (1 draft); to read those of one kind: --where status=draft"},
	} {
		cfg := item.Config{Notes: new(note.Book)}
		if field, value, ok := strings.Cut(where, "="); ok {
			cfg.Where = []item.Condition{{Field: field, Value: value}}
		}
		docs, faults := sourcetest.Documents(t, ghost.New(memory(in), []byte(in), cfg, 0))
		var ids []string
		for _, d := range docs {
			ids = append(ids, string(d.ID))
		}
		if line := strings.Join(cfg.Notes.Take(), "; "); strings.Join(ids, " ") != want.ids || line != want.line || len(faults) > 0 {
			t.Errorf("%q: %v, %q, %v", where, ids, line, faults)
		}
	}
}

func TestAnExportWithoutItsWrapping(t *testing.T) {
	t.Parallel()
	in := `{"meta":{"exported_on":1,"version":"2.0"},"data":{"posts":[{"id":"a","html":"<p>x"}]}}`
	docs, _ := sourcetest.Documents(t, ghost.New(memory(in), []byte(in), item.Config{}, 0))
	if len(docs) != 1 || !ghost.Is([]byte(in)) || ghost.Is([]byte(`{"id":"a","meta":{}}`)) {
		t.Errorf("%d documents, want 1", len(docs))
	}
}

// Whatever is in an editor's form, rendering ends and gives text that a JSON string can hold.
func FuzzEditors(f *testing.F) {
	f.Add(lexical, mobiledoc)
	f.Add(strings.Repeat(`{"type":"list","children":[`, 300), `{"sections":[[1,"p",[[0,[0],9,"x"]]]],"markups":[["code"]]}`)
	f.Fuzz(func(t *testing.T, lexical, mobiledoc string) {
		lexical, mobiledoc = strings.ToValidUTF8(lexical, ""), strings.ToValidUTF8(mobiledoc, "")
		in := export(t, map[string]any{"id": "a", "lexical": lexical}, map[string]any{"id": "b", "mobiledoc": mobiledoc})
		sourcetest.Read(t, ghost.New(memory(in), []byte(in), item.Config{}, 0))
	})
}
