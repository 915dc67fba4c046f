//go:build unix

package runner_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger/runner"
	"quarry/internal/testdata/pgcluster"
)

var withPostgres = flag.Bool("postgres", false, "start a Postgres and a PgBouncer of Debian's packages, and test the lock of a run in them")

// holdFor makes the test's own program a process that holds a run: it says so, and what becomes of it.
var holdFor = flag.String("hold", "", "ADDRESS RUN HANG: hold a run until it is lost")

var started = sync.OnceValues(pgcluster.New)

func TestMain(m *testing.M) {
	flag.Parse()
	if *holdFor != "" {
		hold(*holdFor)
		return
	}
	code := m.Run()
	if *withPostgres {
		if c, _ := started(); c != nil {
			_ = c.Remove()
		}
	}
	os.Exit(code)
}

func needPostgres(t *testing.T) *pgcluster.Cluster {
	t.Helper()
	if !*withPostgres {
		t.Skip("needs -postgres")
	}
	c, err := started()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var runs atomic.Int64

func freshRun() quarry.RunID { return quarry.RunID("k" + strconv.FormatInt(runs.Add(1), 10)) }

func open(ctx context.Context, address string, run quarry.RunID, hang time.Duration) (*runner.Runner, error) {
	return runner.OpenWith(ctx, effect.New(nil), address, run, hang)
}

// hold is the other process: it prints a line once it holds the run, saves a fact ten times a second, and prints why it stopped.
func hold(spec string) {
	words := strings.Fields(spec)
	hang, _ := time.ParseDuration(words[2])
	r, err := open(context.Background(), words[0], quarry.RunID(words[1]), hang)
	if err != nil {
		fmt.Println("refused", err)
		return
	}
	fmt.Println("holds")
	ctx, cancel := r.While(context.Background())
	defer cancel()
	for n := 0; ; n++ {
		if err := r.Held(); err != nil {
			fmt.Println("lost", err)
			return
		}
		if err := r.Ledger.SetFacts(context.Background(), map[string]string{"a": strconv.Itoa(n)}); err != nil {
			fmt.Println("fenced", err)
			return
		}
		select {
		case <-ctx.Done():
			fmt.Println("lost", context.Cause(ctx))
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// process is one that holds a run.
type process struct {
	cmd   *exec.Cmd
	lines chan string
}

func start(t *testing.T, address string, run quarry.RunID, hang time.Duration) *process {
	t.Helper()
	p := &process{exec.Command(os.Args[0], "-hold", fmt.Sprintf("%s %s %s", address, run, hang)), make(chan string, 10)}
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for in := bufio.NewScanner(out); in.Scan(); {
			p.lines <- in.Text()
		}
		close(p.lines)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	p.says(t, "holds")
	return p
}

func (p *process) says(t *testing.T, want string) string {
	t.Helper()
	select {
	case line := <-p.lines:
		if !strings.HasPrefix(line, want) {
			t.Fatalf("the other process says %q, want %s", line, want)
		}
		return line
	case <-time.After(time.Minute):
		t.Fatalf("the other process says nothing for a minute, want %s", want)
	}
	return ""
}

// refused checks that a run cannot be opened, since a process holds it.
func refused(t *testing.T, address string, run quarry.RunID) {
	t.Helper()
	_, err := open(t.Context(), address, run, time.Minute)
	var q *quarry.Error
	if !errors.Is(err, runner.ErrHeld) || !errors.As(err, &q) || q.Kind != quarry.Locked || q.Hint == "" {
		t.Fatalf("the second process: %v, want that another one holds the run", err)
	}
	if host, _ := os.Hostname(); !strings.Contains(err.Error(), "on "+host) {
		t.Errorf("%v: it does not name the machine %s", err, host)
	}
}

// takesOver opens a run as soon as it is free.
func takesOver(t *testing.T, address string, run quarry.RunID) *runner.Runner {
	t.Helper()
	began := time.Now()
	for {
		r, err := open(t.Context(), address, run, time.Minute)
		if err == nil {
			t.Cleanup(func() { _ = r.Close() })
			return r
		}
		if !errors.Is(err, runner.ErrHeld) || time.Since(began) > time.Minute {
			t.Fatal(err)
		}
		<-time.After(50 * time.Millisecond)
	}
}

func TestOneProcessHoldsARun(t *testing.T) {
	t.Parallel()
	address, run := pgcluster.Address(needPostgres(t).Dir), freshRun()
	first, err := open(t.Context(), address, run, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, address, run)
	host, _ := os.Hostname()
	if who, err := runner.Holders(t.Context(), address, run, "none"); err != nil || len(who) != 1 || !strings.Contains(who[run], host) {
		t.Errorf("Holders = %v, %v, want this machine for %s", who, err, run)
	}
	if err := first.Ledger.SetFacts(t.Context(), map[string]string{"a": "1"}); err != nil {
		t.Errorf("the process that was refused raised the fence: %v", err)
	}
	other, err := open(t.Context(), address, freshRun(), time.Minute)
	if err != nil {
		t.Fatalf("another run: %v", err)
	}
	if err := errors.Join(first.Held(), other.Close(), first.Close()); err != nil {
		t.Error(err)
	}
	takesOver(t, address, run)
}

func TestAKilledProcessLetsGo(t *testing.T) {
	t.Parallel()
	address, run := pgcluster.Address(needPostgres(t).Dir), freshRun()
	p := start(t, address, run, time.Minute)
	refused(t, address, run)
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	r := takesOver(t, address, run)
	if err := r.Ledger.SetFacts(t.Context(), map[string]string{"a": "mine"}); err != nil {
		t.Error(err)
	}
}

// TestAPausedProcessLosesTheRunAndSavesNothing stops a process as a debugger or a machine that sleeps does, and lets it continue after another
// one has taken the run over.
func TestAPausedProcessLosesTheRunAndSavesNothing(t *testing.T) {
	t.Parallel()
	address, run := pgcluster.Address(needPostgres(t).Dir), freshRun()
	p := start(t, address, run, 6*time.Second)
	paused := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	refused(t, address, run)
	r := takesOver(t, address, run)
	if took := time.Since(paused); took < 4*time.Second {
		t.Errorf("taken over after %s: before the other process would know it", took)
	}
	if err := r.Ledger.SetFacts(t.Context(), map[string]string{"a": "mine"}); err != nil {
		t.Error(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	line, open := "", true
	for open && line == "" { // it ends by what it sees first: the lock, or the fence
		line, open = <-p.lines
	}
	if !strings.HasPrefix(line, "lost") && !strings.HasPrefix(line, "fenced") {
		t.Errorf("the process that was paused says %q, want that it lost the run", line)
	}
	if facts, err := r.Ledger.Facts(t.Context(), "a"); err != nil || facts["a"] != "mine" {
		t.Errorf("the fact is %q, %v: the process that was paused saved it", facts["a"], err)
	}
	if err := r.Held(); err != nil {
		t.Error(err)
	}
}

// TestALostConnectionIsKnownWithinFiveSeconds cuts the connections of a process, by a server that dies, and by a network that swallows all.
func TestALostConnectionIsKnownWithinFiveSeconds(t *testing.T) {
	t.Parallel()
	c := needPostgres(t)
	for name, silent := range map[string]bool{"closed": false, "silent": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			between := forward(t, c)
			r, err := open(t.Context(), pgcluster.Address(between.dir), freshRun(), time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := r.While(t.Context())
			defer cancel()
			began := time.Now()
			between.cut(silent)
			select {
			case <-ctx.Done():
			case <-time.After(time.Minute):
				t.Fatal("not known after a minute")
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("known after %s", took)
			}
			var q *quarry.Error
			if err := context.Cause(ctx); !errors.Is(err, runner.ErrLost) || !errors.As(err, &q) || q.Kind != quarry.Locked {
				t.Errorf("the cause is %v, want %v", err, runner.ErrLost)
			}
			_ = r.Close()
		})
	}
}

// link is a Unix socket in front of the cluster's.
type link struct {
	dir string

	mu     sync.Mutex
	silent bool
	ends   []net.Conn
}

func forward(t *testing.T, c *pgcluster.Cluster) *link {
	t.Helper()
	const socket = ".s.PGSQL.5432"
	dir, err := os.MkdirTemp("/tmp", "link")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, socket))
	if err != nil {
		t.Fatal(err)
	}
	l := &link{dir: dir}
	t.Cleanup(func() {
		_ = listener.Close()
		l.cut(false)
		_ = os.RemoveAll(dir)
	})
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("unix", filepath.Join(c.Dir, socket))
			if err != nil {
				_ = client.Close()
				return
			}
			l.mu.Lock()
			l.ends = append(l.ends, client, server)
			l.mu.Unlock()
			go l.copy(client, server)
			go l.copy(server, client)
		}
	}()
	return l
}

func (l *link) copy(to, from net.Conn) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		l.mu.Lock()
		silent := l.silent
		l.mu.Unlock()
		if silent {
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// cut ends all connections, or lets them be open and takes nothing further.
func (l *link) cut(silent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.silent = silent; silent {
		return
	}
	for _, end := range l.ends {
		_ = end.Close()
	}
}

func TestAProxyThatPoolsTransactionsIsRefused(t *testing.T) {
	t.Parallel()
	c := needPostgres(t)
	// What the proxy drops of a connection's parameters is set for the user.
	db, err := sql.Open("pgx", pgcluster.Address(c.Dir))
	if err == nil {
		_, err = db.ExecContext(t.Context(), `ALTER ROLE quarry SET search_path TO quarry`)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"transaction", "session"} {
		b, err := c.NewBouncer(mode)
		if b != nil {
			t.Cleanup(func() { _ = b.Remove() })
		}
		if err != nil {
			t.Fatal(err)
		}
		run := freshRun()
		r, err := open(t.Context(), b.Address(), run, time.Minute)
		if mode == "session" {
			if err != nil {
				t.Fatalf("a proxy that pools sessions: %v", err)
			}
			refused(t, pgcluster.Address(c.Dir), run)
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			continue
		}
		var q *quarry.Error
		if !errors.Is(err, runner.ErrPooled) || !errors.As(err, &q) || q.Kind != quarry.BadUsage || q.Hint == "" {
			t.Errorf("a proxy that pools transactions: %v, want a usage error", err)
		}
		// Nothing of it is held by a connection of the pool.
		takesOver(t, pgcluster.Address(c.Dir), run)
	}
}

func TestWhatCannotBeOpenedIsSorted(t *testing.T) {
	t.Parallel()
	c := needPostgres(t)
	for address, want := range map[string]quarry.ErrorKind{
		"postgres://quarry:secret@/postgres?host=" + c.Dir:  quarry.BadUsage,
		"postgres://quarry@/nothing?host=" + c.Dir:          quarry.BadUsage,
		"postgres://other@/postgres?host=" + c.Dir:          quarry.Denied,
		"postgres://quarry@/postgres?host=" + c.Dir + "/no": quarry.Provider,
	} {
		_, err := runner.Open(t.Context(), effect.New(nil), address, freshRun())
		var q *quarry.Error
		if !errors.As(err, &q) || q.Kind != want || q.Hint == "" || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want kind %d", address, err, want)
		}
	}
}
