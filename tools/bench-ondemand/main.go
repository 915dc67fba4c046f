// Command bench-ondemand shows what paced on-demand calls are worth: `quarry run --mode ondemand` compared with a client that keeps
// a fixed number of calls in flight and leaves refusals to the SDK's default retries, against one stand-in, at once.
//
//	go run -C tools ./bench-ondemand -quarry ../bin/quarry
//
// Each client has a Region of its own, and with it a quota of its own of the same size. Half-way the quota that is
// enforced is halved, while Service Quotas still lists the whole one. A proxy before each client counts its calls and
// the tokens of its answers as the quota counts them: input and five times output, which is Claude's burndown
// (https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html).
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	model    = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
	burndown = 5
)

type settings struct {
	quarry   string
	rpm, tpm int64
	latency  time.Duration
	half     time.Duration
}

func main() {
	var s settings
	flag.StringVar(&s.quarry, "quarry", "bin/quarry", "the binary")
	flag.Int64Var(&s.rpm, "rpm", 1000, "requests a minute")
	flag.Int64Var(&s.tpm, "tpm", 400_000, "tokens a minute")
	flag.DurationVar(&s.latency, "latency", 4*time.Second, "of an answer")
	flag.DurationVar(&s.half, "half", 6*time.Minute, "time before the quota is halved, and after")
	flag.Parse()
	if err := measure(&s); err != nil {
		fmt.Fprintln(os.Stderr, "bench-ondemand:", err)
		os.Exit(1)
	}
}

func (s *settings) quotas(divided int64) string {
	return fmt.Sprintf(`{"*":{"rpm":%d,"tpm":%d}}`, s.rpm/divided, s.tpm/divided)
}

func measure(s *settings) (err error) {
	dir, err := os.MkdirTemp("", "quarry-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	documents := filepath.Join(dir, "documents.jsonl")
	n := int(float64(s.tpm) / 2000 * 2 * s.half.Minutes()) // more than can be asked in the time
	if err := writeDocuments(documents, n); err != nil {
		return err
	}
	server, keys, err := s.serve(dir)
	if err != nil {
		return err
	}
	defer server.end()

	var clients []*client
	paced, err := newClient(server.url, keys, "quarry, paced", "us-west-2")
	if err != nil {
		return err
	}
	run, err := startRun(s.quarry, dir, documents, paced)
	if err != nil {
		return err
	}
	defer run.end()
	clients = append(clients, paced)
	for i, atOnce := range []int{8, 32, 256} {
		c, err := newClient(server.url, keys, fmt.Sprintf("%d in flight, SDK's retries", atOnce), []string{"us-east-1", "us-east-2", "us-west-1"}[i])
		if err != nil {
			return err
		}
		clients = append(clients, c)
		go c.ask(documents, atOnce)
	}
	if err := paced.waitForCalls(run.ended); err != nil {
		return fmt.Errorf("%w\n%s", err, run.said())
	}
	time.Sleep(s.half)
	if err := post(server.url+"/_quarry/quotas", s.quotas(2)); err != nil {
		return err
	}
	for _, c := range clients {
		c.next()
	}
	time.Sleep(s.half)
	for _, c := range clients {
		c.next()
	}
	if paced.givenUp[0], err = run.givenUp(dir); err != nil {
		return err
	}
	return s.report(clients)
}

// writeDocuments makes texts of about 2,000 tokens, some half as long and some twice.
func writeDocuments(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(f)
	random := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("stone is cut from the face of a hill and goes down to the valley by rail where masons take blocks into walls that stand for ages while rain wears them and moss grows in every joint until somebody builds anew")
	for i := range n {
		fmt.Fprintf(out, `{"id":"d%06d","title":"Article %d","content":"`, i, i)
		for range int(1500 * math.Exp(0.4*random.NormFloat64())) {
			out.WriteString(words[random.IntN(len(words))])
			if random.IntN(12) == 0 {
				out.WriteString(".")
			}
			out.WriteString(" ")
		}
		out.WriteString("\"}\n")
	}
	return errors.Join(out.Flush(), f.Close())
}

// process is a program that runs until it is ended.
type process struct {
	cmd   *exec.Cmd
	url   string
	log   *bytes.Buffer
	ended chan struct{}
}

func (p *process) said() string { return p.log.String() }

func (p *process) end() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.ended:
	case <-time.After(2 * time.Minute):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// serve starts the stand-in and reads its keys.
func (s *settings) serve(dir string) (*process, map[string]string, error) {
	quotas := filepath.Join(dir, "quotas.json")
	if err := os.WriteFile(quotas, []byte(s.quotas(1)), 0o600); err != nil {
		return nil, nil, err
	}
	p := &process{log: new(bytes.Buffer), ended: make(chan struct{})}
	p.cmd = exec.Command(s.quarry, "local", "--addr", "127.0.0.1:0", "--dir", filepath.Join(dir, "local"), "--quotas", quotas,
		"--test-clock", "--concurrency", "2000", "--fault", "slow="+s.latency.String())
	p.cmd.Stderr = p.log
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, nil, err
	}
	keys := map[string]string{}
	lines := bufio.NewScanner(stdout)
	for len(keys) < 4 && lines.Scan() {
		if name, value, ok := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "="); ok {
			keys[name] = strings.Trim(value, `"'`)
		}
	}
	go func() {
		_, _ = io.Copy(io.Discard, stdout)
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	p.url = keys["AWS_ENDPOINT_URL"]
	if p.url == "" {
		p.end()
		return nil, nil, fmt.Errorf("the stand-in did not start: %s", p.said())
	}
	return p, keys, nil
}

// startRun sets the account up and begins the paced run.
func startRun(quarry, dir, documents string, c *client) (*process, error) {
	env := append(os.Environ(), "AWS_ENDPOINT_URL="+c.url, "AWS_ACCESS_KEY_ID="+c.id, "AWS_SECRET_ACCESS_KEY="+c.secret, "AWS_REGION="+c.region,
		"HOME="+dir, "AWS_EC2_METADATA_DISABLED=true")
	setup := exec.Command(quarry, "setup", "--target", "aws", "--yes")
	setup.Dir, setup.Env = dir, env
	if out, err := setup.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("quarry setup: %w: %s", err, out)
	}
	p := &process{log: new(bytes.Buffer), ended: make(chan struct{})}
	p.cmd = exec.Command(quarry, "run", documents, "--target", "aws", "--yes", "--mode", "ondemand", "--pilot", "0", "--dir", filepath.Join(dir, "run"))
	p.cmd.Dir, p.cmd.Env, p.cmd.Stderr = dir, env, p.log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// givenUp ends the run and counts the records whose calls ended in an error.
func (p *process) givenUp(dir string) (int, error) {
	select {
	case <-p.ended:
		return 0, fmt.Errorf("the run ended before its time: %s", p.said())
	default:
	}
	p.end()
	journals, err := filepath.Glob(filepath.Join(dir, "run", "journal", "*.calls.jsonl"))
	if err != nil || len(journals) == 0 {
		return 0, errors.Join(err, errors.New("the run left no journal of its calls"))
	}
	n := 0
	for _, path := range journals {
		b, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		n += bytes.Count(b, []byte(`,"error":`))
	}
	return n, nil
}

func post(url, body string) error {
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("%s: %s: %s", url, resp.Status, b)
	}
	return nil
}

// report prints the table, and fails where the paced run misses its gates.
func (s *settings) report(clients []*client) error {
	fmt.Printf("%s requests and %s tokens a minute, answers after %s; %s, then half the quota for %s\n\n",
		strconv.FormatInt(s.rpm, 10), strconv.FormatInt(s.tpm, 10), s.latency, s.half, s.half)
	fmt.Println("| client | tokens of the quota used | refused, of all calls | refused per answer | records given up | after halving: tokens used | refused, of all calls | refused per answer | records given up |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	for _, c := range clients {
		fmt.Printf("| %s |", c.name)
		for phase := range 2 {
			p := c.phase(phase)
			allowed := float64(s.tpm) / float64(phase+1) * p.took.Minutes()
			fmt.Printf(" %.1f %% | %.2f %% | %.2f | %d |", 100*p.tokens/allowed, 100*p.refusedShare(), float64(p.refused)/math.Max(float64(p.answered), 1), c.givenUp[phase])
		}
		fmt.Println()
	}
	var faults []error
	for phase, most := range []float64{0.01, 0.08} {
		p := clients[0].phase(phase)
		if used := p.tokens / (float64(s.tpm) / float64(phase+1) * p.took.Minutes()); used < 0.95 {
			faults = append(faults, fmt.Errorf("the paced run used %.1f %% of the quota in phase %d, want at least 95 %%", 100*used, phase+1))
		}
		if p.refusedShare() >= most {
			faults = append(faults, fmt.Errorf("%.2f %% of the paced calls were refused in phase %d, want less than %.0f %%", 100*p.refusedShare(), phase+1, 100*most))
		}
	}
	if n := clients[0].givenUp[0]; n > 0 {
		faults = append(faults, fmt.Errorf("the paced run gave %d records up, want none", n))
	}
	return errors.Join(faults...)
}
