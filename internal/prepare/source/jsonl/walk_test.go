package jsonl_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/jsonl"
	"quarry/internal/prepare/source/sourcetest"
)

func TestEveryArrayAtAPathIsRead(t *testing.T) {
	t.Parallel()
	one := func(id int) string { return fmt.Sprintf(`{"id":%d,"body":"x]}"}`, id) }
	const missed = "a part of the file is not read: one value has no array at results, although others have one"
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"pages in an array", `{"pages":[{"results":[` + one(1) + `],"n":1},{"results":[` + one(2) + "," + one(3) + `]}]}`, []string{"1@1", "2@1", "3@1"}},
		{"categories of a blog", `{"blog":{"categories":[{"name":"a","posts":[` + one(1) + "]},\n{\"posts\":[" + one(2) + `]}],"n":["]"]}}`, []string{"1@1", "2@2"}},
		{"the first page is empty", `{"pages":[{"results":[]},{"results":[` + one(1) + `]},{"results":[]},{"results":[` + one(2) + `]}]}`, []string{"1@1", "2@1"}},
		{"the first page has none", `{"pages":[{"error":"x"},{"results":[` + one(1) + `]},{"error":"x"},{"results":[` + one(2) + `]}]}`, []string{"1@1", "2@1"}},
		{"pages of pages", `{"a":[{"b":[{"posts":[` + one(1) + `]},{"posts":[` + one(2) + `]}]},{"b":[{"posts":[` + one(3) + `]}]}]}`, []string{"1@1", "2@1", "3@1"}},
		{"pages on lines", `{"results":[` + one(1) + "]}\n{\"results\":[" + one(2) + "]}\n", []string{"1@1", "2@2"}},
		{"pages one directly after the other", `{"next":"]}[","results":[` + one(1) + `]}{"results":[` + one(2) + `]}`, []string{"1@1", "2@1"}},
		{"a name with an escape", `{"results":[` + one(1) + `]}{"result\u0073":[` + one(2) + `]}`, []string{"1@1", "2@1"}},
		{"the same name elsewhere", `{"results":[` + one(1) + `],"more":{"results":[{"id":9,"name":"y"}]},"list":[{"results":[7]}]}`, []string{"1@1"}},
		{"a page without it", `{"results":[` + one(1) + `]}{"other":[` + one(2) + `]}{"results":[` + one(3) + `]}`, []string{"1@1", "3@1", "in.jsonl:1: " + missed}},
		{"an object in its place", `{"results":[` + one(1) + `]}{"results":` + one(2) + `}`, []string{"1@1", "in.jsonl:1: " + missed}},
		{"cut off in a later page", `{"results":[` + one(1) + `]}{"results":[` + one(2), []string{"1@1", "2@1", "in.jsonl:1: the array of items does not end: the file is truncated here"}},
		{"cut off before a later page", `{"results":[` + one(1) + `]}{"resu`, []string{"1@1", "in.jsonl:1: the array of items does not end: the file is truncated here"}},
		{"a broken item at the end of a page", `{"results":[` + one(1) + ",\n{\"id\":2,\"body\":\"x\"]}\n{\"results\":[\n" + one(3) + `]}`, []string{
			"1@1", "in.jsonl:2: broken JSON: want , or } after an object's value at byte 18", "in.jsonl:3: broken JSON: unexpected end at byte 13", "3@4",
		}},
		{"objects that are items themselves", one(1) + "\n" + one(2), []string{"1@1", "2@2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &jsonl.Objects{File: memory(c.in)}
			if diff := cmp.Diff(c.want, itemsOf(t, s)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Stretches between arrays that are longer than a buffer, and items up to the limit after them.
func TestArraysFarApart(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	in.WriteString(`{"pages":[`)
	var want []string
	for i := range 7 {
		if i > 0 {
			in.WriteString(",\n")
		}
		fmt.Fprintf(&in, `{"facets":[{"results":["no"]},"%s"],"results":[`, strings.Repeat(`]}\"{[`, i*50_000))
		for k := range i {
			if k > 0 {
				in.WriteString(",")
			}
			fmt.Fprintf(&in, `{"id":"%d-%d","body":"%s"}`, i, k, strings.Repeat("x", k*25_000))
			want = append(want, fmt.Sprintf("%d-%d@%d", i, k, i+1))
		}
		in.WriteString("]}")
	}
	in.WriteString("]}")
	s := &jsonl.Objects{File: memory(in.String()), Config: item.Config{MaxBytes: 120_000}}
	got := itemsOf(t, s)
	for i := range want { // the last of a page of six is above the limit
		if strings.HasPrefix(want[i], "6-5") {
			want[i] = "in.jsonl:7: item of 125,022 bytes is above the limit of 120,000"
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	sourcetest.Run(t, s)
}

func TestManyArraysTakeLinearTime(t *testing.T) { // not parallel: it measures
	for _, one := range []string{`{"results":[{"id":1,"body":"x"}]}`, `{"results":[]}`, `{"results":[{"id":1,"body":"x"}],"n":[`, `{"n":"`} {
		sourcetest.Linear(t, one, 1<<15, func(in string) sourcetest.Source {
			return &jsonl.Objects{File: memory(`{"results":[{"id":0,"body":"x"}]}` + in), Config: item.Config{MaxBytes: 64 << 10}}
		})
	}
}
