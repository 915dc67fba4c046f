// Command bench-standin measures how close the stand-in's jobs come to a bare HTTP client: same bodies, same backend, same
// number of requests in flight, in one run.
//
//	go run -C tools ./bench-standin ../bin/quarry
//
// The backend is a process of its own that answers every request after 50 ms. The bare client only posts and reads. The
// stand-in runs a whole job over the same backend: validate, ask, keep each answer durably, write the output.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	latency  = 50 * time.Millisecond
	inFlight = 256
)

func main() {
	backend := flag.Bool("backend", false, "be the backend")
	n := flag.Int("n", 60_000, "records")
	flag.Parse()
	var err error
	if *backend {
		err = serve()
	} else if flag.NArg() != 1 {
		err = errors.New("usage: bench-standin [-n N] QUARRY-BINARY")
	} else {
		err = measure(flag.Arg(0), *n)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-standin:", err)
		os.Exit(1)
	}
}

// serve answers chat completions after a fixed time.
func serve() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(latency)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant",`+
			`"content":"A summary of the article in a few words."},"finish_reason":"stop"}],"usage":{"prompt_tokens":520,"completion_tokens":10,"total_tokens":530}}`)
	}))
}

var text = strings.Repeat("stone and rail ", 130) // 2 KB together with the rest of the record

func measure(binary string, n int) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-standin-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	backend, first, err := start(exec.Command(self, "-backend"), 1)
	if err != nil {
		return err
	}
	defer end(backend)
	url := "http://" + first[0]
	before, err := bare(url, n)
	if err != nil {
		return err
	}
	job, err := asJob(binary, dir, url, n)
	if err != nil {
		return err
	}
	after, err := bare(url, n)
	if err != nil {
		return err
	}
	best := max(before, after)
	fmt.Printf("bare client %.0f/s before and %.0f/s after, job %.0f/s: %.1f %% of the better one\n", before, after, job, 100*job/best)
	return nil
}

// start runs a command and reads the first lines of its output.
func start(cmd *exec.Cmd, lines int) (*exec.Cmd, []string, error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	var text []byte
	for b := make([]byte, 1); strings.Count(string(text), "\n") < lines; {
		if _, err := out.Read(b); err != nil {
			return nil, nil, fmt.Errorf("read what %s says first: %w", cmd.Path, err)
		}
		text = append(text, b[0])
	}
	return cmd, strings.Split(strings.TrimSpace(string(text)), "\n"), nil
}

func end(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// bare posts n requests, 256 in flight, and gives how many a second were answered.
func bare(url string, n int) (float64, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: inFlight, MaxConnsPerHost: inFlight, DisableCompression: true}}
	body := `{"model":"m","max_tokens":100,"messages":[{"role":"user","content":"` + text + `"}]}`
	next := make(chan struct{})
	failed := make(chan error, inFlight)
	var group sync.WaitGroup
	began := time.Now()
	for range inFlight {
		group.Go(func() {
			for range next {
				resp, err := client.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
				if err != nil {
					failed <- err
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
	for range n {
		select {
		case next <- struct{}{}:
		case err := <-failed:
			return 0, err
		}
	}
	close(next)
	group.Wait()
	return float64(n) / time.Since(began).Seconds(), nil
}

// asJob sends the same texts as one job through the stand-in, and gives its records a second from Create to the end.
func asJob(binary, dir, url string, n int) (float64, error) {
	records, err := os.Create(filepath.Join(dir, "records.jsonl"))
	if err != nil {
		return 0, err
	}
	for i := range n {
		if _, err := fmt.Fprintf(records, `{"recordId":"r%06d","modelInput":{"anthropic_version":"bedrock-2023-05-31","max_tokens":100,"messages":[{"role":"user","content":"%s%d"}]}}`+"\n", i, text, i); err != nil {
			return 0, err
		}
	}
	if err := records.Close(); err != nil {
		return 0, err
	}
	server, lines, err := start(exec.Command(binary, "local", "--quiet", "--addr", "127.0.0.1:0", "--dir", filepath.Join(dir, "local"), "--state-delay", "1ms",
		"--backend", "openai="+url, "--backend-model", "m", "--concurrency", fmt.Sprint(inFlight)), 4)
	if err != nil {
		return 0, err
	}
	defer end(server)
	env := os.Environ()
	for _, l := range lines {
		env = append(env, strings.TrimPrefix(l, "export "))
	}
	run := filepath.Join(dir, "run")
	for _, args := range [][]string{
		{"setup", "--quiet", "--target", "aws", "--yes"},
		{"run", "--quiet", "--records", records.Name(), "--target", "aws", "--yes", "--pilot", "0", "--dir", run},
	} {
		cmd := exec.Command(binary, args...)
		cmd.Env, cmd.Dir, cmd.Stderr = env, dir, os.Stderr
		if err := cmd.Run(); err != nil {
			return 0, fmt.Errorf("quarry %s: %w", args[0], err)
		}
	}
	b, err := os.ReadFile(filepath.Join(run, "report.json"))
	if err != nil {
		return 0, err
	}
	var report struct {
		Documents struct{ OK int } `json:"documents"`
		Time      struct {
			Provider float64 `json:"provider_s"`
		} `json:"time"`
	}
	if err := json.Unmarshal(b, &report); err != nil {
		return 0, err
	}
	if report.Documents.OK != n {
		return 0, fmt.Errorf("%d of %d records were answered", report.Documents.OK, n)
	}
	return float64(n) / report.Time.Provider, nil
}
