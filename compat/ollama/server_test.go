// Package ollama_test tests Quarry with a real Ollama: see run, which gives the tests its binary.
package ollama_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	"testing"
	"time"
)

var ollama = flag.String("ollama", "", "`BINARY` of Ollama to hold Quarry against; without it these tests are skipped")

// The models of the server: one set of weights, with contexts that are set in different ways.
const (
	small   = "small"   // num_ctx 1024
	clipped = "clipped" // num_ctx 8192, which is more than the model was trained with
	unset   = "unset"   // no num_ctx
)

var quarry, server string // the binary and the server's address

func TestMain(m *testing.M) {
	flag.Parse()
	if *ollama == "" {
		os.Exit(m.Run())
	}
	code, err := withServer(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		code = 1
	}
	os.Exit(code)
}

// withServer starts a server, builds Quarry, and runs the tests.
func withServer(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "ollama")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	quarry = filepath.Join(dir, "quarry")
	if out, err := exec.Command("go", "build", "-o", quarry, "quarry/cmd/quarry").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build quarry: %w: %s", err, out)
	}
	stop, err := serve(dir)
	if err != nil {
		return 1, err
	}
	defer stop()
	if err := errors.Join(create(small, map[string]any{"num_ctx": 1024}), create(clipped, map[string]any{"num_ctx": 8192}), create(unset, nil)); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// serve starts the server and waits until it answers.
func serve(dir string) (stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(*ollama, "serve")
	cmd.Env = append(os.Environ(), "OLLAMA_HOST="+address, "OLLAMA_MODELS="+filepath.Join(dir, "models"), "HOME="+dir, "OLLAMA_CONTEXT_LENGTH=")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", *ollama, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop = func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
		}
		_ = log.Close()
	}
	server = "http://" + address
	for until := time.Now().Add(30 * time.Second); ; {
		if _, err = ask(http.MethodGet, "/api/version", nil); err == nil {
			return stop, nil
		}
		if time.Now().After(until) {
			stop()
			said, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("the server does not answer: %w: %s", err, said)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// create makes a model of the tiny weights.
func create(name string, parameters map[string]any) error {
	model := tinyModel()
	sum := sha256.Sum256(model)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	if _, err := ask(http.MethodPost, "/api/blobs/"+digest, model); err != nil {
		return err
	}
	if parameters == nil {
		parameters = map[string]any{}
	}
	parameters["num_thread"] = 1 // more of them wait for each other in busy loops where the cores are shared
	body, err := json.Marshal(map[string]any{
		"model": name, "files": map[string]string{"tiny.gguf": digest}, "parameters": parameters, "stream": false,
		"template": "{{ range .Messages }}{{ .Role }}: {{ .Content }}\n{{ end }}",
	})
	if err != nil {
		return err
	}
	_, err = ask(http.MethodPost, "/api/create", body)
	return err
}

// ask asks the server itself.
func ask(method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, server+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	reply, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode > 299 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, reply)
	}
	return reply, err
}

// run runs a command line in a directory and gives what it prints. want are exit codes that are as they should be.
func run(t *testing.T, dir string, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = dir
	for _, v := range os.Environ() { // the settings of this machine's user are none of the tests'
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "QUARRY_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "HOME="+dir, "XDG_CONFIG_HOME="+dir, "PATH="+filepath.Dir(quarry)+string(os.PathListSeparator)+os.Getenv("PATH"))
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
		t.Fatalf("%s: %v, want exit code %d\n%s%s", strings.Join(args, " "), err, want, out.String(), said.String())
	}
	return out.String(), said.String()
}
