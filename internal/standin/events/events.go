// Package events tells others when a job's status changes, as EventBridge would: to a file, to a webhook or to a queue of
// SQS's wire.
//
// It owns the form of the event and its delivery, which is best effort as AWS's own is: an event that cannot be delivered
// is tried again twice, then logged and dropped; a job never waits for it. The form is that of
// https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-eventbridge-how-it-works.html.
package events

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// Job is what an event says of a job.
type Job struct {
	ARN, Name, ModelID string
	Account, Region    string
	Status             string
	Message            string // of a failure, else empty
	Created, Changed   time.Time
}

// event is EventBridge's envelope.
type event struct {
	Version    string    `json:"version"`
	ID         string    `json:"id"`
	DetailType string    `json:"detail-type"`
	Source     string    `json:"source"`
	Account    string    `json:"account"`
	Time       string    `json:"time"`
	Region     string    `json:"region"`
	Resources  []string  `json:"resources"`
	Detail     batchJobs `json:"detail"`
}

type batchJobs struct {
	Version string `json:"version"`
	Account string `json:"accountId"`
	Name    string `json:"batchJobName"`
	ARN     string `json:"batchJobArn"`
	Model   string `json:"batchModelId"`
	Status  string `json:"status"`
	Failure string `json:"failureMessage"`
	Created string `json:"creationTime"` // in the page's form: Aug 30, 2024, 12:00:00 PM
}

// Encode writes the event of a job's change. Its id is the same for the same change.
func Encode(j Job) ([]byte, error) {
	sum := sha256.Sum256([]byte(j.ARN + "\x00" + j.Status + "\x00" + j.Changed.UTC().Format(time.RFC3339Nano)))
	return json.Marshal(event{
		Version: "0", ID: fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]),
		DetailType: "Batch Inference Job State Change", Source: "aws.bedrock", Account: j.Account,
		Time: j.Changed.UTC().Format("2006-01-02T15:04:05Z"), Region: j.Region, Resources: []string{j.ARN},
		Detail: batchJobs{
			Version: "0.0", Account: j.Account, Name: j.Name, ARN: j.ARN, Model: j.ModelID, Status: j.Status, Failure: j.Message,
			Created: j.Created.UTC().Format("Jan 2, 2006, 3:04:05 PM"),
		},
	})
}

const (
	maxWaiting = 10_000
	timeout    = 10 * time.Second
	attempts   = 3
)

// Sender delivers events in the order of the changes. Its methods may be called at once.
type Sender struct {
	deliver func(ctx context.Context, event []byte) error
	to      string
	log     *slog.Logger
	pause   time.Duration

	mu     sync.Mutex
	closed bool
	queue  chan []byte
	done   chan struct{}
	stop   context.CancelFunc
	file   *os.File
}

// Open makes a Sender for a target: a URL for a webhook, sqs=URL for the queue of that URL, anything else a file to which
// one line is added for each event. Nothing is sent yet.
func Open(ctx context.Context, target string, log *slog.Logger) (*Sender, error) {
	s := &Sender{to: target, log: log, pause: time.Second, queue: make(chan []byte, maxWaiting), done: make(chan struct{})}
	queue, isQueue := strings.CutPrefix(target, "sqs=")
	switch {
	case isQueue || strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://"):
		u, err := url.Parse(queue) // the whole target where it is a webhook
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("events to %q: want a file, http(s)://… or sqs=http(s)://…", target)
		}
		s.to = u.Redacted()
		client := &http.Client{Timeout: timeout, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}}
		s.deliver = func(ctx context.Context, event []byte) error { return post(ctx, client, u.String(), isQueue, event) }
	default:
		f, err := os.OpenFile(target, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("events to a file: %w", err)
		}
		s.file = f
		s.deliver = func(_ context.Context, event []byte) error {
			_, err := f.Write(append(event, '\n'))
			return err
		}
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx)) // Close ends it, so that what is waiting can still be sent
	s.stop = stop
	go s.run(ctx)
	return s, nil
}

// post sends one event: as it is, or as SQS's SendMessage in the JSON protocol
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
func post(ctx context.Context, client *http.Client, address string, queue bool, event []byte) error {
	body, kind := event, "application/json"
	if queue {
		var err error
		if body, err = json.Marshal(map[string]string{"QueueUrl": address, "MessageBody": string(event)}); err != nil {
			return err
		}
		kind = "application/x-amz-json-1.0"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", kind)
	if queue {
		r.Header.Set("X-Amz-Target", "AmazonSQS.SendMessage")
	}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // so that the connection can be used again
	_ = resp.Body.Close()
	if resp.StatusCode >= 300 {
		return errors.New(resp.Status)
	}
	return nil
}

// Changed queues the event of a change and returns at once. Where too many wait, it is logged and dropped.
func (s *Sender) Changed(j Job) {
	text, err := Encode(j)
	if err != nil {
		s.log.Error("encode an event", "job", j.ARN, "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	select {
	case s.queue <- text:
	default:
		s.log.Error("too many events wait; one is dropped", "to", s.to, "job", j.ARN, "status", j.Status)
	}
}

func (s *Sender) run(ctx context.Context) {
	defer close(s.done)
	for text := range s.queue {
		var err error
		for attempt := range attempts {
			if err = s.deliver(ctx, text); err == nil || ctx.Err() != nil {
				break
			}
			if attempt < attempts-1 {
				select {
				case <-time.After(s.pause << attempt):
				case <-ctx.Done():
				}
			}
		}
		if err != nil {
			s.log.Error("an event was not delivered", "to", s.to, "event", string(text), "error", err)
		}
	}
}

// Close delivers what waits until ctx ends, and releases the file.
func (s *Sender) Close(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.queue)
	}
	s.mu.Unlock()
	select {
	case <-s.done:
	case <-ctx.Done():
	}
	s.stop()
	<-s.done
	if s.file != nil {
		return s.file.Close()
	}
	return nil
}
