package worker_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"quarry"
	"quarry/internal/standin/faults"
	"quarry/internal/standin/worker"
)

func TestATokenMakesOneJobHoweverOftenItComes(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.put("in/a.jsonl", records(3)...)
		s := spec("in/a.jsonl")
		s.Token, s.Digest = "token", "same"
		var creates sync.WaitGroup
		arns := make([]quarry.JobARN, 20)
		for i := range arns {
			creates.Go(func() { arns[i] = w.create(s).ARN() })
		}
		creates.Wait()
		for _, arn := range arns[1:] {
			if arn != arns[0] {
				t.Fatalf("jobs %s and %s", arns[0], arn)
			}
		}
		other := s
		other.Digest = "other"
		if known, err := w.engine.Create(t.Context(), other); !errors.Is(err, worker.ErrTokenReused) || known.ARN() != arns[0] {
			t.Errorf("other parameters: %s, %v", known.ARN(), err)
		}
		elsewhere := s
		elsewhere.Region = "eu-central-1"
		if j := w.create(elsewhere); j.ARN() == arns[0] {
			t.Error("tokens are not Regional")
		}
		w.until(arns[0].ID(), quarry.JobCompleted)
		w.close()
		w.open()
		if again := w.create(s); again.ARN() != arns[0] || again.Status != quarry.JobCompleted {
			t.Errorf("after opening again: %+v", again)
		}
		if _, err := w.engine.Job(t.Context(), worker.Place{Account: place.Account, Region: "eu-central-1"}, arns[0].ID()); !errors.Is(err, worker.ErrNoSuchJob) {
			t.Errorf("a job seen from another Region: %v", err)
		}
	})
}

func TestOpenJobsAreCountedByBaseModel(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *worker.Config) {
		c.Quotas = func(string, string) quarry.Quotas { return quarry.Quotas{OpenJobs: 2} }
	}, func(t *testing.T, w *world) {
		w.put("in/a.jsonl", records(3)...)
		s := spec("in/a.jsonl")
		first := w.create(s)
		w.create(s)
		if _, err := w.engine.Create(t.Context(), s); !errors.Is(err, worker.ErrTooManyJobs) {
			t.Errorf("a third job: %v", err)
		}
		other := s
		other.BaseModel = "another"
		w.create(other)
		w.until(first.ID, quarry.JobCompleted)
		time.Sleep(time.Minute)
		w.create(s)
	})
}

func TestManyJobsAreListedInPages(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, w *world) {
		const n = 700 // more than one look at the table
		for i := range n {
			s := spec("in/none.jsonl")
			s.Name = "job-" + strconv.Itoa(i)
			w.create(s)
		}
		for _, ascending := range []bool{true, false} {
			var got []string
			f := worker.Filter{Region: region, Ascending: ascending, Max: 90}
			for more := true; more; {
				page, m, err := w.engine.Jobs(t.Context(), f)
				if err != nil {
					t.Fatal(err)
				}
				for _, j := range page {
					got = append(got, j.Name)
				}
				more, f.From = m, page[len(page)-1].Number
			}
			if len(got) != n {
				t.Fatalf("%d jobs listed", len(got))
			}
			for i, name := range got {
				want := i
				if !ascending {
					want = n - 1 - i
				}
				if name != "job-"+strconv.Itoa(want) {
					t.Fatalf("ascending %v: %s at %d", ascending, name, i)
				}
			}
		}
	})
}

func TestTagsThatAreNoFaultsAreRefused(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, w *world) {
		s := spec("in/none.jsonl")
		s.Tags = map[string]string{faults.Tag: "explode"}
		if _, err := w.engine.Create(t.Context(), s); err == nil {
			t.Error("a job with an unknown fault was taken")
		}
		s.Tags = nil
		j := w.until(w.create(s).ID, quarry.JobFailed)
		for _, value := range []string{"explode", "shuffle"} {
			err := w.engine.SetTags(t.Context(), place, j.ID, func(tags map[string]string) error {
				tags[faults.Tag] = value
				return nil
			})
			if refused := err != nil; refused != (value == "explode") {
				t.Errorf("tag %s: %v", value, err)
			}
		}
		if got := w.job(j.ID).Tags[faults.Tag]; got != "shuffle" {
			t.Errorf("tag %q", got)
		}
	})
}

func TestKeysOfABucketNeedRightsAndAreNotNamed(t *testing.T) {
	t.Parallel()
	const encryption = `<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>` +
		`<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>arn:aws:kms:us-west-2:123456789012:key/k</KMSMasterKeyID>` +
		`</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>`
	for action, want := range map[string]string{
		"kms:Decrypt":         "Could not validate GetObject permissions to access Amazon S3 bucket: papers at key in/a.jsonl.",
		"kms:GenerateDataKey": "Could not validate PutObject permissions",
	} {
		inBubble(t, func(c *worker.Config) { c.Access = denying(action, "arn:aws:kms:us-west-2:123456789012:key/k") }, func(t *testing.T, w *world) {
			if err := w.store.SetDocument(t.Context(), bucket, "encryption", []byte(encryption)); err != nil {
				t.Fatal(err)
			}
			w.put("in/a.jsonl", records(3)...)
			if j := w.until(w.create(spec("in/a.jsonl")).ID, quarry.JobFailed); len(j.Message) < len(want) || j.Message[:len(want)] != want {
				t.Errorf("%s denied: %q", action, j.Message)
			}
		})
	}
}

func TestOpenIsQuick(t *testing.T) {
	t.Parallel()
	best := time.Hour
	for range 10 { // the best of them: other tests run at the same time
		best = min(best, openTime(t))
	}
	if best > 50*time.Millisecond {
		t.Errorf("opening an engine takes %v", best)
	}
}

func openTime(t *testing.T) time.Duration {
	t.Helper()
	cfg := worker.Config{Dir: t.TempDir(), NoSync: true, Model: quick{}, Store: worker.FromStore(nil)}
	began := time.Now()
	e, err := worker.Open(cfg)
	took := time.Since(began)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
	return took
}

// denying refuses one action on one resource.
func denying(action, resource string) func(context.Context, string, string, string, map[string]string) error {
	return func(_ context.Context, _, a, r string, _ map[string]string) error {
		if a == action && r == resource {
			return errors.New("denied")
		}
		return nil
	}
}
