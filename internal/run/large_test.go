package run_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"quarry"
	"quarry/internal/run"
)

// answerBytes is the size of each answer.
const answerBytes = 1 << 20

func largeText(tb testing.TB) string {
	tb.Helper()
	text, err := json.Marshal(map[string]string{
		"title_en": "A title", "summary_ja": "石は丘から切り出されます。", "summary_en": strings.Repeat("Stone is cut from a hill. ", answerBytes/26),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// blanks is a megabyte that takes as much room as a long answer, and little time to read.
func blanks() []byte { return bytes.Repeat([]byte(" "), answerBytes) }

// largeCalls puts a proxy between the run and the stand-in that answers InvokeModel itself, with a text after some blanks, and first when so many
// wait.
func (w *world) largeCalls(tb testing.TB, together int, before []byte, text string) {
	tb.Helper()
	reply, err := json.Marshal(map[string]any{
		"type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "usage": map[string]int{"input_tokens": 100, "output_tokens": 40},
		"content": []any{map[string]string{"type": "text", "text": text}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	reply = append(before, reply...)
	target, err := url.Parse(w.server.URL())
	if err != nil {
		tb.Fatal(err)
	}
	others := httputil.NewSingleHostReverseProxy(target)
	var came atomic.Int64
	all := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/invoke") {
			others.ServeHTTP(out, r)
			return
		}
		if came.Add(1) == int64(together) {
			close(all)
		}
		select {
		case <-all:
		case <-r.Context().Done():
		}
		out.Header().Set("Content-Type", "application/json")
		_, _ = out.Write(reply)
	}))
	tb.Cleanup(s.Close)
	w.endpoint = s.URL
}

// largeBackend is a back end whose answers have a megabyte.
func largeBackend(tb testing.TB) string {
	tb.Helper()
	reply, err := json.Marshal(map[string]any{
		"model": "m", "usage": map[string]int{"prompt_tokens": 100, "completion_tokens": 40},
		"choices": []any{map[string]any{"message": map[string]string{"role": "assistant", "content": largeText(tb)}, "finish_reason": "stop"}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/chat/completions" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(reply)
	}))
	tb.Cleanup(s.Close)
	return s.URL
}

// BenchmarkLargeAnswers asks for answers of a megabyte, and says how high the heap of stand-in and run together rose.
func BenchmarkLargeAnswers(b *testing.B) {
	for _, c := range []struct {
		name    string
		mode    quarry.Mode
		answers int
	}{{"calls that are answered at once", quarry.ModeOnDemand, 200}, {"a job", quarry.ModeJob, 200}} {
		b.Run(c.name, func(b *testing.B) {
			var docs strings.Builder
			for i := range c.answers {
				docs.WriteString(doc(fmt.Sprintf("doc-%03d", i), longText(i)))
			}
			cfg := worldConfig{docs: docs.String(), quotas: `{"*":{"min_records":3}}`, cfg: func(r *run.Config) {
				r.Mode, r.NoPilot, r.Concurrency = c.mode, true, c.answers
				r.Quotas.RecordsPerFile, r.Quotas.RecordsPerJob = 1000, 1000
				r.Quotas.RPM, r.Quotas.TPM = 1_000_000, 1_000_000_000 // the pace is not what is tested
			}}
			if c.mode == quarry.ModeJob {
				cfg.backend, cfg.concurrency = "openai="+largeBackend(b), c.answers
			}
			peak := uint64(0)
			for b.Loop() {
				w := newWorld(b, cfg)
				if c.mode == quarry.ModeOnDemand {
					w.largeCalls(b, c.answers, nil, largeText(b))
				}
				stop, highest := make(chan struct{}), make(chan uint64)
				go func() { highest <- heapUntil(stop) }()
				out, _, err := w.run(b, nil)
				close(stop)
				peak = max(peak, <-highest)
				if err != nil || out.Totals.OK != int64(c.answers) {
					b.Fatalf("%+v, %v", out.Totals, err)
				}
			}
			b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
		})
	}
}

// TestLargeAnswersThatComeTogetherAllArrive asks for more than is held at once: those that wait for room must get it.
func TestLargeAnswersThatComeTogetherAllArrive(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("40 MB of answers")
	}
	const answers = 40
	var docs strings.Builder
	for i := range answers {
		docs.WriteString(doc(fmt.Sprintf("doc-%03d", i), longText(i)))
	}
	w := newWorld(t, worldConfig{docs: docs.String(), cfg: func(r *run.Config) {
		r.Mode, r.NoPilot, r.Concurrency = quarry.ModeOnDemand, true, answers
		r.Quotas.RecordsPerFile, r.Quotas.RecordsPerJob = 1000, 1000
		r.Quotas.RPM, r.Quotas.TPM = 1_000_000, 1_000_000_000 // the pace is not what is tested
	}})
	w.largeCalls(t, answers, blanks(), `{"title_en":"A title","summary_ja":"石は丘から切り出されます。","summary_en":"Stone is cut from a hill."}`)
	if out, _, err := w.run(t, nil); err != nil || out.Totals.OK != answers {
		t.Fatalf("%+v, %v", out.Totals, err)
	}
}

// heapUntil is the most that the heap held until a channel was closed, in bytes.
func heapUntil(stop <-chan struct{}) (most uint64) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
		case <-stop:
			return most
		}
	}
}
