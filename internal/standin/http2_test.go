package standin_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"

	"quarry/internal/standin"
)

// http2Client speaks HTTP/2 without TLS and nothing else, as the JavaScript SDK's runtime client does.
func http2Client(t *testing.T) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestTheRuntimeSpeaksHTTP2(t *testing.T) {
	t.Parallel()
	server, c := start(t, nil)
	c.cfg.HTTPClient = http2Client(t)
	runtime := bedrockruntime.NewFromConfig(c.cfg)
	body := []byte(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":50,"messages":[{"role":"user","content":"Say a word."}]}`)
	for range 3 {
		out, err := runtime.InvokeModel(t.Context(), &bedrockruntime.InvokeModelInput{ModelId: aws.String(haiku), Body: body})
		if err != nil || len(out.Body) == 0 {
			t.Fatalf("InvokeModel over HTTP/2: %v, %v", out, err)
		}
	}
	before := time.Now()
	if err := server.Close(t.Context()); err != nil {
		t.Errorf("Close beside an idle HTTP/2 connection: %v", err)
	}
	if took := time.Since(before); took > 5*time.Second {
		t.Errorf("Close beside an idle HTTP/2 connection took %v", took)
	}
}

func TestALostReplyOverHTTP2IsNoReply(t *testing.T) {
	t.Parallel()
	server, _ := start(t, func(cfg *standin.Config) { cfg.Fault = "lost-reply" })
	resp, err := http2Client(t).Do(unsigned(t, server, "/model-invocation-jobs"))
	if err == nil {
		_ = resp.Body.Close()
		t.Fatalf("answered %s", resp.Status)
	}
}

func TestACallThatDoesNotEndIsCutOffByClose(t *testing.T) {
	t.Parallel()
	server, err := standin.Start(t.Context(), standin.Config{Dir: t.TempDir(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	r := sign(t, server, http.MethodPost, "/", "sts", "", time.Now(), map[string]string{"Content-Type": "application/x-www-form-urlencoded"})
	pipe, feed := io.Pipe()
	r.Body, r.ContentLength = pipe, 1000
	r.Header.Set("Expect", "100-continue") // so that the body begins when the server asks for it
	transport := &http.Transport{ExpectContinueTimeout: time.Minute}
	defer transport.CloseIdleConnections()
	cut := make(chan error, 1)
	go func() {
		resp, err := (&http.Client{Transport: transport}).Do(r)
		if err == nil {
			err = errors.Join(errors.New("answered "+resp.Status), resp.Body.Close())
		}
		cut <- err
	}()
	if _, err := feed.Write([]byte("Action=")); err != nil { // the server waits for the rest
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	before := time.Now()
	if err := server.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close = %v, want its time to be over", err)
	}
	if took := time.Since(before); took > 5*time.Second {
		t.Errorf("Close took %v", took)
	}
	_ = feed.CloseWithError(io.ErrUnexpectedEOF)
	if got := <-cut; got == nil {
		t.Error("the call ended well")
	}
}
