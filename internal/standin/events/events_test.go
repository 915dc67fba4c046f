package events_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quarry/internal/standin/events"
)

var job = events.Job{
	ARN: "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/abcdefghijkl", Name: "nightly", ModelID: "amazon.nova-lite-v1:0",
	Account: "123456789012", Region: "us-west-2", Status: "Failed", Message: "no input", Created: time.Date(2026, 8, 30, 12, 0, 0, 0, time.UTC),
	Changed: time.Date(2026, 8, 30, 12, 34, 56, 0, time.UTC),
}

const want = `"detail-type":"Batch Inference Job State Change","source":"aws.bedrock","account":"123456789012","time":"2026-08-30T12:34:56Z","region":"us-west-2",` +
	`"resources":["arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/abcdefghijkl"],"detail":{"version":"0.0","accountId":"123456789012","batchJobName":"nightly",` +
	`"batchJobArn":"arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/abcdefghijkl","batchModelId":"amazon.nova-lite-v1:0","status":"Failed","failureMessage":"no input","creationTime":"Aug 30, 2026, 12:00:00 PM"}`

func TestEventsReachTheirTarget(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		bodies = append(bodies, r.Header.Get("X-Amz-Target")+" "+string(body))
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "events.jsonl")
	for _, target := range []string{file, server.URL, "sqs=" + server.URL + "/queue"} {
		s, err := events.Open(t.Context(), target, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		s.Changed(job)
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("%s: Close: %v", target, err)
		}
		s.Changed(job) // after the end it is dropped
	}
	line, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(line), want) || strings.Count(string(line), "\n") != 1 {
		t.Errorf("the file holds %s, %v", line, err)
	}
	if len(bodies) != 2 || !strings.Contains(bodies[0], want) {
		t.Fatalf("the webhook got %q", bodies)
	}
	target, body, _ := strings.Cut(bodies[1], " ")
	var message struct{ QueueURL, MessageBody string }
	if err := json.Unmarshal([]byte(strings.Replace(body, "QueueUrl", "QueueURL", 1)), &message); err != nil {
		t.Fatal(err)
	}
	if target != "AmazonSQS.SendMessage" || !strings.HasSuffix(message.QueueURL, "/queue") || !strings.Contains(message.MessageBody, want) {
		t.Errorf("the queue got %s: %+v", target, message)
	}
}

func TestAnEventIsTriedAgain(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	t.Cleanup(server.Close)
	s, err := events.Open(t.Context(), server.URL, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.Changed(job)
	if err := s.Close(t.Context()); err != nil || calls.Load() != 2 {
		t.Errorf("%d calls, %v; want two", calls.Load(), err)
	}
}

func TestATargetThatDoesNotAnswerDelaysNothing(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(hold) })
	s, err := events.Open(t.Context(), server.URL, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for range 20_000 {
		s.Changed(job)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestTargetsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"http://", "sqs=queue", "sqs=", "sqs=ftp://x/y", filepath.Join(t.TempDir(), "no", "folder")} {
		if s, err := events.Open(t.Context(), target, slog.New(slog.DiscardHandler)); err == nil {
			_ = s.Close(t.Context())
			t.Errorf("%q is taken", target)
		}
	}
}
