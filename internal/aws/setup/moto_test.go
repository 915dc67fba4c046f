package setup_test

import (
	"context"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestAgainstMoto sets up at a server that no one here wrote, where it is installed.
func TestAgainstMoto(t *testing.T) {
	t.Parallel()
	server, err := exec.LookPath("moto_server")
	if err != nil || testing.Short() {
		t.Skip("moto_server is not on PATH: S3 and IAM are tried against the stand-in alone")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	_, port, _ := strings.Cut(address, ":")
	cmd := exec.CommandContext(ctx, server, "-H", "127.0.0.1", "-p", port)
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait() // it was killed
	})
	w := &world{t: t, url: "http://" + address, want: wants()}
	w.cfg = w.as(credentials.NewStaticCredentialsProvider("id", "secret", ""))
	w.iam, w.s3 = iam.NewFromConfig(w.cfg), s3.NewFromConfig(w.cfg)
	if !answers(t, w.url) {
		t.Skip("moto_server does not start")
	}

	w.want.KMSKey = keyARN
	if done, _ := w.apply(); !contains(done, "created bucket") || !contains(done, "encrypted bucket") || !contains(done, "created role quarry-batch") {
		t.Errorf("did %q", done)
	}
	w.setTrust(trustHead + `{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	w.want.ExpireDays = 7
	if done, _ := w.apply(); len(done) != 3 || !contains(done, "restored lifecycle rule quarry-expire") || !contains(done, "dropped bedrock.amazonaws.com") {
		t.Errorf("after damage: did %q", done)
	}
}

// answers waits for a server, for at most half a minute.
func answers(t *testing.T, url string) bool {
	t.Helper()
	ticks := time.NewTicker(50 * time.Millisecond)
	defer ticks.Stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 600 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/moto-api/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := client.Do(req); err == nil {
			return resp.Body.Close() == nil
		}
		<-ticks.C
	}
	return false
}
