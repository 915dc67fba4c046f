// Package model answers records for the stand-in: by an extractive summariser and an echo that live in the process, or by servers that
// speak Anthropic's or OpenAI's wire.
//
// It owns the way from one modelInput to one modelOutput, the retries of calls to a back end, and how many of them are in flight. It does
// not own jobs, quotas, faults or the bill. An answer is never invented: what cannot be answered is an *Error, and every answer names the
// model that gave it.
package model

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quarry/internal/standin/model/family"
	"quarry/internal/standin/model/stream"
)

// Request is one record: modelInput as the job or the on-demand call carries it.
type Request struct {
	RecordID string // for logs, fault draws and answer ids only
	ModelID  string // as the client named it: a model id, an inference-profile id, or an ARN of either
	Converse bool   // Body is Converse's (modelInvocationType Converse), else the family's InvokeModel body
	Job      bool   // it is a record of a job, which takes less than a call does
	Body     []byte // the JSON object; not kept and not changed
}

// Response is one answer.
type Response struct {
	Body                      []byte // the JSON of modelOutput or of the runtime's response
	InputTokens, OutputTokens int64  // as the body says them, or as who answered counted them where its family has no usage
	Uncounted                 bool   // the back end did not count: both are our estimate for the quotas, and the body has none
}

// Model answers requests. It is safe for concurrent use. An *Error ends the record as the provider would report it; any other error means
// that it could not be answered now, which only the end of ctx causes.
type Model interface {
	Answer(ctx context.Context, r Request) (Response, error)
}

// Streamer is a Model that can tell what it writes while it writes. along is called in order, from one goroutine; its
// error ends the request. The Response is the whole answer, as Answer gives it.
type Streamer interface {
	Stream(ctx context.Context, r Request, along func(stream.Delta) error) (Response, error)
}

// Error ends one record. Code is an HTTP status as in a result line's errorCode.
type Error struct {
	Code       int
	Message    string
	RetryAfter time.Duration // what the back end requires, 0 if nothing
}

// Error gives code and message.
func (e *Error) Error() string { return fmt.Sprintf("model error %d: %s", e.Code, e.Message) }

// Size is what a request needs, in estimated tokens.
type Size struct {
	InputTokens int64
	MaxTokens   int64 // 0 when the body sets no limit

	// Cached is the text that the body marks for the prompt cache, empty where it marks none, and CachedTokens its tokens.
	Cached       string
	CachedTokens int64
}

// Measure estimates a request's tokens (see family.Tokens) without answering it. A body that Answer would refuse is the same *Error here.
func Measure(r Request) (Size, error) {
	p, err := parse(r)
	if err != nil {
		return Size{}, err
	}
	return Size{InputTokens: max(1, p.InputTokens()), MaxTokens: p.MaxTokens, Cached: p.Cached, CachedTokens: family.Tokens(p.Cached)}, nil
}

func parse(r Request) (*family.Prompt, error) {
	p, err := family.Parse(r.ModelID, r.Converse, r.Body)
	return p, refused(err)
}

// refused turns a body's fault into the record's error.
func refused(err error) error {
	var invalid *family.Invalid
	if errors.As(err, &invalid) {
		return &Error{Code: 400, Message: invalid.Message}
	}
	return err
}
