package model_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quarry/internal/standin/model"
)

const (
	benchInFlight = 256
	benchLatency  = "50ms"
	benchPrompt   = 2048
)

func anthropicBody(t testing.TB, system, user string) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"anthropic_version": "bedrock-2023-05-31", "max_tokens": 4096, "temperature": 0.1, "system": system,
		"messages": []any{map[string]any{"role": "user", "content": user}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// BenchmarkClientAgainstBareHTTP compares records a second through the model with those of a bare, tuned net/http client that sends the same
// bytes and reads the same replies, 256 in flight, against a back end in a process of its own with a fixed latency. One iteration is one
// record by each. "ratio" is ours over bare; the cpu metrics are of this process.
func BenchmarkClientAgainstBareHTTP(b *testing.B) {
	for _, wire := range []string{"openai", "anthropic"} {
		b.Run(wire, func(b *testing.B) { benchmarkClient(b, wire) })
	}
}

func benchmarkClient(b *testing.B, wire string) {
	base := startBackend(b)
	body := anthropicBody(b, "Write JSON.", "Article:\n"+strings.Repeat("The quick brown fox jumps over the lazy dog. ", benchPrompt/45))
	m, err := model.Open([]string{wire + "=" + base}, model.Config{ModelName: "fixed", Concurrency: benchInFlight})
	if err != nil {
		b.Fatal(err)
	}
	defer closeModel(b, m)
	path := "/v1/chat/completions"
	if wire == "anthropic" {
		path = "/v1/messages"
	}
	bare := &http.Client{Transport: &http.Transport{
		MaxIdleConns: benchInFlight, MaxIdleConnsPerHost: benchInFlight, MaxConnsPerHost: benchInFlight, DisableCompression: true,
	}}
	defer bare.CloseIdleConnections()
	bareCall := func() error {
		resp, err := bare.Post(base+path, "application/json", bytes.NewReader(body))
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		_, err = io.ReadAll(resp.Body)
		return err
	}
	ourCall := func() error {
		_, err := m.Answer(b.Context(), model.Request{RecordID: "r", ModelID: "anthropic.claude-haiku-4-5-20251001-v1:0", Body: body})
		return err
	}
	// In turns, so that what else the machine does falls on both.
	const turns = 4
	var bareSum, ourSum cost
	b.ResetTimer()
	for i := range turns {
		n := b.N*(i+1)/turns - b.N*i/turns
		bareSum.add(measure(b, n, bareCall))
		ourSum.add(measure(b, n, ourCall))
	}
	bareRate, bareCPU := bareSum.perRecord(b.N)
	ourRate, ourCPU := ourSum.perRecord(b.N)
	b.ReportMetric(ourRate/bareRate, "ratio")
	b.ReportMetric(ourRate, "records/s")
	b.ReportMetric(bareRate, "bare/s")
	b.ReportMetric(ourCPU, "cpu-us/record")
	b.ReportMetric(bareCPU, "bare-cpu-us/record")
}

// cost is what calls took, in time and in this process's processor time.
type cost struct{ wall, cpu time.Duration }

func (c *cost) add(d cost) { c.wall, c.cpu = c.wall+d.wall, c.cpu+d.cpu }

// perRecord is calls a second and processor microseconds a call.
func (c cost) perRecord(n int) (rate, cpu float64) {
	return float64(n) / c.wall.Seconds(), float64(c.cpu.Microseconds()) / float64(n)
}

// measure makes n calls, 256 at a time.
func measure(b *testing.B, n int, call func() error) cost {
	b.Helper()
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	before, start := processorTime(), time.Now()
	for range benchInFlight {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				if err := call(); err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
	return cost{time.Since(start), processorTime() - before}
}

func startBackend(b *testing.B) string {
	b.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), backendEnv+"="+benchLatency)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(fmt.Errorf("read the back end's address: %w", err))
	}
	return strings.TrimSpace(line)
}

func closeModel(t testing.TB, m model.Model) {
	t.Helper()
	if c, ok := m.(io.Closer); ok {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
