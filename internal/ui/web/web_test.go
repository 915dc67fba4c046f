package web_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/cli/board"
	"quarry/internal/outcome/report"
	"quarry/internal/outcome/review"
	"quarry/internal/ui/view"
	"quarry/internal/ui/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a server over a folder with two runs.
type world struct {
	*web.Server
	client *http.Client
	base   string // address without the token
	folder string
	state  atomic.Pointer[view.State]
	fault  atomic.Pointer[error]
	stop   context.CancelFunc
	// stopped is the directory of the run that was stopped.
	stopped atomic.Pointer[string]
}

func setup(t *testing.T) *world { return setupWith(t, web.Allow{}) }

func setupWith(t *testing.T, allow web.Allow) *world {
	t.Helper()
	w := &world{folder: t.TempDir()}
	for _, dir := range []string{"blog/quarry-run", "archive"} {
		path := filepath.Join(w.folder, filepath.FromSlash(dir))
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, "ledger.db"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.state.Store(normal())
	ctx, stop := context.WithCancel(t.Context())
	w.stop = stop
	var err error
	w.Server, err = web.Start(ctx, web.Config{
		Addr: "127.0.0.1:0", Runs: web.Folders{w.folder}, Every: time.Millisecond,
		Look: func(context.Context, string) (*view.State, error) {
			if fault := w.fault.Load(); fault != nil {
				return nil, *fault
			}
			return w.state.Load(), nil
		},
		Review: func(_ context.Context, dir string) (*review.Dir, error) {
			return &review.Dir{Path: dir, Effects: effect.New(nil)}, nil
		},
		Stop: func(_ context.Context, dir string) error { w.stopped.Store(&dir); return nil },
		Who:  "ann", Allow: allow, Say: t.Logf,
	})
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	w.client = &http.Client{Jar: jar, Transport: transport}
	t.Cleanup(func() {
		stop()
		transport.CloseIdleConnections()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	w.base, _, _ = strings.Cut(w.URL(), "/?")
	return w
}

// normal is the state of a run under way.
func normal() *view.State {
	return &view.State{
		Run: "abcdefghij", Planned: true, Records: 200, Processed: 50, Cost: "$1.00 spent", Changed: time.Unix(1_800_000_000, 0),
		Board: &board.Board{
			Title:  "run abcdefghij in quarry-run",
			Stages: []board.Stage{{Name: "plan", Done: true}, {Name: "shards", AtIt: true}, {Name: "export"}},
			Rows:   []board.Row{{Name: "records", Text: "50 of 200 processed"}, {Name: "failures", Text: "3 truncated", Mood: board.Bad}},
			Jobs:   []board.Job{{Shard: "0001", State: "InProgress", Records: 100, Done: 50, ARN: "arn:aws:bedrock:x", Waits: "a turn", Place: "us-west-2", Resent: 2}},
		},
		Failures: []report.Failure{{Kind: "truncated", Message: "the answer was cut off", Count: 3, Hint: "raise max_tokens", Examples: []quarry.DocumentID{"doc-7"}}},
		Waits:    &review.Question{Text: "send 100 documents?", Documents: 100, Digest: "d1", Asks: review.Rest},
		Report: &report.Report{
			Run: "abcdefghij", Documents: report.Documents{Total: 100, OK: 90, Invalid: 4, Failed: 3, Skipped: 3}, Model: "m", Target: "local",
			Sources: []string{"a.jsonl"}, Notes: []string{"a note"},
		},
	}
}

func (w *world) login(t *testing.T) {
	t.Helper()
	w.get(t, w.URL(), http.StatusOK)
}

func (w *world) get(t *testing.T, address string, status int) string {
	t.Helper()
	if strings.HasPrefix(address, "/") {
		address = w.base + address
	}
	r, err := w.client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != status {
		t.Fatalf("GET %s = %s, want %d: %s", address, r.Status, status, text)
	}
	return string(text)
}

// run gives the address of the first run that the list names.
func (w *world) run(t *testing.T) string {
	t.Helper()
	_, rest, ok := strings.Cut(w.get(t, "/", http.StatusOK), `href="/run/`)
	id, _, _ := strings.Cut(rest, `/"`)
	if !ok || len(id) != 12 {
		t.Fatalf("the list leads to no run: %q", id)
	}
	return "/run/" + id + "/"
}

func TestPagesSayWhatPeopleAsk(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.login(t)
	list := w.get(t, "/", http.StatusOK)
	for _, text := range []string{"blog/quarry-run", "/archive", "50 of 200 records", "Waits for an approval", "$1.00 spent", `width="25%"`} {
		if !strings.Contains(list, text) {
			t.Errorf("the list of runs does not say %q", text)
		}
	}
	address := w.run(t)
	for _, text := range []string{
		"50 of 200 records came back (25%)", "the answer was cut off", "raise max_tokens", "doc-7", "0001", "waits: a turn", "arn:aws:bedrock:x", "us-west-2",
		"sent again", "send 100 documents?", "--rest", "--allow approve", address + "report", `data-live="` + address + `live"`,
	} {
		if !strings.Contains(w.get(t, address, http.StatusOK), text) {
			t.Errorf("the page of a run does not say %q", text)
		}
	}
	if page := w.get(t, address+"report", http.StatusOK); !strings.Contains(page, "What came back") {
		t.Error("the report is not the report")
	}
	w.get(t, "/run/000000000000/", http.StatusNotFound)
	w.get(t, "/run/..%2f..%2fetc/", http.StatusNotFound)
	w.get(t, "/no-such-page", http.StatusNotFound)
}

func TestARunThatCannotBeReadHidesNoOther(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.login(t)
	address := w.run(t)
	var fault error = &quarry.Error{Kind: quarry.BadUsage, Err: errors.New("the ledger is <newer>"), Hint: "use a newer quarry"}
	w.fault.Store(&fault)
	if page := w.get(t, "/", http.StatusOK); strings.Count(page, "the ledger is &lt;newer&gt;") != 2 || !strings.Contains(page, "use a newer quarry") {
		t.Errorf("the list does not say why runs cannot be read: %s", page)
	}
	if page := w.get(t, address, http.StatusBadRequest); !strings.Contains(page, "use a newer quarry") {
		t.Errorf("the page of the run does not say why: %s", page)
	}
}

func TestThePageOfARunIsLive(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.login(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	events := w.stream(t, ctx)
	if name, text := next(t, events); name != "state" || !strings.Contains(text, "50 of 200") {
		t.Errorf("first event %s: %s", name, text)
	}
	more := normal()
	more.Processed = 150
	w.state.Store(more)
	if name, text := next(t, events); name != "state" || !strings.Contains(text, "150 of 200") {
		t.Errorf("after a change, event %s: %s", name, text)
	}
	end := normal()
	end.Ended, end.Waits = true, nil
	w.state.Store(end)
	if name, text := next(t, events); name != "end" || !strings.Contains(text, "Finished, with failures") {
		t.Errorf("at the end, event %s: %s", name, text)
	}
	if _, err := events.ReadByte(); err == nil {
		t.Error("the stream continues after the run has ended")
	}
}

func TestTheServerEndsWithOpenStreams(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.login(t)
	events := w.stream(t, t.Context())
	next(t, events)
	began := time.Now()
	w.stop()
	if _, err := io.Copy(io.Discard, events); err == nil {
		t.Log("the stream was ended in order")
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func (w *world) stream(t *testing.T, ctx context.Context) *bufio.Reader {
	t.Helper()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+w.run(t)+"live", nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Body.Close() })
	if kind := r.Header.Get("Content-Type"); r.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("%s, %s", r.Status, kind)
	}
	return bufio.NewReader(r.Body)
}

// next reads an event.
func next(t *testing.T, in *bufio.Reader) (name, text string) {
	t.Helper()
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		line = strings.TrimSuffix(line, "\n")
		switch field, value, _ := strings.Cut(line, ": "); field {
		case "event":
			name = value
		case "data", "data:":
			text += value + "\n"
		case "":
			if name != "" {
				return name, text
			}
		}
	}
}

func TestAssetsAreThere(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.login(t)
	if css := w.get(t, "/style.css", http.StatusOK); !strings.Contains(css, ".verdict") || !strings.Contains(css, ".skip") {
		t.Error("the style lacks that of the report or that of the pages")
	}
	if js := w.get(t, "/ui.js", http.StatusOK); !strings.Contains(js, "EventSource") {
		t.Error("the script does not follow a run")
	}
}

func TestFolders(t *testing.T) {
	t.Parallel()
	base, outside := t.TempDir(), t.TempDir()
	for _, dir := range []string{"a", "b/c", "b/d/e", "f/g/h/i", ".hidden", "a/local"} {
		path := filepath.Join(base, filepath.FromSlash(dir))
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, "ledger.db"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(outside, "ledger.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(base, "link")); err != nil {
		t.Skip(err)
	}
	runs, more, err := web.Folders{base, filepath.Join(base, "a"), filepath.Join(base, "b")}.List(t.Context())
	if err != nil || more != 0 {
		t.Fatal(more, err)
	}
	var names []string
	ids := map[string]bool{}
	for _, run := range runs {
		below, err := filepath.Rel(base, run.Dir)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, filepath.ToSlash(below))
		ids[run.ID] = true
	}
	if got, want := strings.Join(names, " "), "a b/c b/d/e"; got != want {
		t.Errorf("found %s, want %s: not deeper than two folders, each once, no link", got, want)
	}
	if len(ids) != len(runs) {
		t.Errorf("%d names in addresses for %d runs", len(ids), len(runs))
	}
}
