package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quarry/internal/standin"
)

var full = flag.Bool("full", false, "kill 200 times, not a few")

// TestSurvivesKill kills the real program with SIGKILL at random moments, until it has ended by itself often enough,
// and asks audit and, next to it, the provider's bill whether any document is missing or any record was paid twice.
func TestSurvivesKill(t *testing.T) {
	t.Parallel()
	wanted := 8
	if *full {
		wanted = 200
	}
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	for kills, round := 0, 0; kills < wanted; round++ {
		kills += killUntilDone(t, rnd, round)
	}
}

func killUntilDone(t *testing.T, rnd *rand.Rand, round int) (kills int) {
	t.Helper()
	dir := t.TempDir()
	quotas := filepath.Join(dir, "quotas.json")
	if err := os.WriteFile(quotas, []byte(`{"*":{"min_records":3,"records_per_job":40}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	server, err := standin.Start(t.Context(), standin.Config{
		Dir: filepath.Join(dir, "standin"), NoSync: true, StateDelay: 5 * time.Millisecond, QuotasFile: quotas,
		Fault: fmt.Sprintf("record-error=0.1,bad-json=0.1,drop-record=0.05,lost-reply=0.02,throttle=0.02,seed=%d", round),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	id, secret := server.Keys()
	env := append(os.Environ(), "AWS_ENDPOINT_URL="+server.URL(), "AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY="+secret, "AWS_REGION=us-west-2", "HOME="+dir)
	var docs strings.Builder
	for i := range 120 {
		fmt.Fprintf(&docs, `{"id":"doc-%05d","title":"Article %d","content":"Number %d tells how a quarry works. Stone is cut from the face of a hill, and blocks go to the valley."}`+"\n", i, i, i)
	}
	source := filepath.Join(dir, "docs.jsonl")
	if err := os.WriteFile(source, []byte(docs.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	quarry := func(ctx context.Context, args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, "quarry", args...) // killed with SIGKILL when ctx ends
		cmd.Dir, cmd.Env = dir, env
		return cmd.CombinedOutput()
	}
	if out, err := quarry(t.Context(), "setup", "--target", "aws", "--yes"); err != nil {
		t.Fatalf("setup: %v\n%s", err, out)
	}
	for {
		// A little longer after each kill, so that a slow machine gets to the end as well.
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(20+60*kills+rnd.IntN(1200))*time.Millisecond)
		out, err := quarry(ctx, "run", source, "--target", "aws", "--yes", "--pilot", "10")
		killed := ctx.Err() != nil
		cancel()
		if killed {
			kills++
			continue
		}
		var exit *exec.ExitError
		if errors.As(err, &exit) && (exit.ExitCode() == 3 || (kills > 0 && exit.ExitCode() == 5)) {
			// Some document ran out of attempts. A kill after the last step begins a new pass for it, which is too small
			// for a job.
			err = nil
		}
		if err != nil {
			t.Fatalf("after %d kills: %v\n%s", kills, err, out)
		}
		break
	}
	if out, err := quarry(t.Context(), "audit"); err != nil {
		t.Errorf("after %d kills: audit: %v\n%s", kills, err, out)
	}
	checkPaidOnce(t, server.URL(), kills)
	results, err := os.ReadFile(filepath.Join(dir, "quarry-run", "results.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(results, []byte("\n")); n != 120 {
		t.Errorf("after %d kills: %d results, want 120", kills, n)
	}
	return kills
}

func checkPaidOnce(t *testing.T, url string, kills int) {
	t.Helper()
	resp, err := http.Get(url + "/_quarry/bill")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var bill struct {
		Records map[string]struct {
			Answered int64 `json:"answered"`
		} `json:"records"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&bill); err != nil {
		t.Fatal(err)
	}
	if len(bill.Records) < 120 {
		t.Errorf("the bill has %d records, want at least 120", len(bill.Records))
	}
	for id, r := range bill.Records {
		if r.Answered > 1 {
			t.Errorf("after %d kills: record %s was answered and billed %d times", kills, id, r.Answered)
		}
	}
}
