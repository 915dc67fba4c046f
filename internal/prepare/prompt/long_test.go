package prompt_test

import (
	"bytes"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/prepare/prompt"
)

func TestAnswersBecomeTheTextOfTheMerge(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, output, text, want string }{
		{"members under headings, nulls left out", `{"title_en":"A \"stone\"","summary_ja":null,"tags":["x",1]}`, "", "# Part 2 of 3\n\n## title_en\n\nA \"stone\"\n\n## tags\n\n[\"x\",1]"},
		{"a value that is no object", ` [1] `, "", "# Part 2 of 3\n\n[1]"},
		{"free text", "", "Stone is cut.", "# Part 2 of 3\n\nStone is cut."},
	} {
		got := string(prompt.AppendAnswer(nil, 2, 3, []byte(tt.output), tt.text))
		if got = strings.TrimPrefix(got, "\n\n"); got != tt.want {
			t.Errorf("%s: AppendAnswer(%s) = %q, want %q", tt.name, tt.output, got, tt.want)
		}
	}
	both := prompt.AppendAnswer(prompt.AppendAnswer(nil, 1, 2, nil, "a"), 2, 2, nil, "b")
	if want := "# Part 1 of 2\n\na\n\n# Part 2 of 2\n\nb"; string(both) != want {
		t.Errorf("two answers are %q, want %q", both, want)
	}
}

func renderer(t *testing.T, c prompt.Config) *prompt.Renderer {
	t.Helper()
	r, err := prompt.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPartsAndMergeAskWithTheirOwnWords(t *testing.T) {
	t.Parallel()
	c := prompt.Config{User: "Read {{.Title}}: {{.Text}}"}
	doc := quarry.Document{ID: "a", Title: "Stone", Body: []byte("text"), Part: 2, Parts: 3}
	for name, tt := range map[string]struct {
		cfg  prompt.Config
		want string
	}{
		"a part, by default after the words for whole documents": {c.ForParts(""), `"This is part 2 of 3 of an article that is too long to be read at once. Answer about this part alone.\n\nRead Stone: text"`},
		"a part, by its own words":                               {c.ForParts("{{.Part}}/{{.Parts}} {{.Text}}"), `"2/3 text"`},
		"a part, by words that need a template's execution":      {c.ForParts("{{if gt .Parts 1}}{{.Part}} of {{.Parts}}: {{end}}{{.Text}}"), `"2 of 3: text"`},
		"a merge, by its own words":                              {c.ForMerge("Of {{.Parts}}: {{.Text}}"), `"Of 3: text"`},
	} {
		got, err := renderer(t, tt.cfg).Append(nil, &doc)
		if err != nil || !bytes.Contains(got, []byte(`"content":`+tt.want)) {
			t.Errorf("%s: Append() = %s, %v, want %s in it", name, got, err, tt.want)
		}
	}
	whole, _ := renderer(t, c).Append(nil, &doc)
	merge, _ := renderer(t, c.ForMerge("")).Append(nil, &doc)
	if !bytes.Contains(merge, []byte("3 parts")) || bytes.Equal(whole, merge) {
		t.Errorf("the default merge asks %s", merge)
	}
}

func TestPartedKeyTellsEveryPartAndTheirOrder(t *testing.T) {
	t.Parallel()
	r := renderer(t, prompt.Config{})
	key := func(texts ...string) (keys []quarry.DocumentKey) {
		for _, text := range texts {
			_, k, err := r.AppendKeyed(nil, &quarry.Document{ID: "a", Title: "T", Body: []byte(text)})
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, k)
		}
		return keys
	}
	a := r.PartedKey(key("one", "two", "merge"))
	for _, other := range [][]quarry.DocumentKey{key("two", "one", "merge"), key("one", "two"), key("one", "two", "other merge"), key("one")} {
		if r.PartedKey(other) == a {
			t.Errorf("%d other keys give the same key", len(other))
		}
	}
	if again := r.PartedKey(key("one", "two", "merge")); again != a {
		t.Errorf("PartedKey = %s and then %s", a, again)
	}
	if other := renderer(t, prompt.Config{Model: "amazon.nova-lite-v1:0", Type: quarry.InvokeModel}); other.PartedKey(key("one", "two", "merge")) == a {
		t.Error("another model gives the same key")
	}
}
