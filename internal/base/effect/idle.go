package effect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// ErrStalled says that a server sent a part of an answer and then nothing for as long as is waited.
var ErrStalled = errors.New("the answer stalled")

// idleTimeout is how long the body of an answer may give no byte. S3, Bedrock and content systems begin to send when they
// have the content, so a pause of a minute is a connection that is dead without a sign.
const idleTimeout = time.Minute

// withIdleTimeout sends a request whose answer's body ends with ErrStalled where it gives no byte for the time. The time
// between two reads does not count: a slow reader is not a slow server.
func withIdleTimeout(r *http.Request, idle time.Duration, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	reply, err := send(r.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return reply, err
	}
	stalled := fmt.Errorf("%w: no byte arrived for %s", ErrStalled, idle)
	b := &idleBody{ReadCloser: reply.Body, ctx: ctx, cancel: cancel, idle: idle, stalled: stalled}
	b.timer = time.AfterFunc(idle, func() { cancel(stalled) })
	b.timer.Stop()
	reply.Body = b
	return reply, nil
}

type idleBody struct {
	io.ReadCloser
	ctx     context.Context //nolint:containedctx // it ends the connection that the body is read from
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	idle    time.Duration
	stalled error
}

// Read reads what comes within the time.
func (b *idleBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.idle)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) && errors.Is(context.Cause(b.ctx), ErrStalled) {
		return n, b.stalled
	}
	return n, err
}

// Close ends the connection's use.
func (b *idleBody) Close() error {
	b.timer.Stop()
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
