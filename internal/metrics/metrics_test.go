package metrics_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"quarry/internal/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPage(t *testing.T) {
	t.Parallel()
	var p metrics.Page
	p.Family("quarry_jobs", "gauge", `Jobs \ by status.`)
	p.Sample("quarry_jobs", 2, "status", "a\"b\\c\nd", "x", "")
	p.Sample("quarry_jobs", 1.5e-12)
	p.Sample("quarry_jobs", math.NaN())
	p.Sample("quarry_jobs", math.Inf(1))
	want := "# HELP quarry_jobs Jobs \\\\ by status.\n# TYPE quarry_jobs gauge\n" +
		"quarry_jobs{status=\"a\\\"b\\\\c\\nd\",x=\"\"} 2\nquarry_jobs 1.5e-12\nquarry_jobs NaN\nquarry_jobs +Inf\n"
	if got := string(p.Bytes()); got != want {
		t.Errorf("page is\n%s\nwant\n%s", got, want)
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	var fault error
	s, err := metrics.Serve(t.Context(), "127.0.0.1:0", func(context.Context) (*metrics.Page, error) {
		var p metrics.Page
		p.Sample("up", 1)
		return &p, fault
	})
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	for _, c := range []struct {
		method, path string
		fault        error
		status       int
		text         string
	}{
		{"GET", "/metrics", nil, 200, "up 1\n"},
		{"GET", "/metrics", errors.New("SECRET"), 503, "the state of the run cannot be read\n"},
		{"GET", "/", nil, 404, "404 page not found\n"},
		{"POST", "/metrics", nil, 405, "Method Not Allowed\n"},
	} {
		fault = c.fault
		req, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+s.Addr+c.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(reply.Body)
		_ = reply.Body.Close()
		if err != nil || reply.StatusCode != c.status || string(text) != c.text {
			t.Errorf("%s %s: %d %q, %v, want %d %q", c.method, c.path, reply.StatusCode, text, err, c.status, c.text)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := metrics.Serve(t.Context(), "127.0.0.1:no", nil); err == nil {
		t.Error("Serve takes a port that is none")
	}
}
