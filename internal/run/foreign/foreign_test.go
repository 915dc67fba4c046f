package foreign_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/effect"
	"quarry/internal/outcome/parse"
	"quarry/internal/run/foreign"
)

// TestMemoryDoesNotGrowWithTheOutput writes an output with one doubled line in a hundred. It runs alone, since it looks at the heap.
func TestMemoryDoesNotGrowWithTheOutput(t *testing.T) {
	const lines = 100_000
	base := t.TempDir()
	dir, from := filepath.Join(base, "out"), filepath.Join(base, "from")
	for _, d := range []string{dir, from} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(filepath.Join(from, "x.jsonl.out"))
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	doubled := 0
	for i := range lines {
		id := i
		if i%100 == 99 {
			id, doubled = i-50, doubled+1
		}
		fmt.Fprintf(w, `{"recordId":"r%d","modelOutput":{"content":[{"type":"text","text":"answer %d"}],"stop_reason":"end_turn","usage":{"input_tokens":2,"output_tokens":1}}}`+"\n", id, i)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	check, err := parse.New(parse.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var most uint64
	watch := func(string, int64, int64) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	}
	out, err := foreign.Collect(t.Context(), effect.New(nil), foreign.Config{Dir: dir, Check: check, Prices: cost.Default(), Progress: watch}, quarry.Job{}, from)
	if err != nil {
		t.Fatal(err)
	}
	if out.Output.Lines != int64(lines) || out.Output.Doubled != int64(doubled) || out.Totals.OK != int64(lines-doubled) || out.Totals.Usage.OutputTokens != int64(lines-doubled) {
		t.Errorf("Collect(%d lines, %d doubled) = %+v, %d ok, %d tokens out", lines, doubled, out.Output, out.Totals.OK, out.Totals.Usage.OutputTokens)
	}
	if most>>20 > 80 { // 28 as measured; the results alone take 50 MB
		t.Errorf("%d lines took %d MiB of heap", lines, most>>20)
	}
}

// collected writes an output of these lines, with a manifest where it is not empty, and collects it.
func collected(t *testing.T, job quarry.Job, manifest string, lines ...string) (foreign.Outcome, string, error) {
	t.Helper()
	base := t.TempDir()
	dir, from := filepath.Join(base, "out"), filepath.Join(base, "from")
	for path, text := range map[string]string{"x.jsonl.out": strings.Join(lines, ""), "manifest.json.out": manifest} {
		if text == "" {
			continue
		}
		if err := errors.Join(os.MkdirAll(from, 0o700), os.WriteFile(filepath.Join(from, path), []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.MkdirAll(from, 0o700)); err != nil {
		t.Fatal(err)
	}
	check, err := parse.New(parse.Config{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := foreign.Config{Dir: dir, Check: check, Prices: cost.Default(), Region: "us-west-2", Model: quarry.DefaultModel, Version: "1.2.3"}
	out, err := foreign.Collect(t.Context(), effect.New(nil), cfg, job, from)
	results, _ := os.ReadFile(filepath.Join(dir, "results.jsonl"))
	return out, string(results), err
}

func answer(id string, tokens int) string {
	return fmt.Sprintf(`{"recordId":%q,"page":7,"modelOutput":{"content":[{"type":"text","text":"answer to %s"}],"stop_reason":"end_turn","usage":{"input_tokens":%d,"output_tokens":1}}}`+"\n", id, id, tokens)
}

func fault(id string) string {
	return fmt.Sprintf(`{"recordId":%q,"error":{"errorCode":400,"errorMessage":"it was refused"}}`+"\n", id)
}

func TestEachRecordHasOneResult(t *testing.T) {
	t.Parallel()
	job := quarry.Job{ARN: "arn:aws:bedrock:us-west-2:1:model-invocation-job/abc", Name: "theirs", Status: quarry.JobCompleted}
	out, results, err := collected(t, job, "", answer("a", 10), fault("b"), "{broken\n", answer("b", 20), answer("a", 30), fault("c"))
	if err != nil {
		t.Fatal(err)
	}
	if o := out.Output; o.Lines != 5 || o.Doubled != 2 || o.Broken != 1 {
		t.Errorf("output = %+v, want 5 lines, 2 of them doubled, and a broken one", o)
	}
	// The answer stays where another line for the record is an error, and the first of two answers.
	if out.Totals.OK != 2 || out.Totals.Failed != 1 || out.Totals.Usage.InputTokens != 30 {
		t.Errorf("totals = %+v, want 2 ok with 30 tokens in, and 1 failed", out.Totals)
	}
	var ids []string
	for line := range strings.Lines(results) {
		var r quarry.Result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, fmt.Sprintf("%s %s", r.ID, r.Status))
		if r.Status == quarry.StatusOK && (r.Text != "answer to "+string(r.ID) || !strings.Contains(string(r.Document.Fields), "7") || r.CostUSD == nil || *r.CostUSD == 0) {
			t.Errorf("result = %s", line)
		}
	}
	if got := strings.Join(ids, ", "); got != "a ok, b ok, c failed" {
		t.Errorf("results = %s, want a, b and c in the order of the output", got)
	}
	rep := out.Report
	if rep.Documents.Total != 3 || len(rep.Jobs) != 1 || rep.Jobs[0].Name != "theirs" || rep.Proof != nil || rep.Forecast != nil || rep.Version != "1.2.3" || rep.Cost.Actual == nil {
		t.Errorf("report = %+v", rep)
	}
}

func TestWhatDoesNotAddUpIsSaid(t *testing.T) {
	t.Parallel()
	manifest := `{"totalRecordCount":4,"processedRecordCount":4,"successRecordCount":3,"errorRecordCount":1,"inputTokenCount":99,"outputTokenCount":3}`
	job := quarry.Job{ARN: "arn:aws:bedrock:us-west-2:1:model-invocation-job/abc", Status: quarry.JobStopped, Counts: quarry.JobCounts{Total: 5}}
	out, _, err := collected(t, job, manifest, answer("a", 10), answer("b", 10))
	if err != nil {
		t.Fatal(err)
	}
	if out.Missing != 3 {
		t.Errorf("%d records are missing, want 3 of the job's 5", out.Missing)
	}
	said := strings.Join(out.Output.Differs, "\n")
	for _, want := range []string{
		"3 of 5 records have no line", "the manifest counts 4 processed records, the output has 2 lines", "the manifest counts 1 error, the output has 0", "3 answers, the output has 2",
		"99 tokens in and 3 out, the answers count 20 and 2", "the job counts 5 records, its manifest 4",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it is not said that %s:\n%s", want, said)
		}
	}
	if notes := strings.Join(out.Report.Notes, "\n"); notes != said {
		t.Errorf("the report notes %s", notes)
	}
}

func TestNoOutputIsAnErrorOfItsOwn(t *testing.T) {
	t.Parallel()
	if _, _, err := collected(t, quarry.Job{}, ""); !errors.Is(err, foreign.ErrNoOutput) {
		t.Errorf("Collect of an empty folder = %v, want %v", err, foreign.ErrNoOutput)
	}
}
