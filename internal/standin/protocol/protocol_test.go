package protocol_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"quarry/internal/standin/protocol"
)

func TestWriteError(t *testing.T) {
	t.Parallel()
	refusal := &protocol.Error{Status: http.StatusBadRequest, Code: "ValidationException", Message: `it's <not> "right"`}
	fault := &protocol.Error{Status: http.StatusInternalServerError, Code: "ServiceFailure", Message: "ours"}
	for _, tt := range []struct {
		name                   string
		form                   protocol.Protocol
		err                    *protocol.Error
		contentType, errorType string
		body                   string // with ID in the place of the request id
	}{
		{"REST-JSON says the code in a header", protocol.RestJSON, refusal, "application/json", "ValidationException:", `{"message":"it's \u003cnot\u003e \"right\""}`},
		{"JSON 1.1 says it in the body too", protocol.JSON11, refusal, "application/x-amz-json-1.1", "ValidationException", `{"Message":"it's \u003cnot\u003e \"right\"","__type":"ValidationException"}`},
		{
			"query XML blames the sender", protocol.Query, refusal, "text/xml", "",
			`<ErrorResponse><Error><Type>Sender</Type><Code>ValidationException</Code><Message>it&#39;s &lt;not&gt; &#34;right&#34;</Message></Error><RequestId>ID</RequestId></ErrorResponse>`,
		},
		{
			"query XML blames the receiver", protocol.Query, fault, "text/xml", "",
			`<ErrorResponse><Error><Type>Receiver</Type><Code>ServiceFailure</Code><Message>ours</Message></Error><RequestId>ID</RequestId></ErrorResponse>`,
		},
		{
			"S3 names the resource", protocol.S3, refusal, "application/xml", "",
			`<Error><Code>ValidationException</Code><Message>it&#39;s &lt;not&gt; &#34;right&#34;</Message><Resource>/bucket/key</Resource><RequestId>ID</RequestId></Error>`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			tt.form.WriteError(w, httptest.NewRequest(http.MethodGet, "/bucket/key", nil), tt.err)
			id := w.Header().Get("X-Amzn-Requestid")
			body := strings.TrimPrefix(w.Body.String(), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
			if got := strings.ReplaceAll(body, id, "ID"); id == "" || got != tt.body {
				t.Errorf("body = %s, want %s (request id %q)", got, tt.body, id)
			}
			if w.Code != tt.err.Status || w.Header().Get("Content-Type") != tt.contentType || !strings.HasPrefix(w.Header().Get("X-Amzn-Errortype"), tt.errorType) {
				t.Errorf("status %d, headers %v", w.Code, w.Header())
			}
		})
	}
}

func TestWriteErrorToHead(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	protocol.S3.WriteError(w, httptest.NewRequest(http.MethodHead, "/b", nil), &protocol.Error{Status: http.StatusForbidden, Code: "AccessDenied"})
	if w.Code != http.StatusForbidden || w.Body.Len() != 0 {
		t.Errorf("status %d with a body of %d bytes, want 403 with none", w.Code, w.Body.Len())
	}
}
