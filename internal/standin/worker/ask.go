package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"quarry/internal/base/jsonl"
	"quarry/internal/standin/faults"
	"quarry/internal/standin/model"
	"quarry/internal/standin/model/stream"
)

// Reply is an answer and what the faults do with it.
type Reply struct {
	model.Response
	Dropped bool // the answer was computed and is billed, and must not reach the client
	Doubled bool // the answer's line is written twice
	Broken  bool // a response stream breaks in its middle
}

// unexpected is what Bedrock says when it failed by itself
// (https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html).
const unexpected = "The system encountered an unexpected error during processing. Try your request again."

// ask gets one answer, with the faults drawn from the record's id. Where along is not nil and no fault touches the
// answer's text, the model may tell it what it writes. Its error is a *model.Error, or the context's.
func (e *Engine) ask(ctx context.Context, set faults.Set, req model.Request, along func(stream.Delta) error) (Reply, error) {
	if err := refusedBody(req); err != nil {
		return Reply{}, err
	}
	if set.Hits(faults.RecordError, req.RecordID) {
		return Reply{}, &model.Error{Code: 500, Message: unexpected}
	}
	if set.Hits(faults.NoStructured, req.RecordID) {
		if member := structuredMember(req.Body); member != "" {
			return Reply{}, &model.Error{Code: 400, Message: refusesStructured + member + ": Extra inputs are not permitted"}
		}
	}
	if err := sleep(ctx, set.Slow()); err != nil {
		return Reply{}, err
	}
	for _, damage := range []faults.Kind{faults.Truncate, faults.BadJSON, faults.DropRecord, faults.StreamError} {
		if set.Hits(damage, req.RecordID) {
			along = nil // the whole answer is needed first
		}
	}
	response, err := e.answer(ctx, req, along)
	if err != nil {
		return Reply{}, e.asModelError(ctx, req, err)
	}
	if set.Hits(faults.Truncate, req.RecordID) {
		response.Body = damaged(response.Body, faults.Cut)
	}
	if set.Hits(faults.BadJSON, req.RecordID) {
		response.Body = damaged(response.Body, func(b []byte) ([]byte, error) {
			return faults.Break(b, set.Detail(faults.BadJSON, req.RecordID))
		})
	}
	return Reply{
		Response: response,
		Dropped:  set.Hits(faults.DropRecord, req.RecordID),
		Doubled:  set.Hits(faults.DuplicateRecord, req.RecordID),
		Broken:   set.Hits(faults.StreamError, req.RecordID),
	}, nil
}

// refusesStructured begins what Bedrock said of a model that took no schema (vectorize-io/hindsight issue 3300).
const refusesStructured = "The model returned the following errors: "

// structuredMember names the member of a request's body that carries an answer schema, or "". Where Bedrock refuses
// Converse's outputConfig for a Claude model, it names the member that it made of it (the same issue).
func structuredMember(body []byte) string {
	for _, m := range []struct{ name, inner, said string }{
		{"output_config", "format", "output_config.format"},
		{"outputConfig", "textFormat", "output_config.format"},
		{"response_format", "json_schema", "response_format"},
	} {
		if _, ok := jsonl.Lookup(body, m.name, m.inner); ok {
			return m.said
		}
	}
	return ""
}

// maxAnswer is the longest answer that is taken, far above what any model's output tokens make.
const maxAnswer = 32 << 20

// answer sends a request to the model and holds the answer to one line of JSON. One record that breaks the model's code costs that
// record, not the server.
func (e *Engine) answer(ctx context.Context, req model.Request, along func(stream.Delta) error) (response model.Response, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the model panicked: %v\n%s", r, debug.Stack())
		}
	}()
	if streamer, ok := e.cfg.Model.(model.Streamer); ok && along != nil {
		response, err = streamer.Stream(ctx, req, along)
	} else {
		response, err = e.cfg.Model.Answer(ctx, req)
	}
	if err != nil {
		return model.Response{}, err
	}
	response.InputTokens, response.OutputTokens = counted(response.InputTokens), counted(response.OutputTokens)
	if len(response.Body) > maxAnswer {
		return model.Response{}, fmt.Errorf("the model's answer has %d bytes", len(response.Body))
	}
	if !json.Valid(response.Body) {
		return model.Response{}, errors.New("the model's answer is not JSON")
	}
	if bytes.ContainsAny(response.Body, "\n\r") {
		var line bytes.Buffer
		if err := json.Compact(&line, response.Body); err != nil {
			return model.Response{}, err
		}
		response.Body = line.Bytes()
	}
	return response, nil
}

// maxCounted is far above what any model reads or writes at once. A server's count beyond it is an error of that server, and
// sums of the bill must not overflow.
const maxCounted = 1 << 31

func counted(tokens int64) int64 { return min(max(tokens, 0), maxCounted) }

func (e *Engine) asModelError(ctx context.Context, req model.Request, err error) error {
	if ctx.Err() != nil { // first: an answer that was cut off is no error of the record
		return ctx.Err()
	}
	if known, ok := errors.AsType[*model.Error](err); ok {
		return known
	}
	e.cfg.Log.Error("answer failed", "record", req.RecordID, "error", err)
	return &model.Error{Code: 500, Message: unexpected}
}

// damaged leaves an answer alone that holds no text to damage, such as an embedding.
func damaged(body []byte, damage func([]byte) ([]byte, error)) []byte {
	if worse, err := damage(body); err == nil {
		return worse
	}
	return body
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
