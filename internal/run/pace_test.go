package run_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"quarry"
	"quarry/internal/bedrock"
	"quarry/internal/catalog"
	"quarry/internal/effect"
	"quarry/internal/prompt"
	"quarry/internal/run"
)

// hold changes the quotas that the stand-in enforces.
func (w *world) hold(t *testing.T, quotas string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL()+"/_quarry/quotas", strings.NewReader(quotas))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("change quotas: %s, %v", resp.Status, err)
	}
}

// checkAllAnsweredOnce holds that refusals cost no document an attempt, and nobody money.
func (w *world) checkAllAnsweredOnce(t *testing.T, out *run.Outcome) {
	t.Helper()
	if d := out.Report.Documents; d.Failed+d.Invalid > 0 || d.OK == 0 {
		t.Errorf("documents: %+v, want all answered", d)
	}
	results, _ := w.results(t)
	for id, r := range results {
		if r.Status == quarry.StatusOK && r.Attempts > 1 {
			t.Errorf("document %s took %d attempts; a refusal is none", id, r.Attempts)
		}
	}
	for id, n := range w.bill(t) {
		if n != 1 {
			t.Errorf("record %s was answered and billed %d times", id, n)
		}
	}
}

func TestRefusedCallsAreMadeAgainAndCostNoAttempt(t *testing.T) {
	t.Parallel()
	for fault, code := range map[string]string{"throttle=0.15,seed=5": "throttled", "no-capacity=0.3,seed=5": "busy"} {
		for _, mode := range []quarry.Mode{quarry.ModeOnDemand, quarry.ModeFlex} {
			t.Run(code+" "+string(mode), func(t *testing.T) {
				t.Parallel()
				const gptOSS = "openai.gpt-oss-20b-1:0" // which has a flex tier
				flex, err := prompt.New(prompt.Config{Model: gptOSS})
				if err != nil {
					t.Fatal(err)
				}
				w := newWorld(t, worldConfig{docs: someDocs(9), fault: fault, cfg: func(c *run.Config) {
					c.Mode, c.Attempts = mode, 1
					c.Local = code != "busy" // AWS has room again some time; a stand-in without its back end has failed
					if mode == quarry.ModeFlex {
						c.Model, c.Prompt, c.Type, c.Family = gptOSS, flex, flex.Invocation(), catalog.OpenAIChat
					}
				}})
				out, _, err := w.run(t, nil)
				if err != nil {
					t.Fatal(err)
				}
				w.checkAllAnsweredOnce(t, &out)
			})
		}
	}
}

// While every call is refused the run waits and gives nothing up; asked to stop, it does so at once; and when there is
// room again the same command ends it.
func TestARunThatIsThrottledWaitsStopsAndGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(9), cfg: func(c *run.Config) { c.Mode, c.NoPilot, c.Attempts, c.Concurrency = quarry.ModeOnDemand, true, 1, 4 }})
	w.hold(t, `{"*":{"tpm":1}}`)
	var calls atomic.Int64
	var asked atomic.Int64 // when the stop was asked for
	_, _, err := w.run(t, func(p effect.Point) error {
		if p.When == effect.After && strings.HasSuffix(p.What, "/invoke") && calls.Add(1) == 5 {
			asked.Store(time.Now().UnixNano())
			write(t, filepath.Join(w.dir, run.StopRequest), "")
		}
		return nil
	})
	if !errors.Is(err, run.ErrStopRequested) {
		t.Fatalf("got %v, want %v", err, run.ErrStopRequested)
	}
	if took := time.Since(time.Unix(0, asked.Load())); took > 5*time.Second {
		t.Errorf("it took %s to stop while calls wait", took)
	}
	if bill := w.bill(t); len(bill) > 0 {
		t.Errorf("answered: %v, want nothing", bill)
	}
	w.hold(t, `{"*":{"min_records":3}}`)
	if err := effect.New(nil).Remove(filepath.Join(w.dir, run.StopRequest)); err != nil {
		t.Fatal(err)
	}
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.checkAllAnsweredOnce(t, &out)
	if again := w.audited(t).MaybePaidTwice; len(again) > 4 {
		t.Errorf("%d calls are taken for maybe paid, want at most the 4 that were under way: %v", len(again), again)
	}
}

// badLine is a network over which every third request reaches nobody.
type badLine struct{ requests atomic.Int64 }

func (b *badLine) Do(r *http.Request) (*http.Response, error) {
	if b.requests.Add(1)%3 == 0 {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ENETUNREACH}
	}
	return http.DefaultClient.Do(r)
}

// A network that is gone is waited out: what was never sent is no attempt, and no call that may be paid twice.
func TestCallsThatReachNobodyAreMadeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(9), cfg: func(c *run.Config) { c.Mode, c.NoPilot, c.Attempts = quarry.ModeOnDemand, true, 1 }})
	id, secret := w.server.Keys()
	url := w.server.URL()
	w.deps = func(d *run.Deps) {
		d.Bedrock = bedrock.New(aws.Config{
			Region: "us-west-2", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""), HTTPClient: new(badLine),
		})
	}
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.checkAllAnsweredOnce(t, &out)
	if again := w.audited(t).MaybePaidTwice; len(again) > 0 {
		t.Errorf("taken for maybe paid twice: %v", again)
	}
}

// A call that is larger than a minute's quota is told of before anybody wonders why nothing goes on, once, with what helps.
func TestACallLargerThanAMinuteIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(9), cfg: func(c *run.Config) {
		c.Mode, c.NoPilot, c.Quotas.TPM, c.Quotas.RPM = quarry.ModeOnDemand, true, 1000, 600
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var told atomic.Int64
	w.event = func(e run.Event) {
		if e.Kind == run.Note && strings.Contains(e.Text, "the quota is 1,000 a minute") && strings.Contains(e.Text, "lower max_tokens") {
			told.Add(1)
			cancel() // the calls themselves would wait for the quota
		}
	}
	_, err := w.live(ctx, t, effect.New(nil))
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want %v", err, context.Canceled)
	}
	if told.Load() != 1 {
		t.Errorf("told %d times, want once", told.Load())
	}
}
