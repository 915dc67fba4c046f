package ledger_test

import (
	"flag"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/base/ledger/ledgertest"
	"quarry/internal/testdata/pgcluster"
)

var withPostgres = flag.Bool("postgres", false, "start a Postgres of Debian's package, and test ledgers in it")

type cluster = pgcluster.Cluster

// started is the cluster of all tests, which TestMain ends.
var started = sync.OnceValues(pgcluster.New)

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if *withPostgres {
		if c, _ := started(); c != nil {
			_ = c.Remove()
		}
	}
	os.Exit(code)
}

// address gives the address of the cluster, or of what listens in its place in a folder.
func address(dir string) string { return pgcluster.Address(dir) }

func needPostgres(t *testing.T) *cluster {
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

// freshRun gives an id that no other test has.
func freshRun() quarry.RunID { return quarry.RunID("r" + strconv.FormatInt(runs.Add(1), 10)) }

func openRun(t *testing.T, dir string, run quarry.RunID, hook effect.Hook) (*ledger.Ledger, error) {
	return ledger.OpenPostgres(t.Context(), effect.New(hook), address(dir), run)
}

// mustOpen opens a run until the test ends.
func mustOpen(t *testing.T, c *cluster, run quarry.RunID) *ledger.Ledger {
	t.Helper()
	l, err := openRun(t, c.Dir, run, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// inPostgres gives runs in the cluster.
func inPostgres(c *cluster) ledgertest.Fresh {
	return func(t *testing.T) ledgertest.Open {
		run := freshRun()
		return func(hook effect.Hook) (*ledger.Ledger, error) { return openRun(t, c.Dir, run, hook) }
	}
}

// cutter is a proxy before the cluster that kills its connections after so many requests.
type cutter struct {
	dir   string
	left  atomic.Int64 // requests that it forwards
	after bool         // the next one reaches the server too, and its answer is lost
}

const (
	socket = ".s.PGSQL.5432"
	always = 1 << 40
)

func newCutter(t *testing.T, c *cluster) *cutter {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cut")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, socket))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	p := &cutter{dir: dir}
	p.left.Store(always)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.forward(t, client, filepath.Join(c.Dir, socket))
		}
	}()
	return p
}

func (p *cutter) forward(t *testing.T, client net.Conn, to string) {
	server, err := (&net.Dialer{}).DialContext(t.Context(), "unix", to)
	if err != nil {
		_ = client.Close()
		return
	}
	end := func() { _, _ = client.Close(), server.Close() }
	defer end()
	go func() {
		defer end()
		_, _ = io.Copy(client, server)
	}()
	request := make([]byte, 1<<20)
	for {
		n, err := client.Read(request)
		if err != nil {
			return
		}
		if left := p.left.Add(-1); left < 0 {
			if p.after && left == -1 {
				_, _ = server.Write(request[:n])
			}
			return
		}
		if _, err := server.Write(request[:n]); err != nil {
			return
		}
	}
}
