package records_test

import (
	"slices"
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
	if !p.Progress.Complete || p.Progress.Done != 5 || p.Progress.Total != 5 || !p.Progress.Texts {
		t.Errorf("progress is %+v", p.Progress)
	}
}
