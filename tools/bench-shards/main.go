// Command bench-shards measures what one more shard costs: the CPU time of the client for each shard of runs with ever more shards, which
// is flat as long as no step reads what other shards left.
//
//	go run -C tools ./bench-shards -quarry ../bin/quarry -n 500,2000,20000 [-before PROGRAM] [-- FLAG…]
//
// Each shard has one tiny document. The stand-in is a process of its own with the model echo, 1,000 open jobs and no delay, so that what is
// measured is the client. Flags after -- are added to `quarry run`, such as a cap.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	quarry := flag.String("quarry", "../bin/quarry", "the program to measure")
	before := flag.String("before", "", "another program, measured just before each measurement of the first; empty: none")
	sizes := flag.String("n", "500,2000,20000", "numbers of shards")
	flag.Parse()
	if err := measureAll(*before, *quarry, *sizes, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench-shards:", err)
		os.Exit(1)
	}
}

func measureAll(before, quarry, sizes string, flags []string) error {
	fmt.Println("| shards | program | CPU | CPU per shard | of the first quarter | of the last | wall |\n| --- | --- | --- | --- | --- | --- | --- |")
	for _, size := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(size))
		if err != nil {
			return fmt.Errorf("-n: %w", err)
		}
		for _, program := range []string{before, quarry} {
			if program == "" {
				continue
			}
			m, err := measure(program, n, flags)
			if err != nil {
				return fmt.Errorf("%d shards: %w", n, err)
			}
			fmt.Printf("| %d | %s | %.1f s | %.2f ms | %s | %s | %.1f s |\n",
				n, filepath.Base(program), m.cpu.Seconds(), m.cpu.Seconds()*1000/float64(n), m.quarter(0), m.quarter(3), m.wall.Seconds())
		}
	}
	return nil
}

// quotas put one record into each job.
const quotas = `{"*":{"min_records":1,"records_per_job":1,"records_per_file":1,"open_jobs":1000}}`

// measure runs n shards to their end and gives what the client took.
func measure(program string, n int, flags []string) (m measured, err error) {
	if program, err = filepath.Abs(program); err != nil {
		return m, err
	}
	dir, err := os.MkdirTemp("", "bench-shards-")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := writeInputs(dir, n); err != nil {
		return m, err
	}
	env, end, err := standin(program, dir)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, end()) }()
	client := func(watch func(pid int) func(), args ...string) (*exec.Cmd, error) {
		c := exec.Command(program, args...)
		c.Dir, c.Env = dir, env
		var said bytes.Buffer
		c.Stdout, c.Stderr = &said, &said
		err := c.Start()
		if err == nil {
			watched := watch(c.Process.Pid)
			err = c.Wait()
			watched()
		}
		if err != nil {
			err = fmt.Errorf("%s: %w\n%s", strings.Join(c.Args, " "), err, said.Bytes()[max(0, said.Len()-2000):])
		}
		return c, err
	}
	unwatched := func(int) func() { return func() {} }
	if _, err := client(unwatched, "setup", "--quiet", "--target", "aws", "--yes"); err != nil {
		return m, err
	}
	m.shards = n
	watch := func(pid int) func() {
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			m.watch(pid, filepath.Join(dir, "quarry-run", "quarry.log"), stop)
		}()
		return func() { close(stop); <-stopped }
	}
	began := time.Now()
	c, err := client(watch, append([]string{"run", "docs.jsonl", "--target", "aws", "--yes", "--quiet"}, flags...)...)
	if err != nil {
		return m, err
	}
	m.cpu, m.wall = c.ProcessState.UserTime()+c.ProcessState.SystemTime(), time.Since(began)
	return m, nil
}

// measured is what a run took, and what of its CPU time it had taken when so many quarters of its shards were done.
type measured struct {
	shards    int
	cpu, wall time.Duration
	at        [5]sample
}

// sample is how many shards were done after so much CPU time.
type sample struct {
	done int
	cpu  time.Duration
}

// quarter is the CPU time per shard of a quarter of the shards.
func (m *measured) quarter(n int) string {
	from, to := m.at[n], m.at[n+1]
	if to.done <= from.done || from.cpu == 0 {
		return "not known"
	}
	return fmt.Sprintf("%.2f ms", (to.cpu-from.cpu).Seconds()*1000/float64(to.done-from.done))
}

// watch notes the CPU time of a process whenever another quarter of its shards is done, as its log says. It reads /proc: elsewhere
// than on Linux it notes nothing.
func (m *measured) watch(pid int, log string, stop <-chan struct{}) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var file *os.File
	var lines *bufio.Reader
	for done := 0; ; {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		if file == nil {
			f, err := os.Open(log)
			if err != nil {
				continue
			}
			defer func() { _ = f.Close() }()
			file, lines = f, bufio.NewReader(f)
		}
		planned := false
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				break // a part of a line is of no shard that is done yet, and is read as two
			}
			planned = planned || strings.Contains(line, "step began") && strings.Contains(line, "step=shards")
			if strings.Contains(line, "shard done") {
				done++
			}
		}
		cpu, ok := cpuOf(pid)
		if !ok {
			continue
		}
		if planned || done > 0 && m.at[0].cpu == 0 {
			m.at[0] = sample{done, cpu}
		}
		for i := 1; i < len(m.at); i++ {
			if m.at[i].cpu == 0 && done >= m.shards*i/4 {
				m.at[i] = sample{done, cpu}
			}
		}
	}
}

// cpuOf is the CPU time of a process so far: fields 14 and 15 of /proc/PID/stat, in hundredths of a second (proc(5)).
func cpuOf(pid int) (time.Duration, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, false
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, true
}

func writeInputs(dir string, n int) error {
	var docs strings.Builder
	for i := range n {
		fmt.Fprintf(&docs, `{"id":"d%06d","title":"t","content":"Text number %d."}`+"\n", i, i)
	}
	return errors.Join(os.WriteFile(filepath.Join(dir, "docs.jsonl"), []byte(docs.String()), 0o600),
		os.WriteFile(filepath.Join(dir, "quotas.json"), []byte(quotas), 0o600))
}

// standin starts the server and gives the environment of its clients.
func standin(program, dir string) (env []string, end func() error, err error) {
	c := exec.Command(program, "local", "--quiet", "--addr", "127.0.0.1:0", "--dir", filepath.Join(dir, "standin"),
		"--backend", "echo", "--quotas", filepath.Join(dir, "quotas.json"), "--state-delay", "0s")
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := c.Start(); err != nil {
		return nil, nil, err
	}
	end = func() error {
		err := c.Process.Signal(os.Interrupt)
		_ = c.Wait() // with the code of an interrupted program
		return err
	}
	env = os.Environ()
	lines := bufio.NewScanner(out)
	for range 4 {
		if !lines.Scan() {
			return nil, nil, errors.Join(fmt.Errorf("the stand-in ended: %w", lines.Err()), end())
		}
		env = append(env, strings.TrimPrefix(lines.Text(), "export "))
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return env, end, nil
}
