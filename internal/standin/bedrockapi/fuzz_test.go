package bedrockapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"quarry/internal/standin/bedrockapi"
)

// fuzzed gives a way to send requests to a server without a socket. It serves all of a fuzz target's inputs.
func fuzzed(f *testing.F) func(t *testing.T, method, path, body string) (status int, answer string) {
	f.Helper()
	w := setup(f)
	h := bedrockapi.New(bedrockapi.Config{Engine: w.engine, Caller: func(*http.Request) bedrockapi.Caller {
		return bedrockapi.Caller{ARN: caller, Account: account, Region: region}
	}})
	return func(t *testing.T, method, path, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		if err != nil {
			t.Skip("no request: ", err)
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		return rec.Code, rec.Body.String()
	}
}

func FuzzPathsAndBodies(f *testing.F) {
	f.Add("POST", "/model/"+haiku+"/invoke", body("x"))
	f.Add("POST", "/model/a%2Fb%/converse", `{"messages":[]}`)
	f.Add("GET", "/model-invocation-jobs?maxResults=0&nextToken=YWZ0ZXI6MQ&submitTimeAfter=x", "")
	f.Add("POST", "/tagResource", `{"resourceARN":"x","tags":[{}]}`)
	f.Add("POST", "/model/anthropic.claude-haiku-4-5-20251001-v1:0/count-tokens", `{"input":{"converse":{"messages":[]}}}`)
	f.Add("GET", "/inference-profiles?nextToken=YWZ0ZXI6OTk5OTk", "")
	send := fuzzed(f)
	f.Fuzz(func(t *testing.T, method, path, body string) {
		if !strings.HasPrefix(path, "/") {
			return
		}
		if status, got := send(t, method, path, body); status >= 500 {
			t.Errorf("%s %q with %q: %d %s", method, path, body, status, got)
		}
	})
}

func FuzzCreate(f *testing.F) {
	f.Add(validCreate)
	f.Add(`{"tags":[{"key":null}],"vpcConfig":{}}`)
	f.Add(`{"inputDataConfig":{"s3InputDataConfig":null}}`)
	send := fuzzed(f)
	f.Fuzz(func(t *testing.T, body string) {
		if status, got := send(t, "POST", "/model-invocation-job", body); status >= 500 {
			t.Errorf("status %d for %q: %s", status, body, got)
		}
	})
}
