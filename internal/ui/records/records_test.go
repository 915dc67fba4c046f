package records_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/ui/records"
)

func TestRecordsAreFoundByTitleTextAndAnswer(t *testing.T) {
	t.Parallel()
	docs := numbered(5)
	docs[1].Title, docs[1].result.Document.Title = "Über Kubernetes", "Über Kubernetes"
	docs[2].Body = "<p>本日は機械学習の話をします。</p><pre>secret code</pre>"
	docs[3].result = answered("d3", "Title 3", "東京都の要約")
	docs[4].result.Status, docs[4].result.Output = quarry.StatusFailed, nil
	docs[4].result.Error = &quarry.ResultError{Kind: "throttled", Message: "429: too many"}
	w := newWorld(t)
	w.run(docs)
	s := w.store(w.config())
	for query, want := range map[string][]string{
		"":                 {"d0", "d1", "d2", "d3", "d4"},
		"über":             {"d1"},
		"ÜBER kubernetes":  {"d1"},
		"機械":               {"d2"},
		"機械学習":             {"d2"},
		"械学":               {"d2"},
		"学機":               nil,
		"京都":               {"d3"},
		"body document":    {"d0", "d1", "d3", "d4"},
		`"body of"`:        {"d0", "d1", "d3", "d4"},
		`"of body"`:        nil,
		"secret":           nil, // cleaning left it out
		"answer 0":         {"d0"},
		`" OR "d" NOT (`:   nil,
		`body" OR title:x`: nil,
		"話":                {"d2"},
		"p":                nil,
	} {
		if got := ids(w.page(s, records.Query{Text: query})); !slices.Equal(got, want) {
			t.Errorf("%q finds %v, want %v", query, got, want)
		}
	}
	if got := ids(w.page(s, records.Query{Text: "東京", In: records.Title})); got != nil {
		t.Errorf("an answer is found in titles: %v", got)
	}
	p := w.page(s, records.Query{Where: records.Filter{Status: quarry.StatusFailed}})
	if got := ids(p); !slices.Equal(got, []string{"d4"}) || p.Rows[0].Class != "throttled" || p.Count.N != 1 {
		t.Errorf("failed records: %v of %d, %+v", got, p.Count.N, p.Rows)
	}
	if p.Facets.Status[0].Value != "ok" || p.Facets.Status[0].Count.N != 4 {
		t.Errorf("the statuses are %v", p.Facets.Status)
	}
	if !p.Progress.Complete || p.Progress.Done != 5 || p.Progress.Total != 5 || p.Progress.Texts != 5 {
		t.Errorf("progress is %+v", p.Progress)
	}
}

func TestARecordShowsItsSourceAndWhatWasRemoved(t *testing.T) {
	t.Parallel()
	docs := numbered(3)
	docs[1].Body = "<p>Read <b>this</b>.</p><pre>not this</pre>"
	w := newWorld(t)
	w.run(docs)
	s := w.store(w.config())
	r, err := s.Record(t.Context(), "d1")
	if err != nil {
		t.Fatal(err)
	}
	if r.NotKept != "" || r.Source.Text != "Read this." || r.Place != 2 || r.ID != "d1" {
		t.Fatalf("record is %+v, source %+v", r, r.Source)
	}
	var text, all strings.Builder
	for _, span := range r.Source.Body {
		all.WriteString(span.Text)
		if span.Same {
			text.WriteString(span.Text)
		}
	}
	if all.String() != docs[1].Body || text.String() != "Read this." {
		t.Errorf("the spans are %+v", r.Source.Body)
	}
	if len(r.Source.Prompts) != 1 || !strings.Contains(string(r.Source.Prompts[0].ModelInput), "Read this.") {
		t.Errorf("the prompt is %s", r.Source.Prompts)
	}
	if _, err := s.Record(t.Context(), "none"); !errors.Is(err, records.ErrNoRecord) {
		t.Errorf("Record of no document = %v, want ErrNoRecord", err)
	}
	changed := numbered(3)
	changed[1].Body = "<p>Another text.</p>"
	w.writeSource(3, func(i int) *doc { return &changed[i] })
	if r, err = s.Record(t.Context(), "d1"); err != nil || r.Source != nil || r.NotKept == "" {
		t.Errorf("a changed document is shown: %+v, %v", r, err)
	}
}

func TestTwoRunsAreComparedByTheirIDs(t *testing.T) {
	t.Parallel()
	docs := numbered(6)
	a, b := newWorld(t), newWorld(t)
	a.run(docs)
	other := numbered(5)
	other[2].result = answered("d2", "Title 2", "answer two")
	other[0], other[4] = other[4], other[0]
	b.run(other)
	first, second := a.store(a.config()), b.store(b.config())
	c, err := records.Compare(t.Context(), first, second, &records.Query{}, false)
	if err != nil || len(c.Pairs) != 6 {
		t.Fatalf("%d pairs, %v", len(c.Pairs), err)
	}
	for i, p := range c.Pairs {
		if want := i != 2 && i != 5; p.Same != want || i < 5 && p.B.ID != p.A.ID {
			t.Errorf("pair %d: %+v", i, p)
		}
	}
	if f := c.Pairs[2].Fields[0]; f.Name != "summary" || f.A[1].Text != "2" || f.A[1].Same || f.B[1].Text != "two" {
		t.Errorf("the field differs by %+v", f)
	}
	if c.Pairs[5].B != nil {
		t.Error("the second run has a document that it does not have")
	}
	c, err = records.Compare(t.Context(), first, second, &records.Query{Limit: 1}, true)
	if err != nil || len(c.Pairs) != 1 || c.Pairs[0].A.ID != "d2" || !c.Later {
		t.Errorf("the first that differs: %+v, %v", c, err)
	}
}
