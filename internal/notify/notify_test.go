package notify_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"quarry/internal/base/effect"
	"quarry/internal/notify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver is a server that refuses the first requests.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	refuse  int
	events  []notify.Event
	headers []http.Header
	bodies  [][]byte
}

func newReceiver(t *testing.T, refuse int) *receiver {
	r := &receiver{refuse: refuse}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.refuse > 0 {
			r.refuse--
			http.Error(w, "later", http.StatusServiceUnavailable)
			return
		}
		var e notify.Event
		if err := json.Unmarshal(body, &e); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		r.events, r.headers, r.bodies = append(r.events, e), append(r.headers, req.Header), append(r.bodies, body)
	}))
	t.Cleanup(r.Close)
	return r
}

func variables(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		i := slices.Index(pairs, name)
		if i < 0 {
			return "", false
		}
		return pairs[i+1], true
	}
}

// faults are the reasons why events were not delivered.
type faults chan string

// first waits for one.
func (f faults) first(t *testing.T) string {
	t.Helper()
	select {
	case text := <-f:
		return text
	case <-time.After(30 * time.Second):
		t.Fatal("no fault")
		return ""
	}
}

// How long closing waits for events that are delivered in the end, and for those that are not.
const (
	delivered   = 20 * time.Second
	undelivered = 50 * time.Millisecond
)

// open begins to notify.
func open(t *testing.T, dir, target, key string, last time.Duration, f faults) *notify.Notifier {
	t.Helper()
	to, err := notify.ParseTarget("env:TO", key, variables("TO", target, "KEY", "k3y"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := notify.Open(t.Context(), notify.Config{
		Target: to, Dir: dir, Effects: effect.New(nil), Wait: time.Millisecond, Last: last,
		Fault: func(err error) {
			if f != nil {
				f <- err.Error()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func closed(t *testing.T, n *notify.Notifier) int {
	t.Helper()
	left, err := n.Close()
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func TestEventsAreSignedAndTriedAgainUntilTheyAreTaken(t *testing.T) {
	t.Parallel()
	to := newReceiver(t, 2)
	dir := filepath.Join(t.TempDir(), "run")
	f := make(faults, 10)
	n := open(t, dir, to.URL+"/services/SECRET?token=SECRET", "KEY", delivered, f)
	n.Send(notify.Event{Kind: notify.Pilot, Run: "r", Text: "one"})
	n.Send(notify.Event{Kind: notify.End, Run: "r", Text: "two"})
	if left := closed(t, n); left != 0 {
		t.Errorf("%d events are left", left)
	}
	if len(to.events) != 2 || to.events[0].Text != "one" || to.events[1].Kind != notify.End || to.events[0].ID == to.events[1].ID || to.events[0].Version != 1 {
		t.Fatalf("received %+v", to.events)
	}
	for i, h := range to.headers {
		stamp, _, _ := strings.Cut(strings.TrimPrefix(h.Get("Quarry-Signature"), "t="), ",")
		at, err := time.ParseDuration(stamp + "s")
		if err != nil || h.Get("Quarry-Signature") != notify.Sign([]byte("k3y"), to.bodies[i], time.Unix(int64(at.Seconds()), 0)) {
			t.Errorf("signature %q does not fit the body", h.Get("Quarry-Signature"))
		}
		if h.Get("Quarry-Event-Id") != to.events[i].ID {
			t.Errorf("header has the id %q, the event %q", h.Get("Quarry-Event-Id"), to.events[i].ID)
		}
	}
	if text := f.first(t); len(f) != 0 || !strings.Contains(text, "answered 503") || strings.Contains(text, "SECRET") {
		t.Errorf("fault %q and %d more, want one without the path", text, len(f))
	}
	if text, err := os.ReadFile(filepath.Join(dir, "pending.jsonl")); err != nil || strings.Contains(string(text), "SECRET") {
		t.Errorf("the journal is %q, %v", text, err)
	}
}

// The signature of a known key, time and body, computed with openssl dgst -sha256 -hmac k3y.
func TestSign(t *testing.T) {
	t.Parallel()
	got := notify.Sign([]byte("k3y"), []byte(`{"id":"x"}`), time.Unix(1764547200, 0))
	if want := "t=1764547200,v1=2a7d9d9cfcfc7c68e518994cd3886588af43a6de7c4d4360c5d482c74dcaadd0"; got != want {
		t.Errorf("Sign = %s, want %s", got, want)
	}
}

func TestWhatWasNotDeliveredIsDeliveredByTheNextCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	down := httptest.NewServer(http.NotFoundHandler())
	url := down.URL
	down.Close()
	f := make(faults, 10)
	n := open(t, dir, url+"/SECRET", "", undelivered, f)
	began := time.Now()
	n.Send(notify.Event{Kind: notify.Gate, Text: "one"})
	n.Send(notify.Event{Kind: notify.Stuck, Text: "two"})
	if took := time.Since(began); took > 200*time.Millisecond {
		t.Errorf("Send took %s", took)
	}
	if text := f.first(t); strings.Contains(text, "SECRET") {
		t.Errorf("fault %q", text)
	}
	if left := closed(t, n); left != 2 {
		t.Errorf("%d events are left, want 2", left)
	}
	// A process that was killed leaves half a line.
	journal := filepath.Join(dir, "pending.jsonl")
	text, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(journal, append(text, `{"event":{"id":"ha`...), 0o600); err != nil {
		t.Fatal(err)
	}
	to := newReceiver(t, 0)
	n = open(t, dir, to.URL, "", delivered, nil)
	n.Send(notify.Event{Kind: notify.End, Text: "three"})
	if left := closed(t, n); left != 0 || len(to.events) != 3 || to.events[0].Text != "one" || to.events[2].Text != "three" {
		t.Errorf("%d are left, received %+v", left, to.events)
	}
	n = open(t, dir, to.URL, "", delivered, nil)
	if left := closed(t, n); left != 0 || len(to.events) != 3 {
		t.Errorf("delivered again: %d left, %d received", left, len(to.events))
	}
}

func TestTheJournalIsBounded(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	for i := range 1500 {
		b, err := json.Marshal(map[string]any{"event": notify.Event{ID: "e", Text: strings.Repeat("x", i%7)}})
		if err != nil {
			t.Fatal(err)
		}
		lines.Write(append(b, '\n'))
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pending.jsonl"), []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	n := open(t, dir, "http://127.0.0.1:1", "", undelivered, nil)
	if left := closed(t, n); left != 1000 {
		t.Errorf("%d events are left, want 1000", left)
	}
}

func TestOneCommandDeliversAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := open(t, dir, "true", "", delivered, nil)
	to, err := notify.ParseTarget("true", "", variables())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := notify.Open(t.Context(), notify.Config{Target: to, Dir: dir, Effects: effect.New(nil)}); !errors.Is(err, effect.ErrLocked) {
		t.Errorf("a second Open = %v, want ErrLocked", err)
	}
	closed(t, n)
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ target, key, want, fault string }{
		{"https://ann:pw@hooks.example.org/services/SECRET?x=SECRET", "KEY", "https://hooks.example.org", ""},
		{"env:TO", "", "https://hooks.example.org:8443", ""},
		{"/usr/bin/mail -s SECRET x", "", "the command mail", ""},
		{"curl --json @- https://hooks.example.org/SECRET", "", "the command curl", ""},
		{"env:NONE", "", "", "the variable NONE is not set"},
		{"", "", "", "it is empty"},
		{"ftp://host/x", "", "", "ftp is not a scheme"},
		{"http:///SECRET", "", "", "not a URL"},
		{"https://exa mple/%zz", "", "", "not a URL"},
		{"mail x", "KEY", "", "a key signs requests"},
		{"https://x", "NONE", "", "the variable NONE of the key is not set"},
	} {
		to, err := notify.ParseTarget(c.target, c.key, variables("TO", "https://hooks.example.org:8443/SECRET", "KEY", "k"))
		switch {
		case c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault) || strings.Contains(err.Error(), "SECRET")):
			t.Errorf("ParseTarget(%q) = %v, want %s", c.target, err, c.fault)
		case c.fault == "" && err != nil:
			t.Errorf("ParseTarget(%q): %v", c.target, err)
		case c.fault == "" && to.String() != c.want:
			t.Errorf("ParseTarget(%q) = %s, want %s", c.target, to, c.want)
		}
	}
}

func TestAJobThatProcessesNothingIsStuck(t *testing.T) {
	t.Parallel()
	var s notify.Jobs
	now := time.Unix(1764547200, 0)
	see := func(shard string, processed int64, open bool) {
		s.See(notify.Job{Shard: "s00001", ARN: "arn:" + shard, Processed: processed, Records: 10, Open: open}, now)
	}
	check := func(name string, after time.Duration, want int) {
		t.Helper()
		now = now.Add(after)
		if got := s.Check(now); len(got) != want {
			t.Errorf("%s: %d jobs are stuck, want %d", name, len(got), want)
		}
	}
	see("a", 0, true)
	check("shortly", 29*time.Minute, 0)
	see("a", 0, true)
	check("after half an hour", time.Minute, 1)
	check("once", time.Hour, 0)
	see("a", 5, true)
	check("after progress", 29*time.Minute, 0)
	check("again", time.Minute, 1)
	see("a", 10, true)
	check("all processed", time.Hour, 0)
	see("b", 0, true)
	see("b", 0, false)
	check("ended", time.Hour, 0)
}
