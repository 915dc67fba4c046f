package life

import (
	"bytes"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/aws/bedrock"
	"quarry/internal/aws/setup"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/run/pool"
	"quarry/internal/run/runjson"
)

var errDied = errors.New("died")

// sender is a world whose requests are counted, and whose process may die after a job was created.
type sender struct {
	*world
	creates, looks atomic.Int64
	dies           atomic.Bool
}

// newSender gives a sender with one shard that is uploaded.
func newSender(t *testing.T) (*sender, ledger.Shard) {
	t.Helper()
	d := &sender{}
	hook := func(p effect.Point) error {
		create := p.Kind == effect.HTTP && strings.HasPrefix(p.What, "POST") && strings.HasSuffix(p.What, "/model-invocation-job")
		if create && p.When == effect.After && d.dies.Load() {
			return errDied
		}
		if create && p.When == effect.Before {
			d.creates.Add(1)
		}
		if p.Kind == effect.HTTP && p.When == effect.Before && strings.Contains(p.What, "/model-invocation-jobs") {
			d.looks.Add(1)
		}
		return nil
	}
	w, aws := newServed(t, effect.New(hook))
	me, err := account.WhoAmI(t.Context(), aws)
	if err != nil {
		t.Fatal(err)
	}
	wants := setup.Wants{Account: setup.Account{ID: me.Account, Partition: me.Partition, Region: aws.Region}, Bucket: "quarry-test", Model: quarry.DefaultModel}
	if _, err := setup.EnsureRole(t.Context(), aws, "quarry-batch", wants); err != nil {
		t.Fatal(err)
	}
	d.world = w.again(func(c *Config) {
		home := *c.Pools.Home()
		home.Bedrock, home.RoleARN = bedrock.New(aws), me.RoleARN("quarry-batch")
		c.Pools, c.Job.Type = pool.New([]pool.Pool{home}, nil), quarry.InvokeModel
	})
	s := row(1, quarry.ShardUploaded)
	s.Digest, s.Pool = "d", d.Pools.Home().Ref()
	if err := d.Ledger.AddShards(t.Context(), []ledger.Shard{s}, nil, nil); err != nil {
		t.Fatal(err)
	}
	input := []byte(`{"recordId":"` + string(recordID(0)) + `","modelInput":` + modelInput(0) + "}\n")
	if err := d.Pools.Home().Bucket.Put(t.Context(), runjson.InputKey("r", s.ID), bytes.NewReader(input)); err != nil {
		t.Fatal(err)
	}
	return d, s
}

// jobs are the jobs that the provider knows.
func (d *sender) jobs() (all []quarry.Job) {
	d.t.Helper()
	for job, err := range d.Pools.Home().Bedrock.Jobs(d.t.Context(), bedrock.Filter{}) {
		if err != nil {
			d.t.Fatal(err)
		}
		all = append(all, job)
	}
	return all
}

// step steps the shard once, by another process than before if fresh is false.
func (d *sender) step(s *ledger.Shard, fresh bool) error {
	if !fresh {
		d.again(func(*Config) {})
	}
	return d.Step(d.t.Context(), s)
}

// A provider that forgets tokens would make a second job of the same request: the look-up comes first, whatever the token does, in the
// process that sent the request and in the next one.
func TestAnIntentIsLookedUpBeforeItIsSentAgain(t *testing.T) {
	t.Parallel()
	for name, same := range map[string]bool{"the same process": true, "the next process": false} {
		d, s := newSender(t)
		if err := d.step(&s, true); err != nil || s.State != quarry.ShardIntended {
			t.Fatalf("%s: the shard is %s, %v, want it intended", name, s.State, err)
		}
		intended := s
		d.dies.Store(true)
		if err := d.step(&s, true); !errors.Is(err, errDied) {
			t.Fatalf("%s: submit = %v, want that the reply was lost", name, err)
		}
		d.dies.Store(false)
		s = intended // as its row was saved
		if looks := d.looks.Load(); looks != 0 {
			t.Errorf("%s: a fresh intent was looked up %d times", name, looks)
		}
		if err := d.step(&s, same); err != nil || s.State != quarry.ShardSubmitted {
			t.Fatalf("%s: the shard is %s, %v, want it submitted", name, s.State, err)
		}
		if creates := d.creates.Load(); creates != 1 {
			t.Errorf("%s: Create was sent %d times, want once: the job was there", name, creates)
		}
		jobs := d.jobs()
		if len(jobs) != 1 || jobs[0].ARN != s.Job.ARN || jobs[0].Token != "" && jobs[0].Token != intended.Intent.Token {
			t.Errorf("%s: jobs %+v, want that of the row, %s, with its token", name, jobs, s.Job.ARN)
		}
	}
}

func TestAnIntentThatTheProviderDoesNotKnowIsSentAsItWasStored(t *testing.T) {
	t.Parallel()
	d, s := newSender(t)
	if err := d.step(&s, true); err != nil {
		t.Fatal(err)
	}
	if want := runjson.Token(s.Intent.JobName, s.Digest); s.Intent.Token != want || !strings.Contains(string(s.Intent.Body), want) {
		t.Errorf("the intent has the token %q in %s, want %q", s.Intent.Token, s.Intent.Body, want)
	}
	if err := d.step(&s, false); err != nil || s.State != quarry.ShardSubmitted || d.looks.Load() == 0 || d.creates.Load() != 1 {
		t.Fatalf("the shard is %s after %d looks and %d Creates, %v, want it looked up and sent", s.State, d.looks.Load(), d.creates.Load(), err)
	}
	if jobs := d.jobs(); len(jobs) != 1 || jobs[0].Name != s.Intent.JobName {
		t.Errorf("jobs %+v, want one with the name of the intent", jobs)
	}
}

func TestAnIntentWhoseRequestChangedIsTakenBack(t *testing.T) {
	t.Parallel()
	d, s := newSender(t)
	if err := d.step(&s, true); err != nil {
		t.Fatal(err)
	}
	d.cfg.Job.TimeoutHours = 48
	if err := d.step(&s, false); err != nil || s.State != quarry.ShardBuilt || s.Attempt != 2 || d.creates.Load() != 0 {
		t.Errorf("the shard is %s, attempt %d, after %d Creates, %v, want it built again as attempt 2", s.State, s.Attempt, d.creates.Load(), err)
	}
}
