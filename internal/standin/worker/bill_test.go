package worker_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/standin/model"
	"quarry/internal/standin/worker"
)

func (w *world) bill(arn quarry.JobARN) (lines []worker.Billed) {
	w.t.Helper()
	for b, err := range w.engine.Bill(w.t.Context(), place.Account, arn) {
		if err != nil {
			w.t.Fatal(err)
		}
		lines = append(lines, b)
	}
	return lines
}

func billed(id string, answered, in, out int64) worker.Billed {
	return worker.Billed{RecordID: id, Totals: worker.Totals{Answered: answered, InputTokens: in, OutputTokens: out}}
}

// An estimate is no count: the bill, the job and its manifest hold what was counted, and say how many answers were not.
func TestTheBillHoldsNoEstimates(t *testing.T) {
	t.Parallel()
	half := func(ctx context.Context, r model.Request) (model.Response, error) {
		got, err := echo(ctx, r)
		got.Uncounted = r.RecordID == "r1" || r.RecordID == "call"
		return got, err
	}
	inBubble(t, func(c *worker.Config) { c.Model = answerer(half) }, func(t *testing.T, w *world) {
		w.put("in/a.jsonl", records(3)...)
		j := w.until(w.create(spec("in/a.jsonl")).ID, quarry.JobCompleted)
		if _, err := w.engine.Call(t.Context(), place.Account, model.Request{RecordID: "call"}); err != nil {
			t.Fatal(err)
		}
		check := func() {
			t.Helper()
			unknown := worker.Totals{Answered: 1, Uncounted: 1}
			want := []worker.Billed{{RecordID: "call", Totals: unknown}, billed("r0", 1, 10, 1), {RecordID: "r1", Totals: unknown}, billed("r2", 1, 10, 1)}
			if diff := cmp.Diff(want, w.bill("")); diff != "" {
				t.Error(diff)
			}
			if got, err := w.engine.Totals(t.Context(), place.Account, ""); err != nil || got != (worker.Totals{Answered: 4, InputTokens: 20, OutputTokens: 2, Uncounted: 2}) {
				t.Errorf("totals %+v, %v", got, err)
			}
			if got, err := w.engine.Totals(t.Context(), place.Account, j.ARN()); err != nil || got != (worker.Totals{Answered: 3, InputTokens: 20, OutputTokens: 2, Uncounted: 1}) {
				t.Errorf("totals of the job %+v, %v", got, err)
			}
		}
		check()
		if m := strings.Join(w.lines(j, "manifest.json.out"), ""); !strings.Contains(m, `"inputTokenCount":20,"outputTokenCount":2`) {
			t.Errorf("manifest %s, want the tokens that were counted", m)
		}
		w.close()
		w.open()
		check()
	})
}

func TestTheBillAddsUpJobsAndCalls(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.put("in/a.jsonl", records(3)...)
		first := w.until(w.create(spec("in/a.jsonl")).ID, quarry.JobCompleted)
		w.until(w.create(spec("in/a.jsonl")).ID, quarry.JobCompleted)
		for _, id := range []string{"r1", "", "", "other"} {
			if _, err := w.engine.Call(t.Context(), place.Account, model.Request{RecordID: id}); err != nil {
				t.Fatal(err)
			}
		}
		want := []worker.Billed{
			billed("call-1", 1, 10, 1),
			billed("call-2", 1, 10, 1),
			billed("other", 1, 10, 1),
			billed("r0", 2, 20, 2),
			billed("r1", 3, 30, 3),
			billed("r2", 2, 20, 2),
		}
		check := func() {
			t.Helper()
			if diff := cmp.Diff(want, w.bill("")); diff != "" {
				t.Error(diff)
			}
			if got, err := w.engine.Totals(t.Context(), place.Account, ""); err != nil || got != (worker.Totals{Answered: 10, InputTokens: 100, OutputTokens: 10}) {
				t.Errorf("totals %+v, %v", got, err)
			}
		}
		check()
		if diff := cmp.Diff([]worker.Billed{billed("r0", 1, 10, 1), billed("r1", 1, 10, 1), billed("r2", 1, 10, 1)}, w.bill(first.ARN())); diff != "" {
			t.Error(diff)
		}
		for range w.engine.Bill(t.Context(), place.Account, "") {
			break // a reader that wants one line only
		}
		w.close()
		w.open()
		check()
		if _, err := w.engine.Call(t.Context(), place.Account, model.Request{}); err != nil {
			t.Fatal(err)
		}
		if got := w.bill("")[2].RecordID; got != "call-3" {
			t.Errorf("after opening again a call counts as %s", got)
		}
		for b, err := range w.engine.Bill(t.Context(), place.Account, "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/aaaabbbbcccc") {
			if err == nil {
				t.Errorf("bill of an unknown job: %+v", b)
			}
		}
	})
}

func TestABillLargerThanMemoryIsSortedOnDisk(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a large bill")
	}
	inBubble(t, func(c *worker.Config) { c.Model = quick{} }, func(t *testing.T, w *world) {
		const n = 110_000
		lines := make([]string, n)
		for i := range lines {
			lines[i] = fmt.Sprintf(`{"recordId":"%06x","modelInput":{}}`, (i*7919)%n)
		}
		w.put("in/a.jsonl", lines...)
		w.until(w.create(spec("in/a.jsonl")).ID, quarry.JobCompleted)
		count, last := 0, ""
		for b, err := range w.engine.Bill(t.Context(), place.Account, "") {
			if err != nil {
				t.Fatal(err)
			}
			if b.RecordID <= last || b.Answered != 1 {
				t.Fatalf("%+v after %s", b, last)
			}
			count, last = count+1, b.RecordID
		}
		if count != n {
			t.Errorf("%d lines", count)
		}
		if left, err := filepath.Glob(filepath.Join(w.cfg.Dir, ".bill-*")); err != nil || len(left) != 0 {
			t.Errorf("left over: %v, %v", left, err)
		}
	})
}

// quick answers with next to nothing.
type quick struct{}

func (quick) Answer(context.Context, model.Request) (model.Response, error) {
	return model.Response{Body: []byte(`{}`), InputTokens: 1, OutputTokens: 1}, nil
}

func TestATornJournalLosesItsTornEndOnly(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, w *world) {
		for _, id := range []string{"a", "b", "c"} {
			if _, err := w.engine.Call(t.Context(), place.Account, model.Request{RecordID: id}); err != nil {
				t.Fatal(err)
			}
		}
		w.close()
		path := filepath.Join(w.cfg.Dir, "calls.log")
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for cut := range len(whole) + 3 {
			damaged := append([]byte(nil), whole...)
			if cut < len(whole) {
				damaged = damaged[:cut]
			} else {
				damaged = append(damaged, make([]byte, 3*(cut-len(whole)))...) // a hole that the file system left
			}
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			w.open()
			before := len(w.bill(""))
			if want := cut * 3 / len(whole); before != min(want, 3) {
				t.Errorf("cut at %d of %d: %d lines, want %d", cut, len(whole), before, want)
			}
			if _, err := w.engine.Call(t.Context(), place.Account, model.Request{RecordID: "z"}); err != nil {
				t.Fatal(err)
			}
			w.close()
			w.open()
			if after := w.bill(""); len(after) != before+1 || !slices.ContainsFunc(after, func(b worker.Billed) bool { return b.RecordID == "z" }) {
				t.Errorf("cut at %d: %d lines, then %v", cut, before, after)
			}
			w.close()
		}
		w.open()
	})
}

func TestCallsAfterCloseAreRefused(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *worker.Config) { c.Model = paced(time.Second) }, func(t *testing.T, w *world) {
		late := make(chan error)
		go func() {
			_, err := w.engine.Call(t.Context(), place.Account, model.Request{RecordID: "late"})
			late <- err
		}()
		time.Sleep(time.Millisecond)
		w.close()
		if err := <-late; err == nil {
			t.Error("an answer that could not be billed was given")
		}
		w.open()
	})
}
