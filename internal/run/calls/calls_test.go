package calls_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/run/calls"
	"quarry/internal/run/event"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

const shard = quarry.ShardID("s00001")

// reply is one answer of the provider: a status with the name of an error, a lost connection, or one that was never made.
type reply struct {
	status       int
	code         string
	lost, unsent bool
	takes        time.Duration
}

var (
	good      = reply{status: 200}
	throttled = reply{status: 429, code: "ThrottlingException"}
	busy      = reply{status: 503, code: "ServiceUnavailableException"}
	lost      = reply{lost: true}
	unsent    = reply{unsent: true}
	expired   = reply{status: 403, code: "ExpiredTokenException"}
	denied    = reply{status: 403, code: "AccessDeniedException"}
	invalid   = reply{status: 400, code: "ValidationException"}
	crashed   = reply{status: 500, code: "InternalServerException"}
)

// provider answers calls on the test's clock, without a socket.
type provider struct {
	t     *testing.T
	files shardfile.Dir
	reply func(record string, n int) reply

	mu       sync.Mutex
	calls    map[string]int
	bodies   []string
	tiers    []string
	now, top int // calls under way, and the most that were
}

func (p *provider) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	record := recordOf(r)
	p.mu.Lock()
	p.calls[record]++
	n := p.calls[record]
	p.bodies, p.tiers = append(p.bodies, string(body)), append(p.tiers, r.Header.Get("X-Amzn-Bedrock-Service-Tier"))
	p.now++
	p.top = max(p.top, p.now)
	p.mu.Unlock()
	defer func() { p.mu.Lock(); p.now--; p.mu.Unlock() }()
	if log, err := os.ReadFile(p.files.Calls(shard)); err != nil || !strings.Contains(string(log), `"`+record+`","intent":`) {
		p.t.Errorf("%s was called before its intent was in the journal: %s, %v", record, log, err)
	}
	a := p.reply(record, n)
	select {
	case <-time.After(a.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	switch {
	case a.lost:
		return nil, io.ErrUnexpectedEOF
	case a.unsent:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ENETUNREACH}
	}
	text := `{"content":[{"type":"text","text":"{}"}],"stop_reason":"end_turn","usage":{"input_tokens":20,"output_tokens":10}}`
	if a.code != "" {
		text = `{"message":"no"}`
	}
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Content-Type": {"application/json"}, "X-Amzn-Errortype": {a.code}},
		Body: io.NopCloser(strings.NewReader(text)), Request: r,
	}, nil
}

func recordOf(r *http.Request) string { return r.Header.Get("X-Quarry-Record") }

// bundle is a shard of records with its files, and a provider.
type bundle struct {
	*provider
	cfg     calls.Config
	row     ledger.Shard
	watched sync.Mutex
	events  []event.Event
}

// setup writes an input file of so many records. It runs inside a bubble of synctest.
func setup(t *testing.T, records int, answer func(record string, n int) reply) *bundle {
	t.Helper()
	files := shardfile.In(effect.New(nil), t.TempDir(), "")
	var in strings.Builder
	for i := range records {
		fmt.Fprintf(&in, `{"recordId":"r%d-a1","modelInput":`+
			`{"anthropic_version":"bedrock-2023-05-31","max_tokens":100,"system":"be brief","messages":[]}}`+"\n", i)
	}
	write(t, files.Input(shard), in.String())
	p := &provider{t: t, files: files, reply: answer, calls: map[string]int{}}
	url := "http://provider.invalid"
	detail := ledger.Detail{Attempt: 1, Records: int64(records)}
	b := &bundle{provider: p, row: ledger.Shard{ID: shard, Mode: quarry.ModeOnDemand, Detail: detail}}
	b.cfg = calls.Config{
		Client: bedrock.New(aws.Config{
			Region: "us-west-2", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""), HTTPClient: p,
		}),
		Model: quarry.DefaultModel, Type: quarry.InvokeModel, Concurrency: 4,
		Watch: func(e event.Event) { b.watched.Lock(); b.events = append(b.events, e); b.watched.Unlock() },
	}
	return b
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func writePart(t *testing.T, files shardfile.Dir, part *shardfile.Part) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(files.Part(shard)), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := atomicfile.CreateZstd(effect.New(nil), files.Part(shard))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Abort()
	if err := errors.Join(lines.Write(out, part), out.Commit()); err != nil {
		t.Fatal(err)
	}
}

// answer runs a round and gives the outcome of each record: "ok", or the code of its error.
func (b *bundle) answer(ctx context.Context) (outcomes map[string]string, counts ledger.Calls, err error) {
	out, counts, err := calls.New(b.cfg).Answer(ctx, b.files, &b.row, func(int64) {})
	if err != nil {
		return nil, counts, err
	}
	outcomes = map[string]string{}
	for _, path := range out.Files {
		for l, err := range lines.Read[shardfile.Call](path) {
			switch {
			case err != nil:
				return nil, counts, err
			case l.Error != nil:
				outcomes[string(l.RecordID)] = fmt.Sprint(l.Error.Code)
			default:
				outcomes[string(l.RecordID)] = "ok"
			}
		}
	}
	return outcomes, counts, nil
}

// texts gives the texts of events of a kind.
func (b *bundle) texts(kind event.Kind) (texts []string) {
	b.watched.Lock()
	defer b.watched.Unlock()
	for _, e := range b.events {
		if e.Kind == kind {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

func TestWhatBecomesOfARecordByTheRepliesToItsCalls(t *testing.T) {
	t.Parallel()
	const begunOnce, begunTwice = `{"recordId":"r0-a1","intent":1}`, `{"recordId":"r0-a1","intent":2}`
	for name, c := range map[string]struct {
		replies  []reply // the last one is repeated
		journal  string  // from an earlier process
		resent   bool    // by an earlier attempt
		local    bool
		calls    int
		want     string
		wantErr  bool
		refusals int64
	}{
		"answered":                                  {replies: []reply{good}, calls: 1, want: "ok"},
		"throttled calls are made again":            {replies: []reply{throttled, throttled, good}, calls: 3, want: "ok", refusals: 2},
		"no capacity on AWS is waited out":          {replies: []reply{busy, busy, busy, good}, calls: 4, want: "ok", refusals: 3},
		"a stand-in without its back end has ended": {replies: []reply{busy}, local: true, calls: 1, want: "503"},
		"what never left is made again":             {replies: []reply{unsent, unsent, unsent, good}, calls: 4, want: "ok"},
		"expired credentials are waited out":        {replies: []reply{expired, good}, calls: 2, want: "ok"},
		"a denied caller ends the round":            {replies: []reply{denied}, calls: 1, wantErr: true},
		"a refused body is an error of the record":  {replies: []reply{invalid}, calls: 1, want: "400"},
		"the model's error is one of the record":    {replies: []reply{crashed}, calls: 1, want: "500"},
		"one lost reply: made again":                {replies: []reply{lost, good}, calls: 2, want: "ok"},
		"two lost replies: no third call":           {replies: []reply{lost}, calls: 2, want: "408"},
		"lost, refused, lost: no third call":        {replies: []reply{lost, throttled, lost}, calls: 3, want: "408", refusals: 1},
		"made again by an earlier attempt":          {replies: []reply{lost}, resent: true, calls: 1, want: "408"},
		"begun once by an earlier process":          {replies: []reply{lost}, journal: begunOnce, calls: 1, want: "408"},
		"begun once and answered now":               {replies: []reply{good}, journal: begunOnce, calls: 1, want: "ok"},
		"begun twice by an earlier process":         {replies: []reply{good}, journal: begunTwice, want: "408"},
		"begun and made again before":               {replies: []reply{good}, journal: begunOnce, resent: true, want: "408"},
		"answered by an earlier process":            {replies: []reply{lost}, journal: `{"recordId":"r0-a1","modelOutput":{}}`, want: "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, 1, func(_ string, n int) reply { return c.replies[min(n, len(c.replies))-1] })
				b.cfg.Local = c.local
				if c.journal != "" {
					write(t, b.files.Calls(shard), c.journal+"\n")
				}
				if c.resent {
					writePart(t, b.files, &shardfile.Part{RecordID: "r0-a1", Resent: true})
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				outcomes, counts, err := b.answer(ctx)
				if (err != nil) != c.wantErr {
					t.Fatalf("Answer() = %v, want an error: %t", err, c.wantErr)
				}
				if got := b.calls["r0-a1"]; got != c.calls {
					t.Errorf("%d calls, want %d", got, c.calls)
				}
				if outcomes["r0-a1"] != c.want {
					t.Errorf("outcome %q, want %q", outcomes["r0-a1"], c.want)
				}
				if got := counts.Throttled + counts.Busy; got != c.refusals {
					t.Errorf("%d refusals are counted, want %d", got, c.refusals)
				}
			})
		})
	}
}

// All shards share the slots, and every record is called once.
func TestNoMoreCallsAreUnderWayThanAllowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 20, func(string, int) reply { return reply{status: 200, takes: time.Second} })
		outcomes, counts, err := b.answer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if b.top != 4 {
			t.Errorf("%d calls were under way at once, want 4", b.top)
		}
		if len(outcomes) != 20 || counts.Answered != 20 || counts.Latency != 20*time.Second {
			t.Errorf("%d outcomes, counts %+v; want 20 answers of a second each", len(outcomes), counts)
		}
		for id, n := range b.calls {
			if n != 1 {
				t.Errorf("%s was called %d times", id, n)
			}
		}
	})
}

// A round that has to end begins no further call, waits for those under way, and the next one makes only the others.
func TestARoundThatEndsWaitsForCallsUnderWay(t *testing.T) {
	t.Parallel()
	for takes, kept := range map[time.Duration]int{30 * time.Second: 4, 2 * calls.Grace: 0} {
		t.Run(takes.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var slow atomic.Bool
				slow.Store(true)
				b := setup(t, 9, func(string, int) reply {
					if slow.Load() {
						return reply{status: 200, takes: takes}
					}
					return good
				})
				stop := errors.New("stop")
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(stop) })
				began := time.Now()
				if _, _, err := b.answer(ctx); !errors.Is(err, stop) {
					t.Fatalf("Answer() = %v, want %v", err, stop)
				}
				if took, most := time.Since(began), time.Second+calls.Grace; took > most {
					t.Errorf("the round took %s, want at most %s", took, most)
				}
				if len(b.calls) != 4 {
					t.Errorf("%d records were called, want the 4 under way", len(b.calls))
				}
				if notes := b.texts(event.Note); len(notes) != 1 || !strings.Contains(notes[0], "the answers to 4 calls under way") {
					t.Errorf("notes %q, want one of 4 calls under way", notes)
				}
				slow.Store(false)
				outcomes, counts, err := b.answer(t.Context())
				if err != nil || len(outcomes) != 9 || counts.Answered != int64(9-kept) {
					t.Errorf("the next round gives %d outcomes and makes %d calls, %v; want 9 and %d", len(outcomes), counts.Answered, err, 9-kept)
				}
			})
		})
	}
}

// The reason for a wait is reported once for all calls, and again while it lasts.
func TestAWaitIsReportedOnceAndAgainLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		b := setup(t, 4, func(string, int) reply {
			if time.Since(began) < 7*time.Minute {
				return busy
			}
			return good
		})
		if _, _, err := b.answer(t.Context()); err != nil {
			t.Fatal(err)
		}
		const why = "ServiceUnavailableException: no; the service has no capacity"
		if waits := b.texts(event.Waiting); len(waits) != 2 || !strings.Contains(waits[0], why) {
			t.Errorf("reported %q, want the reason twice in 7 minutes", waits)
		}
	})
}

// The first call of a marked prefix is made alone, so that the others read what it wrote; a body with another prefix is sent unchanged.
func TestTheFirstCallOfACachedPrefixIsMadeAlone(t *testing.T) {
	t.Parallel()
	for prefix, marked := range map[string]bool{`"be brief"`: true, `"be exact"`: false} {
		synctest.Test(t, func(t *testing.T) {
			var first atomic.Int64
			b := setup(t, 4, nil)
			b.reply = func(string, int) reply {
				if first.Add(1) > 1 {
					return reply{status: 200, takes: time.Second}
				}
				<-time.After(time.Minute)
				if n := first.Load(); n != 1 {
					t.Errorf("%d calls while the first one writes the cache", n)
				}
				return good
			}
			b.cfg.CachePrefix = []byte(prefix)
			if outcomes, _, err := b.answer(t.Context()); err != nil || len(outcomes) != 4 {
				t.Fatalf("%d outcomes, %v; want 4", len(outcomes), err)
			}
			if got := !slices.ContainsFunc(b.bodies, func(s string) bool { return !strings.Contains(s, "cache_control") }); got != marked {
				t.Errorf("prefix %s: all bodies are marked: %t, want %t; the first is %s", prefix, got, marked, b.bodies[0])
			}
		})
	}
}

func TestTheModeDecidesTheServiceTier(t *testing.T) {
	t.Parallel()
	for mode, want := range map[quarry.Mode]string{quarry.ModeOnDemand: "", quarry.ModeFlex: "flex"} {
		synctest.Test(t, func(t *testing.T) {
			b := setup(t, 1, func(string, int) reply { return good })
			b.row.Mode = mode
			if _, _, err := b.answer(t.Context()); err != nil || len(b.tiers) != 1 || b.tiers[0] != want {
				t.Errorf("mode %s calls in the tiers %q, %v; want %q", mode, b.tiers, err, want)
			}
		})
	}
}

// A call larger than a minute's quota is reported before its wait, once.
func TestACallLargerThanAMinuteIsReportedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 3, func(string, int) reply { return good })
		b.cfg.Quotas = quarry.Quotas{RPM: 600, TPM: 90}
		if _, _, err := b.answer(t.Context()); err != nil {
			t.Fatal(err)
		}
		notes := b.texts(event.Note)
		if len(notes) != 1 || !strings.Contains(notes[0], "the quota is 90 per minute") || !strings.Contains(notes[0], "lower max_tokens") {
			t.Errorf("notes %q, want one that names the quota and max_tokens", notes)
		}
	})
}

// A call whose intent cannot be written is not made.
func TestNoCallWithoutItsIntent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 3, func(string, int) reply { return good })
		b.files = shardfile.In(effect.New(func(p effect.Point) error {
			if p.When == effect.Before && strings.HasPrefix(p.What, "sync") {
				return effect.ErrHook
			}
			return nil
		}), filepath.Dir(filepath.Dir(b.files.Input(shard))), "")
		if _, _, err := b.answer(t.Context()); !errors.Is(err, effect.ErrHook) {
			t.Errorf("Answer() = %v, want %v", err, effect.ErrHook)
		}
		if len(b.calls) > 0 {
			t.Errorf("calls %v, want none", b.calls)
		}
	})
}
