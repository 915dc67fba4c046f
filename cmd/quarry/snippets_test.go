package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// snippet is commands that a page or a help text shows.
type snippet struct{ from, text string }

// localSnippets are the snippets that start a stand-in and do something with it. One that ends with a stand-in in the
// foreground has nothing that could go elsewhere.
func localSnippets(t *testing.T, quarry string) []snippet {
	t.Helper()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []snippet
	for _, page := range append(pages, "../../README.md") {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(string(b), "\n```sh")
		for i, rest := range parts[1:] {
			before := parts[i][strings.LastIndexByte(parts[i], '\n')+1:]
			if strings.HasPrefix(before, "<!-- not-run:") { // as compat/docs.sh reads it
				continue
			}
			_, block, _ := strings.Cut(rest, "\n")
			block, _, _ = strings.Cut(block, "\n```")
			all = append(all, snippet{filepath.Base(page), block})
		}
	}
	for _, command := range []string{"", "local", "setup", "run", "plan", "preflight", "adopt", "collect", "stop", "config", "prices"} {
		out, err := exec.Command(quarry, append(strings.Fields(command), "--help")...).Output()
		if err != nil {
			t.Fatalf("quarry %s --help: %v", command, err)
		}
		for _, block := range strings.Split(string(out), "\n\n") {
			if text := strings.TrimSpace(block); strings.HasPrefix(block, "  ") && strings.HasPrefix(strings.TrimLeft(text, `eval "$(`), "quarry") {
				all = append(all, snippet{"quarry " + command + " --help", text})
			}
		}
	}
	var out []snippet
	for _, s := range all {
		starts := strings.Contains(s.text, "quarry local --detach") || strings.Contains(s.text, "quarry local -- ")
		lines := strings.Split(strings.TrimSpace(s.text), "\n")
		for i, line := range lines {
			if foreground := strings.HasPrefix(line, "quarry local") && !strings.Contains(line, "--detach") && !strings.Contains(line, "-- ") && !strings.Contains(line, "--stop"); foreground && i < len(lines)-1 && lines[i+1] != "" {
				t.Errorf("%s: commands follow a stand-in in the foreground:\n%s", s.from, s.text)
			}
		}
		if starts {
			out = append(out, s)
		}
	}
	return out
}

// What the pages and the help show never reaches AWS with the user's credentials, whether the stand-in starts or not.
func TestShownCommandsStayOnThisMachine(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the snippets are of sh")
	}
	quarry, err := exec.LookPath("quarry")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Abs("../../examples/articles.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	snippets := localSnippets(t, quarry)
	if len(snippets) < 4 {
		t.Fatalf("%d snippets start a stand-in, want at least 4: %q", len(snippets), snippets)
	}
	for _, taken := range []bool{false, true} {
		for i, s := range snippets {
			t.Run(fmt.Sprintf("%s %d, port taken %v", s.from, i, taken), func(t *testing.T) {
				t.Parallel()
				listener, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				if !taken {
					_ = listener.Close()
				} else {
					defer func() { _ = listener.Close() }()
				}
				runSnippet(t, s, quarry, examples, listener.Addr().String(), taken)
			})
		}
	}
}

func runSnippet(t *testing.T, s snippet, quarry, examples, addr string, taken bool) {
	var escaped atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		escaped.Add(1)
		http.Error(w, "not from a test", http.StatusForbidden)
	}))
	defer proxy.Close()
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	reached := filepath.Join(dir, "reached")
	for name, text := range map[string]string{
		"bin/quarry": "#!/bin/sh\ncase \" $* \" in *\" --detach \"*) exec '" + quarry + "' \"$@\" --addr " + addr + ";; esac\nexec '" + quarry + "' \"$@\"\n",
		// What the AWS CLI would do, with the endpoint that it would use.
		"bin/aws":               "#!/bin/sh\ncase $AWS_ENDPOINT_URL in http://127.0.0.1:1) exit 255;; http://127.0.0.1:*) exit 0;; esac\n[ \"$1\" = --version ] || touch '" + reached + "'\n",
		"home/.aws/credentials": "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = of-the-user\n",
		"home/.aws/config":      "[default]\nregion = us-east-1\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	work := filepath.Join(dir, "work")
	if err := os.Mkdir(work, 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(examples)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(work, "examples"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"articles.jsonl", "examples/articles.jsonl"} {
		if err := os.WriteFile(filepath.Join(work, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	environment := []string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + filepath.Join(dir, "home"), "XDG_CONFIG_HOME=" + dir, "TMPDIR=" + os.TempDir(),
		"HTTP_PROXY=" + proxy.URL, "HTTPS_PROXY=" + proxy.URL, "http_proxy=" + proxy.URL, "https_proxy=" + proxy.URL,
		"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=of-the-user", "AWS_SESSION_TOKEN=of-the-user", "AWS_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL_STS=https://sts.us-east-1.amazonaws.com", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true",
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", s.text)
	cmd.Dir, cmd.Env = work, environment
	out, err := cmd.CombinedOutput()
	stop := exec.CommandContext(ctx, quarry, "local", "--stop") // what a snippet leaves at work
	stop.Dir, stop.Env = work, environment
	_ = stop.Run()
	if n := escaped.Load(); n > 0 {
		t.Errorf("%s: %d requests left this machine:\n%s\n%s", s.from, n, s.text, out)
	}
	if _, err := os.Stat(reached); err == nil {
		t.Errorf("%s: an AWS client had no endpoint on this machine:\n%s\n%s", s.from, s.text, out)
	}
	if !taken && err != nil {
		t.Errorf("%s: %v:\n%s\n%s", s.from, err, s.text, out)
	}
}
