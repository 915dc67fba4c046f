package run_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/aws/bucket"
	"quarry/internal/run"
)

// spoil changes the nth answer to a kind of request; it may drop the connection.
type spoil func(n int, r *http.Request, reply *http.Response, body []byte) ([]byte, bool)

// stalls marks an answer of which nothing comes after the bytes that are given; it stays open.
const stalls = "X-Test-Stalls"

// proxied puts a proxy that spoils answers between the run and the stand-in. The stand-in's bill is asked of the stand-in itself.
func (w *world) proxied(t *testing.T, s spoil) {
	t.Helper()
	w.proxiedBoth(t, nil, s)
}

// onTheWay changes what is sent, or has it sent twice, as a network does that repeats a request by itself.
type onTheWay func(r *http.Request, sent []byte) (body []byte, times int)

// proxiedBoth is proxied with a proxy that also spoils what is sent.
func (w *world) proxiedBoth(t *testing.T, there onTheWay, s spoil) {
	t.Helper()
	var mu sync.Mutex
	seen := map[string]int{}
	target := w.server.URL()
	proxy := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		times := 1
		if there != nil {
			sent, times = there(r, sent)
		}
		reply, body := forward(r, target, sent)
		for range times - 1 {
			reply, body = forward(r, target, sent)
		}
		mu.Lock()
		what := r.Method + " " + r.URL.Path
		seen[what]++
		n := seen[what]
		mu.Unlock()
		length := len(body)
		body, ok := s(n, r, reply, body)
		for name, values := range reply.Header {
			out.Header()[name] = values
		}
		if reply.Header.Get("Content-Length") != "" && r.Method != http.MethodHead {
			if ok {
				length = len(body)
			}
			out.Header().Set("Content-Length", strconv.Itoa(length))
		}
		out.Header().Del(stalls)
		out.WriteHeader(reply.StatusCode)
		_, _ = out.Write(body)
		if reply.Header.Get(stalls) != "" {
			_ = http.NewResponseController(out).Flush()
			<-r.Context().Done()
		}
		if !ok {
			panic(http.ErrAbortHandler) // what is missing never comes
		}
	}))
	t.Cleanup(proxy.Close)
	w.endpoint = proxy.URL
}

// forward sends a request to where it goes, and reads the whole answer.
func forward(r *http.Request, target string, sent []byte) (*http.Response, []byte) {
	req, err := http.NewRequestWithContext(r.Context(), r.Method, target+r.URL.RequestURI(), bytes.NewReader(sent))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	req.Header, req.Host, req.ContentLength = r.Header.Clone(), r.Host, int64(len(sent)) // the host is signed
	reply, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	body, err := io.ReadAll(reply.Body)
	_ = reply.Body.Close()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return reply, body
}

// unsigned takes off by what a client could tell that the content is another.
func unsigned(reply *http.Response) {
	for name := range reply.Header {
		if strings.HasPrefix(strings.ToLower(name), "x-amz-checksum") {
			reply.Header.Del(name)
		}
	}
}

func isOutput(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".jsonl.out")
}

// firstLine cuts at a line's end, so that what is left is whole lines.
func firstLine(body []byte) []byte { return body[:bytes.IndexByte(body, '\n')+1] }

// TestOutputThatArrivesSpoiledOnceIsNotPaidTwice spoils the first download of each output file. The bill is the judge.
func TestOutputThatArrivesSpoiledOnceIsNotPaidTwice(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]func(reply *http.Response, body []byte) ([]byte, bool){
		"cut at a line, with a length that fits": func(_ *http.Response, b []byte) ([]byte, bool) { return firstLine(b), true },
		"empty":                                  func(*http.Response, []byte) ([]byte, bool) { return nil, true },
		"broken off":                             func(_ *http.Response, b []byte) ([]byte, bool) { return b[:len(b)/2], false },
		"broken off before the first byte":       func(*http.Response, []byte) ([]byte, bool) { return nil, false },
		"cut inside a line":                      func(_ *http.Response, b []byte) ([]byte, bool) { return b[:len(b)-20], true },
		"too long": func(_ *http.Response, b []byte) ([]byte, bool) {
			return append(bytes.Clone(b), firstLine(b)...), true
		},
		"one bit flipped": func(_ *http.Response, b []byte) ([]byte, bool) {
			b = bytes.Clone(b)
			b[len(b)/2] ^= 1
			return b, true
		},
		"a page instead": func(*http.Response, []byte) ([]byte, bool) { return []byte("<html><body>Sign in</body></html>"), true },
		"an error page": func(r *http.Response, _ []byte) ([]byte, bool) {
			r.StatusCode = http.StatusBadGateway
			return []byte("<html><body>502</body></html>"), true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{docs: someDocs(9)})
			w.proxied(t, func(n int, r *http.Request, reply *http.Response, body []byte) ([]byte, bool) {
				if n > 1 || !isOutput(r) || reply.StatusCode != http.StatusOK {
					return body, true
				}
				unsigned(reply)
				return s(reply, body)
			})
			out, _, err := w.run(t, nil)
			if err != nil {
				t.Fatal(err)
			}
			if out.Totals.OK != 10 {
				t.Errorf("%d ok, want 10: %+v", out.Totals.OK, out.Totals)
			}
			w.billedOnce(t, 9)
		})
	}
}

func (w *world) billedOnce(t *testing.T, records int) {
	t.Helper()
	bill := w.bill(t)
	if len(bill) != records {
		t.Errorf("%d records are billed, want %d", len(bill), records)
	}
	for id, n := range bill {
		if n != 1 {
			t.Errorf("record %s is billed %d times", id, n)
		}
	}
}

// TestOutputThatStaysShortStopsTheRun takes answers out of the output for good: nothing is asked again, and the run says so each time.
func TestOutputThatStaysShortStopsTheRun(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]struct {
		spoil func(body []byte) []byte
		lists bool // the listing says the spoiled size too
		says  string
	}{
		"fewer bytes than the listing says": {firstLine, false, "the object arrives incomplete"},
		"fewer answers than are counted":    {firstLine, true, "counts 3 answers, 1 are there"},
		"no answer at all":                  {func([]byte) []byte { return nil }, true, "counts 3 answers, 0 are there"},
		"nothing that can be read":          {func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`"recordId"`), []byte(`"recordIX"`)) }, true, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{docs: someDocs(9)})
			w.proxied(t, func(_ int, r *http.Request, reply *http.Response, body []byte) ([]byte, bool) {
				switch {
				case isOutput(r) && reply.StatusCode == http.StatusOK:
					unsigned(reply)
					reply.Header.Set("ETag", `"of-another-kind"`)
					return s.spoil(body), true
				case s.lists && r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "2":
					return withSizes(body, w, s.spoil, t), true
				}
				return body, true
			})
			before := -1
			for range 2 {
				_, _, err := w.run(t, nil)
				var q *quarry.Error
				if !errors.As(err, &q) || q.Kind != quarry.Provider || !strings.Contains(err.Error(), s.says) {
					t.Fatalf("got %v, want a stop that says %q", err, s.says)
				}
				billed := len(w.bill(t))
				if before >= 0 && billed != before {
					t.Errorf("%d records are billed, %d were before", billed, before)
				}
				before = billed
			}
			w.billedOnce(t, before)
		})
	}
}

// object is an object of the bucket, as it is.
func (w *world) object(t *testing.T, key string) []byte {
	t.Helper()
	id, secret := w.server.Keys()
	cfg, err := account.Load(t.Context(), account.Config{HTTP: http.DefaultClient, Fixed: &account.FixedKeys{Endpoint: w.server.URL(), KeyID: id, Secret: secret}})
	if err != nil {
		t.Error(err)
		return nil
	}
	r, _, err := bucket.New(cfg, w.bucket).Get(t.Context(), key)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return b
}

// withSizes gives a listing in which the output files have the size that they arrive with.
func withSizes(list []byte, w *world, spoil func([]byte) []byte, t *testing.T) []byte {
	parts := strings.Split(string(list), "<Contents>")
	for i := range parts[1:] {
		_, rest, _ := strings.Cut(parts[i+1], "<Key>")
		key, _, _ := strings.Cut(rest, "</Key>")
		if !strings.HasSuffix(key, ".jsonl.out") {
			continue
		}
		_, rest, _ = strings.Cut(parts[i+1], "<Size>")
		size, _, _ := strings.Cut(rest, "</Size>")
		parts[i+1] = strings.Replace(parts[i+1], "<Size>"+size+"</Size>", "<Size>"+strconv.Itoa(len(spoil(w.object(t, key))))+"</Size>", 1)
	}
	return []byte(strings.Join(parts, "<Contents>"))
}

// TestNothingIsLostOrPaidTwiceOverABadNetwork breaks every tenth answer of all kinds, for jobs and for calls.
func TestNothingIsLostOrPaidTwiceOverABadNetwork(t *testing.T) {
	t.Parallel()
	for _, mode := range []quarry.Mode{quarry.ModeJob, quarry.ModeOnDemand} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{docs: someDocs(9), cfg: func(c *run.Config) { c.Mode = mode }})
			var mu sync.Mutex
			draw := rand.New(rand.NewPCG(1, 2))
			lost := 0
			w.proxied(t, func(_ int, r *http.Request, _ *http.Response, body []byte) ([]byte, bool) {
				mu.Lock()
				defer mu.Unlock()
				if draw.IntN(10) > 0 {
					return body, true
				}
				if strings.HasSuffix(r.URL.Path, "/invoke") {
					lost++
				}
				return body[:draw.IntN(len(body)+1)], false
			})
			var out run.Outcome
			var err error
			for range 8 { // a person runs the command again where it says so
				if out, _, err = w.run(t, nil); err == nil {
					break
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			if out.Totals.OK != 10 {
				t.Errorf("%d ok, want 10: %+v", out.Totals.OK, out.Totals)
			}
			again := 0
			for _, n := range w.bill(t) {
				again += int(n) - 1
			}
			if again > lost {
				t.Errorf("%d answers are billed again, and the replies to %d calls were lost", again, lost)
			}
		})
	}
}
