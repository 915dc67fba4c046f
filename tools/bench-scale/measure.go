package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// measured is what one number of documents came to.
type measured struct {
	sourceBytes int64
	jobs        int
	stages      map[string]time.Duration
	wall        time.Duration
	cpu         time.Duration
	afterJobs   time.Duration // of cpu, after the last job was created: collecting, checking, results
	clientRSS   int64         // bytes, the most
	standinRSS  int64
	kept        kept
	resume      time.Duration // from the start of the process to its first request about a job
	resumedRSS  int64
	audit       time.Duration
	auditCPU    time.Duration
	auditRSS    int64
}

// measure runs the whole job over n documents, audits it, and then once more in another directory with a kill -9 in the middle of its jobs.
func measure(quarry, articles, near string, n, perJob int, once bool) (m measured, err error) {
	dir, err := os.MkdirTemp(near, "bench-scale-")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	source := filepath.Join(dir, "docs.jsonl")
	if m.sourceBytes, err = writeDocuments(articles, source, n); err != nil {
		return m, err
	}
	b := &bench{quarry: quarry, dir: dir, source: source, perJob: perJob}
	if err := b.startStandin(); err != nil {
		return m, err
	}
	defer b.endStandin()
	if _, err := b.command(b.env, "setup", "--quiet", "--target", "aws", "--yes").run(); err != nil {
		return m, err
	}
	if once {
		return b.onlyKilled(m, n)
	}
	p, err := b.command(b.env, b.runArgs("whole")...).run()
	if err != nil {
		return m, err
	}
	m.wall, m.cpu, m.afterJobs, m.clientRSS, m.stages, m.jobs = p.wall, p.cpu, p.afterJobs, p.rss, p.stages, p.jobs
	if m.kept, err = weigh(filepath.Join(dir, "whole"), n); err != nil {
		return m, err
	}
	a, err := b.command(b.env, "audit", "--quiet", "--dir", filepath.Join(dir, "whole")).run()
	if err != nil {
		return m, fmt.Errorf("audit: %w", err)
	}
	m.audit, m.auditCPU, m.auditRSS = a.wall, a.cpu, a.rss
	if err := os.RemoveAll(filepath.Join(dir, "whole")); err != nil {
		return m, err
	}
	if err := b.killAndResume(&m); err != nil {
		return m, err
	}
	m.standinRSS, err = b.endStandin()
	return m, err
}

// onlyKilled measures one run that is killed in the middle and resumed: where there is no time for two.
func (b *bench) onlyKilled(m measured, n int) (measured, error) {
	m.jobs = n/100_000 + 1
	began := time.Now()
	if err := b.killAndResume(&m); err != nil {
		return m, err
	}
	m.wall = time.Since(began)
	var err error
	if m.kept, err = weigh(filepath.Join(b.dir, "killed"), n); err != nil {
		return m, err
	}
	m.standinRSS, err = b.endStandin()
	return m, err
}

type bench struct {
	quarry, dir, source string
	perJob              int

	env     []string
	addr    string
	standin *exec.Cmd
	ended   sync.Once
	most    <-chan int64
	rss     int64
}

func (b *bench) runArgs(dir string) []string {
	return []string{"run", b.source, "--target", "aws", "--yes", "--dir", filepath.Join(b.dir, dir)}
}

func (b *bench) startStandin() error {
	args := []string{"local", "--quiet", "--addr", "127.0.0.1:0", "--dir", filepath.Join(b.dir, "standin"), "--backend", "echo"}
	if b.perJob > 0 {
		quotas := filepath.Join(b.dir, "quotas.json")
		if err := os.WriteFile(quotas, fmt.Appendf(nil, `{"*":{"records_per_job":%d,"records_per_file":%d}}`, b.perJob, b.perJob), 0o600); err != nil {
			return err
		}
		args = append(args, "--quotas", quotas)
	}
	b.standin = exec.Command(b.quarry, args...)
	b.standin.Stderr = os.Stderr
	out, err := b.standin.StdoutPipe()
	if err != nil {
		return err
	}
	if err := b.standin.Start(); err != nil {
		return err
	}
	b.most = watchMemory(b.standin.Process.Pid)
	b.env = os.Environ()
	lines := bufio.NewScanner(out)
	for range 4 {
		if !lines.Scan() {
			return fmt.Errorf("the stand-in ended: %w", lines.Err())
		}
		setting := strings.TrimPrefix(lines.Text(), "export ")
		b.env = append(b.env, setting)
		if url, ok := strings.CutPrefix(setting, "AWS_ENDPOINT_URL="); ok {
			b.addr = strings.TrimPrefix(strings.Trim(url, `"'`), "http://")
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return nil
}

// endStandin gives the most memory it had.
func (b *bench) endStandin() (int64, error) {
	var err error
	b.ended.Do(func() {
		_ = b.standin.Process.Signal(os.Interrupt)
		if err = b.standin.Wait(); b.standin.ProcessState.ExitCode() == 130 {
			err = nil
		}
		b.rss = <-b.most
	})
	return b.rss, err
}

// process is one command and what it said and took.
type process struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer

	wall, cpu, afterJobs time.Duration
	rss                  int64
	stages               map[string]time.Duration
	jobs                 int
}

func (b *bench) command(env []string, args ...string) *process {
	p := &process{cmd: exec.Command(b.quarry, args...)}
	p.cmd.Env, p.cmd.Dir, p.cmd.Stderr = env, b.dir, p
	return p
}

// Write takes what the command says, and notes what it has used of the CPU when it says that it created a job.
func (p *process) Write(said []byte) (int, error) {
	p.stderr.Write(said)
	if jobLine.Match(said) {
		p.afterJobs = cpuOf(p.cmd.Process.Pid)
	}
	return len(said), nil
}

// cpuOf is the CPU time of a process so far, to a hundredth of a second; 0 where it has ended (proc_pid_stat(5)).
func cpuOf(pid int) (used time.Duration) {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	fields := bytes.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	for _, ticks := range fields[11:13] {
		n, err := strconv.ParseInt(string(ticks), 10, 64)
		if err != nil {
			return 0
		}
		used += time.Duration(n) * time.Second / 100
	}
	return used
}

var (
	stageLine = regexp.MustCompile(`(?m)^(plan|preflight|pilot|shards|export|report) .*  (\S+)$`)
	jobLine   = regexp.MustCompile(`(?m)^\S+ +job arn:`)
)

func (p *process) run() (*process, error) {
	began := time.Now()
	err := p.cmd.Start()
	if err == nil {
		most := watchMemory(p.cmd.Process.Pid)
		err = p.cmd.Wait()
		p.rss = <-most
	}
	p.wall = time.Since(began)
	if err != nil {
		return p, fmt.Errorf("%s: %w\n%s", strings.Join(p.cmd.Args, " "), err, tail(p.stderr.Bytes()))
	}
	p.cpu, p.stages = p.cmd.ProcessState.UserTime()+p.cmd.ProcessState.SystemTime(), map[string]time.Duration{}
	p.afterJobs = p.cpu - p.afterJobs
	for _, found := range stageLine.FindAllSubmatch(p.stderr.Bytes(), -1) {
		d, err := time.ParseDuration(string(found[2]))
		if err != nil {
			return p, fmt.Errorf("read how long a stage took: %w", err)
		}
		p.stages[string(found[1])] = d
	}
	p.jobs = len(jobLine.FindAll(p.stderr.Bytes(), -1))
	return p, nil
}

func tail(b []byte) []byte { return b[max(0, len(b)-2000):] }

// watchMemory gives the most memory that a process had, in bytes, once it has ended. It asks /proc, since what wait4 tells is at least
// what the process that started it had.
func watchMemory(pid int) <-chan int64 {
	most := make(chan int64, 1)
	go func() {
		var last int64
		for {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			found := peakLine.FindSubmatch(status)
			if err != nil || found == nil { // it has ended
				most <- last
				return
			}
			kib, err := strconv.ParseInt(string(found[1]), 10, 64)
			if err == nil {
				last = kib << 10
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return most
}

var peakLine = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// killAndResume kills a run with SIGKILL once half of its jobs were created, starts it again, and measures the time until its first
// request about a job. The run then continues to its end, and its audit must find nothing.
func (b *bench) killAndResume(m *measured) error {
	half := (m.jobs + 1) / 2
	p := b.command(b.env, b.runArgs("killed")...)
	p.cmd.Stderr = nil
	said, err := p.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	most := watchMemory(p.cmd.Process.Pid)
	lines := bufio.NewScanner(said)
	for jobs := 0; jobs < half && lines.Scan(); {
		if jobLine.Match(lines.Bytes()) {
			jobs++
		}
	}
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	_ = p.cmd.Wait() // it was killed
	m.clientRSS = max(m.clientRSS, <-most)
	asked, relay, err := b.relay()
	if err != nil {
		return err
	}
	defer func() { _ = relay.Close() }()
	began := time.Now()
	p = b.command(append(b.env, "AWS_ENDPOINT_URL=http://"+relay.Addr().String()), b.runArgs("killed")...)
	if _, err := p.run(); err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	select {
	case at := <-asked:
		m.resume = at.Sub(began)
	default:
		return errors.New("the resumed run asked nothing about a job")
	}
	m.resumedRSS = p.rss
	if m.stages == nil {
		m.stages = p.stages
	}
	a, err := b.command(b.env, "audit", "--quiet", "--dir", filepath.Join(b.dir, "killed")).run()
	if err != nil {
		return fmt.Errorf("audit after the kill: %w", err)
	}
	if m.audit == 0 {
		m.audit, m.auditCPU, m.auditRSS = a.wall, a.cpu, a.rss
	}
	return nil
}

// relay passes connections on to the stand-in and tells when the first request about a job goes by.
func (b *bench) relay() (<-chan time.Time, net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	asked := make(chan time.Time, 1)
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", b.addr)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(server, io.TeeReader(client, watcher(asked)))
				_ = server.(*net.TCPConn).CloseWrite()
			}()
			go func() {
				_, _ = io.Copy(client, server)
				_ = client.Close()
			}()
		}
	}()
	return asked, l, nil
}

type watcher chan<- time.Time

func (w watcher) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(" /model-invocation-job")) {
		select {
		case w <- time.Now():
		default:
		}
	}
	return len(p), nil
}
