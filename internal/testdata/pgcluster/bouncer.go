package pgcluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Bouncer is a PgBouncer in front of a cluster.
type Bouncer struct{ Dir string }

// NewBouncer starts a PgBouncer that pools by mode: session or transaction. It takes the parameters of a connection that it does not pass
// on without a word, as many are set up. The error says what to install where none is.
func (c *Cluster) NewBouncer(mode string) (*Bouncer, error) {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program = "/usr/sbin/pgbouncer"; !exists(program) {
			return nil, errors.New("no PgBouncer is installed; apt-get install pgbouncer")
		}
	}
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	b := &Bouncer{dir}
	settings := fmt.Sprintf(`[databases]
postgres = host=%s user=quarry
[pgbouncer]
listen_addr =
unix_socket_dir = %s
auth_type = any
pool_mode = %s
ignore_startup_parameters = search_path
pidfile = %s
logfile = %s
`, c.Dir, dir, mode, b.pidFile(), filepath.Join(dir, "bouncer.log"))
	if err := os.WriteFile(filepath.Join(dir, "bouncer.ini"), []byte(settings), 0o644); err != nil {
		return b, err
	}
	if err := run(dir, []string{program, "-d", filepath.Join(dir, "bouncer.ini")}); err != nil {
		return b, err
	}
	for deadline := time.Now().Add(30 * time.Second); !listens(filepath.Join(dir, ".s.PGSQL.6432")); <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			return b, errors.New("PgBouncer does not listen after 30 s")
		}
	}
	return b, nil
}

// Address gives the address of the cluster through it.
func (b *Bouncer) Address() string { return Address(b.Dir) + "&port=6432" }

// Remove ends it.
func (b *Bouncer) Remove() error {
	text, err := os.ReadFile(b.pidFile())
	if err != nil {
		return errors.Join(err, os.RemoveAll(b.Dir))
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	process, err := os.FindProcess(pid)
	if err == nil {
		err = process.Signal(syscall.SIGTERM)
	}
	return errors.Join(err, os.RemoveAll(b.Dir))
}

func (b *Bouncer) pidFile() string { return filepath.Join(b.Dir, "pid") }

// listens reports whether a server takes connections: its socket is there before it does.
func listens(socket string) bool {
	conn, err := net.DialTimeout("unix", socket, time.Second)
	return err == nil && conn.Close() == nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
