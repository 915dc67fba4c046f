package standin_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"

	"quarry/internal/standin"
)

func quotasFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "quotas.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// post sends a body to a path below /_quarry/.
func post(t *testing.T, server *standin.Server, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL()+"/_quarry/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return send(t, r)
}

func mustPost(t *testing.T, server *standin.Server, path, body string) string {
	t.Helper()
	status, text := post(t, server, path, body)
	if status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", path, body, status, text)
	}
	return text
}

// contents sums up what a client sees of a server.
func contents(t *testing.T, server *standin.Server, c clients) (buckets, roles, jobs, answers int) {
	t.Helper()
	b, err := c.s3.ListBuckets(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.iam.ListRoles(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	j, err := c.bedrock.ListModelInvocationJobs(t.Context(), &bedrock.ListModelInvocationJobsInput{})
	if err != nil {
		t.Fatal(err)
	}
	return len(b.Buckets), len(r.Roles), len(j.InvocationJobSummaries), answered(t, server, "")
}

func TestResetRemovesEverythingButTheKey(t *testing.T) {
	t.Parallel()
	server, c := start(t, func(cfg *standin.Config) {
		cfg.TestClock, cfg.Fault = true, "slow=1ms"
		cfg.QuotasFile = quotasFile(t, `{"*":{"min_records":1}}`)
	})
	began := mustPost(t, server, "clock", `{"advance":"0s"}`)
	id, secret := server.Keys()
	role := prepare(t, c, lines(3))
	created, err := c.bedrock.CreateModelInvocationJob(t.Context(), job(role, "nightly"))
	if err != nil {
		t.Fatal(err)
	}
	poll(t, c, *created.JobArn)
	mustPost(t, server, "clock", `{"advance":"1000h"}`)
	mustPost(t, server, "faults", `{"faults":"record-error"}`)
	mustPost(t, server, "quotas", `{"*":{"min_records":1,"rpm":1}}`)
	mustPost(t, server, "reset", "")
	if buckets, roles, jobs, answers := contents(t, server, c); buckets+roles+jobs+answers != 0 {
		t.Errorf("after a reset there are %d buckets, %d roles, %d jobs and %d answers", buckets, roles, jobs, answers)
	}
	if now := mustPost(t, server, "clock", `{"advance":"0s"}`); now[:15] != began[:15] { // to the day's tens: {"now":"2026-1
		t.Errorf("the clock says %s, want about %s", now, began)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL()+"/_quarry/faults", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, body := send(t, r); !strings.Contains(body, "slow=1ms") || strings.Contains(body, "record-error") {
		t.Errorf("the faults are %s, want those of the start", body)
	}
	if i, s := server.Keys(); i != id || s != secret {
		t.Error("the key is another one")
	}
	role = prepare(t, c, lines(3)) // the same names and the same token
	for range 2 {                  // more than the quota of one request a minute would allow
		if err := invoke(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if created, err = c.bedrock.CreateModelInvocationJob(t.Context(), job(role, "nightly")); err != nil {
		t.Fatal(err)
	}
	if done := poll(t, c, *created.JobArn); done.Status != "Completed" || *done.SuccessRecordCount != 3 {
		t.Errorf("a job after a reset ends %s with %d answers (%s)", done.Status, *done.SuccessRecordCount, aws.ToString(done.Message))
	}
}

func TestASnapshotBringsBackWhatWasThere(t *testing.T) {
	t.Parallel()
	server, c := start(t, func(cfg *standin.Config) {
		cfg.Test = true
		cfg.QuotasFile = quotasFile(t, `{"*":{"min_records":1}}`)
	})
	role := prepare(t, c, lines(3))
	created, err := c.bedrock.CreateModelInvocationJob(t.Context(), job(role, "nightly"))
	if err != nil {
		t.Fatal(err)
	}
	poll(t, c, *created.JobArn)
	mustPost(t, server, "snapshot", `{"save":"baseline"}`)
	for range 2 { // a snapshot can be restored more than once
		put(t, c, "in/shard/records.jsonl", "changed")
		if _, err := c.s3.CreateBucket(t.Context(), newBucket("another")); err != nil {
			t.Fatal(err)
		}
		if err := invoke(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		mustPost(t, server, "snapshot", `{"restore":"baseline"}`)
		if buckets, roles, jobs, answers := contents(t, server, c); buckets != 1 || roles != 1 || jobs != 1 || answers != 3 {
			t.Errorf("restored: %d buckets, %d roles, %d jobs and %d answers, want 1, 1, 1 and 3", buckets, roles, jobs, answers)
		}
		if got := string(get(t, c, "in/shard/records.jsonl")); got != lines(3) {
			t.Errorf("the restored object is %q", got)
		}
	}
	put(t, c, "later", "kept by the second save")
	mustPost(t, server, "snapshot", `{"save":"baseline"}`)
	mustPost(t, server, "reset", "")
	mustPost(t, server, "snapshot", `{"restore":"baseline"}`)
	if got := string(get(t, c, "later")); got != "kept by the second save" {
		t.Errorf("the object of the second save is %q", got)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL()+"/_quarry/snapshot", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, body := send(t, r); strings.TrimSpace(body) != `{"snapshots":["baseline"]}` {
		t.Errorf("the snapshots are %s", body)
	}
}

func TestAJobThatRunsContinuesAfterARestore(t *testing.T) {
	t.Parallel()
	server, c := start(t, func(cfg *standin.Config) {
		cfg.Test, cfg.Fault = true, "slow=1h"
		cfg.QuotasFile = quotasFile(t, `{"*":{"min_records":1}}`)
	})
	role := prepare(t, c, lines(3))
	created, err := c.bedrock.CreateModelInvocationJob(t.Context(), job(role, "nightly"))
	if err != nil {
		t.Fatal(err)
	}
	pollUntil(t, c, *created.JobArn, "InProgress")
	mustPost(t, server, "snapshot", `{"save":"running"}`)
	mustPost(t, server, "reset", "")
	mustPost(t, server, "faults", `{"faults":""}`) // a restore leaves the faults as they are
	mustPost(t, server, "snapshot", `{"restore":"running"}`)
	if done := poll(t, c, *created.JobArn); done.Status != "Completed" || *done.SuccessRecordCount != 3 {
		t.Errorf("the job ends %s with %d answers, want Completed with 3", done.Status, *done.SuccessRecordCount)
	}
}

func TestABadSnapshotIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, c := start(t, func(cfg *standin.Config) { cfg.Dir, cfg.Test = dir, true })
	mine := filepath.Join(dir, "snapshots", "mine")
	if err := os.MkdirAll(mine, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(mine, "notes"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.s3.CreateBucket(t.Context(), newBucket("stays")); err != nil {
		t.Fatal(err)
	}
	for body, wanted := range map[string]int{
		``: http.StatusBadRequest, `{}`: http.StatusBadRequest, `{"save":"a","restore":"a"}`: http.StatusBadRequest, `{"keep":"a"}`: http.StatusBadRequest,
		`{"save":"../a"}`: http.StatusBadRequest, `{"save":".a"}`: http.StatusBadRequest, `{"restore":"a/b"}`: http.StatusBadRequest,
		`{"restore":"none"}`: http.StatusNotFound, `{"restore":"mine"}`: http.StatusNotFound, `{"save":"mine"}`: http.StatusConflict,
	} {
		if status, text := post(t, server, "snapshot", body); status != wanted {
			t.Errorf("%s: %d %s, want %d", body, status, text, wanted)
		}
	}
	if b, err := os.ReadFile(filepath.Join(mine, "notes")); err != nil || string(b) != "x" {
		t.Errorf("the user's file: %q, %v", b, err)
	}
	if buckets, _, _, _ := contents(t, server, c); buckets != 1 {
		t.Errorf("%d buckets, want the one that was there", buckets)
	}
}

// A server that was killed while it restored or saved has, after its next start, what was there before or what was restored, never a part
// of both. Each case makes the files as they are between two steps.
func TestAKillWhileTheStateIsReplacedLeavesNoMixture(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	withDir := func(dir string) func(*standin.Config) {
		return func(cfg *standin.Config) {
			cfg.Dir, cfg.Test = dir, true
			cfg.QuotasFile = quotasFile(t, `{"*":{"min_records":1}}`)
		}
	}
	server, c := start(t, withDir(base))
	role := prepare(t, c, lines(3))
	created, err := c.bedrock.CreateModelInvocationJob(t.Context(), job(role, "nightly"))
	if err != nil {
		t.Fatal(err)
	}
	poll(t, c, *created.JobArn)
	mustPost(t, server, "snapshot", `{"save":"baseline"}`)
	for _, name := range []string{"second", "third"} {
		if _, err := c.s3.CreateBucket(t.Context(), newBucket(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	const saved, now = 1, 3 // buckets
	for name, tt := range map[string]struct {
		steps func(dir, snapshots string) []error
		want  int
	}{
		"while the new state is copied": {func(dir, snapshots string) []error {
			return []error{os.MkdirAll(filepath.Join(snapshots, ".next", "s3"), 0o700)}
		}, now},
		"when the new state is whole": {func(dir, snapshots string) []error {
			return []error{os.CopyFS(filepath.Join(snapshots, ".replace"), os.DirFS(filepath.Join(snapshots, "baseline")))}
		}, saved},
		"while the old state is removed": {func(dir, snapshots string) []error {
			return []error{
				os.CopyFS(filepath.Join(snapshots, ".replace"), os.DirFS(filepath.Join(snapshots, "baseline"))),
				os.RemoveAll(filepath.Join(dir, "jobs")), os.RemoveAll(filepath.Join(dir, "s3")),
			}
		}, saved},
		"while the new state moves to its place": {func(dir, snapshots string) []error {
			return []error{
				os.CopyFS(filepath.Join(snapshots, ".move"), os.DirFS(filepath.Join(snapshots, "baseline"))),
				os.RemoveAll(filepath.Join(dir, "jobs")), os.RemoveAll(filepath.Join(dir, "s3")), os.Remove(filepath.Join(dir, "iam.db")),
				os.Rename(filepath.Join(snapshots, ".move", "iam.db"), filepath.Join(dir, "iam.db")),
			}
		}, saved},
		"while a reset removes the old state": {func(dir, snapshots string) []error {
			return []error{os.MkdirAll(filepath.Join(snapshots, ".replace"), 0o700), os.RemoveAll(filepath.Join(dir, "jobs"))}
		}, 0},
		"while a snapshot takes the place of another": {func(dir, snapshots string) []error {
			return []error{os.Rename(filepath.Join(snapshots, "baseline"), filepath.Join(snapshots, ".baseline.whole"))}
		}, now},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(base)); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(tt.steps(dir, filepath.Join(dir, "snapshots"))...); err != nil {
				t.Fatal(err)
			}
			server, c := start(t, withDir(dir))
			buckets, roles, jobs, answers := contents(t, server, c)
			if some := min(tt.want, 1); buckets != tt.want || roles != some || jobs != some || answers != 3*some {
				t.Errorf("%d buckets, %d roles, %d jobs and %d answers, want %d, %d, %d and %d", buckets, roles, jobs, answers, tt.want, some, some, 3*some)
			}
			mustPost(t, server, "snapshot", `{"restore":"baseline"}`)
			id, secret := server.Keys() // a reset that the next start completes makes another secret
			c = connect(t, server.URL(), credentials.NewStaticCredentialsProvider(id, secret, ""))
			if buckets, _, _, _ := contents(t, server, c); buckets != saved {
				t.Errorf("restored: %d buckets, want %d", buckets, saved)
			}
		})
	}
}
