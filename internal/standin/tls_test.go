package standin_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"quarry/internal/standin"
)

// trusting gives a client that trusts the certificates in a file alone.
func trusting(t *testing.T, caFile string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatalf("%s holds no certificate", caFile)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestServicesOverTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	selfSigned := func(c *standin.Config) { c.Dir, c.TLSSelfSigned = dir, true }
	server, err := standin.Start(t.Context(), configured(selfSigned))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(server.URL(), "https://127.0.0.1:") {
		t.Errorf("the address is %s", server.URL())
	}
	ca := filepath.Join(dir, "tls", "ca.pem")
	id, secret := server.Keys()
	c := connect(t, server.URL(), credentials.NewStaticCredentialsProvider(id, secret, ""))
	c.cfg.HTTPClient = trusting(t, ca)
	reach := func(server *standin.Server) {
		t.Helper()
		cfg := c.cfg
		id, secret := server.Keys()
		cfg.BaseEndpoint, cfg.Credentials = aws.String(server.URL()), credentials.NewStaticCredentialsProvider(id, secret, "")
		for service, err := range calls(t.Context(), fromConfig(cfg)) {
			if err != nil {
				t.Errorf("%s over TLS: %v", service, err)
			}
		}
	}
	reach(server)
	if _, err := http.DefaultClient.Get(server.URL() + "/_quarry/health"); err == nil { //nolint:noctx // it must not get as far as an answer
		t.Error("a client that trusts the system's authorities alone gets an answer")
	}
	before, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	again, _ := start(t, selfSigned)
	reach(again)
	if after, err := os.ReadFile(ca); err != nil || string(after) != string(before) {
		t.Errorf("a restart made another certificate authority (%v)", err)
	}
	own, _ := start(t, func(c *standin.Config) {
		c.TLSCert, c.TLSKey = filepath.Join(dir, "tls", "cert.pem"), filepath.Join(dir, "tls", "key.pem")
	})
	reach(own)
}

func TestTLSSettingsThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*standin.Config){
		"a certificate without a key": func(c *standin.Config) { c.TLSCert = "cert.pem" },
		"a key without a certificate": func(c *standin.Config) { c.TLSKey = "key.pem" },
		"both kinds":                  func(c *standin.Config) { c.TLSSelfSigned, c.TLSCert, c.TLSKey = true, "a", "b" },
		"files that are not there":    func(c *standin.Config) { c.TLSCert, c.TLSKey = "no-cert.pem", "no-key.pem" },
	} {
		cfg := configured(set)
		cfg.Dir = t.TempDir()
		server, err := standin.Start(t.Context(), cfg)
		if err == nil {
			_ = server.Close(t.Context())
			t.Errorf("%s is taken", name)
		}
	}
}

func TestEventsOfAJob(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "events.jsonl")
	server, err := standin.Start(t.Context(), configured(func(c *standin.Config) { c.Dir, c.Events = t.TempDir(), file }))
	if err != nil {
		t.Fatal(err)
	}
	id, secret := server.Keys()
	c := connect(t, server.URL(), credentials.NewStaticCredentialsProvider(id, secret, ""))
	created, err := c.bedrock.CreateModelInvocationJob(t.Context(), job(prepare(t, c, lines(100)), "events"))
	if err != nil {
		t.Fatal(err)
	}
	poll(t, c, *created.JobArn)
	if err := server.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var states []string
	for scan := bufio.NewScanner(f); scan.Scan(); {
		var event struct {
			Detail struct{ BatchJobArn, Status string }
		}
		if err := json.Unmarshal(scan.Bytes(), &event); err != nil || event.Detail.BatchJobArn != *created.JobArn {
			t.Fatalf("%s: %v", scan.Bytes(), err)
		}
		states = append(states, event.Detail.Status)
	}
	if want := []string{"Submitted", "Validating", "Scheduled", "InProgress", "Completed"}; !slices.Equal(states, want) {
		t.Errorf("reported %v, want %v", states, want)
	}
}
