package upstream_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"quarry/internal/standin/model/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newPool(t *testing.T, cfg upstream.Config) *upstream.Pool {
	t.Helper()
	if cfg.Backoff == 0 {
		cfg.Backoff = time.Millisecond
	}
	p, err := upstream.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func request() upstream.Request {
	return upstream.Request{
		Path: "/x", Timeout: time.Minute, Model: "m",
		Build: func(model string) ([]byte, error) { return []byte(`{"model":"` + model + `"}`), nil },
		Read:  func([]byte) (int64, error) { return 1, nil },
	}
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestWaitersAreServedWhenPlacesComeFree(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { <-hold; _, _ = io.WriteString(w, "{}") })
	p := newPool(t, upstream.Config{URLs: []string{url}, Concurrency: 2})
	var wg sync.WaitGroup
	var ok atomic.Int64
	for range 20 {
		wg.Go(func() {
			if _, err := p.Send(t.Context(), request()); err == nil {
				ok.Add(1)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 5)
	for range 5 {
		go func() { _, err := p.Send(ctx, request()); gone <- err }()
	}
	cancel()
	for range 5 {
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("Send of one who gave up = %v, want context.Canceled", err)
		}
	}
	close(hold)
	wg.Wait()
	if ok.Load() != 20 {
		t.Errorf("%d of 20 were answered", ok.Load())
	}
}

func TestServerThatIsDownForLongGetsNoRetries(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	p := newPool(t, upstream.Config{URLs: []string{s.URL}, Attempts: 50, Backoff: 20 * time.Millisecond, DownAfter: 50 * time.Millisecond})
	start := time.Now()
	for range 20 {
		_, err := p.Send(t.Context(), request())
		var e *upstream.Error
		if !errors.As(err, &e) || e.Code != http.StatusFailedDependency {
			t.Fatalf("Send = %v, want a 424", err)
		}
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("20 requests to a dead server took %v", d)
	}
}

func TestKeptConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	var conns atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "{}")
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	p := newPool(t, upstream.Config{URLs: []string{s.URL}, Concurrency: 8})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if _, err := p.Send(t.Context(), request()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if conns.Load() > 16 { // a connection is free a moment after its reply was read
		t.Errorf("400 requests, 8 at a time, opened %d connections", conns.Load())
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int64
	other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other, http.StatusTemporaryRedirect) })
	p := newPool(t, upstream.Config{URLs: []string{url}, Attempts: 1, Header: http.Header{"Authorization": {"Bearer k"}}})
	if _, err := p.Send(t.Context(), request()); err == nil || elsewhere.Load() != 0 {
		t.Errorf("Send = %v with %d requests elsewhere, want an error and none", err, elsewhere.Load())
	}
}

func TestProbeNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	const closed = "http://127.0.0.1:1" // a port that was closed a moment ago may be another test's by now
	serve := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	good := serve(200, `{"data":[]}`)
	for name, c := range map[string]struct {
		urls   []string
		says   string // empty: it is there
		denied bool
	}{
		"it is there":             {[]string{good}, "", false},
		"it has no list":          {[]string{serve(404, "not found")}, "", false},
		"one of two is there":     {[]string{closed, good}, "", false},
		"it is down":              {[]string{closed}, "cannot be reached: connect: connection refused", false},
		"its gateway says 502":    {[]string{serve(502, "<html>Bad Gateway</html>")}, "502 <html>Bad Gateway", false},
		"it refuses the key":      {[]string{serve(401, `{"error":{"message":"bad key"}}`)}, "refuses the key: 401 bad key", true},
		"it is a page of the web": {[]string{serve(200, "<html>Welcome</html>")}, "not JSON: <html>Welcome", false},
	} {
		err := newPool(t, upstream.Config{URLs: c.urls}).Probe(t.Context(), 0)
		var down *upstream.DownError
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.says != "" && (!errors.As(err, &down) || down.URL != c.urls[0] || !strings.Contains(err.Error(), c.says) || down.Denied != c.denied):
			t.Errorf("%s: %v, want %q of %s", name, err, c.says, c.urls[0])
		}
	}
}
