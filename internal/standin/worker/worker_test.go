package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/standin/model"
	"quarry/internal/standin/store"
	"quarry/internal/standin/worker"
)

func TestMain(m *testing.M) {
	if runAsServer() {
		return
	}
	goleak.VerifyTestMain(m)
}

const (
	bucket = "papers"
	region = "us-west-2"
	role   = "arn:aws:iam::123456789012:role/quarry-batch"
)

var place = worker.Place{Account: "123456789012", Region: region}

// answerer is a model made of a function.
type answerer func(ctx context.Context, r model.Request) (model.Response, error)

func (a answerer) Answer(ctx context.Context, r model.Request) (model.Response, error) {
	return a(ctx, r)
}

// echo answers at once, with ten tokens in and one out.
func echo(_ context.Context, r model.Request) (model.Response, error) {
	body := fmt.Sprintf(`{"content":[{"type":"text","text":"{\"id\":%s}"}],"stop_reason":"end_turn","model":%q}`,
		strings.ReplaceAll(strconv.Quote(r.RecordID), `"`, `\"`), r.ModelID)
	return model.Response{Body: []byte(body), InputTokens: 10, OutputTokens: 1}, nil
}

// world is one engine over one store, both of one test.
type world struct {
	t      *testing.T
	store  *store.Store
	engine *worker.Engine
	cfg    worker.Config
}

// inBubble runs a test with a clock of its own: waiting costs no time.
func inBubble(t *testing.T, change func(*worker.Config), test func(t *testing.T, w *world)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, cfg: worker.Config{Dir: dir + "/worker", NoSync: true, Model: answerer(echo)}}
		var err error
		if w.store, err = store.Open(store.Config{Dir: dir + "/store", NoSync: true}); err != nil {
			t.Fatal(err)
		}
		if err := w.store.MakeBucket(t.Context(), bucket, region); err != nil {
			t.Fatal(err)
		}
		w.cfg.Store = worker.FromStore(w.store)
		if change != nil {
			change(&w.cfg)
		}
		w.open()
		test(t, w)
		w.close()
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (w *world) open() {
	w.t.Helper()
	var err error
	if w.engine, err = worker.Open(w.cfg); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) close() {
	w.t.Helper()
	if err := w.engine.Close(context.WithoutCancel(w.t.Context())); err != nil {
		w.t.Error(err)
	}
}

func (w *world) put(key string, lines ...string) {
	w.t.Helper()
	out, err := w.store.Create(w.t.Context(), bucket, key)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, l := range lines {
		if _, err := io.WriteString(out, l+"\n"); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := out.Commit(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) get(key string) string {
	w.t.Helper()
	r, _, err := w.store.Read(w.t.Context(), bucket, key, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

func (w *world) keys(prefix string) (keys []string) {
	w.t.Helper()
	for o, err := range w.store.Objects(w.t.Context(), bucket, prefix) {
		if err != nil {
			w.t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

// spec is a job over one file.
func spec(input string) worker.Spec {
	return worker.Spec{
		Account: place.Account, Region: region, Name: "job-" + strconv.Itoa(len(input)), RoleARN: role,
		ModelID: "quarry.test", AskID: "quarry.test", BaseModel: "quarry.test", Type: quarry.InvokeModel,
		InputURI: "s3://" + bucket + "/" + input, OutputURI: "s3://" + bucket + "/out/",
	}
}

func (w *world) create(s worker.Spec) worker.Job {
	w.t.Helper()
	j, err := w.engine.Create(w.t.Context(), s)
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

func (w *world) job(id string) worker.Job {
	w.t.Helper()
	j, err := w.engine.Job(w.t.Context(), place, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

// until waits for a state and fails when the job ends in another.
func (w *world) until(id string, status quarry.JobStatus) worker.Job {
	w.t.Helper()
	for polls := 0; ; polls++ {
		j := w.job(id)
		if j.Status == status {
			return j
		}
		if j.Status.Terminal() {
			w.t.Fatalf("job %s is %s (%s), want %s", id, j.Status, j.Message, status)
		}
		if polls < 60_000 {
			time.Sleep(time.Millisecond)
		} else {
			time.Sleep(time.Minute) // a job of hours
		}
	}
}

func (w *world) lines(j worker.Job, file string) []string {
	w.t.Helper()
	text := w.get("out/" + j.ID + "/" + file)
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func records(n int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf(`{"recordId":"r%d","modelInput":{"n":%d}}`, i, i))
	}
	return lines
}

func ids(t *testing.T, lines []string) (ids []string) {
	t.Helper()
	for _, l := range lines {
		var r struct {
			RecordID string `json:"recordId"`
		}
		if err := json.Unmarshal([]byte(l), &r); err != nil {
			t.Fatalf("%v: %s", err, l)
		}
		ids = append(ids, r.RecordID)
	}
	return ids
}

func TestAJobWalksThroughTheStatesToItsOutput(t *testing.T) {
	t.Parallel()
	slow := func(ctx context.Context, r model.Request) (model.Response, error) {
		time.Sleep(time.Second)
		if strings.Contains(string(r.Body), "refuse") {
			return model.Response{}, &model.Error{Code: 400, Message: "bad request"}
		}
		return echo(ctx, r)
	}
	inBubble(t, func(c *worker.Config) { c.Model = answerer(slow); c.Concurrency = 2 }, func(t *testing.T, w *world) {
		w.put("in/a.jsonl",
			`{"recordId":"one","modelInput":{ "text" : "é\u00e9", "n":1.50 }}`,
			`{"modelInput":{"refuse":true},"recordId":"t\u0077o","other":[1]}`,
			`  {"modelInput":{"no":"id"}}`+"\r",
		)
		j := w.create(spec("in/a.jsonl"))
		if j.Status != quarry.JobSubmitted || !strings.HasPrefix(string(j.ARN()), "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/") {
			t.Fatalf("created %+v", j)
		}
		began := time.Now()
		for _, s := range []quarry.JobStatus{quarry.JobValidating, quarry.JobScheduled} {
			if j = w.until(j.ID, s); j.Counts != (quarry.JobCounts{}) {
				t.Errorf("counters in %s: %+v", s, j.Counts)
			}
		}
		j = w.until(j.ID, quarry.JobInProgress)
		if took := time.Since(began).Round(10 * time.Millisecond); took != 600*time.Millisecond {
			t.Errorf("InProgress after %v, want three state delays", took)
		}
		if j.Counts.Total != 3 || j.Counts.Processed != 0 {
			t.Errorf("counters at the start: %+v", j.Counts)
		}
		time.Sleep(1500 * time.Millisecond)
		if got := w.job(j.ID).Counts; got != (quarry.JobCounts{Total: 3, Processed: 2, Success: 1, Error: 1}) {
			t.Errorf("counters in the middle: %+v", got)
		}
		j = w.until(j.ID, quarry.JobCompleted)
		got := w.lines(j, "a.jsonl.out")
		given := ids(t, got)[2]
		if len(given) != 11 || strings.ToUpper(given) != given {
			t.Errorf("given recordId %q", given)
		}
		want := []string{
			`{"recordId":"one","modelInput":{ "text" : "é\u00e9", "n":1.50 },"modelOutput":{"content":[{"type":"text","text":"{\"id\":\"one\"}"}],"stop_reason":"end_turn","model":"quarry.test"}}`,
			`{"recordId":"t\u0077o","modelInput":{"refuse":true},"error":{"errorCode":400,"errorMessage":"bad request"}}`,
			`{"recordId":"` + given + `","modelInput":{"no":"id"},"modelOutput":{"content":[{"type":"text","text":"{\"id\":\"` + given + `\"}"}],"stop_reason":"end_turn","model":"quarry.test"}}`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		manifest := `{"totalRecordCount":3,"processedRecordCount":3,"successRecordCount":2,"errorRecordCount":1,"inputTokenCount":20,"outputTokenCount":2}`
		if got := w.get("out/" + j.ID + "/manifest.json.out"); got != manifest {
			t.Errorf("manifest %s", got)
		}
		if j.Ended.IsZero() || j.InputTokens != 20 || j.Expires.Sub(j.Submitted) != 24*time.Hour {
			t.Errorf("ended job %+v", j)
		}
	})
}

func TestOutputKeepsTheOrderWhateverTheOrderOfAnswers(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var order []string
	backwards := func(ctx context.Context, r model.Request) (model.Response, error) {
		n, err := strconv.Atoi(r.RecordID[1:])
		if err != nil {
			return model.Response{}, err
		}
		time.Sleep(time.Duration(1000-n%50) * time.Millisecond)
		mu.Lock()
		order = append(order, r.RecordID)
		mu.Unlock()
		return echo(ctx, r)
	}
	inBubble(t, func(c *worker.Config) { c.Model = answerer(backwards); c.Concurrency = 50 }, func(t *testing.T, w *world) {
		w.put("in/a.jsonl", records(200)...)
		j := w.until(w.create(spec("in/a.jsonl")).ID, quarry.JobCompleted)
		got := ids(t, w.lines(j, "a.jsonl.out"))
		if cmp.Equal(got, order) {
			t.Fatal("the answers came in order: nothing is tested")
		}
		for i, id := range got {
			if id != "r"+strconv.Itoa(i) {
				t.Fatalf("line %d is of %s", i, id)
			}
		}
		if len(got) != 200 {
			t.Errorf("%d lines", len(got))
		}
	})
}

func TestAFolderGivesOneOutputForEachFile(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.put("in/a.jsonl", records(3)...)
		w.put("in/b.jsonl", records(2)...)
		w.put("in/deep/a.jsonl", records(1)...)
		w.put("in/picture.png", "no JSON")
		j := w.until(w.create(spec("in/")).ID, quarry.JobCompleted)
		want := []string{"a.jsonl.out", "b.jsonl.out", "deep/a.jsonl.out", "manifest.json.out"}
		for i := range want {
			want[i] = "out/" + j.ID + "/" + want[i]
		}
		if diff := cmp.Diff(want, w.keys("out/")); diff != "" {
			t.Error(diff)
		}
		if j.Counts.Success != 6 || len(w.lines(j, "b.jsonl.out")) != 2 {
			t.Errorf("counts %+v", j.Counts)
		}
	})
}
