package run_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"quarry"
	"quarry/internal/outcome/audit"
	"quarry/internal/run"
)

// paidByDocument is how often the provider answered each document, over all its attempts, and how many attempts it saw.
func (w *world) paidByDocument(t *testing.T) (answered, attempts map[string]int64) {
	t.Helper()
	answered, attempts = map[string]int64{}, map[string]int64{}
	for id, n := range w.bill(t) {
		key := id[:strings.LastIndex(id, "-a")]
		answered[key] += n
		attempts[key]++
	}
	return answered, attempts
}

// loseReplies passes everything on to the stand-in, and cuts the connection of the nth call in place of its reply where lost says so.
func (w *world) loseReplies(t *testing.T, lost func(n int64) bool) {
	t.Helper()
	target, err := url.Parse(w.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(target)
	var calls atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/invoke") && lost(calls.Add(1)) {
			pass.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		pass.ServeHTTP(out, r)
	}))
	t.Cleanup(s.Close)
	w.endpoint = s.URL
}

// TestTwoLostRepliesEndARecord loses every reply: each record is called twice, ends without an answer, and is not sent again in this pass
// whatever --attempts allows. The same command sends it again, and pays no more than that for it either.
func TestTwoLostRepliesEndARecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(3), quotas: oneIsEnoughQuotas, cfg: oneIsEnough(func(c *run.Config) {
		c.Mode, c.Attempts, c.NoPilot = quarry.ModeOnDemand, 3, true
	})})
	w.loseReplies(t, func(int64) bool { return true })
	for pass := range int64(2) {
		out, _, err := w.run(t, nil)
		if err != nil {
			t.Fatal(err)
		}
		if out.Totals.OK != 0 {
			t.Errorf("%d documents are ok", out.Totals.OK)
		}
		answered, _ := w.paidByDocument(t)
		if len(answered) != 3 {
			t.Errorf("%d documents were sent, want 3", len(answered))
		}
		for key, n := range answered {
			if n != 2*(pass+1) {
				t.Errorf("pass %d: %s was paid %d times, want 2 a pass", pass+1, key, n)
			}
		}
		results, _ := w.results(t)
		for id, r := range results {
			if r.Status == quarry.StatusFailed && (r.Error.Kind != "no_reply" || !strings.Contains(r.Error.Message, "no reply to two on-demand calls")) {
				t.Errorf("%s ended %+v, want no_reply", id, r.Error)
			}
		}
		rep := w.audited(t)
		if !rep.Clean() || len(rep.MaybePaidTwice) != 3 {
			t.Errorf("audit finds %+v, faults %v; want 3 documents maybe paid twice", rep.Found, rep.Faults)
		}
		if !slices.ContainsFunc(rep.Found, func(f audit.Finding) bool {
			return strings.Contains(f.What, "two on-demand calls for it had no reply")
		}) {
			t.Errorf("audit does not say how many calls may have been paid: %+v", rep.Found)
		}
	}
}

// TestOneCallIsMadeAgainOverAllAttempts loses half of the replies and spoils most answers: a bad answer had a reply, so its record is sent
// again, but over all its attempts one call alone is made again for a reply that never came.
func TestOneCallIsMadeAgainOverAllAttempts(t *testing.T) {
	t.Parallel()
	many := 0
	for _, seed := range []string{"1"} {
		w := newWorld(t, worldConfig{docs: someDocs(8), fault: "bad-json=0.8,seed=" + seed, quotas: oneIsEnoughQuotas, cfg: oneIsEnough(func(c *run.Config) {
			c.Mode, c.Attempts, c.NoPilot = quarry.ModeOnDemand, 4, true
		})})
		w.loseReplies(t, func(n int64) bool { return n%2 == 0 })
		if _, _, err := w.run(t, nil); err != nil {
			t.Fatal(err)
		}
		answered, attempts := w.paidByDocument(t)
		for key, n := range answered {
			if n > attempts[key]+1 {
				t.Errorf("seed %s: %s was paid %d times in %d attempts", seed, key, n, attempts[key])
			}
			if attempts[key] > 2 {
				many++
			}
		}
		w.auditClean(t)
	}
	if many == 0 {
		t.Error("no document had more than two attempts: nothing is tested")
	}
}
