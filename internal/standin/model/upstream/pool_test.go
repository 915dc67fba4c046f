package upstream_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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
		if !errors.As(err, &e) || e.Code != http.StatusServiceUnavailable {
			t.Fatalf("Send = %v, want a 503", err)
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
	if conns.Load() > 8 {
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
