package records_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/testdata"
	"quarry/internal/ui/records"
)

var (
	documents = flag.Int("documents", 20_000, "how many documents the benchmark of the index has")
	runDir    = flag.String("rundir", "", "keep the run of the benchmark in this `DIR`, and use it again; empty: a temporary one")
)

// article is one of the real articles that the documents are made of, cut as those of tools/bench-scale.
type article struct{ Title, Content, Lang string }

func articles(b *testing.B) (all []article) {
	f, err := os.Open(testdata.Path(b, "articles.jsonl.zst"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := zstd.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	defer z.Close()
	for dec := json.NewDecoder(z); ; {
		var a article
		if err := dec.Decode(&a); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			b.Fatal(err)
		}
		a.Content = strings.ToValidUTF8(a.Content[:min(len(a.Content), 1500)], "")
		all = append(all, a)
	}
}

// scaleWorld is a finished run of so many documents with answers as the model echo gives them; one in 500 failed.
func scaleWorld(b *testing.B, n int) *world {
	w := newWorld(b)
	if *runDir != "" {
		w.dir, w.source = filepath.Join(*runDir, "run"), filepath.Join(*runDir, "source.jsonl")
		if _, err := os.Stat(filepath.Join(w.dir, "ledger.db")); err == nil {
			return w
		}
		w.must(os.MkdirAll(w.dir, 0o700))
	}
	all := articles(b)
	each := func(i int) *doc {
		a := &all[i%len(all)]
		d := &doc{ID: fmt.Sprintf("post-%07d", i), Title: fmt.Sprintf("%s (%d)", a.Title, i), Body: fmt.Sprintf("Article number %d.\n\n%s", i, a.Content), Lang: a.Lang}
		start := strings.ToValidUTF8(d.Body[:min(len(d.Body), 300)], "")
		d.result = answered(d.ID, d.Title, start)
		d.result.Output, _ = json.Marshal(map[string]string{"title_en": d.Title, "summary_ja": start, "summary_en": start})
		d.result.Document.Lang = d.Lang
		if i%500 == 0 {
			d.result.Status, d.result.Output = quarry.StatusFailed, nil
			d.result.Error = &quarry.ResultError{Kind: "throttled", Message: "429: too many requests"}
		}
		return d
	}
	w.writeSource(n, each)
	w.finish(1, w.plan(1), each)
	return w
}

// resident is the memory of this process in bytes, by a line of /proc/self/status; 0: it is not known.
func resident(line string) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for l := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(l, []byte(line+":")); ok {
			kib, _ := strconv.Atoi(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))))
			return float64(kib) * 1024
		}
	}
	return 0
}

// BenchmarkIndex makes the index of a run, and measures the pages of queries that are frequent and rare, with and without filters:
//
//	go test -run '^$' -bench Index -benchtime 1x ./internal/ui/records -args -documents 1000000
func BenchmarkIndex(b *testing.B) {
	w := scaleWorld(b, *documents)
	for b.Loop() {
		w.must(effect.New(nil).Remove(filepath.Join(w.dir, records.File)))
		began := time.Now()
		s, err := records.Open(b.Context(), w.config())
		if err != nil {
			b.Fatal(err)
		}
		w.must(s.Update(b.Context()))
		b.ReportMetric(time.Since(began).Seconds(), "build-s")
		b.ReportMetric(resident("VmHWM")/1e6, "build-peak-MB")
		w.must(s.Close())
		info, err := os.Stat(filepath.Join(w.dir, records.File))
		w.must(err)
		b.ReportMetric(float64(info.Size())/1e6, "index-MB")
	}
}

// BenchmarkPage measures queries on the index that is there; the slowest of its pages is its figure.
//
//	go test -run '^$' -bench Page -benchtime 20x ./internal/ui/records -args -documents 1000000
func BenchmarkPage(b *testing.B) {
	w := scaleWorld(b, *documents)
	s, err := records.Open(b.Context(), w.config())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	w.must(s.Update(b.Context()))
	failed, japanese, dear := records.Filter{Status: quarry.StatusFailed}, records.Filter{Language: "ja"}, quarry.USD(2_000_000_000)
	middle := int64(*documents / 2)
	for _, q := range []records.Query{
		{},
		{After: middle},
		{Before: middle},
		{Where: failed},
		{Where: japanese, After: middle},
		{Where: records.Filter{CostMin: &dear}},
		{Text: "the"},
		{Text: "the", After: middle},
		{Text: "the", Before: middle},
		{Text: "機械学習"},
		{Text: "日本", After: middle},
		{Text: "犬"},
		{Text: "人"},
		{Text: "一"},
		{Text: `"in the"`},
		{Text: "the and of to in a is"},
		{Text: "the", In: records.Title},
		{Text: "number 4711"},
		{Text: "zzzz"},
		{Text: "the", Where: failed},
		{Text: "データ", Where: failed},
		{Text: "the", Where: records.Filter{CostMin: &dear}},
		{Text: "the", Where: japanese},
		{Text: "kubernetes", Where: japanese},
	} {
		name := fmt.Sprintf("text=%s,in=%s,status=%s,lang=%s,cost=%v,after=%d,before=%d", q.Text, q.In, q.Where.Status, q.Where.Language, q.Where.CostMin != nil, q.After, q.Before)
		b.Run(name, func(b *testing.B) {
			var slowest time.Duration
			var p records.Page
			for b.Loop() {
				began := time.Now()
				if p, err = s.Page(b.Context(), &q); err != nil {
					b.Fatal(err)
				}
				slowest = max(slowest, time.Since(began))
			}
			b.ReportMetric(float64(slowest.Microseconds())/1000, "slowest-ms")
			b.ReportMetric(float64(len(p.Rows)), "rows")
			b.ReportMetric(float64(p.Count.N), "counted")
			b.ReportMetric(resident("VmRSS")/1e6, "MB")
		})
	}
	b.Run("record", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Record(b.Context(), quarry.DocumentID(fmt.Sprintf("post-%07d", middle))); err != nil {
				b.Fatal(err)
			}
		}
	})
}
