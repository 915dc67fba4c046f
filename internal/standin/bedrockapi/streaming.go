package bedrockapi

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/go-json-experiment/json"

	"quarry/internal/standin/model"
	"quarry/internal/standin/model/family"
	"quarry/internal/standin/model/stream"
	"quarry/internal/standin/protocol"
	"quarry/internal/standin/worker"
)

// streaming is the answer of a call whose client reads it as it is written. Its frames are those of
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html: a chunk holds
// the family's JSON in base64; Converse's events are not wrapped.
type streaming struct {
	w        http.ResponseWriter
	frames   *eventstream.Encoder
	chunks   *stream.Writer
	converse bool
	begun    bool  // the status is sent: what goes wrong now is an event
	failed   error // the client is gone
}

// invokeStream is InvokeModelWithResponseStream.
func (a *api) invokeStream(c *call) error {
	return a.answerStream(c, c.r.Header.Get(tierHeader), false)
}

// converseStream is ConverseStream.
func (a *api) converseStream(c *call) error { return a.answerStream(c, "", true) }

func (a *api) answerStream(c *call, tier string, isConverse bool) error {
	if tier != "" {
		c.w.Header().Set(tierHeader, tier)
	}
	began := time.Now()
	s := &streaming{w: c.w, frames: eventstream.NewEncoder(), converse: isConverse}
	kind := func(body []byte) (err error) {
		k, err := family.KindOf(c.id, isConverse, body)
		s.chunks = stream.New(k, began)
		return err
	}
	answer, err := a.ask(c, tier, isConverse, &live{kind: kind, delta: s.delta})
	if err != nil {
		return s.fail(c, err)
	}
	chunks, err := s.chunks.Finish(answer.Body, countsOf(&answer))
	if err != nil {
		return s.fail(c, err)
	}
	if answer.Broken || answer.Dropped {
		chunks = chunks[:len(chunks)/2]
	}
	s.send(chunks)
	switch {
	case answer.Dropped:
		// Answered and billed, and the client gets a part: net/http's own way to cut a connection.
		panic(http.ErrAbortHandler)
	case answer.Broken:
		return s.fail(c, refuse(modelStreamError, "%s", messageStream))
	}
	return nil
}

// countsOf gives an answer's tokens, nil where the back end did not count them.
func countsOf(answer *worker.Reply) *stream.Counts {
	if answer.Uncounted {
		return nil
	}
	return &stream.Counts{Input: answer.InputTokens, Output: answer.OutputTokens}
}

// messageStream is ours: AWS's page has no text for a stream that breaks.
const messageStream = "The model's answer broke off while it was streamed. Retry your request."

// delta sends what a server has just written.
func (s *streaming) delta(d stream.Delta) error {
	chunks, err := s.chunks.Delta(d)
	if err != nil {
		return err
	}
	s.send(chunks)
	return s.failed
}

func (s *streaming) send(chunks []stream.Chunk) {
	for _, chunk := range chunks {
		s.begin()
		payload := chunk.JSON
		if !s.converse {
			payload = []byte(`{"bytes":"` + base64.StdEncoding.EncodeToString(chunk.JSON) + `"}`)
		}
		s.frame("event", ":event-type", chunk.Event, payload)
	}
	// A writer that holds nothing back needs no flush; the others have one.
	_ = http.NewResponseController(s.w).Flush()
}

func (s *streaming) begin() {
	if s.begun {
		return
	}
	s.begun = true
	h := s.w.Header()
	h.Set("Content-Type", "application/vnd.amazon.eventstream")
	if !s.converse {
		h.Set("X-Amzn-Bedrock-Content-Type", "application/json")
	}
	s.w.WriteHeader(http.StatusOK)
}

func (s *streaming) frame(message, typeName, name string, payload []byte) {
	if s.failed != nil {
		return
	}
	var headers eventstream.Headers
	headers.Set(":message-type", eventstream.StringValue(message))
	headers.Set(typeName, eventstream.StringValue(name))
	headers.Set(":content-type", eventstream.StringValue("application/json"))
	s.failed = s.frames.Encode(s.w, eventstream.Message{Headers: headers, Payload: payload})
}

// fail refuses a call that nothing was sent of, and ends a stream that was begun with its exception. The runtime's
// streams know six: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ResponseStream.html.
func (s *streaming) fail(c *call, err error) error {
	if !s.begun || c.r.Context().Err() != nil {
		return err
	}
	refusal, ok := errors.AsType[*protocol.Error](err)
	if !ok {
		refusal = refuse(internalServer, "%s", messageInternal)
	}
	body := map[string]any{"message": refusal.Message}
	switch errorCode(refusal.Code) {
	case internalServer, modelStreamError, throttling, modelTimeout, serviceUnavailable, validation:
	default:
		refusal.Code = string(modelStreamError)
		body["originalStatusCode"], body["originalMessage"] = refusal.Status, refusal.Message
	}
	payload, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("encode an exception: %w", err)
	}
	s.frame("exception", ":exception-type", strings.ToLower(refusal.Code[:1])+refusal.Code[1:], payload)
	return nil
}

// live is how ask answers a client that reads along.
type live struct {
	kind  func(body []byte) error // called once, before the server is called
	delta func(stream.Delta) error
}

// callModel makes one call through the engine, and streams the answer where the client reads along.
func (a *api) callModel(ctx context.Context, account string, req model.Request, l *live) (worker.Reply, error) {
	if l == nil {
		return a.cfg.Engine.Call(ctx, account, req)
	}
	return a.cfg.Engine.Stream(ctx, account, req, l.delta)
}
