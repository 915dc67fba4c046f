package model_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// backendEnv makes the test binary a back end: a process of its own for the benchmark of the client.
const backendEnv = "QUARRY_TEST_BACKEND_LATENCY"

func TestMain(m *testing.M) {
	if latency := os.Getenv(backendEnv); latency != "" {
		if err := serveBackend(latency); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// serveBackend prints its address and answers every chat completion after a fixed time, until its standard input ends.
func serveBackend(latency string) error {
	d, err := time.ParseDuration(latency)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	server := &http.Server{Handler: fixedBackend(d), ReadHeaderTimeout: time.Minute}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	if err := server.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}

const fixedReply = `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"fixed","choices":[{"index":0,"message":{"role":"assistant",` +
	`"content":"{\"title_en\":\"A title\",\"summary_ja\":null,\"summary_en\":\"A summary of the article.\"}"},"finish_reason":"stop"}],` +
	`"usage":{"prompt_tokens":510,"completion_tokens":40,"total_tokens":550}}`

const fixedMessage = `{"id":"msg_1","type":"message","role":"assistant","model":"fixed","content":[{"type":"text","text":"A summary of the article."}],` +
	`"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":510,"output_tokens":40}}`

func fixedBackend(latency time.Duration) http.Handler {
	mux := http.NewServeMux()
	reply := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			timer := time.NewTimer(latency)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-r.Context().Done():
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
		}
	}
	mux.HandleFunc("POST /v1/chat/completions", reply(fixedReply))
	mux.HandleFunc("POST /v1/messages", reply(fixedMessage))
	return mux
}
