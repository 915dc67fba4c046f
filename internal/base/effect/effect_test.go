package effect_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"quarry/internal/base/effect"
)

var errDied = errors.New("died")

// dying gives effects that die at their nth effect, before it or after it.
func dying(n int64, when effect.When) *effect.Effects {
	return effect.New(func(p effect.Point) error {
		if p.N == n && p.When == when {
			return errDied
		}
		return nil
	})
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAnEffectThatDiesBeforeIsNotDoneAndOneThatDiesAfterIs(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(server.Close)
	for name, c := range map[string]struct {
		act  func(e *effect.Effects, dir string) error
		done func(dir string) bool
	}{
		"mkdir": {func(e *effect.Effects, dir string) error { return e.MkdirAll(filepath.Join(dir, "a/b")) }, exists("a/b")},
		"rename": {func(e *effect.Effects, dir string) error {
			return e.Rename(filepath.Join(dir, "x"), filepath.Join(dir, "y"))
		}, exists("y")},
		"rename to a new name": {func(e *effect.Effects, dir string) error {
			return e.RenameNew(filepath.Join(dir, "x"), filepath.Join(dir, "y"))
		}, exists("y")},
		"remove":     {func(e *effect.Effects, dir string) error { return e.Remove(filepath.Join(dir, "x")) }, gone("x")},
		"remove all": {func(e *effect.Effects, dir string) error { return e.RemoveAll(filepath.Join(dir, "x")) }, gone("x")},
		"copy": {func(e *effect.Effects, dir string) error {
			return e.Copy(filepath.Join(dir, "x"), filepath.Join(dir, "y"))
		}, exists("y")},
		"create": {func(e *effect.Effects, dir string) error {
			f, err := e.Create(filepath.Join(dir, "y"))
			if err == nil {
				err = f.Close()
			}
			return err
		}, exists("y")},
		"request": {func(e *effect.Effects, _ string) error {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
			if err != nil {
				return err
			}
			resp, err := e.HTTPClient(effect.HTTPConfig{}).Do(req)
			if err == nil {
				err = resp.Body.Close()
			}
			return err
		}, func(string) bool { return asked.Load() > 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			for _, when := range []effect.When{effect.Before, effect.After} {
				asked.Store(0)
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "x"), []byte("content"), 0o600); err != nil {
					t.Fatal(err)
				}
				e := dying(1, when)
				if err := c.act(e, dir); !errors.Is(err, errDied) || !errors.Is(err, effect.ErrHook) {
					t.Errorf("death %s: %v, want one by the hook", when, err)
				}
				if got := c.done(dir); got != (when == effect.After) {
					t.Errorf("death %s: done is %v", when, got)
				}
				var n int64
				for _, k := range e.Counts() {
					n += k
				}
				if n != 1 {
					t.Errorf("death %s: %d effects were counted, want 1", when, n)
				}
			}
		})
	}
}

func exists(name string) func(string) bool {
	return func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
}

func gone(name string) func(string) bool {
	return func(dir string) bool { return !exists(name)(dir) }
}

func TestAFailedTransactionChangesNothing(t *testing.T) {
	t.Parallel()
	db, err := effect.New(nil).OpenDB("sqlite", "file:"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	insert := func(fail error) error {
		return db.Change(t.Context(), "insert", func(tx *effect.Tx) error {
			if _, err := tx.ExecContext(t.Context(), `CREATE TABLE IF NOT EXISTS n (n INTEGER)`); err != nil {
				return err
			}
			if _, err := tx.ExecContext(t.Context(), `INSERT INTO n VALUES (1)`); err != nil {
				return err
			}
			return fail
		})
	}
	if err := insert(nil); err != nil {
		t.Fatal(err)
	}
	if err := insert(errDied); !errors.Is(err, errDied) {
		t.Errorf("Change = %v, want its function's error", err)
	}
	var n int
	if err := db.QueryRow(t.Context(), `SELECT COUNT(*) FROM n`, nil, &n); err != nil || n != 1 {
		t.Errorf("%d rows, %v, want that of the change that was committed", n, err)
	}
	if err := db.QueryRow(t.Context(), `SELECT n FROM n WHERE n = 2`, nil, &n); !errors.Is(err, effect.ErrNoRows) {
		t.Errorf("QueryRow of none = %v, want ErrNoRows", err)
	}
}

// A run saves its rows by the same few statements, thousands of times.
func TestAStatementThatComesAgainIsCompiledAndFollowsItsTable(t *testing.T) {
	t.Parallel()
	db, err := effect.New(nil).OpenDB("sqlite", "file:"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	execute := func(query string, args ...any) error {
		return db.Change(t.Context(), query, func(tx *effect.Tx) error {
			_, err := tx.ExecContext(t.Context(), query, args...)
			return err
		})
	}
	if err := execute(`CREATE TABLE n (i UNIQUE); CREATE TABLE other (i)`); err != nil {
		t.Fatal(err)
	}
	const insert = `INSERT INTO n (i) VALUES (?)`
	for i := range 3 {
		if err := execute(insert, i); err != nil {
			t.Fatal(err)
		}
	}
	if n := db.Compiled(); n != 1 {
		t.Errorf("%d texts are compiled, want that of the insert", n)
	}
	if err := execute(insert, 0); err == nil {
		t.Error("a compiled statement violated a constraint without an error")
	}
	if err := execute(`ALTER TABLE n ADD COLUMN j DEFAULT 7`); err != nil {
		t.Fatal(err)
	}
	if err := execute(insert, 3); err != nil {
		t.Fatal(err)
	}
	var rows, sum int
	if err := db.QueryRow(t.Context(), `SELECT COUNT(*), SUM(j) FROM n`, nil, &rows, &sum); err != nil || rows != 4 || sum != 4*7 {
		t.Errorf("%d rows with the sum %d, %v, want 4 with 28", rows, sum, err)
	}
}

// TestWhatEndsAContextEndsItsQueries ends a context before, in and after each statement: the error is why it ended, not what a driver
// says of a query that was cut off.
func TestWhatEndsAContextEndsItsQueries(t *testing.T) {
	t.Parallel()
	db, err := effect.New(nil).OpenDB("sqlite", "file:"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	const many = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT `
	insert := func(ctx context.Context, tx *effect.Tx) error {
		_, err := tx.ExecContext(ctx, `CREATE TABLE t (i)`)
		return err
	}
	none := func() {}
	for name, query := range map[string]func(ctx context.Context, end func()) error{
		"begin": func(ctx context.Context, end func()) error {
			end()
			return db.Change(ctx, "x", func(tx *effect.Tx) error { return insert(ctx, tx) })
		},
		"statement": func(ctx context.Context, end func()) error {
			return db.Change(ctx, "x", func(tx *effect.Tx) error { end(); return insert(ctx, tx) })
		},
		"commit": func(ctx context.Context, end func()) error {
			return db.Change(ctx, "x", func(tx *effect.Tx) error { err := insert(ctx, tx); end(); return err })
		},
		"row": func(ctx context.Context, end func()) error {
			time.AfterFunc(50*time.Millisecond, end)
			var n int
			return db.QueryRow(ctx, many+`COUNT(*) FROM n`, nil, &n)
		},
		"rows": func(ctx context.Context, end func()) error {
			rows, err := db.Query(ctx, many+`i FROM n`)
			if err != nil {
				return err
			}
			defer func() { _ = rows.Close() }()
			for end := end; rows.Next(); end = none {
				end()
			}
			return rows.Err()
		},
		"scan": func(ctx context.Context, end func()) error {
			rows, err := db.Query(ctx, many+`i FROM n`)
			if err != nil {
				return err
			}
			defer func() { _ = rows.Close() }()
			rows.Next()
			end()
			for n := 0; ; {
				if err := rows.Scan(&n); err != nil {
					return err
				}
			}
		},
	} {
		why := errors.New("why")
		ctx, cancel := context.WithCancelCause(t.Context())
		if err := query(ctx, func() { cancel(why) }); !errors.Is(err, why) {
			t.Errorf("%s: %v, want the cause", name, err)
		}
		cancel(nil)
	}
}

func TestANewNameIsNeverTakenFromAnotherFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	for path, text := range map[string]string{from: "mine", to: "another's"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := effect.New(nil).RenameNew(from, to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("RenameNew onto a file = %v, want fs.ErrExist", err)
	}
	if read(t, to) != "another's" || read(t, from) != "mine" {
		t.Error("a file was changed")
	}
}

func TestOnlyWhatIsTemporaryIsNotSynced(t *testing.T) {
	t.Parallel()
	e := effect.New(nil)
	dir, err := e.TempDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	stage, err := e.StageDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		filepath.Join(dir, "x"): true, filepath.Join(dir, "a", "x"): true, dir + "x": false, dir: false, filepath.Join(stage, "x"): false,
	} {
		if got := e.Temporary(path); got != want {
			t.Errorf("Temporary(%s) = %v", path, got)
		}
	}
}

func TestAppendedLinesFollowAndATruncatedFileIsShorter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x")
	e := effect.New(nil)
	for range 2 {
		f, err := e.Append(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, "line\n"); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, path); got != "line\nline\n" {
		t.Errorf("the file holds %q", got)
	}
	f, err := e.Append(path)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4)
	if _, err := f.ReadAt(b, 5); err != nil || string(b) != "line" || f.Path() != path {
		t.Errorf("ReadAt = %q, %v, of %s", b, err, f.Path())
	}
	if err := errors.Join(f.Truncate(5), f.Close()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "line\n" {
		t.Errorf("the file holds %q after it was cut", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 && os.PathSeparator == '/' {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
}

func TestALockIsHeldOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	held := func(want bool) {
		t.Helper()
		if got, err := effect.Held(dir); got != want || err != nil {
			t.Errorf("Held = %v, %v, want %v", got, err, want)
		}
	}
	held(false) // and makes no file
	if _, err := os.Stat(filepath.Join(dir, "lock")); err == nil {
		t.Error("Held made a lock file")
	}
	release, err := effect.New(nil).Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := effect.New(nil).Lock(dir); !errors.Is(err, effect.ErrLocked) {
		t.Errorf("a second Lock = %v, want ErrLocked", err)
	}
	held(true)
	if strings.TrimSpace(read(t, filepath.Join(dir, "lock"))) == "" {
		t.Error("the lock does not say which process has it")
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	held(false)
	if release, err = effect.New(nil).TryLock(dir); err != nil {
		t.Fatalf("TryLock of what was released = %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

// A redirect of S3 to another Region must reach the caller as what it is.
func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.RedirectHandler("/there", http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	e := effect.New(nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := e.HTTPClient(effect.HTTPConfig{}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusTemporaryRedirect || e.Counts()[effect.HTTP] != 1 {
		t.Errorf("status %d after %d requests, want the redirect after one", resp.StatusCode, e.Counts()[effect.HTTP])
	}
}

func TestACallThatFailedInTheNetworkNamesItsHost(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	host := strings.TrimPrefix(server.URL, "http://")
	server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+"/secret?key=1", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := effect.New(nil).HTTPClient(effect.HTTPConfig{}).Do(req)
	if err == nil {
		_ = resp.Body.Close()
		t.Fatal("a closed port answered")
	}
	if said := effect.Unanswered(err).Error(); !strings.Contains(said, host) || strings.Contains(said, "secret") || !errors.Is(effect.Unanswered(err), err) {
		t.Errorf("Unanswered = %q", said)
	}
	if got := effect.Unanswered(errDied); !errors.Is(got, errDied) || got.Error() != errDied.Error() {
		t.Errorf("Unanswered of another error = %v", got)
	}
}

// closedWriterTo is a request's body that the SDK closed after its last byte was read.
type closedWriterTo struct{ io.Reader }

func (closedWriterTo) WriteTo(io.Writer) (int64, error) { return 0, io.EOF }
func (closedWriterTo) Close() error                     { return nil }

func TestABodyThatWasClosedAfterItsLastByteFailsNoRequest(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, strings.Repeat("x", int(n)))
	}))
	defer server.Close()
	const size = 64 << 10
	clients := map[string]effect.Doer{
		"HTTPClient": effect.New(nil).HTTPClient(effect.HTTPConfig{}),
		"Count":      effect.New(nil).Count(&http.Client{}),
	}
	for name, client := range clients {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, closedWriterTo{strings.NewReader(strings.Repeat("x", size))})
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = size
		reply, err := client.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := io.ReadAll(reply.Body)
		_ = reply.Body.Close()
		if err != nil || len(got) != size {
			t.Errorf("%s: read %d bytes of the answer, %v", name, len(got), err)
		}
	}
}
