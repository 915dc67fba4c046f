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
	fmt.Println("| shards | program | CPU | CPU per shard | wall |\n| --- | --- | --- | --- | --- |")
	for _, size := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(size))
		if err != nil {
			return fmt.Errorf("-n: %w", err)
		}
		for _, program := range []string{before, quarry} {
			if program == "" {
				continue
			}
			cpu, wall, err := measure(program, n, flags)
			if err != nil {
				return fmt.Errorf("%d shards: %w", n, err)
			}
			fmt.Printf("| %d | %s | %.1f s | %.2f ms | %.1f s |\n",
				n, filepath.Base(program), cpu.Seconds(), cpu.Seconds()*1000/float64(n), wall.Seconds())
		}
	}
	return nil
}

// quotas put one record into each job.
const quotas = `{"*":{"min_records":1,"records_per_job":1,"records_per_file":1,"open_jobs":1000}}`

// measure runs n shards to their end and gives what the client took.
func measure(program string, n int, flags []string) (cpu, wall time.Duration, err error) {
	if program, err = filepath.Abs(program); err != nil {
		return 0, 0, err
	}
	dir, err := os.MkdirTemp("", "bench-shards-")
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := writeInputs(dir, n); err != nil {
		return 0, 0, err
	}
	env, end, err := standin(program, dir)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, end()) }()
	client := func(args ...string) (*exec.Cmd, error) {
		c := exec.Command(program, args...)
		c.Dir, c.Env = dir, env
		said, err := c.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%s: %w\n%s", strings.Join(c.Args, " "), err, said[max(0, len(said)-2000):])
		}
		return c, err
	}
	if _, err := client("setup", "--quiet", "--target", "aws", "--yes"); err != nil {
		return 0, 0, err
	}
	began := time.Now()
	c, err := client(append([]string{"run", "docs.jsonl", "--target", "aws", "--yes", "--quiet"}, flags...)...)
	if err != nil {
		return 0, 0, err
	}
	return c.ProcessState.UserTime() + c.ProcessState.SystemTime(), time.Since(began), nil
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
