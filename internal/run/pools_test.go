package run_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/aws/bedrock"
	"quarry/internal/aws/bucket"
	"quarry/internal/aws/setup"
	"quarry/internal/base/effect"
	"quarry/internal/run"
	"quarry/internal/run/event"
)

// furtherPools makes what a pool needs in each further Region of the world.
func (w *world) furtherPools(ctx context.Context, home awssdk.Config, cfg *run.Config, wants setup.Wants) ([]run.Pool, error) {
	var pools []run.Pool
	for _, region := range w.regions {
		there := home.Copy()
		there.Region = region
		b := bucket.New(there, w.bucket+"-"+region)
		if err := b.Make(ctx); err != nil {
			return nil, err
		}
		wants.Account.Region, wants.Bucket = region, b.Name()
		if _, err := setup.EnsureRole(ctx, there, "quarry-batch", wants); err != nil {
			return nil, err
		}
		pools = append(pools, run.Pool{Region: region, Model: cfg.Model, RoleARN: cfg.RoleARN, Quotas: cfg.Quotas, Bucket: b, Bedrock: bedrock.New(there)})
	}
	return pools, nil
}

// jobsIn counts the jobs of a report by Region.
func jobsIn(rep *run.Report) map[string]int {
	n := map[string]int{}
	for _, j := range rep.Jobs {
		if j.ARN != "" {
			n[j.ARN.Region()]++
		}
	}
	return n
}

func TestShardsAreSharedOutAmongPools(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(24)})
	w.regions = []string{"us-east-1"}
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := jobsIn(&out.Report)
	if n["us-west-2"] < 2 || n["us-east-1"] < 2 {
		t.Errorf("jobs by Region %v, want some in both", n)
	}
	results, _ := w.results(t)
	for id, res := range results {
		if res.Status != quarry.StatusOK || res.SameAs != "" {
			continue
		}
		if region := quarry.JobARN(res.Job).Region(); res.Region != region {
			t.Errorf("%s: region %q, its job ran in %q", id, res.Region, region)
		}
		if res.RequestedModel != quarry.DefaultModel {
			t.Errorf("%s: requested model %q", id, res.RequestedModel)
		}
	}
	w.auditClean(t)
}

// occupy fills the slots of a Region with slow jobs of another program.
func (w *world) occupy(t *testing.T, region string, jobs int) {
	t.Helper()
	ctx := t.Context()
	id, secret := w.server.Keys()
	client := effect.New(nil).HTTPClient(effect.HTTPConfig{})
	t.Cleanup(client.CloseIdleConnections)
	aws, err := account.Load(ctx, account.Config{HTTP: client, Region: region, Fixed: &account.FixedKeys{Endpoint: w.server.URL(), KeyID: id, Secret: secret}})
	if err != nil {
		t.Fatal(err)
	}
	b := bucket.New(aws, "somebody-else-"+region)
	if err := b.Make(ctx); err != nil {
		t.Fatal(err)
	}
	wants := setup.Wants{Account: setup.Account{ID: "123456789012", Partition: "aws", Region: region}, Bucket: b.Name(), Model: quarry.DefaultModel, Role: "somebody-else"}
	if _, err := setup.EnsureRole(ctx, aws, wants.Role, wants); err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for i := range 3 {
		fmt.Fprintf(&lines, `{"recordId":"other-%d","modelInput":{"anthropic_version":"bedrock-2023-05-31","max_tokens":10,"messages":[{"role":"user","content":"x"}]}}`+"\n", i)
	}
	if err := b.Put(ctx, "in/x.jsonl", strings.NewReader(lines.String())); err != nil {
		t.Fatal(err)
	}
	for i := range jobs {
		name := fmt.Sprintf("other-%d", i)
		_, err := bedrock.New(aws).Create(ctx, bedrock.CreateRequest{
			JobName: name, Token: strings.Repeat("t", 32) + name, ModelID: quarry.DefaultModel, RoleARN: wants.RoleARN(), Type: quarry.InvokeModel,
			InputURI: b.URI("in/x.jsonl"), OutputURI: b.URI("out/"), Tags: map[string]string{"quarry-fault": "slow=1h"},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPoolWithoutASlotLosesItsShardsToTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(16), quotas: `{"*":{"min_records":3,"records_per_job":4,"records_per_file":4,"open_jobs":2}}`})
	w.regions = []string{"us-east-1"}
	w.occupy(t, "us-west-2", 2) // the account's quota is used up, which the run cannot know
	var mu sync.Mutex
	moved := 0
	w.event = func(e event.Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Kind == event.Placed && strings.Contains(e.Text, "accepts no job now") {
			moved++
		}
	}
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := jobsIn(&out.Report); n["us-west-2"] != 0 || n["us-east-1"] < 4 || out.Totals.OK != 17 {
		t.Errorf("jobs by Region %v and %d documents ok, want all in us-east-1 and 17", n, out.Totals.OK)
	}
	if moved == 0 {
		t.Error("no shard was moved: the test shows nothing")
	}
	for id, n := range w.bill(t) {
		if n > 1 {
			t.Errorf("record %s was answered %d times", id, n)
		}
	}
	w.auditClean(t)
}

func TestACrashWithTwoPools(t *testing.T) {
	t.Parallel()
	cfg := worldConfig{docs: someDocs(12), fault: "record-error=0.3,seed=5", cfg: untilAnswered(nil)}
	make := func(t *testing.T) *world {
		w := newWorld(t, cfg)
		w.regions = []string{"us-east-1"}
		return w
	}
	reference := make(t)
	_, counts, err := reference.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("effects of a run that never dies: %v", counts)
	began, tried := time.Now(), 0
	for kind, step := range map[effect.Kind]int{effect.HTTP: 37, effect.SQL: 97, effect.File: 353} {
		if *full {
			step = 1
		}
		for n := 5; n < int(counts[kind]); n += step {
			w := make(t)
			if _, _, err := w.run(t, dieAt(kind, n, effect.After)); err == nil {
				continue // what was lost changed nothing
			} else if !errors.Is(err, errDied) && !errors.Is(err, effect.ErrHook) {
				t.Fatalf("%s %d: it died of something else: %v", kind, n, err)
			}
			out, _, err := w.run(t, nil)
			if err != nil {
				t.Fatalf("%s %d: resume: %v", kind, n, err)
			}
			if out.Totals.OK != 13 {
				t.Errorf("%s %d: %d documents ok, want 13", kind, n, out.Totals.OK)
			}
			rep := w.audited(t)
			w.paidOnce(t, &rep, fmt.Sprintf("%s %d", kind, n))
			w.auditClean(t)
			tried++
			if err := w.server.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	t.Logf("%d crash points in %s", tried, time.Since(began).Round(time.Second))
	if tried == 0 {
		t.Error("no crash point was tried")
	}
}
