// Package pgcluster starts a real Postgres for tests, from the programs of Debian's packages.
//
// It owns the folder of a cluster, its processes, and a PgBouncer in front of it. It is imported by tests only. What always holds: a
// server is reached over a Unix socket in a folder of its own, so nothing else on the machine meets it.
package pgcluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Cluster is a Postgres of its own. Its folder is short: the path of a socket may have 107 bytes.
type Cluster struct {
	Dir string // of its socket, too
	bin string
}

// New makes a cluster and starts it. The error says what to install where no Postgres is. The cluster is to be removed, also after an error
// if it is not nil.
func New() (*Cluster, error) {
	all, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(all) == 0 {
		return nil, errors.New("no Postgres is installed; apt-get install postgresql")
	}
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir, filepath.Dir(all[len(all)-1])}
	if err := c.run("initdb", "-D", c.data(), "-U", "quarry", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"); err != nil {
		return c, err
	}
	return c, c.Start()
}

// folder makes a folder that the user of a server may use too.
func folder() (string, error) {
	dir, err := os.MkdirTemp("/tmp", "pg")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o777)
}

func (c *Cluster) data() string { return filepath.Join(c.Dir, "data") }

// Start starts the server, and returns once it can be used.
func (c *Cluster) Start() error {
	return c.run("pg_ctl", "-D", c.data(), "-w", "-o", "-k "+c.Dir+" -c listen_addresses= -c max_connections=300", "start")
}

// Kill ends the server as a crash does.
func (c *Cluster) Kill() error {
	return c.run("pg_ctl", "-D", c.data(), "-m", "immediate", "-w", "stop")
}

// Remove ends the server and removes all that it wrote.
func (c *Cluster) Remove() error { return errors.Join(c.Kill(), os.RemoveAll(c.Dir)) }

// Address gives the address of the server that listens in a folder.
func Address(dir string) string { return "postgres://quarry@/postgres?host=" + dir }

func (c *Cluster) run(program string, args ...string) error {
	return run(c.Dir, append([]string{filepath.Join(c.bin, program)}, args...))
}

// run runs a program in a folder, as the user that comes with Postgres where root runs the test: the servers refuse root.
func run(dir string, args []string) error {
	if os.Getuid() == 0 {
		args = append([]string{"runuser", "-u", "postgres", "--"}, args...)
	}
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%s: %w\n%s", args[0], err, text[max(0, len(text)-1000):])
	}
	return nil
}
