package cli_test

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"
	"testing"

	"quarry/internal/cli"
)

// The clients of every SDK find all they need in what is printed, before the first request is answered.
func TestLocalPrintsWhatClientsRead(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	printed, stdout := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		app := &cli.App{Stdin: strings.NewReader(""), Stdout: stdout, Stderr: io.Discard, Env: func(string) (string, bool) { return "", false }}
		code := cli.Main(ctx, app, []string{"local", "--addr", "127.0.0.1:0", "--dir", t.TempDir()})
		_ = stdout.Close() // what was printed is whole
		ended <- code
	}()
	want := regexp.MustCompile(`^export AWS_ENDPOINT_URL=http://127\.0\.0\.1:[0-9]+
export AWS_ACCESS_KEY_ID=[A-Z0-9]{20}
export AWS_SECRET_ACCESS_KEY=\S{40}
export AWS_REGION=us-west-2
export AWS_DEFAULT_REGION=us-west-2
(export [A-Za-z0-9_]+=\S+
)+unset AWS_PROFILE [A-Z0-9_ ]+
$`)
	var got bytes.Buffer
	part := make([]byte, 4096)
	for !want.Match(got.Bytes()) {
		n, err := printed.Read(part)
		got.Write(part[:n])
		if err != nil {
			t.Fatalf("stdout ended: %v; it was:\n%s", err, got.String())
		}
	}
	stop()
	if code := <-ended; code != 0 && code != 130 {
		t.Errorf("the exit code is %d", code)
	}
}
