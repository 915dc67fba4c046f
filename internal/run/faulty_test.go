package run_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"quarry"
	"quarry/internal/run"
)

// A download that stalls after some bytes ends, is tried again, and nothing is bought twice.
func TestDownloadThatStallsIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]func(n int) int{"after the head": func(int) int { return 0 }, "after a byte": func(int) int { return 1 }, "before the last byte": func(n int) int { return n - 1 }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{docs: someDocs(9)})
			w.idle = 200 * time.Millisecond
			w.proxied(t, func(n int, r *http.Request, reply *http.Response, body []byte) ([]byte, bool) {
				if n > 1 || !isOutput(r) || reply.StatusCode != http.StatusOK {
					return body, true
				}
				reply.Header.Set(stalls, "yes")
				return body[:keep(len(body))], false
			})
			began := time.Now()
			out, _, err := w.run(t, nil)
			if err != nil {
				t.Fatal(err)
			}
			if out.Totals.OK != 10 {
				t.Errorf("%d ok, want 10: %+v", out.Totals.OK, out.Totals)
			}
			if time.Since(began) < w.idle {
				t.Error("nothing stalled")
			}
			w.billedOnce(t, 9)
		})
	}
}

// network is one on which any answer can go wrong. Each kind of fault counts how often it came.
type network struct {
	mu    sync.Mutex
	draw  *rand.Rand
	lists map[string][]byte // the first answer to each question for a list
	lost  int               // calls whose answer did not arrive whole
	came  map[string]int
}

// everyKind are the faults. A flipped bit is one of an object, which has a checksum.
var everyKind = []string{"cut", "stall", "truncate", "flip", "page", "error page", "stale list"}

var isList = regexp.MustCompile(`list-type=2|/model-invocation-jobs`)

// there draws what becomes of a request: one in ten is sent twice, but for calls, of which each is paid; one upload in ten has a bit flipped.
func (n *network) there(r *http.Request, sent []byte) ([]byte, int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.draw.IntN(10) > 0 || strings.HasSuffix(r.URL.Path, "/invoke"):
		return sent, 1
	case r.Method == http.MethodPut && len(sent) > 0 && n.draw.IntN(2) == 0:
		n.came["flipped upload"]++
		sent = bytes.Clone(sent)
		sent[n.draw.IntN(len(sent))] ^= 1
		return sent, 1
	}
	n.came["sent twice"]++
	return sent, 2
}

// spoil draws what becomes of an answer: one in four goes wrong.
func (n *network) spoil(_ int, r *http.Request, reply *http.Response, body []byte) ([]byte, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	uri := r.Method + " " + r.URL.RequestURI()
	first, seen := n.lists[uri]
	if !seen && isList.MatchString(uri) {
		n.lists[uri] = body
	}
	if n.draw.IntN(4) > 0 || len(body) == 0 {
		return body, true
	}
	kind := everyKind[n.draw.IntN(len(everyKind))]
	call := strings.HasSuffix(r.URL.Path, "/invoke")
	switch {
	case kind == "stale list" && !seen, kind == "flip" && (r.Method != http.MethodGet || !isOutput(r)):
		return body, true
	case call: // it was answered and paid, and the client cannot know
		n.lost++
	}
	n.came[kind]++
	at := n.draw.IntN(len(body))
	switch kind {
	case "cut":
		return body[:at], false
	case "stall":
		reply.Header.Set(stalls, "yes")
		return body[:at], false
	case "truncate":
		return body[:at], true
	case "flip":
		body = bytes.Clone(body)
		body[at] ^= 1
		return body, true
	case "stale list":
		return first, true
	case "error page":
		reply.StatusCode = http.StatusServiceUnavailable
	}
	reply.Header.Set("Content-Type", "text/html")
	return []byte("<!DOCTYPE html><html><body>The gateway says no.</body></html>"), true
}

// TestNothingIsLostOrPaidTwiceWhateverTheNetworkDoes lets a person run the command again where it says so. The bill is the judge. With -full there are many
// more draws.
func TestNothingIsLostOrPaidTwiceWhateverTheNetworkDoes(t *testing.T) {
	t.Parallel()
	draws := uint64(4)
	if *full {
		draws = 60
	}
	if testing.Short() {
		draws = 1
	}
	for seed := range draws {
		for _, mode := range []quarry.Mode{quarry.ModeJob, quarry.ModeOnDemand} {
			t.Run(fmt.Sprint(mode, " ", seed), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, worldConfig{docs: someDocs(6), cfg: func(c *run.Config) { c.Mode = mode }})
				w.idle = 300 * time.Millisecond
				n := &network{draw: rand.New(rand.NewPCG(seed, 7)), lists: map[string][]byte{}, came: map[string]int{}}
				w.proxiedBoth(t, n.there, n.spoil)
				var out run.Outcome
				var err error
				for range 20 {
					if out, _, err = w.run(t, nil); err == nil {
						break
					}
				}
				if err != nil {
					t.Fatalf("after %v: %v", n.came, err)
				}
				// Two lost replies end a record: a third call could be the third that is paid.
				if failed := out.Totals.Failed; out.Totals.OK+failed != 7 || failed > 0 && (n.lost < 2 || out.Totals.Classes["no_reply"] == 0) {
					t.Errorf("%d ok, want 7, or fewer where two replies were lost: %+v", out.Totals.OK, out.Totals)
				}
				again := 0
				for _, times := range w.bill(t) {
					again += int(times) - 1
				}
				again += len(w.bill(t)) - 6 // records that were asked under another recordId
				if again > n.lost {
					t.Errorf("%d answers are billed again, and the replies to %d calls were lost; %v", again, n.lost, n.came)
				}
				w.auditClean(t)
			})
		}
	}
}

// kindOf is a request without what differs from run to run: ids, names and digests.
func kindOf(r *http.Request) string {
	var query []string
	for name := range r.URL.Query() {
		query = append(query, name)
	}
	slices.Sort(query)
	path := strings.Split(r.URL.Path, "/")
	for i, part := range path {
		path[i] = changing.ReplaceAllString(part, "ID")
	}
	return r.Method + " " + strings.Join(path, "/") + " " + strings.Join(query, "&")
}

var changing = regexp.MustCompile(`^(arn:.*|[a-z0-9]{10,12}|[ps]0000\d(-a\d)?)$|[ps]0000\d`)

// TestAnyKindOfAnswerMayGoWrongOnce spoils the first answer of each kind that a run asks for, in each way. Of all combinations every eleventh is
// tried, and with -full each.
func TestAnyKindOfAnswerMayGoWrongOnce(t *testing.T) {
	t.Parallel()
	for _, mode := range []quarry.Mode{quarry.ModeJob, quarry.ModeOnDemand} {
		kinds := kindsOfAnswers(t, mode)
		if len(kinds) < 3 {
			t.Fatalf("a run asks for %v alone", kinds)
		}
		for i, kind := range kinds {
			for j, how := range []string{"page", "error page", "cut", "stall", "truncate"} {
				if !*full && (5*i+j)%11 > 0 {
					continue
				}
				t.Run(fmt.Sprint(mode, " ", how, " of ", kind), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, worldConfig{docs: someDocs(6), cfg: func(c *run.Config) { c.Mode = mode }})
					w.idle = 300 * time.Millisecond
					var once sync.Once
					w.proxied(t, func(_ int, r *http.Request, reply *http.Response, body []byte) ([]byte, bool) {
						whole := true
						if kindOf(r) == kind && (len(body) > 0 || strings.HasSuffix(how, "page")) && r.Method != http.MethodHead {
							once.Do(func() { body, whole = spoilt(how, reply, body) })
						}
						return body, whole
					})
					var out run.Outcome
					var err error
					for range 4 {
						if out, _, err = w.run(t, nil); err == nil {
							break
						}
					}
					if err != nil || out.Totals.OK != 7 {
						t.Fatalf("%+v, %v; want 7 ok", out.Totals, err)
					}
					again := len(w.bill(t)) - 6
					for _, times := range w.bill(t) {
						again += int(times) - 1
					}
					if again > 1 || (again > 0 && !strings.Contains(kind, "/invoke")) {
						t.Errorf("%d answers are billed again", again)
					}
					w.auditClean(t)
				})
			}
		}
	}
}

// spoilt is an answer that goes wrong in one way, in its middle.
func spoilt(how string, reply *http.Response, body []byte) ([]byte, bool) {
	half := body[:len(body)/2]
	switch how {
	case "cut":
		return half, false
	case "stall":
		reply.Header.Set(stalls, "yes")
		return half, false
	case "truncate":
		return half, true
	case "error page":
		reply.StatusCode = http.StatusServiceUnavailable
	}
	reply.Header.Set("Content-Type", "text/html")
	return []byte("<!DOCTYPE html><html><body>The gateway says no.</body></html>"), true
}

// kindsOfAnswers are those that a run without faults asks for.
func kindsOfAnswers(t *testing.T, mode quarry.Mode) []string {
	t.Helper()
	var mu sync.Mutex
	seen := map[string]bool{}
	w := newWorld(t, worldConfig{docs: someDocs(6), cfg: func(c *run.Config) { c.Mode = mode }})
	w.proxied(t, func(_ int, r *http.Request, _ *http.Response, body []byte) ([]byte, bool) {
		mu.Lock()
		defer mu.Unlock()
		seen[kindOf(r)] = true
		return body, true
	})
	if _, _, err := w.run(t, nil); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(seen))
}
