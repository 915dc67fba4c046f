package worker_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/standin/model"
	"quarry/internal/standin/store"
	"quarry/internal/standin/worker"
)

// serverDir names, for a process that the kill test starts, the directory it works in.
const serverDir = "QUARRY_TEST_SERVER_DIR"

// runAsServer makes this process a server to be killed: it opens the engine, says which answers are journaled and ends
// when its job has.
func runAsServer() bool {
	dir := os.Getenv(serverDir)
	if dir == "" {
		return false
	}
	if err := serve(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// recordsOfKilledJob is enough that every kill falls into the job.
const recordsOfKilledJob = 3000

func serve(dir string) error {
	s, engine, err := openServer(dir, 0)
	if err != nil {
		return err
	}
	ctx := context.Background()
	page, _, err := engine.Jobs(ctx, worker.Filter{})
	if err != nil {
		return err
	}
	if len(page) == 0 {
		if err := s.MakeBucket(ctx, bucket, region); err != nil {
			return err
		}
		for _, key := range []string{"in/a.jsonl", "in/b.jsonl"} {
			out, err := s.Create(ctx, bucket, key)
			if err != nil {
				return err
			}
			for i := range recordsOfKilledJob / 2 {
				if _, err := fmt.Fprintf(out, `{"recordId":"%s-%d","modelInput":{"n":%d}}`+"\n", key[3:4], i, i); err != nil {
					return err
				}
			}
			if _, err := out.Commit(); err != nil {
				return err
			}
		}
		j, err := engine.Create(ctx, spec("in/"))
		if err != nil {
			return err
		}
		page = []worker.Job{j}
	}
	for {
		j, err := engine.Job(ctx, place, page[0].ID)
		if err != nil {
			return err
		}
		fmt.Println(j.Status, j.Counts.Processed)
		if j.Status.Terminal() {
			return engine.Close(ctx)
		}
		time.Sleep(time.Millisecond)
	}
}

func openServer(dir string, pace time.Duration) (*store.Store, *worker.Engine, error) {
	s, err := store.Open(store.Config{Dir: filepath.Join(dir, "store")})
	if err != nil {
		return nil, nil, err
	}
	engine, err := worker.Open(worker.Config{
		Dir: filepath.Join(dir, "worker"), Store: worker.FromStore(s), StateDelay: 5 * time.Millisecond, Concurrency: 16,
		Model: answerer(func(ctx context.Context, r model.Request) (model.Response, error) {
			time.Sleep(time.Millisecond + pace)
			return echo(ctx, r)
		}),
	})
	return s, engine, err
}

func TestAKilledServerContinues(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	counted := int64(0) // the most that any server said it had finished
	for _, limit := range []int64{-3, -2, -1, 1, 400, 900, 1500, 2200, recordsOfKilledJob} {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), serverDir+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var status string
			var processed int64
			if _, err := fmt.Sscan(lines.Text(), &status, &processed); err != nil {
				t.Fatal(err)
			}
			if status == string(quarry.JobInProgress) && processed < counted {
				t.Errorf("a server counts %d records, the one before it had %d", processed, counted)
			}
			counted = max(counted, processed)
			seen[status] = true
			if limit < 0 && len(seen) == int(4+limit) || limit > 0 && processed >= limit {
				break
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed is how it should end
	}
	checkAfterKills(t, dir)
}

func checkAfterKills(t *testing.T, dir string) {
	t.Helper()
	s, engine, err := openServer(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: s, engine: engine}
	page, _, err := engine.Jobs(t.Context(), worker.Filter{})
	if err != nil || len(page) != 1 {
		t.Fatalf("%d jobs, %v", len(page), err)
	}
	j := page[0]
	for !j.Status.Terminal() {
		j = w.job(j.ID)
	}
	if j.Status != quarry.JobCompleted || j.Counts.Success != recordsOfKilledJob {
		t.Errorf("job %s (%s) %+v", j.Status, j.Message, j.Counts)
	}
	for _, file := range []string{"a", "b"} {
		for i, line := range w.lines(j, file+".jsonl.out") {
			var r struct {
				RecordID   string
				ModelInput struct{ N int }
			}
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			if r.RecordID != fmt.Sprintf("%s-%d", file, i) || r.ModelInput.N != i || strings.Count(line, `"modelOutput":`) != 1 {
				t.Fatalf("line %d of %s: %s", i, file, line)
			}
		}
		if n := len(w.lines(j, file+".jsonl.out")); n != recordsOfKilledJob/2 {
			t.Errorf("%s has %d lines", file, n)
		}
	}
	answered := int64(0)
	for b, err := range engine.Bill(t.Context(), place.Account, "") {
		if err != nil {
			t.Fatal(err)
		}
		if b.Answered != 1 {
			t.Errorf("bill %+v", b)
		}
		answered += b.Answered
	}
	if answered != recordsOfKilledJob {
		t.Errorf("%d answers billed", answered)
	}
	w.close()
	if left, err := filepath.Glob(filepath.Join(dir, "worker", "segments", "*")); err != nil || len(left) != 0 {
		t.Errorf("segments left: %v, %v", left, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
