package run_test

import (
	"bytes"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/run"
)

// mutation is what becomes of the output or of the manifest of the only job of a run, of three records, and what the run makes of it.
// It is mutated in every download, and the listing says so. Package life has the whole table of them.
type mutation struct {
	name     string
	output   func([]byte) []byte
	manifest func([]byte) []byte
	stops    string // the run stops, and says this
	invalid  int    // documents whose paid answer is not taken and not bought again
	again    int    // records that are sent once more
}

// TestMutatedOutputsAndManifests lets the bill judge: no answered record is bought twice without a reason, nothing is lost, audit
// agrees, and the directory stays usable.
func TestMutatedOutputsAndManifests(t *testing.T) {
	t.Parallel()
	once := func(from, to string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.Replace(b, []byte(from), []byte(to), 1) }
	}
	for _, m := range []mutation{
		{name: "a line that is doubled", output: func(b []byte) []byte { return append(b, b[:bytes.IndexByte(b, '\n')+1]...) }},
		{name: "an echo of another text", output: once("Stone", "Wood"), invalid: 1},
		{name: "an answer under another recordId", output: once(`"recordId":"a-`, `"recordId":"x-`), again: 1},
		{name: "a line that is missing", output: func(b []byte) []byte { return b[bytes.IndexByte(b, '\n')+1:] }, stops: "counts 3 answers, 2 are there"},
		{name: "a manifest that is a page", manifest: func([]byte) []byte { return []byte("<html>") }},
		{name: "a manifest of more answers", manifest: once(`"successRecordCount":3`, `"successRecordCount":4`), stops: "its manifest counts 4 answers, 3 are there"},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{docs: doc("a", longText(1)) + doc("b", longText(2)) + doc("c", longText(3)), cfg: func(c *run.Config) { c.NoPilot = true }})
			w.mutated(t, &m)
			out, _, err := w.run(t, nil)
			if m.stops != "" {
				var q *quarry.Error
				if !errors.As(err, &q) || q.Kind != quarry.Provider || !strings.Contains(err.Error(), m.stops) {
					t.Fatalf("got %v, want a stop that says %q", err, m.stops)
				}
			} else {
				if err != nil {
					t.Fatal(err)
				}
				if out.Totals.Invalid != int64(m.invalid) || out.Totals.OK != 3-int64(m.invalid) {
					t.Errorf("%+v, want %d invalid and the others ok", out.Totals, m.invalid)
				}
				w.auditClean(t)
			}
			w.billedOnce(t, 3+m.again)
			// The same command says the same again, and buys nothing.
			_, _, again := w.run(t, nil)
			if (again == nil) != (err == nil) {
				t.Errorf("the second time: %v, the first: %v", again, err)
			}
			w.billedOnce(t, 3+m.again)
		})
	}
}

// mutated puts a proxy between the run and the stand-in that mutates objects and gives their new sizes.
func (w *world) mutated(t *testing.T, m *mutation) {
	t.Helper()
	change := func(key string, body []byte) []byte {
		switch {
		case strings.HasSuffix(key, "/manifest.json.out"):
			if m.manifest != nil {
				return m.manifest(body)
			}
		case strings.HasSuffix(key, ".jsonl.out") && m.output != nil:
			return m.output(body)
		}
		return body
	}
	w.proxied(t, func(_ int, r *http.Request, reply *http.Response, body []byte) ([]byte, bool) {
		switch {
		case r.Method != http.MethodGet || reply.StatusCode != http.StatusOK:
		case strings.HasSuffix(r.URL.Path, ".out"):
			unsigned(reply)
			reply.Header.Set("ETag", `"of-another-kind"`)
			return change(r.URL.Path, body), true
		case r.URL.Query().Get("list-type") == "2":
			return resized(body, func(key string) int { return len(change(key, w.object(t, key))) }), true
		}
		return body, true
	})
}

var listed = regexp.MustCompile(`<Key>([^<]*\.out)</Key>(.*?)<Size>\d+</Size>`)

// resized gives a listing in which outputs have other sizes.
func resized(list []byte, size func(key string) int) []byte {
	return listed.ReplaceAllFunc(list, func(part []byte) []byte {
		m := listed.FindSubmatch(part)
		return []byte("<Key>" + string(m[1]) + "</Key>" + string(m[2]) + "<Size>" + strconv.Itoa(size(string(m[1]))) + "</Size>")
	})
}
