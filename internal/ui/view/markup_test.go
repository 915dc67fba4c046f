package view

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"quarry"
	"quarry/internal/cli/board"
	"quarry/internal/outcome/publish"
	"quarry/internal/outcome/report"
	"quarry/internal/outcome/review"
	"quarry/internal/ui/difference"
	"quarry/internal/ui/records"
)

// TestNoTextOfARecordBecomesMarkup puts each hostile text into every text of what the pages about records show.
func TestNoTextOfARecordBecomesMarkup(t *testing.T) {
	t.Parallel()
	all, err := os.ReadFile("../../outcome/report/testdata/hostile.txt")
	if err != nil {
		t.Fatal(err)
	}
	run := &Run{ID: "0123456789ab", Name: "runs/blog", Dir: "/runs/blog"}
	for line := range strings.Lines(string(all)) {
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			continue
		}
		a := &Asked{Text: line, In: line, Status: line, Class: line, Language: line, Pool: line, Min: line, Max: line}
		for name, body := range hostileBodies(run, a, line) {
			text, err := render(name, run.page(name, line, body, 5))
			if err != nil {
				t.Fatal(err)
			}
			checkMarkup(t, string(text))
			if t.Failed() {
				t.Fatalf("page %s, text %q", name, line)
			}
		}
	}
}

// TestNoTextOfARunBecomesMarkup puts each hostile text into every text of a state, and into errors.
func TestNoTextOfARunBecomesMarkup(t *testing.T) {
	t.Parallel()
	all, err := os.ReadFile("../../outcome/report/testdata/hostile.txt")
	if err != nil {
		t.Fatal(err)
	}
	run, tried := &Run{ID: "0123456789ab", Name: "runs/blog", Dir: "/runs/blog"}, 0
	for line := range strings.Lines(string(all)) {
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			continue
		}
		tried++
		state := &State{
			Planned: true, Records: 200, Processed: 50, Failures: []report.Failure{{Examples: make([]quarry.DocumentID, 1)}}, Waits: &review.Question{},
			Board: &board.Board{
				Stages: make([]board.Stage, 1), Rows: []board.Row{{Mood: board.Bad}}, Jobs: []board.Job{{Records: 100, Done: 50, Resent: 2}},
			},
		}
		fill(reflect.ValueOf(state).Elem(), line)
		state.Report = &report.Report{Documents: report.Documents{Total: 10, OK: 9, Failed: 1}} // its texts have a test of their own
		forms, fault := &Forms{Secret: line, Approve: true}, &quarry.Error{Kind: quarry.BadUsage, Err: errors.New(line), Hint: line}
		for _, p := range []*Page{
			RunPage(run, state, forms), RunsPage([]RunRow{NewRunRow(run, state, nil), NewRunRow(run, nil, fault)}, 3), ErrorPage("Bad Request", fault),
		} {
			text, err := p.Render()
			if err != nil {
				t.Fatal(err)
			}
			if checkMarkup(t, string(text)); t.Failed() {
				t.Fatalf("page %s, text %q", p.Title, line)
			}
		}
	}
	if tried < 40 {
		t.Errorf("%d texts were tried", tried)
	}
}

// hostileBodies are the pages about records with a text in all places.
func hostileBodies(run *Run, a *Asked, text string) map[string]any {
	cost := quarry.USD(1)
	rec := records.Record{
		Row: records.Row{Place: 7, Cost: &cost, Corrected: true},
		Result: quarry.Result{
			Output: []byte("{}"), ModelOutput: []byte("{}"), CostUSD: &cost, Attempts: 2, Error: &quarry.ResultError{},
		},
		Source: &records.Source{
			Body: []difference.Span{{}, {Same: true}, {}}, Dropped: make([]records.Dropped, 2), Prompts: []records.Prompt{{ModelInput: []byte("{}")}},
		},
	}
	fill(reflect.ValueOf(&rec).Elem(), text)
	found := records.Page{
		Rows: []records.Row{rec.Row, rec.Row}, Earlier: true, Later: true, Continue: 5, Ignored: []string{text}, Count: records.Count{N: 10_000, More: true},
		Facets: records.Facets{Status: []records.Facet{{Value: "ok"}, {}}, Class: make([]records.Facet, 2), Language: make([]records.Facet, 2), Pool: make([]records.Facet, 2)},
	}
	fill(reflect.ValueOf(&found).Elem(), text)
	list := newRecordsView(run, a, &found, &Said{Overrides: &review.Overrides{}})
	list.passes([]int{2, 1}, 2)
	record := newRecordView(run, a, &rec)
	record.Earlier, record.Later = record.Address, record.Address
	record.Review = &reviewView{May: true, Fixes: make([]fixView, 2), Model: []member{{}, {Code: true}, {Missing: true}}}
	fill(reflect.ValueOf(record.Review).Elem(), text)
	record.Review.Why, record.Review.MarkAddress, record.Review.FixAddress = "", record.Address, record.Address
	marked := newReviewPageView(run, &Said{Overrides: &review.Overrides{}})
	marked.Export = run.Address() + "notes.csv"
	marked.Marks = make([]markView, 2)
	fill(reflect.ValueOf(&marked.Marks).Elem(), text)
	for i := range marked.Marks {
		marked.Marks[i].Address = record.Address
	}
	attempt := records.Attempt{ModelInput: []byte("{}"), ModelOutput: []byte("{}"), Part: 1, Result: rec.Result}
	fill(reflect.ValueOf(&attempt).Elem(), text)
	attempts := &attemptsView{ID: record.ID, Record: record.Address, Attempts: []attemptView{newAttemptView(&attempt)}}
	row := rec.Row
	compared := records.Comparison{
		Count: records.Count{N: 3}, Later: true,
		Pairs: []records.Pair{{A: &rec.Row, B: &row, Fields: []records.FieldPair{{A: make([]difference.Span, 2), B: make([]difference.Span, 2)}}}, {A: &rec.Row}},
	}
	fill(reflect.ValueOf(&compared).Elem(), text)
	compare := &compareView{Asked: a, Address: run.Address() + "compare", A: text}
	compare.offer(text, text)
	compare.fill(run, &Other{Run: *run}, a, &compared)
	published := Published{
		Shown: []string{text}, Digest: text, Unreviewed: true,
		Outcome: &publish.Outcome{ToChange: 3, Changed: 1, Failed: 1, Differences: make([]publish.Difference, 2), Problems: make([]publish.Problem, 2), Notes: make([]publish.Problem, 1)},
	}
	fill(reflect.ValueOf(&published).Elem(), text)
	target := &publishView{Target: text, Fault: text, Hint: text, MayPublish: true, Address: run.Address() + "publish", Secret: "s"}
	target.fill(run, &published)
	return map[string]any{"publish": target, "review": marked, "compare": compare, "records": list, "record": record, "attempts": attempts}
}

// fill sets every string in v.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem(), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), text)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(hostileJSON(text))
			return
		}
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.String:
		v.SetString(text)
	}
}

// checkMarkup fails on an element or an attribute that no template has, and on an address that no page made.
func checkMarkup(t *testing.T, page string) {
	t.Helper()
	z := html.NewTokenizer(strings.NewReader(page))
	depth, scripts := 0, 0
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) || depth != 0 || scripts != 1 {
				t.Errorf("%v; %d elements are not closed; %d scripts, want 1", z.Err(), depth, scripts)
			}
			return
		case html.CommentToken:
			t.Error("the page holds a comment")
		case html.EndTagToken:
			depth--
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			if !strings.Contains(elements, " "+token.Data+" ") {
				t.Errorf("the page holds <%s>", token.Data)
			}
			switch token.Data {
			case "meta", "link", "br", "input":
			default:
				depth++
			}
			if token.Data == "script" {
				scripts++
			}
			for _, a := range token.Attr {
				if !strings.Contains(attributes, " "+a.Key+" ") {
					t.Errorf("<%s> has the attribute %s", token.Data, a.Key)
				}
				if (a.Key == "href" || a.Key == "src" || a.Key == "action") && !leadsSomewhere(a.Val) {
					t.Errorf("<%s> leads to %q", token.Data, a.Val)
				}
			}
		}
	}
}

const (
	elements = " html head meta title link script noscript body a header nav ol ul li main h1 h2 section p div span b br code bdi svg rect" +
		" footer ins h3 textarea kbd table thead tbody tr th td dl dt dd time form label input select option button nav details summary pre del "
	attributes = " lang charset name content rel href src defer http-equiv class aria-label aria-current aria-labelledby aria-hidden id tabindex" +
		" data-name data-live data-again data-key data-row scope width height rx role datetime colspan dir open rel method action type value maxlength inputmode pattern size selected checked rows "
)

// leadsSomewhere tells an address that a page may lead to: one of this server, or one of the web.
func leadsSomewhere(address string) bool {
	return strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//") || address == "#main" ||
		strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")
}

// hostileJSON is an object whose names and values are a text.
func hostileJSON(text string) []byte {
	b, err := json.Marshal(map[string]any{text: text, "summary_ja": text, "list": []string{text}, "none": nil})
	if err != nil {
		panic(err)
	}
	return b
}
