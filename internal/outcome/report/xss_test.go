package report_test

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/outcome/report"
)

// TestNoTextBecomesMarkup puts each line of testdata/hostile.txt into every text of a report, of the model's and the documents' too.
func TestNoTextBecomesMarkup(t *testing.T) {
	t.Parallel()
	all, err := os.ReadFile("testdata/hostile.txt")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for line := range strings.Lines(string(all)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			continue
		}
		tried++
		r := normalReport()
		fill(reflect.ValueOf(r).Elem(), line)
		text := render(t, r)
		checkElements(t, text)
		if t.Failed() {
			t.Fatalf("the text is %q", line)
		}
	}
	if tried < 40 {
		t.Errorf("%d texts were tried", tried)
	}
}

// fill sets every string in v, and every JSON text to an object whose name and value are that string.
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
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			b, err := json.Marshal(map[string]any{text: text, "system": text, "messages": []map[string]string{{"role": text, "content": text}}})
			if err == nil {
				v.SetBytes(b)
			}
			return
		}
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.Map:
		if v.Type().Key().Kind() == reflect.String && v.Type().Elem().Kind() == reflect.Int64 {
			if v.IsNil() {
				v.Set(reflect.MakeMap(v.Type()))
			}
			v.SetMapIndex(reflect.ValueOf(text).Convert(v.Type().Key()), reflect.ValueOf(int64(7)))
		}
	case reflect.String:
		v.SetString(text)
	}
}

func TestATallyHoldsEveryValueOnce(t *testing.T) {
	t.Parallel()
	var tally report.Tally
	if tally.Spread() != nil {
		t.Error("an empty tally has a spread")
	}
	values := []int64{-3, 0, 1, 9, 10, 12, 13, 99, 100, 129, 130, 14208, 1e12, math.MaxInt64 / 2}
	for _, n := range values {
		tally.Add(n)
	}
	s := tally.Spread()
	var count int64
	last := int64(-1)
	for _, b := range s.Buckets {
		if b.From <= last || b.To < b.From {
			t.Errorf("bucket %+v after one that ends at %d", b, last)
		}
		in := int64(0)
		for _, n := range values {
			if n = max(n, 0); n >= b.From && n <= b.To {
				in++
			}
		}
		if in != b.Count {
			t.Errorf("bucket %+v has %d of the values", b, in)
		}
		count, last = count+b.Count, b.To
	}
	if count != int64(len(values)) || s.Count != count || s.Most != math.MaxInt64/2 {
		t.Errorf("the buckets hold %d of %d values: %+v", count, len(values), s)
	}
}

func TestAStandInsSpeedIsComparedWithNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*report.Report){
		"inside the process": func(r *report.Report) { r.Target = "local" },
		"at an address":      func(r *report.Report) { r.Cost.StandIn = true },
	} {
		r := normalReport()
		change(r)
		for _, word := range []string{"other ways", "times as fast", "one call at a time"} {
			if strings.Contains(render(t, r), word) {
				t.Errorf("%s: the page says %q", name, word)
			}
		}
	}
	r := normalReport()
	r.Mode = quarry.ModeJob
	if !strings.Contains(render(t, r), "One call at a time") && !strings.Contains(render(t, r), "one call at a time") {
		t.Error("the page of a run on AWS does not compare the ways")
	}
}
