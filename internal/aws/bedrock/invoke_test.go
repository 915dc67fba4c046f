package bedrock_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"quarry"
	"quarry/internal/aws/bedrock"
)

// asked is what a server was sent.
type asked struct {
	tier, body string
	requests   int
}

// server answers every on-demand call the same, and keeps what the last one was.
func server(t *testing.T, status int, code, body string) (*bedrock.Client, *asked) {
	t.Helper()
	last := &asked{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		*last = asked{tier: r.Header.Get("X-Amzn-Bedrock-Service-Tier"), body: string(b), requests: last.requests + 1}
		w.Header().Set("Content-Type", "application/json")
		if code != "" {
			w.Header().Set("X-Amzn-ErrorType", code)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return client(s.URL), last
}

func client(url string) *bedrock.Client {
	return bedrock.New(aws.Config{
		Region: "us-west-2", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	})
}

func TestTheTierGoesAlong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind                 quarry.InvocationType
		tier, input          string
		wantTier, wantedBody string
	}{
		{quarry.InvokeModel, "flex", `{"a":1}`, "flex", `{"a":1}`},
		{quarry.InvokeModel, "", `{"a":1}`, "", `{"a":1}`},
		{quarry.Converse, "flex", `{"messages":[]}`, "", `{"serviceTier":{"type":"flex"},"messages":[]}`},
		{quarry.Converse, "flex", `{}`, "", `{"serviceTier":{"type":"flex"}}`},
		{quarry.Converse, "flex", `{"messages":[],"serviceTier":{"type":"priority"}}`, "", `{"messages":[],"serviceTier":{"type":"priority"}}`},
		{quarry.Converse, "", `{"messages":[]}`, "", `{"messages":[]}`},
	} {
		bed, last := server(t, http.StatusOK, "", `{"output":{}}`)
		out, err := bed.Invoke(t.Context(), bedrock.Call{RecordID: "r-a1", ModelID: "openai.gpt-oss-20b-1:0", Type: c.kind, ModelInput: []byte(c.input), Tier: c.tier})
		if err != nil {
			t.Fatal(err)
		}
		if string(out) != `{"output":{}}` {
			t.Errorf("Invoke(%s) = %s", c.kind, out)
		}
		if last.tier != c.wantTier || last.body != c.wantedBody {
			t.Errorf("Invoke(%s, tier %q, %s) sends tier %q and %s, want %q and %s", c.kind, c.tier, c.input, last.tier, last.body, c.wantTier, c.wantedBody)
		}
	}
}

// The SDK's own retries would be calls without an intent, and outside the pace.
func TestARefusedCallIsMadeOnce(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct {
		status int
		cause  bedrock.Cause
	}{
		"ThrottlingException":         {http.StatusTooManyRequests, bedrock.CauseThrottled},
		"ServiceUnavailableException": {http.StatusServiceUnavailable, bedrock.CauseModel},
		"InternalServerException":     {http.StatusInternalServerError, bedrock.CauseModel},
		"ModelNotReadyException":      {http.StatusTooManyRequests, bedrock.CauseModel},
	} {
		for _, kind := range []quarry.InvocationType{quarry.InvokeModel, quarry.Converse} {
			bed, last := server(t, c.status, code, `{"message":"no"}`)
			_, err := bed.Invoke(t.Context(), bedrock.Call{ModelID: quarry.DefaultModel, Type: kind, ModelInput: []byte(`{}`)})
			var fault *bedrock.Fault
			if !errors.As(err, &fault) {
				t.Fatalf("%s: %v is no fault", code, err)
			}
			if fault.Cause != c.cause || fault.Status != c.status || fault.Code != code || fault.Unsent {
				t.Errorf("%s (%s): cause %d, status %d, code %s, unsent %t; want cause %d, status %d", code, kind, fault.Cause, fault.Status, fault.Code, fault.Unsent, c.cause, c.status)
			}
			if last.requests != 1 {
				t.Errorf("%s (%s): %d requests, want 1", code, kind, last.requests)
			}
		}
	}
}

// A call that reached no server was not made; one whose connection broke may have been.
func TestACallThatReachedNoServerDiffersFromOneWithoutAReply(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	broken := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(broken.Close)
	for url, want := range map[string]bool{gone.URL: true, "http://name.invalid": true, broken.URL: false} {
		_, err := client(url).Invoke(t.Context(), bedrock.Call{ModelID: quarry.DefaultModel, ModelInput: []byte(`{}`)})
		var fault *bedrock.Fault
		if !errors.As(err, &fault) || fault.Unsent != want || fault.Cause != bedrock.CauseUnknown {
			t.Errorf("Invoke(%s) = %+v, want a fault that says unsent: %t", url, fault, want)
		}
	}
}
